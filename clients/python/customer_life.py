"""Call every operation of the Tenant Registry with the generated client: customer_life.py BASE_URL.

Prints a line for each operation that returns the expected responses. Raises an AssertionError otherwise.
"""

import socket
import sys
import uuid
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone

import tenant_registry_client as registry
import urllib3

LARGEST_64_BIT = 2**63 - 1
METADATA = {"format": "pdf", "pages": [1, 2.5, None], "by": {"name": "Søren", "admin": False}, "empty": {}}

client = registry.ApiClient(registry.Configuration(host=sys.argv[1]))
health = registry.HealthApi(client)
tenants = registry.TenantsApi(client)
projects = registry.ProjectsApi(client)
catalog = registry.CatalogApi(client)
api_keys = registry.ApiKeysApi(client)
audit = registry.AuditApi(client)


def passed(operation):
    print(f"{operation} ok", flush=True)


@contextmanager
def fails(status, code):
    try:
        yield
    except registry.ApiException as error:
        assert error.status == status, error
        assert isinstance(error.data, registry.Error), error
        assert error.data.error == code, error
        assert error.data.message, error
        assert str(error) == f"{status} {code.value}: {error.data.message}", error
        assert str(error) in repr(error), error
    else:
        raise AssertionError(f"expected an error with status {status}")


def check_time_limit():
    assert client.configuration.timeout == 30
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        impatient = registry.ApiClient(registry.Configuration(host=host, timeout=0.001, retries=False))
        try:
            registry.HealthApi(impatient).health_get()
        except urllib3.exceptions.TimeoutError:
            pass
        else:
            raise AssertionError("expected a timeout")


def check_health():
    assert health.health_get().status is registry.HealthStatus.OK
    passed("health_get")
    assert health.readiness_get().status is registry.HealthStatus.OK
    passed("readiness_get")


def create_tenant():
    body = registry.TenantCreate(slug=f"python-{uuid.uuid4().hex[:12]}", name="Blåbær & Sønner GmbH")
    tenant = tenants.tenant_create(body)
    assert tenant.slug == body.slug and tenant.name == body.name
    assert tenant.status is registry.TenantStatus.TRIAL
    assert tenant.kind is registry.TenantKind.CUSTOMER
    assert tenant.plan == "starter"
    assert tenant.trial_ends_at - tenant.created_at == timedelta(days=14)
    assert tenant.contract_start is None and tenant.contract_end is None
    assert "erp_customer_id" not in tenant.to_dict()
    with fails(409, registry.ErrorCode.CONFLICT):
        tenants.tenant_create(body)
    demo_body = registry.TenantCreate(slug=f"{body.slug}-demo", name="Demo", kind=registry.TenantKind.DEMO)
    key = str(uuid.uuid4())
    demo = tenants.tenant_create(demo_body, idempotency_key=key)
    assert demo.status is registry.TenantStatus.DEMO and demo.trial_ends_at is None
    passed("tenant_create")

    again = tenants.tenant_create_with_http_info(demo_body, idempotency_key=key)
    assert again.status_code == 201 and again.data == demo
    assert again.headers["idempotency-replayed"] == "true"
    with fails(422, registry.ErrorCode.IDEMPOTENCY_KEY_REUSED):
        tenants.tenant_create(body, idempotency_key=key)
    passed("retries")
    return tenant


def get_tenant(tenant):
    assert tenants.tenant_get(tenant.id) == tenant
    with fails(404, registry.ErrorCode.NOT_FOUND):
        tenants.tenant_get(uuid.uuid4())
    passed("tenant_get")
    assert tenants.tenant_get_by_slug(tenant.slug) == tenant
    passed("tenant_get_by_slug")

    page = tenants.tenant_list(q=tenant.slug, limit=1)
    assert [item.slug for item in page.items] == [f"{tenant.slug}-demo"]
    page = tenants.tenant_list(q=tenant.slug, limit=1, cursor=page.next_cursor)
    assert page.items == [tenant] and page.next_cursor is None
    customers = tenants.tenant_list(q=tenant.slug, kind=registry.TenantKind.CUSTOMER)
    assert customers.items == [tenant]
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        tenants.tenant_list(cursor="not-a-cursor")
    passed("tenant_list")

    # A later version of the service can return new values and members.
    later = registry.Tenant.from_dict({**tenant.to_dict(), "status": "suspended", "since": "today"})
    assert later.status == "suspended" and later.status.name == "UNKNOWN" and later.id == tenant.id


