import static java.util.Comparator.reverseOrder;

import com.breakpilot.tenantregistry.client.ApiClient;
import com.breakpilot.tenantregistry.client.ApiException;
import com.breakpilot.tenantregistry.client.ApiResponse;
import com.breakpilot.tenantregistry.client.api.ApiKeysApi;
import com.breakpilot.tenantregistry.client.api.ApiKeysApi.APIApiKeyListRequest;
import com.breakpilot.tenantregistry.client.api.AuditApi;
import com.breakpilot.tenantregistry.client.api.AuditApi.APIAuditListRequest;
import com.breakpilot.tenantregistry.client.api.CatalogApi;
import com.breakpilot.tenantregistry.client.api.CatalogApi.APICatalogListRequest;
import com.breakpilot.tenantregistry.client.api.HealthApi;
import com.breakpilot.tenantregistry.client.api.ProjectsApi;
import com.breakpilot.tenantregistry.client.api.ProjectsApi.APIProjectListRequest;
import com.breakpilot.tenantregistry.client.api.TenantsApi;
import com.breakpilot.tenantregistry.client.api.TenantsApi.APITenantListRequest;
import com.breakpilot.tenantregistry.client.model.*;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;

/**
 * Calls every operation of the Tenant Registry with the generated client: CustomerLife BASE_URL.
 *
 * <p>Prints a line for each operation that returns the expected responses. Throws an exception otherwise.
 */
public final class CustomerLife {
    private static final Duration TRIAL_PERIOD = Duration.ofDays(14);
    private static final Map<String, Object> METADATA = Map.of(
            "format", "pdf",
            "pages", Arrays.asList(1, 2.5, null),
            "by", Map.of("name", "Søren", "admin", false),
            "empty", Map.of());

    private final HealthApi health;
    private final TenantsApi tenants;
    private final ProjectsApi projects;
    private final CatalogApi catalog;
    private final ApiKeysApi apiKeys;
    private final AuditApi audit;
    private final ApiClient client = new ApiClient();

    private interface Call {
        void run() throws ApiException;
    }

    private CustomerLife(String baseUrl) {
        client.updateBaseUri(baseUrl);
        client.setRequestInterceptor(request -> request.setHeader("User-Agent", "customer-life/1"));
        health = new HealthApi(client);
        tenants = new TenantsApi(client);
        projects = new ProjectsApi(client);
        catalog = new CatalogApi(client);
        apiKeys = new ApiKeysApi(client);
        audit = new AuditApi(client);
    }

    public static void main(String[] arguments) throws Exception {
        CustomerLife life = new CustomerLife(arguments[0]);
        life.checkHealth();
        equal(life.client.getReadTimeout(), ApiClient.DEFAULT_TIMEOUT);
        Tenant tenant = life.createTenant();
        System.out.println("tenant " + tenant.getSlug());
        life.getTenant(tenant);
        life.activateTenant(tenant);
        life.updateTenant(tenant);
        life.updateOneVersion(tenant.getId());
        Project website = life.createProject(tenant.getId());
        String tried = life.tryProduct(tenant.getId());
        life.sellProduct(tenant.getId(), tried);
        life.useApiKey(tenant.getId(), website.getId(), tried);
        AuditEvent exported = life.appendAuditEvent(tenant);
        life.deleteProject(website.getId());
        life.closeAccount(tenant);
        life.readAuditLog(tenant, exported);
    }

    private void checkHealth() throws ApiException {
        equal(health.healthGet().getStatus(), HealthStatus.OK);
        passed("health_get");
        equal(health.readinessGet().getStatus(), HealthStatus.OK);
        passed("readiness_get");
    }

