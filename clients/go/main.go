// Calls every operation of the Tenant Registry with the generated client: customerlife BASE_URL.
//
// Prints a line for each operation that returns the expected responses. Exits with 1 otherwise.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	registry "tenant-registry.breakpilot.com/clients/go"
)

const (
	trialPeriod     = 14 * 24 * time.Hour
	unknownTenantId = "0190b8a5-7b1c-7c3e-9d52-ffffffffffff"
)

var metadata = map[string]interface{}{
	"format": "pdf",
	"pages":  []interface{}{1.0, 2.5, nil},
	"by":     map[string]interface{}{"name": "Søren", "admin": false},
	"empty":  map[string]interface{}{},
}

var (
	client *registry.APIClient
	ctx    = context.Background()
)

func main() {
	log.SetFlags(log.Lshortfile)
	configuration := registry.NewConfiguration()
	configuration.Servers = registry.ServerConfigurations{{URL: os.Args[1]}}
	client = registry.NewAPIClient(configuration)

	checkHealth()
	check(client.GetConfig().HTTPClient.Timeout == registry.DefaultTimeout, "the default time limit")
	tenant := createTenant()
	fmt.Println("tenant", tenant.Slug)
	getTenant(tenant)
	readUnknown(tenant)
	activateTenant(tenant)
	updateTenant(tenant)
	updateOneVersion(tenant)
	website := createProject(tenant)
	tried := tryProduct(tenant)
	sellProduct(tenant, tried)
	useAPIKey(tenant, website, tried)
	exported := appendAuditEvent(tenant)
	deleteProject(website)
	closeAccount(tenant)
	readAuditLog(tenant, exported)
}

func passed(operation string) {
	fmt.Println(operation, "ok")
}

func check(isMet bool, expectation string) {
	if !isMet {
		log.Output(2, "unexpected result; expected: "+expectation)
		os.Exit(1)
	}
}

func succeeds[T any](response T, _ *http.Response, err error) T {
	if err != nil {
		var apiError *registry.GenericOpenAPIError
		if errors.As(err, &apiError) {
			log.Output(2, string(apiError.Body()))
		}
		log.Output(2, err.Error())
		os.Exit(1)
	}
	return response
}

func fails[T any](status int, code registry.ErrorCode) func(T, *http.Response, error) {
	return func(_ T, response *http.Response, err error) {
		var apiError *registry.GenericOpenAPIError
		check(errors.As(err, &apiError), fmt.Sprintf("an error with status %d", status))
		check(response.StatusCode == status, fmt.Sprintf("status %d instead of %s", status, response.Status))
		body, isError := apiError.Model().(registry.Error)
		check(isError, "the body is an Error")
		check(body.Error == code, fmt.Sprintf("code %s instead of %s", code, body.Error))
		check(body.Message != "", "an error has a message")
		text := fmt.Sprintf("%d %s: %s", status, code, body.Message)
		check(err.Error() == text, fmt.Sprintf("the error %s instead of %s", text, err))
	}
}

func checkHealth() {
	health := succeeds(client.HealthAPI.HealthGet(ctx).Execute())
	check(health.Status == registry.HEALTHSTATUS_OK, "status ok")
	passed("health_get")
	readiness := succeeds(client.HealthAPI.ReadinessGet(ctx).Execute())
	check(readiness.Status == registry.HEALTHSTATUS_OK, "status ok")
	passed("readiness_get")
}