def activate_tenant(tenant):
    active = tenants.tenant_activate(tenant.id)
    assert active.status is registry.TenantStatus.ACTIVE and active.plan == "starter"
    contract = registry.TenantActivate(
        plan="team", contract_start=date(2027, 1, 1), contract_end=date(2027, 12, 31), erp_customer_id=tenant.slug
    )
    active = tenants.tenant_activate(tenant.id, tenant_activate=contract)
    assert active.plan == "team" and active.erp_customer_id == tenant.slug
    assert active.contract_start == date(2027, 1, 1) and active.contract_end == date(2027, 12, 31)
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        tenants.tenant_activate(tenant.id, tenant_activate=registry.TenantActivate(contract_end=date(2026, 12, 31)))
    passed("tenant_activate")


def update_tenant(tenant):
    patch = registry.TenantUpdate(name="Blåbær Holding", sales_owner="Ada Lovelace", stripe_cust_id=tenant.slug)
    updated = tenants.tenant_update(tenant.id, patch)
    assert updated.name == patch.name and updated.sales_owner == patch.sales_owner
    assert updated.stripe_cust_id == tenant.slug and updated.plan == "team"

    # None removes a value. An omitted value remains unchanged.
    updated = tenants.tenant_update(tenant.id, registry.TenantUpdate(sales_owner=None))
    assert updated.sales_owner is None
    assert updated.name == patch.name and updated.stripe_cust_id == tenant.slug
    for members in ({}, {"plan": "team"}, {"plan": "team", "sales_owner": None}):
        assert registry.TenantUpdate.from_dict(members).to_dict() == members
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        tenants.tenant_update(tenant.id, registry.TenantUpdate(contract_end=date(2026, 12, 31)))
    passed("tenant_update")


def update_one_version(tenant):
    tag = tenants.tenant_get_with_http_info(tenant.id).headers["etag"]
    try:
        tenants.tenant_get(tenant.id, if_none_match=tag)
    except registry.ApiException as error:
        assert error.status == 304, error
    else:
        raise AssertionError("expected the status 304")
    tenants.tenant_update(tenant.id, registry.TenantUpdate(sales_owner="Grace Hopper"), if_match=tag)
    with fails(412, registry.ErrorCode.PRECONDITION_FAILED):
        tenants.tenant_update(tenant.id, registry.TenantUpdate(sales_owner="Alan Turing"), if_match=tag)
    assert tenants.tenant_get(tenant.id, if_none_match=tag).sales_owner == "Grace Hopper"
    passed("etags")


def create_project(tenant):
    body = registry.ProjectCreate(tenant_id=tenant.id, slug="website", name="Website", description="For visitors")
    project = projects.project_create(body)
    assert project.tenant_id == tenant.id and project.slug == body.slug
    assert project.name == body.name and project.description == body.description
    with fails(409, registry.ErrorCode.CONFLICT):
        projects.project_create(body)
    passed("project_create")

    assert projects.project_get(project.id) == project
    passed("project_get")

    mobile = projects.project_create(registry.ProjectCreate(tenant_id=tenant.id, slug="mobile-app", name="Mobile app"))
    page = projects.project_list(tenant.id, limit=1)
    assert page.items == [mobile]
    page = projects.project_list(tenant.id, limit=1, cursor=page.next_cursor)
    assert page.items == [project] and page.next_cursor is None
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        projects.project_list(tenant.id, cursor="not-a-cursor")
    passed("project_list")

    updated = projects.project_update(project.id, registry.ProjectUpdate(name="Website and shop"))
    assert updated.name == "Website and shop" and updated.description == "For visitors"
    updated = projects.project_update(project.id, registry.ProjectUpdate(description=None))
    assert updated.name == "Website and shop" and updated.description is None
    for members in ({}, {"name": "n"}, {"name": "n", "description": None}):
        assert registry.ProjectUpdate.from_dict(members).to_dict() == members
    with fails(404, registry.ErrorCode.NOT_FOUND):
        projects.project_update(uuid.uuid4(), registry.ProjectUpdate(name="n"))
    passed("project_update")
    return updated


