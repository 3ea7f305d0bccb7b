"""Call every operation of the Tenant Registry with the generated client: customer_life.py BASE_URL.

Prints a line for each operation that returns the expected responses. Raises an AssertionError otherwise.
"""

import sys
import uuid
from contextlib import contextmanager
from datetime import date, timedelta

import tenant_registry_client as registry

LARGEST_64_BIT = 2**63 - 1
METADATA = {"format": "pdf", "pages": [1, 2.5, None], "by": {"name": "Søren", "admin": False}, "empty": {}}

# The default format writes the offset as +0000, which is not valid in RFC 3339. All times here are in UTC.
client = registry.ApiClient(registry.Configuration(host=sys.argv[1], datetime_format="%Y-%m-%dT%H:%M:%S.%fZ"))
health = registry.HealthApi(client)
tenants = registry.TenantsApi(client)
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
    else:
        raise AssertionError(f"expected an error with status {status}")


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
    demo = tenants.tenant_create(
        registry.TenantCreate(slug=f"{body.slug}-demo", name="Demo", kind=registry.TenantKind.DEMO)
    )
    assert demo.status is registry.TenantStatus.DEMO and demo.trial_ends_at is None
    passed("tenant_create")
    return tenant


def get_tenant(tenant):
    assert tenants.tenant_get(tenant.id) == tenant
    with fails(404, registry.ErrorCode.NOT_FOUND):
        tenants.tenant_get(uuid.uuid4())
    passed("tenant_get")
    assert tenants.tenant_get_by_slug(tenant.slug) == tenant
    passed("tenant_get_by_slug")


def activate_tenant(tenant):
    active = tenants.tenant_activate(tenant.id)
    assert active.status is registry.TenantStatus.ACTIVE and active.plan == "starter"
    contract = registry.TenantActivate(
        plan="team", contract_start=date(2027, 1, 1), contract_end=date(2027, 12, 31), erp_customer_id=tenant.slug
    )
    active = tenants.tenant_activate(tenant.id, contract)
    assert active.plan == "team" and active.erp_customer_id == tenant.slug
    assert active.contract_start == date(2027, 1, 1) and active.contract_end == date(2027, 12, 31)
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        tenants.tenant_activate(tenant.id, registry.TenantActivate(contract_end=date(2026, 12, 31)))
    passed("tenant_activate")


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


def use_api_key(tenant):
    created = api_keys.api_key_create(
        registry.APIKeyCreate(tenant_id=tenant.id, name="ci", scopes=["reports:read", "reports:write"])
    )
    key = created.api_key
    assert created.plaintext.startswith(key.prefix) and created.warning
    assert key.last_used_at is None and key.revoked_at is None and key.product is None
    passed("api_key_create")

    request = registry.APIKeyVerifyRequest(key=created.plaintext)
    verification = api_keys.api_key_verify(request)
    assert verification.valid and verification.reason is None
    assert verification.tenant_id == tenant.id and verification.scopes == ["reports:read", "reports:write"]

    for _ in range(2):
        assert api_keys.api_key_revoke_with_http_info(key.id).status_code == 204
    passed("api_key_revoke")

    verification = api_keys.api_key_verify(request)
    assert not verification.valid and verification.reason is registry.APIKeyVerifyReason.REVOKED
    assert verification.tenant_id is None and verification.scopes is None
    passed("api_key_verify")

    [listed] = api_keys.api_key_list(tenant.id).items
    assert listed.id == key.id and listed.revoked_at >= key.created_at
    passed("api_key_list")


def append_audit_event(tenant):
    body = registry.AuditAppend(
        tenant_id=tenant.id, project_id=uuid.uuid4(), action="report.exported", metadata=METADATA
    )
    event = audit.audit_append(body)
    assert event.id > 0 and event.created_at >= tenant.created_at
    assert event.project_id == body.project_id and event.actor_id is None
    assert event.metadata == METADATA
    assert event.source_ip == "127.0.0.1"
    assert event.user_agent == client.user_agent
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        audit.audit_append(registry.AuditAppend(tenant_id=uuid.uuid4(), action="report.exported"))
    passed("audit_append")
    return event


def cancel_tenant(tenant):
    at_period_end = registry.TenantCancel(reason="too dear", at_period_end=True)
    assert tenants.tenant_cancel(tenant.id, at_period_end).status is registry.TenantStatus.ACTIVE
    assert tenants.tenant_cancel(tenant.id).status is registry.TenantStatus.FROZEN
    passed("tenant_cancel")


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
        "catalog.requested",
        "catalog.trial_started",
        "api_key.created",
        "api_key.revoked",
        "report.exported",
        "tenant.cancelled",
        "tenant.cancelled",
    ]
    ids = [event.id for event in events]
    assert ids == sorted(set(ids), reverse=True)
    assert appended in events
    exports = audit.audit_list(action="report.exported", tenant_id=tenant.id, until=appended.created_at)
    assert exports.items == [] and exports.next_cursor is None
    with fails(400, registry.ErrorCode.INVALID_INPUT):
        # The client itself rejects a limit above 500, but not a cursor of more than 64 bits.
        audit.audit_list(cursor=LARGEST_64_BIT + 1)
    passed("audit_list")


check_health()
customer = create_tenant()
print("tenant", customer.slug)
get_tenant(customer)
activate_tenant(customer)
try_product(customer)
use_api_key(customer)
exported = append_audit_event(customer)
cancel_tenant(customer)
read_audit_log(customer, exported)