func createTenant() *registry.Tenant {
	slug := fmt.Sprintf("go-%x", random(6))
	body := *registry.NewTenantCreate(slug, "Blåbær & Sønner GmbH")
	tenant := succeeds(client.TenantsAPI.TenantCreate(ctx).TenantCreate(body).Execute())
	check(tenant.Slug == slug && tenant.Name == body.Name, "the slug and name of the request")
	check(tenant.Status == registry.TENANTSTATUS_TRIAL, "a customer starts in a trial")
	check(tenant.Kind == registry.TENANTKIND_CUSTOMER && tenant.Plan == "starter", "the default kind and plan")
	check(tenant.TrialEndsAt.Get().Sub(tenant.CreatedAt) == trialPeriod, "a trial of 14 days")
	check(tenant.ContractStart.Get() == nil && tenant.ContractEnd.Get() == nil, "no contract")
	check(!tenant.HasErpCustomerId(), "no customer ID")
	fails[*registry.Tenant](409, registry.ERRORCODE_CONFLICT)(
		client.TenantsAPI.TenantCreate(ctx).TenantCreate(body).Execute())
	body = *registry.NewTenantCreate(slug+"-demo", "Demo")
	body.SetKind(registry.TENANTKIND_DEMO)
	create := client.TenantsAPI.TenantCreate(ctx).IdempotencyKey(fmt.Sprintf("%x", random(16)))
	demo := succeeds(create.TenantCreate(body).Execute())
	check(demo.Status == registry.TENANTSTATUS_DEMO && demo.TrialEndsAt.Get() == nil, "a demo without a trial end")
	passed("tenant_create")

	again, response, err := create.TenantCreate(body).Execute()
	check(err == nil && response.StatusCode == 201 && reflect.DeepEqual(again, demo), "the same demo")
	check(response.Header.Get("Idempotency-Replayed") == "true", "a stored response")
	body.SetName("Another demo")
	fails[*registry.Tenant](422, registry.ERRORCODE_IDEMPOTENCY_KEY_REUSED)(create.TenantCreate(body).Execute())
	passed("retries")
	return tenant
}

func getTenant(tenant *registry.Tenant) {
	found := succeeds(client.TenantsAPI.TenantGet(ctx, tenant.Id).Execute())
	check(reflect.DeepEqual(found, tenant), "the created tenant")
	fails[*registry.Tenant](404, registry.ERRORCODE_NOT_FOUND)(client.TenantsAPI.TenantGet(ctx, unknownTenantId).Execute())
	passed("tenant_get")
	found = succeeds(client.TenantsAPI.TenantGetBySlug(ctx, tenant.Slug).Execute())
	check(reflect.DeepEqual(found, tenant), "the created tenant")
	passed("tenant_get_by_slug")

	list := client.TenantsAPI.TenantList(ctx).Q(tenant.Slug)
	page := succeeds(list.Limit(1).Execute())
	check(len(page.Items) == 1 && page.Items[0].Slug == tenant.Slug+"-demo", "the newest tenant")
	page = succeeds(list.Limit(1).Cursor(page.GetNextCursor()).Execute())
	check(reflect.DeepEqual(page.Items, []registry.Tenant{*tenant}) && !page.HasNextCursor(), "the oldest tenant")
	page = succeeds(list.Kind(registry.TENANTKIND_CUSTOMER).Execute())
	check(reflect.DeepEqual(page.Items, []registry.Tenant{*tenant}), "the only customer")
	fails[*registry.TenantPage](400, registry.ERRORCODE_INVALID_INPUT)(
		client.TenantsAPI.TenantList(ctx).Cursor("not-a-cursor").Execute())
	passed("tenant_list")
}

// A later version of the service can return new values and members.
func readUnknown(tenant *registry.Tenant) {
	known, err := json.Marshal(tenant)
	check(err == nil, "a tenant as JSON")
	later := bytes.Replace(known, []byte(`"status":"trial"`), []byte(`"status":"suspended","since":"today"`), 1)
	var read registry.Tenant
	check(json.Unmarshal(later, &read) == nil, "a tenant from JSON with unknown values")
	check(read.Status == "suspended" && !read.Status.IsValid() && read.Id == tenant.Id, "the unknown status")
}

func activateTenant(tenant *registry.Tenant) {
	active := succeeds(client.TenantsAPI.TenantActivate(ctx, tenant.Id).Execute())
	check(active.Status == registry.TENANTSTATUS_ACTIVE && active.Plan == "starter", "only the status changes")
	body := *registry.NewTenantActivate()
	body.SetPlan("team")
	body.SetContractStart("2027-01-01")
	body.SetContractEnd("2027-12-31")
	body.SetErpCustomerId(tenant.Slug)
	active = succeeds(client.TenantsAPI.TenantActivate(ctx, tenant.Id).TenantActivate(body).Execute())
	check(active.Plan == "team" && active.GetErpCustomerId() == tenant.Slug, "the plan and customer ID of the request")
	check(*active.ContractStart.Get() == "2027-01-01" && *active.ContractEnd.Get() == "2027-12-31", "the dates of the request")
	body = *registry.NewTenantActivate()
	body.SetContractEnd("2026-12-31")
	fails[*registry.Tenant](400, registry.ERRORCODE_INVALID_INPUT)(
		client.TenantsAPI.TenantActivate(ctx, tenant.Id).TenantActivate(body).Execute())
	passed("tenant_activate")
}