    private Tenant createTenant() throws Exception {
        String slug = "java-" + UUID.randomUUID().toString().substring(0, 8);
        TenantCreate body = new TenantCreate().slug(slug).name("Blåbær & Sønner GmbH");
        Tenant tenant = tenants.tenantCreate(body, null);
        equal(tenant.getSlug(), slug);
        equal(tenant.getName(), body.getName());
        equal(tenant.getStatus(), TenantStatus.TRIAL);
        equal(tenant.getKind(), TenantKind.CUSTOMER);
        equal(tenant.getPlan(), "starter");
        equal(Duration.between(tenant.getCreatedAt(), tenant.getTrialEndsAt()), TRIAL_PERIOD);
        equal(tenant.getContractStart(), null);
        equal(tenant.getContractEnd(), null);
        equal(tenant.getErpCustomerId(), null);
        fails(409, ErrorCode.CONFLICT, () -> tenants.tenantCreate(body, null));
        TenantCreate demoBody = new TenantCreate().slug(slug + "-demo").name("Demo").kind(TenantKind.DEMO);
        String key = UUID.randomUUID().toString();
        Tenant demo = tenants.tenantCreate(demoBody, key);
        equal(demo.getStatus(), TenantStatus.DEMO);
        equal(demo.getTrialEndsAt(), null);
        passed("tenant_create");

        ApiResponse<Tenant> again = tenants.tenantCreateWithHttpInfo(demoBody, key);
        equal(again.getStatusCode(), 201);
        equal(again.getHeaders().get("idempotency-replayed"), List.of("true"));
        equal(again.getData(), demo);
        fails(422, ErrorCode.IDEMPOTENCY_KEY_REUSED, () -> tenants.tenantCreate(body, key));
        passed("retries");
        return tenant;
    }

    private void getTenant(Tenant tenant) throws Exception {
        equal(tenants.tenantGet(tenant.getId(), null), tenant);
        fails(404, ErrorCode.NOT_FOUND, () -> tenants.tenantGet(UUID.randomUUID(), null));
        passed("tenant_get");
        equal(tenants.tenantGetBySlug(tenant.getSlug(), null), tenant);
        passed("tenant_get_by_slug");

        APITenantListRequest.Builder list =
                APITenantListRequest.newBuilder().q(tenant.getSlug()).limit(1);
        TenantPage page = tenants.tenantList(list.build());
        equal(page.getItems().stream().map(Tenant::getSlug).toList(), List.of(tenant.getSlug() + "-demo"));
        page = tenants.tenantList(list.cursor(page.getNextCursor()).build());
        equal(page.getItems(), List.of(tenant));
        equal(page.getNextCursor(), null);
        page = tenants.tenantList(APITenantListRequest.newBuilder()
                .q(tenant.getSlug())
                .kind(TenantKind.CUSTOMER)
                .build());
        equal(page.getItems(), List.of(tenant));
        APITenantListRequest unknown =
                APITenantListRequest.newBuilder().cursor("not-a-cursor").build();
        fails(400, ErrorCode.INVALID_INPUT, () -> tenants.tenantList(unknown));
        passed("tenant_list");

        // A later version of the service can return new values and members.
        ObjectNode known = client.getObjectMapper().valueToTree(tenant);
        String later = known.put("status", "suspended").put("since", "today").toString();
        Tenant read = client.getObjectMapper().readValue(later, Tenant.class);
        equal(read.getStatus(), TenantStatus.UNKNOWN_DEFAULT_OPEN_API);
        equal(read.getId(), tenant.getId());
    }

    private void activateTenant(Tenant tenant) throws Exception {
        UUID id = tenant.getId();
        Tenant active = tenants.tenantActivate(id, null, null, null);
        equal(active.getStatus(), TenantStatus.ACTIVE);
        equal(active.getPlan(), "starter");
        TenantActivate contract = new TenantActivate()
                .plan("team")
                .contractStart(LocalDate.of(2027, 1, 1))
                .contractEnd(LocalDate.of(2027, 12, 31))
                .erpCustomerId(tenant.getSlug());
        active = tenants.tenantActivate(id, null, null, contract);
        equal(active.getPlan(), "team");
        equal(active.getErpCustomerId(), tenant.getSlug());
        equal(active.getContractStart(), contract.getContractStart());
        equal(active.getContractEnd(), contract.getContractEnd());
        TenantActivate backwards = new TenantActivate().contractEnd(LocalDate.of(2026, 12, 31));
        fails(400, ErrorCode.INVALID_INPUT, () -> tenants.tenantActivate(id, null, null, backwards));
        passed("tenant_activate");
    }

