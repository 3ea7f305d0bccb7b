// A customer's life in the Tenant Registry, through the generated client: customerlife BASE_URL.
//
// Prints a line for each operation whose answers are as they should be, and ends with 1 otherwise.
package main

import (
	"context"
	"crypto/rand"
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
	trialPeriod = 14 * 24 * time.Hour
	nobody      = "0190b8a5-7b1c-7c3e-9d52-0242ac120002"
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

	askForHealth()
	tenant := createTenant()
	lookUpTenant(tenant)
	activateTenant(tenant)
	tryProduct(tenant)
	useAPIKey(tenant)
	exported := appendAuditEvent(tenant)
	cancelTenant(tenant)
	readAuditLog(tenant, exported)
}

func passed(operation string) {
	fmt.Println(operation, "ok")
}

func check(holds bool, expectation string) {
	if !holds {
		log.Output(2, "not as it should be: "+expectation)
		os.Exit(1)
	}
}

func answered[T any](answer T, _ *http.Response, err error) T {
	if err != nil {
		var refusal *registry.GenericOpenAPIError
		if errors.As(err, &refusal) {
			log.Output(2, string(refusal.Body()))
		}
		log.Output(2, err.Error())
		os.Exit(1)
	}
	return answer
}

func refused[T any](status int, code registry.ErrorCode) func(T, *http.Response, error) {
	return func(_ T, response *http.Response, err error) {
		var refusal *registry.GenericOpenAPIError
		check(errors.As(err, &refusal), fmt.Sprintf("refused with %d", status))
		check(response.StatusCode == status, fmt.Sprintf("%d, but is %s", status, response.Status))
		body, isError := refusal.Model().(registry.Error)
		check(isError, "the body is an Error")
		check(body.Error == code, fmt.Sprintf("%s, but is %s", code, body.Error))
		check(body.Message != "", "an error has a message")
	}
}

func askForHealth() {
	health := answered(client.HealthAPI.HealthGet(ctx).Execute())
	check(health.Status == registry.HEALTHSTATUS_OK, "alive")
	passed("health_get")
	readiness := answered(client.HealthAPI.ReadinessGet(ctx).Execute())
	check(readiness.Status == registry.HEALTHSTATUS_OK, "ready")
	passed("readiness_get")
}

func createTenant() *registry.Tenant {
	slug := fmt.Sprintf("go-%x", random(6))
	body := *registry.NewTenantCreate(slug, "Blåbær & Sønner GmbH")
	tenant := answered(client.TenantsAPI.TenantCreate(ctx).TenantCreate(body).Execute())
	check(tenant.Slug == slug && tenant.Name == body.Name, "named as asked for")
	check(tenant.Status == registry.TENANTSTATUS_TRIAL, "a customer starts with a trial")
	check(tenant.Kind == registry.TENANTKIND_CUSTOMER && tenant.Plan == "starter", "the defaults")
	check(tenant.TrialEndsAt.Get().Sub(tenant.CreatedAt) == trialPeriod, "a trial of 14 days")
	check(tenant.ContractStart.Get() == nil && tenant.ContractEnd.Get() == nil, "no contract")
	check(!tenant.HasErpCustomerId(), "no customer id")
	refused[*registry.Tenant](409, registry.ERRORCODE_CONFLICT)(
		client.TenantsAPI.TenantCreate(ctx).TenantCreate(body).Execute())
	body = *registry.NewTenantCreate(slug+"-demo", "Demo")
	body.SetKind(registry.TENANTKIND_DEMO)
	demo := answered(client.TenantsAPI.TenantCreate(ctx).TenantCreate(body).Execute())
	check(demo.Status == registry.TENANTSTATUS_DEMO && demo.TrialEndsAt.Get() == nil, "a demo has no end")
	passed("tenant_create")
	return tenant
}

func lookUpTenant(tenant *registry.Tenant) {
	found := answered(client.TenantsAPI.TenantGet(ctx, tenant.Id).Execute())
	check(reflect.DeepEqual(found, tenant), "found as created")
	refused[*registry.Tenant](404, registry.ERRORCODE_NOT_FOUND)(client.TenantsAPI.TenantGet(ctx, nobody).Execute())
	passed("tenant_get")
	found = answered(client.TenantsAPI.TenantGetBySlug(ctx, tenant.Slug).Execute())
	check(reflect.DeepEqual(found, tenant), "found as created")
	passed("tenant_get_by_slug")
}