func updateTenant(tenant *registry.Tenant) {
	body := *registry.NewTenantUpdate()
	body.SetName("Blåbær Holding")
	body.SetSalesOwner("Ada Lovelace")
	body.SetStripeCustId(tenant.Slug)
	updated := succeeds(client.TenantsAPI.TenantUpdate(ctx, tenant.Id).TenantUpdate(body).Execute())
	check(updated.Name == body.GetName() && updated.GetSalesOwner() == "Ada Lovelace", "the new name and sales owner")
	check(updated.GetStripeCustId() == tenant.Slug && updated.Plan == "team", "the new customer ID and the same plan")

	// Nil removes a value. An omitted value remains unchanged.
	body = *registry.NewTenantUpdate()
	body.SetSalesOwnerNil()
	updated = succeeds(client.TenantsAPI.TenantUpdate(ctx, tenant.Id).TenantUpdate(body).Execute())
	check(!updated.HasSalesOwner(), "no sales owner")
	check(updated.Name == "Blåbær Holding" && updated.GetStripeCustId() == tenant.Slug, "the same name and customer ID")
	body = *registry.NewTenantUpdate()
	body.SetContractEnd("2026-12-31")
	fails[*registry.Tenant](400, registry.ERRORCODE_INVALID_INPUT)(
		client.TenantsAPI.TenantUpdate(ctx, tenant.Id).TenantUpdate(body).Execute())
	passed("tenant_update")
}

func updateOneVersion(tenant *registry.Tenant) {
	_, response, err := client.TenantsAPI.TenantGet(ctx, tenant.Id).Execute()
	check(err == nil, "a tenant")
	tag := response.Header.Get("ETag")
	_, response, err = client.TenantsAPI.TenantGet(ctx, tenant.Id).IfNoneMatch(tag).Execute()
	check(err != nil && response.StatusCode == 304, "status 304")
	body := *registry.NewTenantUpdate()
	body.SetSalesOwner("Grace Hopper")
	succeeds(client.TenantsAPI.TenantUpdate(ctx, tenant.Id).IfMatch(tag).TenantUpdate(body).Execute())
	body.SetSalesOwner("Alan Turing")
	fails[*registry.Tenant](412, registry.ERRORCODE_PRECONDITION_FAILED)(
		client.TenantsAPI.TenantUpdate(ctx, tenant.Id).IfMatch(tag).TenantUpdate(body).Execute())
	found := succeeds(client.TenantsAPI.TenantGet(ctx, tenant.Id).IfNoneMatch(tag).Execute())
	check(found.GetSalesOwner() == "Grace Hopper", "the first of two concurrent changes")
	passed("etags")
}

func createProject(tenant *registry.Tenant) *registry.Project {
	body := *registry.NewProjectCreate(tenant.Id, "website", "Website")
	body.SetDescription("For visitors")
	project := succeeds(client.ProjectsAPI.ProjectCreate(ctx).ProjectCreate(body).Execute())
	check(project.TenantId == tenant.Id && project.Slug == "website", "the tenant and slug of the request")
	check(project.Name == "Website" && project.GetDescription() == "For visitors", "the name and description of the request")
	fails[*registry.Project](409, registry.ERRORCODE_CONFLICT)(
		client.ProjectsAPI.ProjectCreate(ctx).ProjectCreate(body).Execute())
	passed("project_create")

	found := succeeds(client.ProjectsAPI.ProjectGet(ctx, project.Id).Execute())
	check(reflect.DeepEqual(found, project), "the created project")
	passed("project_get")

	mobile := succeeds(client.ProjectsAPI.ProjectCreate(ctx).
		ProjectCreate(*registry.NewProjectCreate(tenant.Id, "mobile-app", "Mobile app")).Execute())
	list := client.ProjectsAPI.ProjectList(ctx).TenantId(tenant.Id)
	page := succeeds(list.Limit(1).Execute())
	check(reflect.DeepEqual(page.Items, []registry.Project{*mobile}), "the newest project")
	page = succeeds(list.Limit(1).Cursor(page.GetNextCursor()).Execute())
	check(reflect.DeepEqual(page.Items, []registry.Project{*project}) && !page.HasNextCursor(), "the oldest project")
	fails[*registry.ProjectPage](400, registry.ERRORCODE_INVALID_INPUT)(list.Cursor("not-a-cursor").Execute())
	passed("project_list")

	update := *registry.NewProjectUpdate()
	update.SetName("Website and shop")
	updated := succeeds(client.ProjectsAPI.ProjectUpdate(ctx, project.Id).ProjectUpdate(update).Execute())
	check(updated.Name == "Website and shop" && updated.GetDescription() == "For visitors", "the new name, the same description")
	fails[*registry.Project](404, registry.ERRORCODE_NOT_FOUND)(
		client.ProjectsAPI.ProjectUpdate(ctx, tenant.Id).ProjectUpdate(update).Execute())
	update = *registry.NewProjectUpdate()
	update.SetDescriptionNil()
	updated = succeeds(client.ProjectsAPI.ProjectUpdate(ctx, project.Id).ProjectUpdate(update).Execute())
	check(updated.Name == "Website and shop" && !updated.HasDescription(), "the same name, no description")
	passed("project_update")
	return updated
}

