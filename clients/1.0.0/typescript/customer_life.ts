/**
 * Calls every operation of the Tenant Registry with the generated client: customer_life.js BASE_URL.
 *
 * Prints a line for each operation that returns the expected responses. Throws an AssertionError otherwise.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import {
    ApiKeysApi,
    APIKeyVerifyReason,
    AuditApi,
    type AuditEvent,
    CatalogApi,
    Configuration,
    ErrorBodyFromJSON,
    ErrorCode,
    HealthApi,
    HealthStatus,
    ResponseError,
    type Tenant,
    TenantKind,
    TenantsApi,
    TenantStatus,
} from "@tenant-registry/client";

const DAY = 24 * 60 * 60 * 1000;
const METADATA = { format: "pdf", pages: [1, 2.5, null], by: { name: "Søren", admin: false }, empty: {} };

const configuration = new Configuration({ basePath: process.argv[2], headers: { "User-Agent": "customer-life/1" } });
const health = new HealthApi(configuration);
const tenants = new TenantsApi(configuration);
const catalog = new CatalogApi(configuration);
const apiKeys = new ApiKeysApi(configuration);
const audit = new AuditApi(configuration);

function passed(operation: string) {
    console.log(`${operation} ok`);
}

async function fails(status: number, code: ErrorCode, call: Promise<unknown>) {
    const error = await call.then(
        () => assert.fail(`expected an error with status ${status}`),
        (reason: unknown) => reason,
    );
    assert(error instanceof ResponseError, String(error));
    assert.equal(error.response.status, status);
    const body = ErrorBodyFromJSON(await error.response.json());
    assert.equal(body.error, code);
    assert.notEqual(body.message, "");
}

async function checkHealth() {
    assert.equal((await health.healthGet()).status, HealthStatus.Ok);
    passed("health_get");
    assert.equal((await health.readinessGet()).status, HealthStatus.Ok);
    passed("readiness_get");
}

async function createTenant(): Promise<Tenant> {
    const body = { slug: `typescript-${randomUUID().slice(0, 8)}`, name: "Blåbær & Sønner GmbH" };
    const tenant = await tenants.tenantCreate({ tenantCreate: body });
    assert.equal(tenant.slug, body.slug);
    assert.equal(tenant.name, body.name);
    assert.equal(tenant.status, TenantStatus.Trial);
    assert.equal(tenant.kind, TenantKind.Customer);
    assert.equal(tenant.plan, "starter");
    assert(tenant.trialEndsAt !== null);
    assert.equal(tenant.trialEndsAt.getTime() - tenant.createdAt.getTime(), 14 * DAY);
    assert.equal(tenant.contractStart, null);
    assert.equal(tenant.contractEnd, null);
    assert.equal(tenant.erpCustomerId, undefined);
    await fails(409, ErrorCode.Conflict, tenants.tenantCreate({ tenantCreate: body }));
    const demo = { slug: `${body.slug}-demo`, name: "Demo", kind: TenantKind.Demo };
    const { status, trialEndsAt } = await tenants.tenantCreate({ tenantCreate: demo });
    assert.equal(status, TenantStatus.Demo);
    assert.equal(trialEndsAt, null);
    passed("tenant_create");
    return tenant;
}

async function getTenant(tenant: Tenant) {
    assert.deepEqual(await tenants.tenantGet({ id: tenant.id }), tenant);
    await fails(404, ErrorCode.NotFound, tenants.tenantGet({ id: randomUUID() }));
    passed("tenant_get");
    assert.deepEqual(await tenants.tenantGetBySlug({ slug: tenant.slug }), tenant);
    passed("tenant_get_by_slug");
}

async function activateTenant({ id }: Tenant) {
    const active = await tenants.tenantActivate({ id });
    assert.equal(active.status, TenantStatus.Active);
    assert.equal(active.plan, "starter");

    const contractStart = new Date(2027, 0, 1);
    const contractEnd = new Date(2027, 11, 31);
    const tenantActivate = { plan: "team", contractStart, contractEnd, erpCustomerId: id };
    const response = await tenants.tenantActivateRaw({ id, tenantActivate });
    // A date that is written and read with the same bug would look right, so check the JSON as well.
    const text = (await response.raw.clone().json()) as Record<string, unknown>;
    assert.equal(text.contract_start, "2027-01-01");
    assert.equal(text.contract_end, "2027-12-31");
    const tenant = await response.value();
    assert.equal(tenant.plan, "team");
    assert.equal(tenant.erpCustomerId, id);
    assert.deepEqual(tenant.contractStart, contractStart);
    assert.deepEqual(tenant.contractEnd, contractEnd);

    const backwards = { contractEnd: new Date(2026, 11, 31) };
    await fails(400, ErrorCode.InvalidInput, tenants.tenantActivate({ id, tenantActivate: backwards }));
    passed("tenant_activate");
}

async function tryProduct({ id: tenantId }: Tenant) {
    const { items: entries } = await catalog.catalogList();
    const entry = entries.find((entry) => entry.supportsTrial);
    assert(entry !== undefined);
    assert.notEqual(entry.name, "");
    assert.deepEqual(entry.plansRequired, []);
    assert(entries.some((entry) => entry.demoUrl === undefined));
    passed("catalog_list");

    const catalogRequest = { tenantId, product: entry.key };
    const requested = await catalog.catalogRequestRaw({ catalogRequest });
    assert.equal(requested.raw.status, 202);
    passed("catalog_request");

    const trial = await catalog.catalogTrialRequest({ catalogRequest });
    assert(trial.enabled);
    assert.deepEqual(trial.config, {});
    assert(trial.expiresAt !== null);
    assert.equal(trial.expiresAt.getTime() - trial.createdAt.getTime(), 14 * DAY);
    await fails(409, ErrorCode.Conflict, catalog.catalogTrialRequest({ catalogRequest }));
    passed("catalog_trial_request");

    assert.deepEqual(await tenants.entitlementList({ tenantId }), { items: [trial] });
    passed("entitlement_list");
}

async function useApiKey({ id: tenantId }: Tenant) {
    const scopes = ["reports:read", "reports:write"];
    const created = await apiKeys.apiKeyCreate({ apiKeyCreate: { tenantId, name: "ci", scopes } });
    const key = created.apiKey;
    assert(created.plaintext.startsWith(key.prefix));
    assert.notEqual(created.warning, "");
    assert.equal(key.lastUsedAt, null);
    assert.equal(key.revokedAt, null);
    assert.equal(key.product, undefined);
    passed("api_key_create");

    const request = { apiKeyVerifyRequest: { key: created.plaintext } };
    const valid = await apiKeys.apiKeyVerify(request);
    assert(valid.valid);
    assert.equal(valid.reason, undefined);
    assert.equal(valid.tenantId, tenantId);
    assert.deepEqual(valid.scopes, scopes);

    for (let time = 0; time < 2; time++) {
        assert.equal((await apiKeys.apiKeyRevokeRaw({ id: key.id })).raw.status, 204);
    }
    passed("api_key_revoke");

    const revoked = await apiKeys.apiKeyVerify(request);
    assert(!revoked.valid);
    assert.equal(revoked.reason, APIKeyVerifyReason.Revoked);
    assert.equal(revoked.tenantId, undefined);
    assert.equal(revoked.scopes, undefined);
    passed("api_key_verify");

    const { items } = await apiKeys.apiKeyList({ tenantId });
    assert.deepEqual(
        items.map((item) => item.id),
        [key.id],
    );
    assert(items[0].revokedAt !== null && items[0].revokedAt >= key.createdAt);
    passed("api_key_list");
}

async function appendAuditEvent(tenant: Tenant): Promise<AuditEvent> {
    const auditAppend = {
        tenantId: tenant.id,
        projectId: randomUUID(),
        action: "report.exported",
        metadata: METADATA,
    };
    const event = await audit.auditAppend({ auditAppend });
    assert(Number.isSafeInteger(event.id) && event.id > 0);
    assert(event.createdAt >= tenant.createdAt);
    assert.equal(event.projectId, auditAppend.projectId);
    assert.equal(event.actorId, undefined);
    assert.deepEqual(event.metadata, METADATA);
    assert.equal(event.sourceIp, "127.0.0.1");
    assert.equal(event.userAgent, "customer-life/1");
    const unknownTenant = { tenantId: randomUUID(), action: "report.exported" };
    await fails(400, ErrorCode.InvalidInput, audit.auditAppend({ auditAppend: unknownTenant }));
    passed("audit_append");
    return event;
}

async function cancelTenant({ id }: Tenant) {
    const tenantCancel = { reason: "too dear", atPeriodEnd: true };
    assert.equal((await tenants.tenantCancel({ id, tenantCancel })).status, TenantStatus.Active);
    assert.equal((await tenants.tenantCancel({ id })).status, TenantStatus.Frozen);
    passed("tenant_cancel");
}

async function readAuditLog(tenant: Tenant, appended: AuditEvent) {
    const events: AuditEvent[] = [];
    // The largest integer that a number represents exactly. The log never has that many events.
    let cursor: number | undefined = Number.MAX_SAFE_INTEGER;
    while (cursor !== undefined) {
        const page = await audit.auditList({ tenantId: tenant.id, since: tenant.createdAt, limit: 3, cursor });
        assert(page.items.length <= 3);
        events.push(...page.items);
        cursor = page.nextCursor;
    }
    assert.deepEqual(
        events.map((event) => event.action).reverse(),
        [
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
        ],
    );
    for (let place = 1; place < events.length; place++) {
        assert(events[place].id < events[place - 1].id);
    }
    assert.deepEqual(
        events.find((event) => event.id === appended.id),
        appended,
    );
    const exports = { action: "report.exported", tenantId: tenant.id, until: appended.createdAt };
    assert.deepEqual(await audit.auditList(exports), { items: [], nextCursor: undefined });
    await fails(400, ErrorCode.InvalidInput, audit.auditList({ limit: 501 }));
    passed("audit_list");
}

await checkHealth();
const customer = await createTenant();
console.log(`tenant ${customer.slug}`);
await getTenant(customer);
await activateTenant(customer);
await tryProduct(customer);
await useApiKey(customer);
const exported = await appendAuditEvent(customer);
await cancelTenant(customer);
await readAuditLog(customer, exported);