    private void updateTenant(Tenant tenant) throws Exception {
        UUID id = tenant.getId();
        TenantUpdate patch = new TenantUpdate()
                .name("Blåbær Holding")
                .salesOwner("Ada Lovelace")
                .stripeCustId(tenant.getSlug());
        Tenant updated = tenants.tenantUpdate(id, patch, null);
        equal(updated.getName(), patch.getName());
        equal(updated.getSalesOwner(), patch.getSalesOwner());
        equal(updated.getStripeCustId(), tenant.getSlug());
        equal(updated.getPlan(), "team");

        // null removes a value. An omitted value remains unchanged.
        updated = tenants.tenantUpdate(id, new TenantUpdate().salesOwner(null), null);
        equal(updated.getSalesOwner(), null);
        equal(updated.getName(), patch.getName());
        equal(updated.getStripeCustId(), tenant.getSlug());
        TenantUpdate backwards = new TenantUpdate().contractEnd(LocalDate.of(2026, 12, 31));
        fails(400, ErrorCode.INVALID_INPUT, () -> tenants.tenantUpdate(id, backwards, null));
        passed("tenant_update");
    }

    private void updateOneVersion(UUID id) throws Exception {
        String tag = tenants.tenantGetWithHttpInfo(id, null).getHeaders().get("etag").get(0);
        try {
            tenants.tenantGet(id, tag);
            throw new IllegalStateException("expected the status 304");
        } catch (ApiException error) {
            equal(error.getCode(), 304);
        }
        tenants.tenantUpdate(id, new TenantUpdate().salesOwner("Grace Hopper"), tag);
        TenantUpdate late = new TenantUpdate().salesOwner("Alan Turing");
        fails(412, ErrorCode.PRECONDITION_FAILED, () -> tenants.tenantUpdate(id, late, tag));
        equal(tenants.tenantGet(id, tag).getSalesOwner(), "Grace Hopper");
        passed("etags");
    }

    private Project createProject(UUID tenantId) throws Exception {
        ProjectCreate body = new ProjectCreate()
                .tenantId(tenantId)
                .slug("website")
                .name("Website")
                .description("For visitors");
        Project project = projects.projectCreate(body, null);
        equal(project.getTenantId(), tenantId);
        equal(project.getSlug(), body.getSlug());
        equal(project.getName(), body.getName());
        equal(project.getDescription(), body.getDescription());
        fails(409, ErrorCode.CONFLICT, () -> projects.projectCreate(body, null));
        passed("project_create");

        equal(projects.projectGet(project.getId(), null), project);
        passed("project_get");

        Project mobile = projects.projectCreate(
                new ProjectCreate().tenantId(tenantId).slug("mobile-app").name("Mobile app"), null);
        APIProjectListRequest.Builder list =
                APIProjectListRequest.newBuilder().tenantId(tenantId).limit(1);
        ProjectPage page = projects.projectList(list.build());
        equal(page.getItems(), List.of(mobile));
        page = projects.projectList(list.cursor(page.getNextCursor()).build());
        equal(page.getItems(), List.of(project));
        equal(page.getNextCursor(), null);
        APIProjectListRequest unknownCursor = list.cursor("not-a-cursor").build();
        fails(400, ErrorCode.INVALID_INPUT, () -> projects.projectList(unknownCursor));
        passed("project_list");

        ProjectUpdate rename = new ProjectUpdate().name("Website and shop");
        Project updated = projects.projectUpdate(project.getId(), rename, null);
        equal(updated.getName(), "Website and shop");
        equal(updated.getDescription(), body.getDescription());
        updated = projects.projectUpdate(project.getId(), new ProjectUpdate().description(null), null);
        equal(updated.getName(), "Website and shop");
        equal(updated.getDescription(), null);
        fails(404, ErrorCode.NOT_FOUND, () -> projects.projectUpdate(tenantId, rename, null));
        passed("project_update");
        return updated;
    }