func tryProduct(tenant *registry.Tenant) string {
	catalog := succeeds(client.CatalogAPI.CatalogList(ctx).Execute())
	var product string
	allHaveDemo := true
	for _, entry := range catalog.Items {
		if entry.SupportsTrial && product == "" {
			product = entry.Key
			check(entry.Name != "" && len(entry.PlansRequired) == 0, "a named product for every plan")
		}
		allHaveDemo = allHaveDemo && entry.HasDemoUrl()
	}
	check(product != "" && !allHaveDemo, "a product with trials, and one without a demo")
	passed("catalog_list")

	body := *registry.NewCatalogRequest(tenant.Id, product)
	response, err := client.CatalogAPI.CatalogRequest(ctx).CatalogRequest(body).Execute()
	check(err == nil && response.StatusCode == 202, "status 202")
	passed("catalog_request")

	trial := succeeds(client.CatalogAPI.CatalogTrialRequest(ctx).CatalogRequest(body).Execute())
	check(trial.Enabled && len(trial.Config) == 0, "a trial is enabled")
	check(trial.ExpiresAt.Get().Sub(trial.CreatedAt) == trialPeriod, "a trial of 14 days")
	fails[*registry.TenantProduct](409, registry.ERRORCODE_CONFLICT)(
		client.CatalogAPI.CatalogTrialRequest(ctx).CatalogRequest(body).Execute())
	passed("catalog_trial_request")

	entitlements := succeeds(client.TenantsAPI.EntitlementList(ctx).TenantId(tenant.Id).Execute())
	check(reflect.DeepEqual(entitlements.Items, []registry.TenantProduct{*trial}), "the entitlement of the trial")
	passed("entitlement_list")

	entitled := succeeds(client.TenantsAPI.EntitlementCheck(ctx).TenantId(tenant.Id).Product(product).Execute())
	check(entitled.Entitled && !entitled.HasReason(), "the tenant is entitled to the trial")
	check(entitled.ExpiresAt.Equal(*trial.ExpiresAt.Get()) && len(entitled.Config) == 0, "the end of the trial")
	entitled = succeeds(client.TenantsAPI.EntitlementCheck(ctx).TenantId(tenant.Id).Product("no-such-product").Execute())
	check(!entitled.Entitled, "not entitled to an unknown product")
	check(entitled.GetReason() == registry.ENTITLEMENTCHECKREASON_UNKNOWN_PRODUCT, "the unknown product as the reason")
	passed("entitlement_check")
	return product
}