func activateTenant(tenant *registry.Tenant) {
	// A body that is not set goes out as `null`, which is not a body left out: an empty one says the same.
	body := *registry.NewTenantActivate()
	active := answered(client.TenantsAPI.TenantActivate(ctx, tenant.Id).TenantActivate(body).Execute())
	check(active.Status == registry.TENANTSTATUS_ACTIVE && active.Plan == "starter", "only the status changed")
	body.SetPlan("team")
	body.SetContractStart("2027-01-01")
	body.SetContractEnd("2027-12-31")
	body.SetErpCustomerId("4711")
	active = answered(client.TenantsAPI.TenantActivate(ctx, tenant.Id).TenantActivate(body).Execute())
	check(active.Plan == "team" && active.GetErpCustomerId() == "4711", "stored")
	check(*active.ContractStart.Get() == "2027-01-01" && *active.ContractEnd.Get() == "2027-12-31", "the dates")
	body = *registry.NewTenantActivate()
	body.SetContractEnd("2026-12-31")
	refused[*registry.Tenant](400, registry.ERRORCODE_INVALID_INPUT)(
		client.TenantsAPI.TenantActivate(ctx, tenant.Id).TenantActivate(body).Execute())
	passed("tenant_activate")
}

func tryProduct(tenant *registry.Tenant) {
	catalog := answered(client.CatalogAPI.CatalogList(ctx).Execute())
	var product string
	everyDemo := true
	for _, entry := range catalog.Items {
		if entry.SupportsTrial && product == "" {
			product = entry.Key
			check(entry.Name != "" && len(entry.PlansRequired) == 0, "for every plan")
		}
		everyDemo = everyDemo && entry.HasDemoUrl()
	}
	check(product != "" && !everyDemo, "a trial somewhere, and something without a demo")
	passed("catalog_list")

	body := *registry.NewCatalogRequest(tenant.Id, product)
	response, err := client.CatalogAPI.CatalogRequest(ctx).CatalogRequest(body).Execute()
	check(err == nil && response.StatusCode == 202, "accepted")
	passed("catalog_request")

	trial := answered(client.CatalogAPI.CatalogTrialRequest(ctx).CatalogRequest(body).Execute())
	check(trial.Enabled && len(trial.Config) == 0, "a trial is enabled")
	check(trial.ExpiresAt.Get().Sub(trial.CreatedAt) == trialPeriod, "a trial of 14 days")
	refused[*registry.TenantProduct](409, registry.ERRORCODE_CONFLICT)(
		client.CatalogAPI.CatalogTrialRequest(ctx).CatalogRequest(body).Execute())
	passed("catalog_trial_request")

	entitlements := answered(client.TenantsAPI.EntitlementList(ctx).TenantId(tenant.Id).Execute())
	check(reflect.DeepEqual(entitlements.Items, []registry.TenantProduct{*trial}), "entitled to the trial")
	passed("entitlement_list")
}

func useAPIKey(tenant *registry.Tenant) {
	scopes := []string{"reports:read", "reports:write"}
	body := *registry.NewAPIKeyCreate(tenant.Id, "ci")
	body.SetScopes(scopes)
	created := answered(client.ApiKeysAPI.ApiKeyCreate(ctx).APIKeyCreate(body).Execute())
	key := created.ApiKey
	check(strings.HasPrefix(created.Plaintext, key.Prefix) && created.Warning != "", "the plaintext")
	check(key.LastUsedAt.Get() == nil && key.RevokedAt.Get() == nil && !key.HasProduct(), "neither used nor revoked")
	passed("api_key_create")

	question := *registry.NewAPIKeyVerifyRequest(created.Plaintext)
	answer := answered(client.ApiKeysAPI.ApiKeyVerify(ctx).APIKeyVerifyRequest(question).Execute())
	check(answer.Valid && !answer.HasReason(), "a new key verifies")
	check(answer.GetTenantId() == tenant.Id && reflect.DeepEqual(answer.Scopes, scopes), "for its tenant and scopes")

	for range [2]int{} {
		response, err := client.ApiKeysAPI.ApiKeyRevoke(ctx, key.Id).Execute()
		check(err == nil && response.StatusCode == 204, "revoked")
	}
	passed("api_key_revoke")

	answer = answered(client.ApiKeysAPI.ApiKeyVerify(ctx).APIKeyVerifyRequest(question).Execute())
	check(!answer.Valid && answer.GetReason() == registry.APIKEYVERIFYREASON_REVOKED, "a revoked key does not verify")
	check(!answer.HasTenantId() && !answer.HasScopes(), "nothing is told of a key that is not valid")
	passed("api_key_verify")

	keys := answered(client.ApiKeysAPI.ApiKeyList(ctx).TenantId(tenant.Id).Execute())
	check(len(keys.Items) == 1 && keys.Items[0].Id == key.Id, "one key")
	check(!keys.Items[0].RevokedAt.Get().Before(key.CreatedAt), "revoked after it was created")
	passed("api_key_list")
}

