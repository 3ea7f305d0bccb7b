"""Tests that compat.py reports each kind of breaking change, one mutant of the released document at a time."""

import contextlib
import copy
import io
import json
import re
import tempfile
import unittest
from pathlib import Path

import yaml

import compat

SPEC = yaml.safe_load((compat.PROJECT / "spec/released/openapi.yaml").read_text())
CONFIGURATION = yaml.safe_load((compat.PROJECT / "tools/contract/redocly/redocly.yaml").read_text())
GONE = object()

SCHEMAS = "components schemas"
LIMIT = "paths /v1/audit get parameters 6"
BEARER = {"type": "http", "scheme": "bearer"}
VERSION = "info version"


def set_at(document, place, value):
    *way, last = [int(key) if key.isdecimal() and len(key) < 3 else key for key in place.split(" ")]
    for key in way:
        document = document[key]
    if value is GONE:
        del document[last]
    elif last == "+":
        document.append(value)
    else:
        document[last] = value


def document(edits, base=SPEC):
    changed = copy.deepcopy(base)
    for place, value in edits.items():
        set_at(changed, place, value)
    return changed


# An operation with conditional requests. Only callers that send If-None-Match can get a 304.
TAG = {"required": True, "schema": {"type": "string"}}
CONDITIONAL = {
    "paths /v1/tenants/{id} get parameters +": {"in": "header", "name": "If-None-Match", "schema": {"type": "string"}},
    "paths /v1/tenants/{id} get responses 200 headers": {"ETag": TAG},
    "paths /v1/tenants/{id} get responses 304": {"description": "It is.", "headers": {"ETag": TAG}},
}

# Request bodies that ignore unknown members.
OPEN = {f"{SCHEMAS} {schema} additionalProperties": True for schema in ("AuditAppend", "TenantCancel")}