def try_product(tenant):
    entries = catalog.catalog_list().items
    entry = next(entry for entry in entries if entry.supports_trial)
    assert entry.name and entry.plans_required == []
    assert any(entry.demo_url is None for entry in entries)
    passed("catalog_list")

    body = registry.CatalogRequest(tenant_id=tenant.id, product=entry.key)
    assert catalog.catalog_request_with_http_info(body).status_code == 202
    passed("catalog_request")

    trial = catalog.catalog_trial_request(body)
    assert trial.enabled and trial.config == {}
    assert trial.expires_at - trial.created_at == timedelta(days=14)
    with fails(409, registry.ErrorCode.CONFLICT):
        catalog.catalog_trial_request(body)
    passed("catalog_trial_request")

    assert tenants.entitlement_list(tenant.id).items == [trial]
    passed("entitlement_list")

    check = tenants.entitlement_check(tenant.id, entry.key)
    assert check.entitled and check.reason is None
    assert check.expires_at == trial.expires_at and check.config == {}
    check = tenants.entitlement_check(tenant.id, "no-such-product")
    assert not check.entitled and check.reason is registry.EntitlementCheckReason.UNKNOWN_PRODUCT
    passed("entitlement_check")
    return entry.key


def sell_product(tenant, tried):
    bought = registry.EntitlementSet(config={"seats": 5})
    response = tenants.entitlement_set_with_http_info(tenant.id, tried, bought)
    assert response.status_code == 200 and response.data.source is registry.EntitlementSource.PURCHASE
    assert response.data.enabled and response.data.config == bought.config and response.data.expires_at is None

    other = next(entry.key for entry in catalog.catalog_list().items if not entry.supports_trial)
    with fails(404, registry.ErrorCode.NOT_FOUND):
        tenants.entitlement_get(tenant.id, other)
    override = registry.EntitlementSet(source=registry.EntitlementGrant.OVERRIDE)
    response = tenants.entitlement_set_with_http_info(tenant.id, other, override)
    assert response.status_code == 201 and response.data.source is registry.EntitlementSource.OVERRIDE
    passed("entitlement_set")

    assert tenants.entitlement_get(tenant.id, other) == response.data
    passed("entitlement_get")

    for _ in range(2):
        assert tenants.entitlement_revoke_with_http_info(tenant.id, other).status_code == 204
    assert not tenants.entitlement_get(tenant.id, other).enabled
    check = tenants.entitlement_check(tenant.id, other)
    assert check.reason is registry.EntitlementCheckReason.DISABLED
    passed("entitlement_revoke")


