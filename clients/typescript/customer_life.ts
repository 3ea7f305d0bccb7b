/**
 * Calls every operation of the Tenant Registry with the generated client: customer_life.js BASE_URL.
 *
 * Prints a line for each operation that returns the expected responses. Throws an AssertionError otherwise.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { inspect } from "node:util";

import {
    type APIKeyList,
    ApiKeysApi,
    APIKeyVerifyReason,
    AuditApi,
    type AuditEvent,
    CatalogApi,
    Configuration,
    EntitlementCheckReason,
    EntitlementGrant,
    EntitlementSource,
    ErrorBodyFromJSON,
    ErrorCode,
    FetchError,
    HealthApi,
    HealthStatus,
    type Project,
    ProjectsApi,
    ResponseError,
    type Tenant,
    TenantFromJSON,
    TenantKind,
    TenantsApi,
    TenantStatus,
    TenantToJSON,
} from "@tenant-registry/client";

const DAY = 24 * 60 * 60 * 1000;
const METADATA = { format: "pdf", pages: [1, 2.5, null], by: { name: "Søren", admin: false }, empty: {} };

const configuration = new Configuration({
    basePath: process.argv[2],
    headers: { "User-Agent": "customer-life/1" },
    // A service without authentication ignores it.
    accessToken: "a-secret-token",
});
const health = new HealthApi(configuration);
const tenants = new TenantsApi(configuration);
const projects = new ProjectsApi(configuration);
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
    assert.equal(error.status, status);
    assert.equal(error.code, code);
    const body = ErrorBodyFromJSON(await error.response.json());
    assert.equal(body.error, code);
    assert.notEqual(body.message, "");
    assert.equal(error.message, `${status} ${code}: ${body.message}`);
}

async function checkTimeLimit() {
    assert.equal(configuration.timeout, 30_000);
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const basePath = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const impatient = new HealthApi(new Configuration({ basePath, timeout: 1 }));
    await assert.rejects(
        impatient.healthGet(),
        (error) => error instanceof FetchError && error.message.includes(`${basePath}/healthz`),
    );
    silent.closeAllConnections();
    silent.close();
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
    const demoBody = { slug: `${body.slug}-demo`, name: "Demo", kind: TenantKind.Demo };
    const idempotencyKey = randomUUID();
    const demo = await tenants.tenantCreate({ tenantCreate: demoBody, idempotencyKey });
    assert.equal(demo.status, TenantStatus.Demo);
    assert.equal(demo.trialEndsAt, null);
    passed("tenant_create");

    const again = await tenants.tenantCreateRaw({ tenantCreate: demoBody, idempotencyKey });
    assert.equal(again.raw.status, 201);
    assert.equal(again.raw.headers.get("idempotency-replayed"), "true");
    assert.deepEqual(await again.value(), demo);
    const reused = tenants.tenantCreate({ tenantCreate: body, idempotencyKey });
    await fails(422, ErrorCode.IdempotencyKeyReused, reused);
    passed("retries");
    return tenant;
}

async function getTenant(tenant: Tenant) {
    assert.deepEqual(await tenants.tenantGet({ id: tenant.id }), tenant);
    await fails(404, ErrorCode.NotFound, tenants.tenantGet({ id: randomUUID() }));
    passed("tenant_get");
    assert.deepEqual(await tenants.tenantGetBySlug({ slug: tenant.slug }), tenant);
    passed("tenant_get_by_slug");

    const newest = await tenants.tenantList({ q: tenant.slug, limit: 1 });
    assert.deepEqual(
        newest.items.map(({ slug }) => slug),
        [`${tenant.slug}-demo`],
    );
    const oldest = await tenants.tenantList({ q: tenant.slug, limit: 1, cursor: newest.nextCursor });
    assert.deepEqual(oldest, { items: [tenant], nextCursor: undefined });
    const customers = await tenants.tenantList({ q: tenant.slug, kind: TenantKind.Customer });
    assert.deepEqual(customers.items, [tenant]);
    await fails(400, ErrorCode.InvalidInput, tenants.tenantList({ cursor: "not-a-cursor" }));
    passed("tenant_list");

    // A later version of the service can return new values and members.
    const later = TenantFromJSON({ ...TenantToJSON(tenant), status: "suspended", since: "today" });
    assert.equal(later.status, "suspended");
    assert.equal(later.id, tenant.id);
}

async function activateTenant({ id, slug }: Tenant) {
    const active = await tenants.tenantActivate({ id });
    assert.equal(active.status, TenantStatus.Active);
    assert.equal(active.plan, "starter");

    const contractStart = "2027-01-01";
    const contractEnd = "2027-12-31";
    const tenantActivate = { plan: "team", contractStart, contractEnd, erpCustomerId: slug };
    const tenant = await tenants.tenantActivate({ id, tenantActivate });
    assert.equal(tenant.plan, "team");
    assert.equal(tenant.erpCustomerId, slug);
    assert.equal(tenant.contractStart, contractStart);
    assert.equal(tenant.contractEnd, contractEnd);

    const backwards = { contractEnd: "2026-12-31" };
    await fails(400, ErrorCode.InvalidInput, tenants.tenantActivate({ id, tenantActivate: backwards }));
    // JavaScript programs can pass a Date in spite of the types. It must not be stored as another day.
    const instant = { contractEnd: new Date("2027-12-31") as unknown as string };
    await fails(400, ErrorCode.InvalidInput, tenants.tenantActivate({ id, tenantActivate: instant }));
    passed("tenant_activate");
}

async function updateTenant({ id, slug }: Tenant) {
    const tenantUpdate = { name: "Blåbær Holding", salesOwner: "Ada Lovelace", stripeCustId: slug };
    const updated = await tenants.tenantUpdate({ id, tenantUpdate });
    assert.equal(updated.name, tenantUpdate.name);
    assert.equal(updated.salesOwner, tenantUpdate.salesOwner);
    assert.equal(updated.stripeCustId, slug);
    assert.equal(updated.plan, "team");

    // null removes a value. An omitted value remains unchanged.
    const cleared = await tenants.tenantUpdate({ id, tenantUpdate: { salesOwner: null } });
    assert.equal(cleared.salesOwner, undefined);
    assert.equal(cleared.name, tenantUpdate.name);
    assert.equal(cleared.stripeCustId, slug);
    const backwards = { contractEnd: "2026-12-31" };
    await fails(400, ErrorCode.InvalidInput, tenants.tenantUpdate({ id, tenantUpdate: backwards }));
    passed("tenant_update");
}

async function updateOneVersion({ id }: Tenant) {
    const tag = (await tenants.tenantGetRaw({ id })).raw.headers.get("etag");
    assert(tag !== null);
    await assert.rejects(
        tenants.tenantGet({ id, ifNoneMatch: tag }),
        (error) => error instanceof ResponseError && error.status === 304,
    );
    await tenants.tenantUpdate({ id, tenantUpdate: { salesOwner: "Grace Hopper" }, ifMatch: tag });
    const late = { id, tenantUpdate: { salesOwner: "Alan Turing" }, ifMatch: tag };
    await fails(412, ErrorCode.PreconditionFailed, tenants.tenantUpdate(late));
    assert.equal((await tenants.tenantGet({ id, ifNoneMatch: tag })).salesOwner, "Grace Hopper");
    passed("etags");
}

async function createProject({ id: tenantId }: Tenant): Promise<Project> {
    const projectCreate = { tenantId, slug: "website", name: "Website", description: "For visitors" };
    const project = await projects.projectCreate({ projectCreate });
    const { id, createdAt, updatedAt, ...properties } = project;
    assert.deepEqual(properties, projectCreate);
    await fails(409, ErrorCode.Conflict, projects.projectCreate({ projectCreate }));
    passed("project_create");

    assert.deepEqual(await projects.projectGet({ id }), project);
    passed("project_get");

    const mobileApp = { tenantId, slug: "mobile-app", name: "Mobile app" };
    const mobile = await projects.projectCreate({ projectCreate: mobileApp });
    const newest = await projects.projectList({ tenantId, limit: 1 });
    assert.deepEqual(newest.items, [mobile]);
    const oldest = await projects.projectList({ tenantId, limit: 1, cursor: newest.nextCursor });
    assert.deepEqual(oldest, { items: [project], nextCursor: undefined });
    await fails(400, ErrorCode.InvalidInput, projects.projectList({ tenantId, cursor: "not-a-cursor" }));
    passed("project_list");

    const renamed = await projects.projectUpdate({ id, projectUpdate: { name: "Website and shop" } });
    assert.equal(renamed.name, "Website and shop");
    assert.equal(renamed.description, projectCreate.description);
    const updated = await projects.projectUpdate({ id, projectUpdate: { description: null } });
    assert.equal(updated.name, "Website and shop");
    assert.equal(updated.description, undefined);
    const unknown = { id: tenantId, projectUpdate: { name: "n" } };
    await fails(404, ErrorCode.NotFound, projects.projectUpdate(unknown));
    passed("project_update");
    return updated;
}

async function tryProduct({ id: tenantId }: Tenant): Promise<string> {
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

    const entitled = await tenants.entitlementCheck({ tenantId, product: entry.key });
    assert.deepEqual(entitled, { entitled: true, reason: undefined, expiresAt: trial.expiresAt, config: {} });
    const unknown = await tenants.entitlementCheck({ tenantId, product: "no-such-product" });
    assert(!unknown.entitled);
    assert.equal(unknown.reason, EntitlementCheckReason.UnknownProduct);
    passed("entitlement_check");
    return entry.key;
}

async function sellProduct({ id: tenantId }: Tenant, tried: string) {
    const bought = { config: { seats: 5 } };
    const sold = await tenants.entitlementSetRaw({ tenantId, product: tried, entitlementSet: bought });
    assert.equal(sold.raw.status, 200);
    const purchase = await sold.value();
    assert.equal(purchase.source, EntitlementSource.Purchase);
    assert(purchase.enabled);
    assert.deepEqual(purchase.config, bought.config);
    assert.equal(purchase.expiresAt, null);

    const other = (await catalog.catalogList()).items.find((entry) => !entry.supportsTrial);
    assert(other !== undefined);
    const product = other.key;
    await fails(404, ErrorCode.NotFound, tenants.entitlementGet({ tenantId, product }));
    const entitlementSet = { source: EntitlementGrant.Override };
    const given = await tenants.entitlementSetRaw({ tenantId, product, entitlementSet });
    assert.equal(given.raw.status, 201);
    const override = await given.value();
    assert.equal(override.source, EntitlementSource.Override);
    passed("entitlement_set");

    assert.deepEqual(await tenants.entitlementGet({ tenantId, product }), override);
    passed("entitlement_get");

    for (let time = 0; time < 2; time++) {
        assert.equal((await tenants.entitlementRevokeRaw({ tenantId, product })).raw.status, 204);
    }
    assert(!(await tenants.entitlementGet({ tenantId, product })).enabled);
    const { reason } = await tenants.entitlementCheck({ tenantId, product });
    assert.equal(reason, EntitlementCheckReason.Disabled);
    passed("entitlement_revoke");
}

async function useApiKey({ id: tenantId }: Tenant, { id: projectId }: Project, product: string) {
    const scopes = ["reports:read", "reports:write"];
    const expiresAt = new Date(Date.now() + 365 * DAY);
    const apiKeyCreate = { tenantId, projectId, name: "ci", scopes, expiresAt };
    const created = await apiKeys.apiKeyCreate({ apiKeyCreate });
    const key = created.apiKey;
    assert(created.plaintext.startsWith(key.prefix));
    assert.notEqual(created.warning, "");
    const shown = inspect([created, configuration, apiKeys], { depth: null });
    assert(shown.includes(key.id));
    assert(!shown.includes(created.plaintext) && !shown.includes("a-secret-token"), shown);
    assert.equal(key.lastUsedAt, null);
    assert.equal(key.revokedAt, null);
    assert.equal(key.product, undefined);
    assert.deepEqual(key.expiresAt, expiresAt);
    assert.equal(key.projectId, projectId);
    passed("api_key_create");

    assert.deepEqual(await apiKeys.apiKeyGet({ id: key.id }), key);
    passed("api_key_get");

    const request = { apiKeyVerifyRequest: { key: created.plaintext } };
    const valid = await apiKeys.apiKeyVerify(request);
    assert(valid.valid);
    assert.equal(valid.reason, undefined);
    assert.equal(valid.tenantId, tenantId);
    assert.deepEqual(valid.scopes, scopes);
    assert.equal(valid.apiKeyId, key.id);
    assert.deepEqual(valid.expiresAt, expiresAt);
    assert.equal(valid.projectId, projectId);
    await fails(409, ErrorCode.Conflict, projects.projectDelete({ id: projectId }));
    const use = { key: created.plaintext, product, scopes: ["reports:read"] };
    assert((await apiKeys.apiKeyVerify({ apiKeyVerifyRequest: use })).valid);
    const tooMuch = { ...use, scopes: ["reports:read", "reports:delete"] };
    const denied = await apiKeys.apiKeyVerify({ apiKeyVerifyRequest: tooMuch });
    assert(!denied.valid);
    assert.equal(denied.reason, APIKeyVerifyReason.MissingScope);

    const rotated = await apiKeys.apiKeyRotate({ id: key.id, apiKeyRotate: { overlapSeconds: 3600 } });
    const successor = rotated.apiKey;
    assert(rotated.plaintext.startsWith(successor.prefix));
    assert(!inspect(rotated).includes(rotated.plaintext));
    assert.equal(successor.rotatedFrom, key.id);
    assert.equal(successor.expiresAt, null);
    assert.equal(successor.name, key.name);
    assert.deepEqual(successor.scopes, scopes);
    assert.equal(successor.projectId, projectId);
    const old = await apiKeys.apiKeyGet({ id: key.id });
    assert.equal(old.rotatedTo, successor.id);
    assert.equal(old.expiresAt?.getTime(), successor.createdAt.getTime() + 60 * 60 * 1000);
    for (const { plaintext } of [created, rotated]) {
        assert((await apiKeys.apiKeyVerify({ apiKeyVerifyRequest: { key: plaintext } })).valid);
    }
    await fails(409, ErrorCode.Conflict, apiKeys.apiKeyRotate({ id: key.id }));
    passed("api_key_rotate");

    const apiKeyUpdate = { name: "nightly", scopes: ["reports:read"] };
    const updated = await apiKeys.apiKeyUpdate({ id: successor.id, apiKeyUpdate });
    assert.equal(updated.name, apiKeyUpdate.name);
    assert.deepEqual(updated.scopes, apiKeyUpdate.scopes);
    assert.equal(updated.expiresAt, null);
    const past = { expiresAt: key.createdAt };
    await fails(400, ErrorCode.InvalidInput, apiKeys.apiKeyUpdate({ id: successor.id, apiKeyUpdate: past }));
    passed("api_key_update");

    const keys = [created, rotated].map(({ plaintext }) => ({ key: plaintext, scopes: ["reports:write"] }));
    const { results } = await apiKeys.apiKeyVerifyBatch({ apiKeyVerifyBatch: { keys } });
    assert.deepEqual(
        results.map(({ valid, reason }) => ({ valid, reason })),
        [
            { valid: true, reason: undefined },
            { valid: false, reason: APIKeyVerifyReason.MissingScope },
        ],
    );
    passed("api_key_verify_batch");

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

    const newest = await apiKeys.apiKeyList({ tenantId, limit: 1 });
    const ids = (page: APIKeyList) => page.items.map((item) => item.id);
    assert.deepEqual(ids(newest), [successor.id]);
    const oldest = await apiKeys.apiKeyList({ tenantId, limit: 1, cursor: newest.nextCursor });
    assert.deepEqual(ids(oldest), [key.id]);
    const { revokedAt } = oldest.items[0];
    assert(revokedAt !== null && revokedAt >= key.createdAt);
    assert.equal(oldest.nextCursor, undefined);
    assert.deepEqual(ids(await apiKeys.apiKeyList({ tenantId, usable: true })), [successor.id]);
    passed("api_key_list");
    await apiKeys.apiKeyRevoke({ id: successor.id });
}

async function deleteProject({ id }: Project) {
    assert.equal((await projects.projectDeleteRaw({ id })).raw.status, 204);
    await fails(404, ErrorCode.NotFound, projects.projectGet({ id }));
    passed("project_delete");
}

async function appendAuditEvent(tenant: Tenant): Promise<AuditEvent> {
    const auditAppend = {
        tenantId: tenant.id,
        projectId: randomUUID(),
        action: "report.exported",
        occurredAt: tenant.createdAt,
        targets: [{ id: "report-17", type: "report", name: "Revenue 2026" }],
        metadata: METADATA,
    };
    const event = await audit.auditAppend({ auditAppend });
    assert(Number.isSafeInteger(event.id) && event.id > 0);
    assert(event.createdAt >= tenant.createdAt);
    assert.equal(event.projectId, auditAppend.projectId);
    assert.equal(event.actorId, undefined);
    assert.deepEqual(event.metadata, METADATA);
    assert.deepEqual(event.occurredAt, tenant.createdAt);
    assert.deepEqual(event.targets, auditAppend.targets);
    assert.equal(event.sourceIp, "127.0.0.1");
    assert.equal(event.userAgent, "customer-life/1");
    const unknownTenant = { tenantId: randomUUID(), action: "report.exported" };
    await fails(400, ErrorCode.InvalidInput, audit.auditAppend({ auditAppend: unknownTenant }));
    passed("audit_append");

    const events = [{ action: "report.viewed" }, { action: "report.shared" }];
    const { items } = await audit.auditAppendBatch({ auditAppendBatch: { events } });
    assert.deepEqual(
        items.map(({ action }) => action),
        ["report.viewed", "report.shared"],
    );
    assert(event.id < items[0].id && items[0].id < items[1].id);
    const invalid = { events: [events[0], unknownTenant] };
    await fails(400, ErrorCode.InvalidInput, audit.auditAppendBatch({ auditAppendBatch: invalid }));
    passed("audit_append_batch");

    assert.deepEqual(await audit.auditGet({ id: event.id }), event);
    await fails(404, ErrorCode.NotFound, audit.auditGet({ id: Number.MAX_SAFE_INTEGER }));
    passed("audit_get");
    return event;
}

async function closeAccount({ id, slug }: Tenant) {
    const tenantCancel = { reason: "too dear", atPeriodEnd: true };
    assert.equal((await tenants.tenantCancel({ id, tenantCancel })).status, TenantStatus.Active);
    await fails(409, ErrorCode.Conflict, tenants.tenantArchive({ id }));
    assert.equal((await tenants.tenantCancel({ id })).status, TenantStatus.Frozen);
    passed("tenant_cancel");

    assert.equal((await tenants.tenantArchive({ id })).status, TenantStatus.Archived);
    await fails(409, ErrorCode.Conflict, tenants.tenantActivate({ id }));
    passed("tenant_archive");

    const demo = await tenants.tenantGetBySlug({ slug: `${slug}-demo` });
    await fails(409, ErrorCode.Conflict, tenants.tenantDelete({ id: demo.id }));
    await tenants.tenantArchive({ id: demo.id });
    assert.equal((await tenants.tenantDeleteRaw({ id: demo.id })).raw.status, 204);
    await fails(404, ErrorCode.NotFound, tenants.tenantGet({ id: demo.id }));
    passed("tenant_delete");
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
        ],
    );
    for (let place = 1; place < events.length; place++) {
        assert(events[place].id < events[place - 1].id);
    }
    assert.deepEqual(
        events.find((event) => event.id === appended.id),
        appended,
    );
    await fails(400, ErrorCode.InvalidInput, audit.auditList({ limit: 501 }));
    passed("audit_list");

    const exports = { action: "report.exported", tenantId: tenant.id };
    const at = appended.createdAt;
    const later = new Date(at.getTime() + 1);
    assert.deepEqual(await audit.auditList({ ...exports, until: at }), { items: [], nextCursor: undefined });
    assert.deepEqual((await audit.auditList({ ...exports, since: at })).items, [appended]);
    assert.deepEqual((await audit.auditList({ ...exports, since: later })).items, []);
    assert.deepEqual((await audit.auditList({ ...exports, until: later })).items, [appended]);
    passed("times");
}

await checkHealth();
await checkTimeLimit();
const customer = await createTenant();
console.log(`tenant ${customer.slug}`);
await getTenant(customer);
await activateTenant(customer);
await updateTenant(customer);
await updateOneVersion(customer);
const website = await createProject(customer);
const tried = await tryProduct(customer);
await sellProduct(customer, tried);
await useApiKey(customer, website, tried);
const exported = await appendAuditEvent(customer);
await deleteProject(website);
await closeAccount(customer);
await readAuditLog(customer, exported);