func sellProduct(tenant *registry.Tenant, tried string) {
	bought := *registry.NewEntitlementSet()
	bought.SetConfig(map[string]interface{}{"seats": 5.0})
	entitlement, response, err := client.TenantsAPI.EntitlementSet(ctx, tenant.Id, tried).EntitlementSet(bought).Execute()
	check(err == nil && response.StatusCode == 200, "status 200 for an entitlement that existed")
	check(entitlement.Source == registry.ENTITLEMENTSOURCE_PURCHASE && entitlement.Enabled, "a purchase")
	check(reflect.DeepEqual(entitlement.Config, bought.Config), "the settings of the request")
	check(entitlement.ExpiresAt.Get() == nil, "an entitlement that does not expire")

	var other string
	for _, entry := range succeeds(client.CatalogAPI.CatalogList(ctx).Execute()).Items {
		if !entry.SupportsTrial {
			other = entry.Key
		}
	}
	fails[*registry.TenantProduct](404, registry.ERRORCODE_NOT_FOUND)(
		client.TenantsAPI.EntitlementGet(ctx, tenant.Id, other).Execute())
	override := *registry.NewEntitlementSet()
	override.SetSource(registry.ENTITLEMENTGRANT_OVERRIDE)
	entitlement, response, err = client.TenantsAPI.EntitlementSet(ctx, tenant.Id, other).EntitlementSet(override).Execute()
	check(err == nil && response.StatusCode == 201, "status 201 for a new entitlement")
	check(entitlement.Source == registry.ENTITLEMENTSOURCE_OVERRIDE, "an override")
	passed("entitlement_set")

	found := succeeds(client.TenantsAPI.EntitlementGet(ctx, tenant.Id, other).Execute())
	check(reflect.DeepEqual(found, entitlement), "the entitlement that was set")
	passed("entitlement_get")

	for range [2]int{} {
		response, err = client.TenantsAPI.EntitlementRevoke(ctx, tenant.Id, other).Execute()
		check(err == nil && response.StatusCode == 204, "status 204")
	}
	found = succeeds(client.TenantsAPI.EntitlementGet(ctx, tenant.Id, other).Execute())
	check(!found.Enabled, "an entitlement that is not enabled")
	entitled := succeeds(client.TenantsAPI.EntitlementCheck(ctx).TenantId(tenant.Id).Product(other).Execute())
	check(entitled.GetReason() == registry.ENTITLEMENTCHECKREASON_DISABLED, "a revoked entitlement is disabled")
	passed("entitlement_revoke")
}