    private String tryProduct(UUID tenantId) throws Exception {
        List<CatalogEntry> entries =
                catalog.catalogList(APICatalogListRequest.newBuilder().build()).getItems();
        CatalogEntry entry =
                entries.stream().filter(CatalogEntry::getSupportsTrial).findFirst().orElseThrow();
        equal(entry.getPlansRequired(), List.of());
        check(entries.stream().anyMatch(other -> other.getDemoUrl() == null), "a product without a demo");
        passed("catalog_list");

        CatalogRequest body = new CatalogRequest().tenantId(tenantId).product(entry.getKey());
        equal(catalog.catalogRequestWithHttpInfo(body, null).getStatusCode(), 202);
        passed("catalog_request");

        TenantProduct trial = catalog.catalogTrialRequest(body, null);
        equal(trial.getEnabled(), true);
        equal(trial.getConfig(), Map.of());
        equal(Duration.between(trial.getCreatedAt(), trial.getExpiresAt()), TRIAL_PERIOD);
        fails(409, ErrorCode.CONFLICT, () -> catalog.catalogTrialRequest(body, null));
        passed("catalog_trial_request");

        equal(tenants.entitlementList(tenantId).getItems(), List.of(trial));
        passed("entitlement_list");

        EntitlementCheck entitled = tenants.entitlementCheck(tenantId, entry.getKey());
        equal(entitled.getEntitled(), true);
        equal(entitled.getReason(), null);
        equal(entitled.getExpiresAt(), trial.getExpiresAt());
        equal(entitled.getConfig(), Map.of());
        entitled = tenants.entitlementCheck(tenantId, "no-such-product");
        equal(entitled.getEntitled(), false);
        equal(entitled.getReason(), EntitlementCheckReason.UNKNOWN_PRODUCT);
        passed("entitlement_check");
        return entry.getKey();
    }

    private void sellProduct(UUID tenantId, String tried) throws Exception {
        EntitlementSet bought = new EntitlementSet().config(Map.of("seats", 5));
        ApiResponse<TenantProduct> response = tenants.entitlementSetWithHttpInfo(tenantId, tried, bought, null);
        equal(response.getStatusCode(), 200);
        equal(response.getData().getSource(), EntitlementSource.PURCHASE);
        equal(response.getData().getEnabled(), true);
        equal(response.getData().getConfig(), bought.getConfig());
        equal(response.getData().getExpiresAt(), null);

        String other = catalog.catalogList(APICatalogListRequest.newBuilder().build()).getItems().stream()
                .filter(entry -> !entry.getSupportsTrial())
                .map(CatalogEntry::getKey)
                .findFirst()
                .orElseThrow();
        fails(404, ErrorCode.NOT_FOUND, () -> tenants.entitlementGet(tenantId, other, null));
        EntitlementSet override = new EntitlementSet().source(EntitlementGrant.OVERRIDE);
        response = tenants.entitlementSetWithHttpInfo(tenantId, other, override, null);
        equal(response.getStatusCode(), 201);
        equal(response.getData().getSource(), EntitlementSource.OVERRIDE);
        passed("entitlement_set");

        equal(tenants.entitlementGet(tenantId, other, null), response.getData());
        passed("entitlement_get");

        for (int time = 0; time < 2; time++) {
            equal(tenants.entitlementRevokeWithHttpInfo(tenantId, other, null).getStatusCode(), 204);
        }
        equal(tenants.entitlementGet(tenantId, other, null).getEnabled(), false);
        equal(tenants.entitlementCheck(tenantId, other).getReason(), EntitlementCheckReason.DISABLED);
        passed("entitlement_revoke");
    }