# The rule that must report a breaking change, the change, and what the released document needs first.
BREAKS = [
    ("operation-removed", {"paths /v1/audit get": GONE}),
    ("path-removed", {"paths /v1/catalog": GONE}),
    ("operation-id-changed", {"paths /v1/catalog get operationId": "product_list"}),
    ("parameter-removed", {"paths /v1/audit get parameters 1": GONE}),
    ("parameter-became-required", {"paths /v1/audit get parameters 0 required": True}),
    (
        "parameter-became-required",
        {"paths /v1/catalog get parameters +": {"in": "query", "name": "of", "required": True, "schema": {}}},
    ),
    ("parameter-serialization-changed", {LIMIT + " style": "spaceDelimited"}),
    ("request-body-removed", {"paths /v1/tenants/{id}/cancel post requestBody": GONE}),
    ("request-body-became-required", {"paths /v1/tenants/{id}/cancel post requestBody required": True}),
    ("response-removed", {"paths /v1/tenants/{id} get responses 404": GONE}),
    ("response-header-removed", {"components responses ServiceUnavailable headers Retry-After": GONE}),
    ("response-header-removed", {"paths /v1/tenants/{id} get responses 200 headers": GONE}, CONDITIONAL),
    ("response-removed", {"paths /v1/tenants/{id} get responses 304": GONE}, CONDITIONAL),
    (
        "media-type-removed",
        {
            "paths /v1/catalog get responses 200 content": {
                "application/yaml": {"schema": {"$ref": "#/components/schemas/CatalogEntryList"}}
            }
        },
    ),
    (
        "security-requirement-changed",
        {"security": [{"bearer": []}]},
        {"components securitySchemes": {"bearer": BEARER}},
    ),
    (
        "security-scheme-changed",
        {"components securitySchemes bearer scheme": "basic"},
        {"components securitySchemes": {"bearer": BEARER}, "security": [{"bearer": []}]},
    ),
    ("server-removed", {"servers 2": GONE}),
    ("schema-type-changed", {f"{SCHEMAS} PageLimit type": "string"}),
    ("schema-type-changed", {f"{SCHEMAS} CatalogEntry properties supports_trial type": ["boolean", "null"]}),
    (
        "schema-type-changed",
        {f"{SCHEMAS} TenantActivate properties contract_end type": "string"},
        {f"{SCHEMAS} TenantActivate properties contract_end type": ["string", "null"]},
    ),
    ("enum-values-removed", {f"{SCHEMAS} TenantKind enum": ["customer"]}),
    ("enum-values-added", {f"{SCHEMAS} TenantStatus enum +": "suspended"}),
    ("required-properties-added", {f"{SCHEMAS} TenantCreate required +": "plan"}),
    (
        "required-properties-added",
        {
            f"{SCHEMAS} CatalogRequest properties quantity": {"type": "integer"},
            f"{SCHEMAS} CatalogRequest required +": "quantity",
        },
    ),
    ("required-properties-removed", {f"{SCHEMAS} Tenant required 0": GONE}),
    ("property-removed", {f"{SCHEMAS} CatalogEntry properties demo_url": GONE}),
    ("schema-constraint-changed", {f"{SCHEMAS} TenantSlug pattern": "^[a-z]{3,40}$"}),
    ("schema-constraint-changed", {f"{SCHEMAS} APIKeyCandidate pattern": "^bp_"}),
    ("schema-constraint-changed", {f"{SCHEMAS} APIKeyPrefix pattern": GONE}),
    ("schema-constraint-changed", {f"{SCHEMAS} TenantName maxLength": 254}),
    ("schema-constraint-changed", {f"{SCHEMAS} TenantName minLength": 2}),
    ("schema-constraint-changed", {f"{SCHEMAS} APIKeyName maxLength": 101}),
    ("schema-constraint-changed", {f"{SCHEMAS} PageLimit maximum": 499}),
    ("schema-constraint-changed", {f"{SCHEMAS} PageLimit minimum": 2}),
    ("schema-constraint-changed", {f"{SCHEMAS} RetryAfterSeconds maximum": 7200}),
    ("schema-constraint-changed", {f"{SCHEMAS} TenantId format": "date"}),
    ("schema-constraint-changed", {f"{SCHEMAS} APIKeyCreate properties scopes maxItems": 9}),
    ("schema-constraint-changed", {f"{SCHEMAS} AuditAppend additionalProperties": False}, OPEN),
    (
        "schema-combinator-changed",
        {f"{SCHEMAS} APIKeyCandidate anyOf 1": GONE},
        {f"{SCHEMAS} APIKeyCandidate": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
    ),
    ("default-changed", {f"{SCHEMAS} TenantCreate properties plan default": "team"}),
    ("default-changed", {f"{SCHEMAS} TenantCreate properties kind default": GONE}),
    ("default-changed", {LIMIT + " schema default": 100}),
    ("request-property-removed", {f"{SCHEMAS} TenantCancel properties reason": GONE}, OPEN),
]

# Changes that break no client.
PASSES = [
    {},
    {
        f"paths /v1/audit get parameters {index} {key}": value
        for index in (4, 5)
        for key, value in (("description", "A time."), ("schema", {"type": "string", "format": "date-time"}))
    },
    CONDITIONAL,
    {"info description": "Something else.", "info summary": GONE},
    {f"{SCHEMAS} TenantName examples": ["Acme"], f"{SCHEMAS} TenantName description": "What people say."},
    {"paths /v1/plans": {"get": SPEC["paths"]["/v1/catalog"]["get"] | {"operationId": "plan_list"}}},
    {"paths /v1/catalog delete": SPEC["paths"]["/v1/catalog"]["get"] | {"operationId": "catalog_clear"}},
    {"paths /v1/catalog get parameters +": {"in": "query", "name": "of", "schema": {"type": "string", "default": "x"}}},
    {"paths /v1/catalog get responses 422": {"$ref": "#/components/responses/ServiceUnavailable"}},
    {f"{SCHEMAS} TenantCancel properties ticket": {"type": "string", "default": "none"}},
    {f"{SCHEMAS} CatalogEntry properties price": {"type": "string"}},
    {f"{SCHEMAS} CatalogEntry properties price": {"type": "string"}, f"{SCHEMAS} CatalogEntry required +": "price"},
    {f"{SCHEMAS} CatalogEntry required +": "demo_url"},
    {"paths /v1/audit get parameters": SPEC["paths"]["/v1/audit"]["get"]["parameters"][::-1]},
    {f"{SCHEMAS} AuditAppend required": []},
    {f"{SCHEMAS} APIKeyVerifyReason enum 0": GONE},
    {f"{SCHEMAS} PageLimit maximum": 1000},
    {f"{SCHEMAS} TenantProduct properties expires_at type": "string"},
    {"paths /v1/tenants post requestBody required": False},
]

# Released version, present version, and whether a breaking change passes.
VERSIONS = [
    ("0.1.0", "0.1.1", False),
    ("0.1.0", "0.2.0", False),
    ("0.1.0", "1.0.0", True),
    ("1.4.2", "1.5.0", False),
    ("9.4.2", "10.0.0", True),
    ("2.0.0", "1.0.0", False),
]


def gate(released, present):
    """Returns the exit code of compat.py, the rules that it names, and its output."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as output:
        paths = [Path(folder, "released.json"), Path(folder, "present.json")]
        for path, content in zip(paths, (released, present), strict=True):
            path.write_text(json.dumps(content))
        with contextlib.redirect_stderr(output):
            outcome = compat.main(*paths)
    rules = re.findall(r"^    .* \(([a-z-]+)\)$", output.getvalue(), re.MULTILINE)
    return outcome, set(rules), output.getvalue()


class Compat(unittest.TestCase):
    def test_breaking_changes_fail_with_their_rule(self):
        for rule, edits, *needed in BREAKS:
            with self.subTest(rule=rule, edits=edits):
                released = document(needed[0] if needed else {})
                outcome, rules, output = gate(released, document(edits, released))
                self.assertEqual((outcome, rules), (1, {rule}), output)

    def test_compatible_changes_pass(self):
        for edits in PASSES:
            with self.subTest(edits=edits):
                outcome, rules, output = gate(SPEC, document(edits))
                self.assertEqual((outcome, rules), (0, set()), output)

    def test_breaking_changes_pass_with_a_new_major_version(self):
        for before, now, passes in VERSIONS:
            with self.subTest(before=before, now=now):
                released = document({VERSION: before})
                outcome, _, output = gate(released, document({VERSION: now, "paths /v1/catalog": GONE}))
                self.assertEqual(outcome == 0, passes, output)

    def test_each_rule_has_a_mutant(self):
        self.assertEqual({rule for rule, *_ in BREAKS}, {*CONFIGURATION["diff"], *compat.OWN_RULES})

    def test_an_unreadable_document_fails(self):
        with self.assertRaises(SystemExit) as failure:
            compat.changes(compat.PROJECT / "spec/released/openapi.yaml", Path("/nowhere/openapi.yaml"))
        self.assertNotIn(failure.exception.code, (0, None, ""))


if __name__ == "__main__":
    unittest.main()