func appendAuditEvent(tenant *registry.Tenant) registry.AuditEvent {
	body := *registry.NewAuditAppend("report.exported")
	body.SetTenantId(tenant.Id)
	body.SetProjectId("0190b8a5-b2c7-7f10-a3d4-0242ac120002")
	body.Metadata = metadata
	event := answered(client.AuditAPI.AuditAppend(ctx).AuditAppend(body).Execute())
	check(event.Id > 0 && !event.CreatedAt.Before(tenant.CreatedAt), "numbered and dated")
	check(event.GetProjectId() == body.GetProjectId() && !event.HasActorId(), "as appended")
	check(reflect.DeepEqual(event.Metadata, metadata), "the metadata")
	check(event.GetSourceIp() == "127.0.0.1", "the address")
	check(event.GetUserAgent() == client.GetConfig().UserAgent, "the program")
	body.SetTenantId(nobody)
	refused[*registry.AuditEvent](400, registry.ERRORCODE_INVALID_INPUT)(
		client.AuditAPI.AuditAppend(ctx).AuditAppend(body).Execute())
	passed("audit_append")
	return *event
}

func cancelTenant(tenant *registry.Tenant) {
	body := *registry.NewTenantCancel()
	body.SetReason("too dear")
	body.SetAtPeriodEnd(true)
	cancelled := answered(client.TenantsAPI.TenantCancel(ctx, tenant.Id).TenantCancel(body).Execute())
	check(cancelled.Status == registry.TENANTSTATUS_ACTIVE, "active until the end of its period")
	body = *registry.NewTenantCancel()
	cancelled = answered(client.TenantsAPI.TenantCancel(ctx, tenant.Id).TenantCancel(body).Execute())
	check(cancelled.Status == registry.TENANTSTATUS_FROZEN, "frozen now")
	passed("tenant_cancel")
}

func readAuditLog(tenant *registry.Tenant, appended registry.AuditEvent) {
	var actions []string
	found := false
	above := int64(math.MaxInt64)
	request := client.AuditAPI.AuditList(ctx).TenantId(tenant.Id).Since(tenant.CreatedAt).Limit(3)
	for page := request.Cursor(above); ; {
		answer := answered(page.Execute())
		check(len(answer.Items) <= 3, "a page has no more than its limit")
		for _, event := range answer.Items {
			check(event.Id < above, "the newest first")
			above = event.Id
			actions = append([]string{event.Action}, actions...)
			found = found || reflect.DeepEqual(event, appended)
		}
		if !answer.HasNextCursor() {
			break
		}
		page = request.Cursor(answer.GetNextCursor())
	}
	expected := []string{
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
	}
	check(reflect.DeepEqual(actions, expected), fmt.Sprint("each step once, but has ", actions))
	check(found, "the event as it was appended")
	earlier := client.AuditAPI.AuditList(ctx).TenantId(tenant.Id).Action(appended.Action).Until(appended.CreatedAt)
	answer := answered(earlier.Execute())
	check(len(answer.Items) == 0 && !answer.HasNextCursor(), "none before it")
	refused[*registry.AuditEventPage](400, registry.ERRORCODE_INVALID_INPUT)(
		client.AuditAPI.AuditList(ctx).Limit(501).Execute())
	passed("audit_list")
}

func random(bytes int) []byte {
	text := make([]byte, bytes)
	if _, err := rand.Read(text); err != nil {
		log.Fatal(err)
	}
	return text
}