def use_api_key(tenant, project, product):
    expires_at = datetime.now(UTC) + timedelta(days=365)
    created = api_keys.api_key_create(
        registry.APIKeyCreate(
            tenant_id=tenant.id,
            project_id=project.id,
            name="ci",
            scopes=["reports:read", "reports:write"],
            expires_at=expires_at,
        )
    )
    key = created.api_key
    assert created.plaintext.startswith(key.prefix) and created.warning
    for text in (repr(created), str(created), created.to_str()):
        assert str(key.id) in text and created.plaintext not in text, text
    assert key.last_used_at is None and key.revoked_at is None and key.product is None
    assert key.expires_at == expires_at and key.project_id == project.id
    passed("api_key_create")

    assert api_keys.api_key_get(key.id) == key
    passed("api_key_get")

    request = registry.APIKeyVerifyRequest(key=created.plaintext)
    assert created.plaintext not in f"{request} {request!r} {request.to_str()}"
    verification = api_keys.api_key_verify(request)
    assert verification.valid and verification.reason is None
    assert verification.tenant_id == tenant.id and verification.scopes == ["reports:read", "reports:write"]
    assert verification.api_key_id == key.id and verification.expires_at == expires_at
    assert verification.project_id == project.id
    with fails(409, registry.ErrorCode.CONFLICT):
        projects.project_delete(project.id)
    request.product, request.scopes = product, ["reports:read"]
    assert api_keys.api_key_verify(request).valid
    request.scopes = ["reports:read", "reports:delete"]
    verification = api_keys.api_key_verify(request)
    assert not verification.valid and verification.reason is registry.APIKeyVerifyReason.MISSING_SCOPE

    rotated = api_keys.api_key_rotate(key.id, api_key_rotate=registry.APIKeyRotate(overlap_seconds=3600))
    successor = rotated.api_key
    assert rotated.plaintext.startswith(successor.prefix) and rotated.plaintext not in repr(rotated)
    assert successor.rotated_from == key.id and successor.expires_at is None
    assert (successor.name, successor.scopes, successor.project_id) == (key.name, key.scopes, project.id)
    old = api_keys.api_key_get(key.id)
    assert old.rotated_to == successor.id and old.expires_at == successor.created_at + timedelta(hours=1)
    for plaintext in (created.plaintext, rotated.plaintext):
        assert api_keys.api_key_verify(registry.APIKeyVerifyRequest(key=plaintext)).valid
    with fails(409, registry.ErrorCode.CONFLICT):
        api_keys.api_key_rotate(key.id)
    passed("api_key_rotate")

    patch = registry.APIKeyUpdate(name="nightly", scopes=["reports:read"])
    updated = api_keys.api_key_update(successor.id, patch)
    assert updated.name == "nightly" and updated.scopes == ["reports:read"] and updated.expires_at is None
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        api_keys.api_key_update(successor.id, registry.APIKeyUpdate(expires_at=tenant.created_at))
    passed("api_key_update")

    keys = [registry.APIKeyVerifyRequest(key=it.plaintext, scopes=["reports:write"]) for it in (created, rotated)]
    results = api_keys.api_key_verify_batch(registry.APIKeyVerifyBatch(keys=keys)).results
    assert [result.valid for result in results] == [True, False]
    assert results[1].reason is registry.APIKeyVerifyReason.MISSING_SCOPE
    passed("api_key_verify_batch")

    for _ in range(2):
        assert api_keys.api_key_revoke_with_http_info(key.id).status_code == 204
    passed("api_key_revoke")

    verification = api_keys.api_key_verify(request)
    assert not verification.valid and verification.reason is registry.APIKeyVerifyReason.REVOKED
    assert verification.tenant_id is None and verification.scopes is None
    passed("api_key_verify")

    page = api_keys.api_key_list(tenant.id, limit=1)
    assert [item.id for item in page.items] == [successor.id]
    page = api_keys.api_key_list(tenant.id, limit=1, cursor=page.next_cursor)
    [listed] = page.items
    assert listed.id == key.id and listed.revoked_at >= key.created_at
    assert page.next_cursor is None
    page = api_keys.api_key_list(tenant.id, usable=True)
    assert [item.id for item in page.items] == [successor.id]
    passed("api_key_list")
    api_keys.api_key_revoke(successor.id)


def delete_project(project):
    assert projects.project_delete_with_http_info(project.id).status_code == 204
    with fails(404, registry.ErrorCode.NOT_FOUND):
        projects.project_get(project.id)
    passed("project_delete")


def append_audit_event(tenant):
    body = registry.AuditAppend(
        tenant_id=tenant.id,
        project_id=uuid.uuid4(),
        action="report.exported",
        occurred_at=tenant.created_at,
        targets=[registry.AuditTarget(id="report-17", type="report", name="Revenue 2026")],
        metadata=METADATA,
    )
    event = audit.audit_append(body)
    assert event.id > 0 and event.created_at >= tenant.created_at
    assert event.project_id == body.project_id and event.actor_id is None
    assert event.metadata == METADATA
    assert event.occurred_at == tenant.created_at
    assert [target.to_dict() for target in event.targets] == [target.to_dict() for target in body.targets]
    assert event.source_ip == "127.0.0.1"
    assert event.user_agent == client.user_agent
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        audit.audit_append(registry.AuditAppend(tenant_id=uuid.uuid4(), action="report.exported"))
    passed("audit_append")

    events = [registry.AuditAppend(action="report.viewed"), registry.AuditAppend(action="report.shared")]
    items = audit.audit_append_batch(registry.AuditAppendBatch(events=events)).items
    assert [item.action for item in items] == ["report.viewed", "report.shared"]
    assert event.id < items[0].id < items[1].id
    events[1].tenant_id = uuid.uuid4()
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        audit.audit_append_batch(registry.AuditAppendBatch(events=events))
    passed("audit_append_batch")

    assert audit.audit_get(event.id) == event
    with fails(404, registry.ErrorCode.NOT_FOUND):
        audit.audit_get(2**63 - 1)
    passed("audit_get")
    return event