    private void useApiKey(UUID tenantId, UUID projectId, String product) throws Exception {
        List<String> scopes = List.of("reports:read", "reports:write");
        // The service stores microseconds.
        OffsetDateTime expiresAt =
                OffsetDateTime.now(ZoneOffset.UTC).plusYears(1).truncatedTo(ChronoUnit.MICROS);
        APIKeyCreated created = apiKeys.apiKeyCreate(new APIKeyCreate()
                .tenantId(tenantId)
                .projectId(projectId)
                .name("ci")
                .scopes(scopes)
                .expiresAt(expiresAt), null);
        APIKey key = created.getApiKey();
        check(created.getPlaintext().startsWith(key.getPrefix()), "the plaintext starts with the prefix");
        check(created.toString().contains(key.getId().toString()), "the id in " + created);
        check(!created.toString().contains(created.getPlaintext()), "no secret in " + created);
        equal(key.getLastUsedAt(), null);
        equal(key.getRevokedAt(), null);
        equal(key.getProduct(), null);
        equal(key.getExpiresAt(), expiresAt);
        equal(key.getProjectId(), projectId);
        passed("api_key_create");

        equal(apiKeys.apiKeyGet(key.getId(), null), key);
        passed("api_key_get");

        APIKeyVerifyRequest request = new APIKeyVerifyRequest().key(created.getPlaintext());
        check(!request.toString().contains(created.getPlaintext()), "no secret in " + request);
        APIKeyVerify verification = apiKeys.apiKeyVerify(request);
        equal(verification.getValid(), true);
        equal(verification.getReason(), null);
        equal(verification.getTenantId(), tenantId);
        equal(verification.getScopes(), scopes);
        equal(verification.getApiKeyId(), key.getId());
        equal(verification.getExpiresAt(), expiresAt);
        equal(verification.getProjectId(), projectId);
        fails(409, ErrorCode.CONFLICT, () -> projects.projectDelete(projectId, null));
        APIKeyVerifyRequest use =
                new APIKeyVerifyRequest().key(created.getPlaintext()).product(product).addScopesItem("reports:read");
        equal(apiKeys.apiKeyVerify(use).getValid(), true);
        verification = apiKeys.apiKeyVerify(use.addScopesItem("reports:delete"));
        equal(verification.getValid(), false);
        equal(verification.getReason(), APIKeyVerifyReason.MISSING_SCOPE);

        APIKeyCreated rotated = apiKeys.apiKeyRotate(key.getId(), null, null, new APIKeyRotate().overlapSeconds(3600));
        APIKey successor = rotated.getApiKey();
        check(rotated.getPlaintext().startsWith(successor.getPrefix()), "the plaintext of the successor");
        check(!rotated.toString().contains(rotated.getPlaintext()), "no secret in " + rotated);
        equal(successor.getRotatedFrom(), key.getId());
        equal(successor.getExpiresAt(), null);
        equal(successor.getName(), key.getName());
        equal(successor.getScopes(), scopes);
        equal(successor.getProjectId(), projectId);
        APIKey old = apiKeys.apiKeyGet(key.getId(), null);
        equal(old.getRotatedTo(), successor.getId());
        equal(old.getExpiresAt(), successor.getCreatedAt().plusHours(1));
        for (String plaintext : List.of(created.getPlaintext(), rotated.getPlaintext())) {
            equal(apiKeys.apiKeyVerify(new APIKeyVerifyRequest().key(plaintext)).getValid(), true);
        }
        fails(409, ErrorCode.CONFLICT, () -> apiKeys.apiKeyRotate(key.getId(), null, null, null));
        passed("api_key_rotate");

        APIKeyUpdate patch = new APIKeyUpdate().name("nightly").scopes(List.of("reports:read"));
        APIKey updated = apiKeys.apiKeyUpdate(successor.getId(), patch, null);
        equal(updated.getName(), patch.getName());
        equal(updated.getScopes(), patch.getScopes());
        equal(updated.getExpiresAt(), null);
        APIKeyUpdate past = new APIKeyUpdate().expiresAt(key.getCreatedAt());
        fails(400, ErrorCode.INVALID_INPUT, () -> apiKeys.apiKeyUpdate(successor.getId(), past, null));
        passed("api_key_update");

        APIKeyVerifyBatch batch = new APIKeyVerifyBatch();
        for (String plaintext : List.of(created.getPlaintext(), rotated.getPlaintext())) {
            batch.addKeysItem(new APIKeyVerifyRequest().key(plaintext).addScopesItem("reports:write"));
        }
        List<APIKeyVerify> results = apiKeys.apiKeyVerifyBatch(batch).getResults();
        equal(results.stream().map(APIKeyVerify::getValid).toList(), List.of(true, false));
        equal(results.get(1).getReason(), APIKeyVerifyReason.MISSING_SCOPE);
        passed("api_key_verify_batch");

        for (int time = 0; time < 2; time++) {
            equal(apiKeys.apiKeyRevokeWithHttpInfo(key.getId(), null).getStatusCode(), 204);
        }
        passed("api_key_revoke");

        verification = apiKeys.apiKeyVerify(request);
        equal(verification.getValid(), false);
        equal(verification.getReason(), APIKeyVerifyReason.REVOKED);
        equal(verification.getTenantId(), null);
        equal(verification.getScopes(), null);
        passed("api_key_verify");

        APIKeyList page = apiKeys.apiKeyList(
                APIApiKeyListRequest.newBuilder().tenantId(tenantId).limit(1).build());
        equal(ids(page), List.of(successor.getId()));
        page = apiKeys.apiKeyList(APIApiKeyListRequest.newBuilder()
                .tenantId(tenantId)
                .limit(1)
                .cursor(page.getNextCursor())
                .build());
        equal(ids(page), List.of(key.getId()));
        check(!page.getItems().get(0).getRevokedAt().isBefore(key.getCreatedAt()), "revoked after it was created");
        equal(page.getNextCursor(), null);
        page = apiKeys.apiKeyList(
                APIApiKeyListRequest.newBuilder().tenantId(tenantId).usable(true).build());
        equal(ids(page), List.of(successor.getId()));
        passed("api_key_list");
        apiKeys.apiKeyRevoke(successor.getId(), null);
    }