func useAPIKey(tenant *registry.Tenant, project *registry.Project, product string) {
	scopes := []string{"reports:read", "reports:write"}
	body := *registry.NewAPIKeyCreate(tenant.Id, "ci")
	body.SetScopes(scopes)
	body.SetProjectId(project.Id)
	// The service stores microseconds.
	expiresAt := time.Now().Add(365 * 24 * time.Hour).Truncate(time.Microsecond)
	body.SetExpiresAt(expiresAt)
	created := succeeds(client.ApiKeysAPI.ApiKeyCreate(ctx).APIKeyCreate(body).Execute())
	key := created.ApiKey
	check(strings.HasPrefix(created.Plaintext, key.Prefix) && created.Warning != "", "the plaintext and a warning")
	shown := fmt.Sprintf("%v %+v %#v %s", created, *created, created, *created)
	check(strings.Contains(shown, key.Id) && !strings.Contains(shown, created.Plaintext), "no secret in "+shown)
	check(key.LastUsedAt.Get() == nil && key.RevokedAt.Get() == nil && !key.HasProduct(), "a key that is neither used nor revoked")
	check(key.ExpiresAt.Get().Equal(expiresAt), "the end of the request")
	check(key.GetProjectId() == project.Id, "the project of the request")
	passed("api_key_create")

	found := succeeds(client.ApiKeysAPI.ApiKeyGet(ctx, key.Id).Execute())
	check(reflect.DeepEqual(*found, key), "the created key")
	passed("api_key_get")

	request := *registry.NewAPIKeyVerifyRequest(created.Plaintext)
	shown = fmt.Sprintf("%v %#v", request, request)
	check(!strings.Contains(shown, created.Plaintext), "no secret in "+shown)
	verification := succeeds(client.ApiKeysAPI.ApiKeyVerify(ctx).APIKeyVerifyRequest(request).Execute())
	check(verification.Valid && !verification.HasReason(), "a new key is valid")
	check(verification.GetTenantId() == tenant.Id && reflect.DeepEqual(verification.Scopes, scopes), "its tenant and scopes")
	check(verification.GetApiKeyId() == key.Id && verification.ExpiresAt.Equal(expiresAt), "its ID and end")
	check(verification.GetProjectId() == project.Id, "its project")
	_, err := client.ProjectsAPI.ProjectDelete(ctx, project.Id).Execute()
	check(err != nil && strings.HasPrefix(err.Error(), "409 conflict: "), "a project whose key is usable cannot be deleted")
	use := request
	use.SetProduct(product)
	use.SetScopes([]string{"reports:read"})
	verification = succeeds(client.ApiKeysAPI.ApiKeyVerify(ctx).APIKeyVerifyRequest(use).Execute())
	check(verification.Valid, "valid for the product and a scope of the key")
	use.SetScopes([]string{"reports:read", "reports:delete"})
	verification = succeeds(client.ApiKeysAPI.ApiKeyVerify(ctx).APIKeyVerifyRequest(use).Execute())
	check(!verification.Valid && verification.GetReason() == registry.APIKEYVERIFYREASON_MISSING_SCOPE, "a missing scope")

	rotation := *registry.NewAPIKeyRotate()
	rotation.SetOverlapSeconds(3600)
	rotated := succeeds(client.ApiKeysAPI.ApiKeyRotate(ctx, key.Id).APIKeyRotate(rotation).Execute())
	successor := rotated.ApiKey
	check(strings.HasPrefix(rotated.Plaintext, successor.Prefix), "the plaintext of the successor")
	check(!strings.Contains(fmt.Sprint(rotated), rotated.Plaintext), "no secret in a rotated key")
	check(successor.GetRotatedFrom() == key.Id && successor.ExpiresAt.Get() == nil, "a successor that does not expire")
	check(successor.Name == key.Name && reflect.DeepEqual(successor.Scopes, scopes), "the same name and scopes")
	check(successor.GetProjectId() == project.Id, "the same project")
	old := succeeds(client.ApiKeysAPI.ApiKeyGet(ctx, key.Id).Execute())
	check(old.GetRotatedTo() == successor.Id, "the link to the successor")
	check(old.ExpiresAt.Get().Equal(successor.CreatedAt.Add(time.Hour)), "the end of the overlap")
	for _, plaintext := range []string{created.Plaintext, rotated.Plaintext} {
		verification = succeeds(client.ApiKeysAPI.ApiKeyVerify(ctx).
			APIKeyVerifyRequest(*registry.NewAPIKeyVerifyRequest(plaintext)).Execute())
		check(verification.Valid, "both keys are valid during the overlap")
	}
	fails[*registry.APIKeyCreated](409, registry.ERRORCODE_CONFLICT)(client.ApiKeysAPI.ApiKeyRotate(ctx, key.Id).Execute())
	passed("api_key_rotate")

	patch := *registry.NewAPIKeyUpdate()
	patch.SetName("nightly")
	patch.SetScopes([]string{"reports:read"})
	updated := succeeds(client.ApiKeysAPI.ApiKeyUpdate(ctx, successor.Id).APIKeyUpdate(patch).Execute())
	check(updated.Name == "nightly" && reflect.DeepEqual(updated.Scopes, patch.Scopes), "the new name and scopes")
	check(updated.ExpiresAt.Get() == nil, "no end, as before")
	patch = *registry.NewAPIKeyUpdate()
	patch.SetExpiresAt(tenant.CreatedAt)
	fails[*registry.TenantAPIKey](400, registry.ERRORCODE_INVALID_INPUT)(
		client.ApiKeysAPI.ApiKeyUpdate(ctx, successor.Id).APIKeyUpdate(patch).Execute())
	passed("api_key_update")

	var uses []registry.APIKeyVerifyRequest
	for _, plaintext := range []string{created.Plaintext, rotated.Plaintext} {
		use := *registry.NewAPIKeyVerifyRequest(plaintext)
		use.SetScopes([]string{"reports:write"})
		uses = append(uses, use)
	}
	results := succeeds(client.ApiKeysAPI.ApiKeyVerifyBatch(ctx).
		APIKeyVerifyBatch(*registry.NewAPIKeyVerifyBatch(uses)).Execute()).Results
	check(len(results) == 2 && results[0].Valid && !results[1].Valid, "one key with the scope")
	check(results[1].GetReason() == registry.APIKEYVERIFYREASON_MISSING_SCOPE, "one key without the scope")
	passed("api_key_verify_batch")

	for range [2]int{} {
		response, err := client.ApiKeysAPI.ApiKeyRevoke(ctx, key.Id).Execute()
		check(err == nil && response.StatusCode == 204, "status 204")
	}
	passed("api_key_revoke")

	verification = succeeds(client.ApiKeysAPI.ApiKeyVerify(ctx).APIKeyVerifyRequest(request).Execute())
	check(!verification.Valid && verification.GetReason() == registry.APIKEYVERIFYREASON_REVOKED, "a revoked key is not valid")
	check(!verification.HasTenantId() && !verification.HasScopes(), "no tenant or scopes for an invalid key")
	passed("api_key_verify")

	list := client.ApiKeysAPI.ApiKeyList(ctx).TenantId(tenant.Id)
	keys := succeeds(list.Limit(1).Execute())
	check(len(keys.Items) == 1 && keys.Items[0].Id == successor.Id, "the newest key")
	keys = succeeds(list.Limit(1).Cursor(keys.GetNextCursor()).Execute())
	check(len(keys.Items) == 1 && keys.Items[0].Id == key.Id, "the oldest key")
	check(!keys.Items[0].RevokedAt.Get().Before(key.CreatedAt), "revoked after it was created")
	check(!keys.HasNextCursor(), "the last page")
	keys = succeeds(list.Usable(true).Execute())
	check(len(keys.Items) == 1 && keys.Items[0].Id == successor.Id, "the key that is not revoked")
	passed("api_key_list")
	_, err = client.ApiKeysAPI.ApiKeyRevoke(ctx, successor.Id).Execute()
	check(err == nil, "the successor is revoked")
}

