"""Holds the operations that schemathesis.toml excepts to what the document says of them in words."""

import schemathesis

# How a rule refuses data that has the right form. A 400 in other words, to such data, is a fault.
RULES = {
    "audit_append": "`tenant_id`: no tenant has this id",
    "tenant_activate": "the contract would end on ",
    "tenant_cancel": "`at_period_end`: ",
    "catalog_trial_request": "supports no trial",
}


@schemathesis.check
def only_a_rule_refuses_valid_data(ctx, response, case):
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    rule = RULES.get(case.operation.definition.raw["operationId"])
    message = response.json()["message"]
    assert rule is not None and rule in message, f"valid data is refused, and not by a rule: {message}"


@schemathesis.check
def what_is_no_key_is_not_valid(ctx, response, case):
    if case.meta is None or case.meta.generation.mode.is_positive or response.status_code != 200:
        return
    if case.operation.definition.raw["operationId"] == "api_key_verify":
        assert response.json()["valid"] is False, "something that has not the form of a request verifies"