    private static List<UUID> ids(APIKeyList page) {
        return page.getItems().stream().map(APIKey::getId).toList();
    }

    private void deleteProject(UUID id) throws Exception {
        equal(projects.projectDeleteWithHttpInfo(id, null).getStatusCode(), 204);
        fails(404, ErrorCode.NOT_FOUND, () -> projects.projectGet(id, null));
        passed("project_delete");
    }

    private AuditEvent appendAuditEvent(Tenant tenant) throws Exception {
        AuditAppend body = new AuditAppend()
                .tenantId(tenant.getId())
                .projectId(UUID.randomUUID())
                .action("report.exported")
                .occurredAt(tenant.getCreatedAt())
                .targets(List.of(new AuditTarget().id("report-17").type("report").name("Revenue 2026")))
                .metadata(METADATA);
        AuditEvent event = audit.auditAppend(body, null);
        check(event.getId() > 0, "a positive event number");
        check(!event.getCreatedAt().isBefore(tenant.getCreatedAt()), "a time after the creation of the tenant");
        equal(event.getProjectId(), body.getProjectId());
        equal(event.getActorId(), null);
        equal(event.getMetadata(), METADATA);
        equal(event.getOccurredAt(), body.getOccurredAt());
        equal(event.getTargets(), List.of(new AuditEventTarget().id("report-17").type("report").name("Revenue 2026")));
        equal(event.getSourceIp(), "127.0.0.1");
        equal(event.getUserAgent(), "customer-life/1");
        AuditAppend unknownTenant = new AuditAppend().tenantId(UUID.randomUUID()).action("report.exported");
        fails(400, ErrorCode.INVALID_INPUT, () -> audit.auditAppend(unknownTenant, null));
        passed("audit_append");

        AuditAppendBatch batch = new AuditAppendBatch()
                .events(List.of(new AuditAppend().action("report.viewed"), new AuditAppend().action("report.shared")));
        List<AuditEvent> items = audit.auditAppendBatch(batch, null).getItems();
        equal(items.stream().map(AuditEvent::getAction).toList(), List.of("report.viewed", "report.shared"));
        check(event.getId() < items.get(0).getId() && items.get(0).getId() < items.get(1).getId(), "increasing numbers");
        AuditAppendBatch invalid = new AuditAppendBatch().events(List.of(batch.getEvents().get(0), unknownTenant));
        fails(400, ErrorCode.INVALID_INPUT, () -> audit.auditAppendBatch(invalid, null));
        passed("audit_append_batch");

        equal(audit.auditGet(event.getId()), event);
        fails(404, ErrorCode.NOT_FOUND, () -> audit.auditGet(Long.MAX_VALUE));
        passed("audit_get");
        return event;
    }