func deleteProject(project *registry.Project) {
	response, err := client.ProjectsAPI.ProjectDelete(ctx, project.Id).Execute()
	check(err == nil && response.StatusCode == 204, "status 204")
	fails[*registry.Project](404, registry.ERRORCODE_NOT_FOUND)(client.ProjectsAPI.ProjectGet(ctx, project.Id).Execute())
	passed("project_delete")
}

func appendAuditEvent(tenant *registry.Tenant) registry.AuditEvent {
	body := *registry.NewAuditAppend("report.exported")
	body.SetTenantId(tenant.Id)
	body.SetProjectId("0190b8a5-b2c7-7f10-a3d4-0242ac120002")
	body.SetOccurredAt(tenant.CreatedAt)
	target := *registry.NewAuditTarget("report-17", "report")
	target.SetName("Revenue 2026")
	body.SetTargets([]registry.AuditTarget{target})
	body.Metadata = metadata
	event := succeeds(client.AuditAPI.AuditAppend(ctx).AuditAppend(body).Execute())
	check(event.Id > 0 && !event.CreatedAt.Before(tenant.CreatedAt), "a number and a time")
	check(event.GetProjectId() == body.GetProjectId() && !event.HasActorId(), "the project of the request and no actor")
	check(reflect.DeepEqual(event.Metadata, metadata), "the metadata")
	check(event.GetOccurredAt().Equal(tenant.CreatedAt), "the time of the request")
	stored := event.GetTargets()
	check(len(stored) == 1 && stored[0].Id == target.Id && stored[0].Type == target.Type &&
		stored[0].GetName() == target.GetName(), "the target of the request")
	check(event.GetSourceIp() == "127.0.0.1", "the IP address")
	check(event.GetUserAgent() == client.GetConfig().UserAgent, "the user agent")
	body.SetTenantId(unknownTenantId)
	fails[*registry.AuditEvent](400, registry.ERRORCODE_INVALID_INPUT)(
		client.AuditAPI.AuditAppend(ctx).AuditAppend(body).Execute())
	passed("audit_append")

	batch := []registry.AuditAppend{*registry.NewAuditAppend("report.viewed"), *registry.NewAuditAppend("report.shared")}
	items := succeeds(client.AuditAPI.AuditAppendBatch(ctx).AuditAppendBatch(*registry.NewAuditAppendBatch(batch)).Execute()).Items
	check(len(items) == 2 && items[0].Action == batch[0].Action && items[1].Action == batch[1].Action, "the events in order")
	check(event.Id < items[0].Id && items[0].Id < items[1].Id, "increasing numbers")
	fails[*registry.AuditAppendBatchResult](400, registry.ERRORCODE_INVALID_INPUT)(client.AuditAPI.AuditAppendBatch(ctx).
		AuditAppendBatch(*registry.NewAuditAppendBatch([]registry.AuditAppend{batch[0], body})).Execute())
	passed("audit_append_batch")

	read := succeeds(client.AuditAPI.AuditGet(ctx, event.Id).Execute())
	check(reflect.DeepEqual(read, event), "the event")
	fails[*registry.AuditEvent](404, registry.ERRORCODE_NOT_FOUND)(
		client.AuditAPI.AuditGet(ctx, math.MaxInt64).Execute())
	passed("audit_get")
	return *event
}

