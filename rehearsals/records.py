"""Creates records of every kind through the API, and reads them back through every reading operation."""

import uuid

TENANTS = 12
KEYS = 3
# More than one page of the audit log.
EVENTS = 1_200

# Values that a dump must preserve.
METADATA = {"z": 1, "a": [1.10, 1e2, None, True], "text": 'Blåbær \u0000 "quoted"\n', "empty": {}}


class Records:
    """The records that were created."""

    def __init__(self):
        self.tenants = []
        self.projects = []
        # Plaintext keys, and the reason that verify must return for each; None means valid.
        self.keys = {}


def make(api, tenants=TENANTS, events=EVENTS):
    """Creates records, and calls each writing operation at least once."""
    made = Records()
    api.get("/healthz")
    api.get("/readyz")
    products = [entry["key"] for entry in api.get("/v1/catalog").json()["items"] if entry["supports_trial"]]
    for number in range(tenants):
        tenant = make_tenant(api, number)
        made.tenants.append(tenant)
        made.projects += make_projects(api, tenant)
        for product in products[: number % 3]:
            body = {"tenant_id": tenant["id"], "product": product}
            api.post("/v1/catalog/request", body, expect=202)
            api.post("/v1/catalog/trial-request", body, expect=201)
            api.post("/v1/catalog/trial-request", body, expect=409)
        made.keys |= make_keys(api, tenant, is_cancelled=number % 4 == 2)
    for number in range(events):
        tenant = made.tenants[number % len(made.tenants)]
        event = {
            "tenant_id": tenant["id"],
            "project_id": str(uuid.uuid4()),
            "actor_id": f"user-{number % 5}",
            "action": ("report.exported", "report.viewed")[number % 2],
            "product": "insights",
            "target_name": "Ünïcödé",
            "metadata": METADATA,
        }
        api.post("/v1/audit", event, expect=201)
    return made


def make_tenant(api, number):
    slug = f"tenant-{number:03}-{uuid.uuid4().hex[:6]}"
    kind = "demo" if number % 5 == 4 else "customer"
    tenant = api.post("/v1/tenants", {"slug": slug, "name": f"Søn & Co {number}", "kind": kind}, expect=201).json()
    api.post("/v1/tenants", {"slug": slug, "name": "again"}, expect=409)
    contract = {"plan": "team", "contract_start": "2026-01-01", "contract_end": "2099-12-31", "erp_customer_id": slug}
    match number % 4:
        case 1:
            api.post(f"/v1/tenants/{tenant['id']}/activate", contract)
        case 3:
            api.post(f"/v1/tenants/{tenant['id']}/activate", contract)
            api.post(f"/v1/tenants/{tenant['id']}/cancel", {"reason": "merger", "at_period_end": True})
    return tenant


def make_projects(api, tenant):
    body = {"tenant_id": tenant["id"], "slug": "website", "name": "Nettsted", "description": "Alt som gjester ser."}
    deleted = api.post("/v1/projects", body, expect=201).json()
    api.expect(204, "DELETE", f"/v1/projects/{deleted['id']}")
    return [api.post("/v1/projects", body, expect=201).json()]


def make_keys(api, tenant, is_cancelled):
    keys = {}
    for number in range(KEYS):
        body = {"tenant_id": tenant["id"], "name": f"key {number}", "scopes": ["reports:read", "a,b {c}"]}
        created = api.post("/v1/api-keys", body, expect=201).json()
        api.post("/v1/internal/api-keys/verify", {"key": created["plaintext"]})
        keys[created["plaintext"]] = None
        if number == 0:
            api.expect(204, "DELETE", f"/v1/api-keys/{created['api_key']['id']}")
            keys[created["plaintext"]] = "revoked"
    if is_cancelled:
        api.post(f"/v1/tenants/{tenant['id']}/cancel", {"reason": "left"})
        keys = {key: reason or "tenant_inactive" for key, reason in keys.items()}
    return keys


def read(api, made):
    """Returns the response body of every reading operation, by path and query."""
    responses = {}

    def ask(path, **query):
        response = api.get(path, **query)
        responses[path, tuple(query.items())] = response.body
        return response

    ask("/v1/catalog")
    for tenant in made.tenants:
        ask(f"/v1/tenants/{tenant['id']}")
        ask(f"/v1/tenants/by-slug/{tenant['slug']}")
        ask("/v1/entitlements", tenant_id=tenant["id"])
        ask("/v1/api-keys", tenant_id=tenant["id"])
    for project in made.projects:
        ask(f"/v1/projects/{project['id']}")
    for tenant in made.tenants:
        read_log(ask, tenant_id=tenant["id"], action="report.viewed")
    read_log(ask)
    read_log(ask, actor_id="user-3", product="insights")
    return responses


def read_log(ask, **filters):
    query = {**filters, "limit": 500}
    while True:
        page = ask("/v1/audit", **query).json()
        if "next_cursor" not in page:
            return
        query["cursor"] = page["next_cursor"]


def newest_event(api):
    return api.get("/v1/audit", limit=1).json()["items"][0]["id"]


def verify(api, made):
    """Checks that every key verifies as expected."""
    for key, reason in made.keys.items():
        response = api.post("/v1/internal/api-keys/verify", {"key": key}).json()
        if response.get("reason") != reason or response["valid"] != (reason is None):
            raise SystemExit(f"a key verifies as {response}; expected {reason or 'valid'}")