    private void closeAccount(Tenant tenant) throws Exception {
        UUID id = tenant.getId();
        TenantCancel atPeriodEnd = new TenantCancel().reason("too dear").atPeriodEnd(true);
        equal(tenants.tenantCancel(id, null, null, atPeriodEnd).getStatus(), TenantStatus.ACTIVE);
        fails(409, ErrorCode.CONFLICT, () -> tenants.tenantArchive(id, null, null));
        equal(tenants.tenantCancel(id, null, null, null).getStatus(), TenantStatus.FROZEN);
        passed("tenant_cancel");

        equal(tenants.tenantArchive(id, null, null).getStatus(), TenantStatus.ARCHIVED);
        fails(409, ErrorCode.CONFLICT, () -> tenants.tenantActivate(id, null, null, null));
        passed("tenant_archive");

        UUID demo = tenants.tenantGetBySlug(tenant.getSlug() + "-demo", null).getId();
        fails(409, ErrorCode.CONFLICT, () -> tenants.tenantDelete(demo, null));
        tenants.tenantArchive(demo, null, null);
        equal(tenants.tenantDeleteWithHttpInfo(demo, null).getStatusCode(), 204);
        fails(404, ErrorCode.NOT_FOUND, () -> tenants.tenantGet(demo, null));
        passed("tenant_delete");
    }

    private void readAuditLog(Tenant tenant, AuditEvent appended) throws Exception {
        List<AuditEvent> events = new ArrayList<>();
        Long cursor = Long.MAX_VALUE;
        while (cursor != null) {
            AuditEventPage page = audit.auditList(APIAuditListRequest.newBuilder()
                    .tenantId(tenant.getId())
                    .since(tenant.getCreatedAt())
                    .limit(3)
                    .cursor(cursor)
                    .build());
            check(page.getItems().size() <= 3, "at most as many items as the limit");
            events.addAll(page.getItems());
            cursor = page.getNextCursor();
        }
        List<String> actions = new ArrayList<>(events.stream().map(AuditEvent::getAction).toList());
        Collections.reverse(actions);
        equal(
                actions,
                List.of(
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
                        "tenant.archived"));
        List<Long> ids = events.stream().map(AuditEvent::getId).toList();
        equal(ids, ids.stream().distinct().sorted(reverseOrder()).toList());
        check(events.contains(appended), "the appended event");
        APIAuditListRequest tooMany = APIAuditListRequest.newBuilder().limit(501).build();
        fails(400, ErrorCode.INVALID_INPUT, () -> audit.auditList(tooMany));
        passed("audit_list");

        // The same time with the offset of the local time zone.
        OffsetDateTime at = appended.getCreatedAt().atZoneSameInstant(ZoneId.systemDefault()).toOffsetDateTime();
        check(!at.getOffset().equals(ZoneOffset.UTC), "a local time zone that is not UTC");
        OffsetDateTime later = at.plusNanos(1000);
        equal(exports(tenant, null, at), List.of());
        equal(exports(tenant, at, null), List.of(appended));
        equal(exports(tenant, later, null), List.of());
        equal(exports(tenant, null, later), List.of(appended));
        // RFC 3339 has no seconds in offsets. Historical time zones do.
        OffsetDateTime historical = at.withOffsetSameInstant(ZoneOffset.ofTotalSeconds(19 * 60 + 32));
        equal(exports(tenant, historical, null), List.of(appended));
        passed("times");
    }

    private List<AuditEvent> exports(Tenant tenant, OffsetDateTime since, OffsetDateTime until) throws ApiException {
        AuditEventPage page = audit.auditList(APIAuditListRequest.newBuilder()
                .tenantId(tenant.getId())
                .action("report.exported")
                .since(since)
                .until(until)
                .build());
        equal(page.getNextCursor(), null);
        return page.getItems();
    }

    private static void passed(String operation) {
        System.out.println(operation + " ok");
    }

    private void fails(int status, ErrorCode code, Call call) throws Exception {
        try {
            call.run();
        } catch (ApiException error) {
            equal(error.getCode(), status);
            ErrorBody body = client.getObjectMapper().readValue(error.getResponseBody(), ErrorBody.class);
            equal(body.getError(), code);
            check(!body.getMessage().isEmpty(), "an error has a message");
            String text = status + " " + code + ": " + body.getMessage();
            check(error.toString().endsWith(text), error + " ends with " + text);
            return;
        }
        throw new IllegalStateException("expected an error with status " + status);
    }

    private static void equal(Object actual, Object expected) {
        check(Objects.equals(actual, expected), expected + " instead of " + actual);
    }

    private static void check(boolean isMet, String expectation) {
        if (!isMet) {
            throw new IllegalStateException("unexpected result; expected: " + expectation);
        }
    }
}