def close_account(tenant):
    at_period_end = registry.TenantCancel(reason="too dear", at_period_end=True)
    assert tenants.tenant_cancel(tenant.id, tenant_cancel=at_period_end).status is registry.TenantStatus.ACTIVE
    with fails(409, registry.ErrorCode.CONFLICT):
        tenants.tenant_archive(tenant.id)
    assert tenants.tenant_cancel(tenant.id).status is registry.TenantStatus.FROZEN
    passed("tenant_cancel")

    assert tenants.tenant_archive(tenant.id).status is registry.TenantStatus.ARCHIVED
    with fails(409, registry.ErrorCode.CONFLICT):
        tenants.tenant_activate(tenant.id)
    passed("tenant_archive")

    demo = tenants.tenant_get_by_slug(f"{tenant.slug}-demo")
    with fails(409, registry.ErrorCode.CONFLICT):
        tenants.tenant_delete(demo.id)
    tenants.tenant_archive(demo.id)
    assert tenants.tenant_delete_with_http_info(demo.id).status_code == 204
    with fails(404, registry.ErrorCode.NOT_FOUND):
        tenants.tenant_get(demo.id)
    passed("tenant_delete")


def read_audit_log(tenant, appended):
    events, cursor = [], LARGEST_64_BIT
    while cursor is not None:
        page = audit.audit_list(tenant_id=tenant.id, since=tenant.created_at, limit=3, cursor=cursor)
        assert len(page.items) <= 3
        events += page.items
        cursor = page.next_cursor
    assert [event.action for event in reversed(events)] == [
        "tenant.created",
        "tenant.activated",
        "tenant.activated",
        "tenant.updated",
        "tenant.updated",
        "tenant.updated",
        "project.created",
        "project.created",
        "project.updated",
        "project.updated",
        "catalog.requested",
        "catalog.trial_started",
        "entitlement.changed",
        "entitlement.granted",
        "entitlement.revoked",
        "api_key.created",
        "api_key.rotated",
        "api_key.updated",
        "api_key.revoked",
        "api_key.revoked",
        "report.exported",
        "project.deleted",
        "tenant.cancelled",
        "tenant.cancelled",
        "tenant.archived",
    ]
    ids = [event.id for event in events]
    assert ids == sorted(set(ids), reverse=True)
    assert appended in events
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        # The client itself rejects a limit above 500, but not a cursor of more than 64 bits.
        audit.audit_list(cursor=LARGEST_64_BIT + 1)
    passed("audit_list")

    def exports(**times):
        page = audit.audit_list(action="report.exported", tenant_id=tenant.id, **times)
        assert page.next_cursor is None
        return page.items

    # The same time with the offset of the local time zone.
    at = appended.created_at.astimezone()
    assert at.utcoffset() != timedelta(0)
    later = at + timedelta(microseconds=1)
    assert exports(until=at) == [] and exports(since=at) == [appended]
    assert exports(since=later) == [] and exports(until=later) == [appended]
    # RFC 3339 has no seconds in offsets. Historical time zones do.
    assert exports(since=at.astimezone(timezone(timedelta(minutes=19, seconds=32)))) == [appended]
    try:
        exports(since=datetime(2026, 11, 1))
    except registry.ApiValueError as error:
        assert "no time zone" in str(error), error
    else:
        raise AssertionError("expected an error for a time without a time zone")
    passed("times")


check_health()
check_time_limit()
customer = create_tenant()
print("tenant", customer.slug)
get_tenant(customer)
activate_tenant(customer)
update_tenant(customer)
update_one_version(customer)
website = create_project(customer)
tried = try_product(customer)
sell_product(customer, tried)
use_api_key(customer, website, tried)
exported = append_audit_event(customer)
delete_project(website)
close_account(customer)
read_audit_log(customer, exported)