func closeAccount(tenant *registry.Tenant) {
	body := *registry.NewTenantCancel()
	body.SetReason("too dear")
	body.SetAtPeriodEnd(true)
	cancelled := succeeds(client.TenantsAPI.TenantCancel(ctx, tenant.Id).TenantCancel(body).Execute())
	check(cancelled.Status == registry.TENANTSTATUS_ACTIVE, "active until the end of its period")
	fails[*registry.Tenant](409, registry.ERRORCODE_CONFLICT)(client.TenantsAPI.TenantArchive(ctx, tenant.Id).Execute())
	cancelled = succeeds(client.TenantsAPI.TenantCancel(ctx, tenant.Id).Execute())
	check(cancelled.Status == registry.TENANTSTATUS_FROZEN, "frozen immediately")
	passed("tenant_cancel")

	archived := succeeds(client.TenantsAPI.TenantArchive(ctx, tenant.Id).Execute())
	check(archived.Status == registry.TENANTSTATUS_ARCHIVED, "archived")
	fails[*registry.Tenant](409, registry.ERRORCODE_CONFLICT)(client.TenantsAPI.TenantActivate(ctx, tenant.Id).Execute())
	passed("tenant_archive")

	demo := succeeds(client.TenantsAPI.TenantGetBySlug(ctx, tenant.Slug+"-demo").Execute())
	_, err := client.TenantsAPI.TenantDelete(ctx, demo.Id).Execute()
	check(err != nil && strings.HasPrefix(err.Error(), "409 conflict: "), "only an archived tenant can be deleted")
	succeeds(client.TenantsAPI.TenantArchive(ctx, demo.Id).Execute())
	response, err := client.TenantsAPI.TenantDelete(ctx, demo.Id).Execute()
	check(err == nil && response.StatusCode == 204, "status 204")
	fails[*registry.Tenant](404, registry.ERRORCODE_NOT_FOUND)(client.TenantsAPI.TenantGet(ctx, demo.Id).Execute())
	passed("tenant_delete")
}

func readAuditLog(tenant *registry.Tenant, appended registry.AuditEvent) {
	var actions []string
	found := false
	above := int64(math.MaxInt64)
	request := client.AuditAPI.AuditList(ctx).TenantId(tenant.Id).Since(tenant.CreatedAt).Limit(3)
	for page := request.Cursor(above); ; {
		response := succeeds(page.Execute())
		check(len(response.Items) <= 3, "at most as many items as the limit")
		for _, event := range response.Items {
			check(event.Id < above, "newest first")
			above = event.Id
			actions = append([]string{event.Action}, actions...)
			found = found || reflect.DeepEqual(event, appended)
		}
		if !response.HasNextCursor() {
			break
		}
		page = request.Cursor(response.GetNextCursor())
	}
	expected := []string{
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
	}
	check(reflect.DeepEqual(actions, expected), fmt.Sprint("one event for each step instead of ", actions))
	check(found, "the appended event")
	fails[*registry.AuditEventPage](400, registry.ERRORCODE_INVALID_INPUT)(
		client.AuditAPI.AuditList(ctx).Limit(501).Execute())
	passed("audit_list")

	exports := client.AuditAPI.AuditList(ctx).TenantId(tenant.Id).Action(appended.Action)
	// The same time with the offset of the local time zone.
	at := appended.CreatedAt.Local()
	_, offset := at.Zone()
	check(offset != 0, "a local time zone that is not UTC")
	later := at.Add(time.Microsecond)
	none, one := []registry.AuditEvent{}, []registry.AuditEvent{appended}
	check(reflect.DeepEqual(succeeds(exports.Until(at).Execute()).Items, none), "no event before its time")
	check(reflect.DeepEqual(succeeds(exports.Since(at).Execute()).Items, one), "the event at its time")
	check(reflect.DeepEqual(succeeds(exports.Since(later).Execute()).Items, none), "no event after its time")
	check(reflect.DeepEqual(succeeds(exports.Until(later).Execute()).Items, one), "the event before a later time")
	// RFC 3339 has no seconds in offsets. Historical time zones do.
	historical := at.In(time.FixedZone("", 19*60+32))
	check(reflect.DeepEqual(succeeds(exports.Since(historical).Execute()).Items, one), "the event at the same time")
	passed("times")
}

func random(bytes int) []byte {
	text := make([]byte, bytes)
	if _, err := rand.Read(text); err != nil {
		log.Fatal(err)
	}
	return text
}
