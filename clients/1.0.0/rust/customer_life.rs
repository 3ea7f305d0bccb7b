//! Calls every operation of the Tenant Registry with the Rust client of version 1.0.0: customer-life-1-0-0 BASE_URL.
//!
//! Prints a line for each operation that returns the expected responses. Exits with 1 otherwise.
#![expect(clippy::print_stdout, reason = "clients/test reads the output")]

use std::collections::BTreeSet;
use std::error::Error;

use chrono::{DateTime, Local, NaiveDate, TimeDelta};
use serde_json::json;
use tenant_registry_client_1_0_0 as registry;

use self::registry::types::{
    ApiKeyCandidate, ApiKeyCreate, ApiKeyVerifyReason, ApiKeyVerifyRequest, AuditAppend, AuditEvent, CatalogRequest,
    ErrorCode, HealthStatus, ProjectId, Tenant, TenantActivate, TenantCancel, TenantCreate, TenantId, TenantKind,
    TenantStatus,
};
use self::registry::{Client, ResponseValue};
use uuid::Uuid;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const TRIAL_PERIOD: TimeDelta = TimeDelta::days(14);

#[tokio::main]
async fn main() -> Outcome {
    let base_url = std::env::args().nth(1).ok_or("usage: customer-life-1-0-0 BASE_URL")?;
    let client = Client::builder(&base_url).user_agent("customer-life/1").build()?;

    check_health(&client).await?;
    let tenant = create_tenant(&client).await?;
    println!("tenant {}", tenant.slug);
    get_tenant(&client, &tenant).await?;
    activate_tenant(&client, tenant.id).await?;
    try_product(&client, tenant.id).await?;
    use_api_key(&client, tenant.id).await?;
    let exported = append_audit_event(&client, &tenant).await?;
    cancel_tenant(&client, tenant.id).await?;
    read_audit_log(&client, &tenant, &exported).await?;
    filter_by_time(&client, &tenant, &exported).await
}

async fn check_health(client: &Client) -> Outcome {
    equal(&client.health_get().send().await?.status, &HealthStatus::Ok)?;
    passed("health_get");
    equal(&client.readiness_get().send().await?.status, &HealthStatus::Ok)?;
    passed("readiness_get");
    Ok(())
}

async fn create_tenant(client: &Client) -> Outcome<Tenant> {
    let slug = format!("rust-{:x}", Uuid::now_v7().as_u64_pair().1);
    let body = TenantCreate::new(slug.as_str().try_into()?, "Blåbær & Sønner GmbH".try_into()?);
    let tenant = client.tenant_create().body(body.clone()).send().await?.into_inner();
    equal(&(&tenant.slug, &tenant.name), &(&body.slug, &body.name))?;
    equal(
        &(&tenant.status, &tenant.kind),
        &(&TenantStatus::Trial, &TenantKind::Customer),
    )?;
    equal(&tenant.plan.as_str(), &"starter")?;
    equal(&tenant.trial_ends_at, &Some(tenant.created_at + TRIAL_PERIOD))?;
    equal(&(tenant.contract_start, tenant.contract_end), &(None, None))?;
    equal(&tenant.erp_customer_id, &None)?;
    fails(409, ErrorCode::Conflict, client.tenant_create().body(body).send().await)?;

    let mut body = TenantCreate::new(format!("{slug}-demo").try_into()?, "Demo".try_into()?);
    body.kind = TenantKind::Demo;
    let demo = client.tenant_create().body(body).send().await?;
    equal(&(&demo.status, demo.trial_ends_at), &(&TenantStatus::Demo, None))?;
    passed("tenant_create");
    Ok(tenant)
}

async fn get_tenant(client: &Client, tenant: &Tenant) -> Outcome {
    equal(&*client.tenant_get().id(tenant.id).send().await?, tenant)?;
    let unknown = TenantId::from(Uuid::now_v7());
    fails(404, ErrorCode::NotFound, client.tenant_get().id(unknown).send().await)?;
    passed("tenant_get");
    let found = client.tenant_get_by_slug().slug(tenant.slug.clone()).send().await?;
    equal(&*found, tenant)?;
    passed("tenant_get_by_slug");
    Ok(())
}

async fn activate_tenant(client: &Client, id: TenantId) -> Outcome {
    let active = client.tenant_activate().id(id).send().await?;
    equal(
        &(&active.status, active.plan.as_str()),
        &(&TenantStatus::Active, "starter"),
    )?;

    let contract = TenantActivate {
        plan: Some("team".try_into()?),
        contract_start: NaiveDate::from_ymd_opt(2027, 1, 1),
        contract_end: NaiveDate::from_ymd_opt(2027, 12, 31),
        erp_customer_id: Some(id.to_string().try_into()?),
    };
    let active = client.tenant_activate().id(id).body(contract.clone()).send().await?;
    equal(
        &(&Some(active.plan.clone()), &active.erp_customer_id),
        &(&contract.plan, &contract.erp_customer_id),
    )?;
    equal(
        &(active.contract_start, active.contract_end),
        &(contract.contract_start, contract.contract_end),
    )?;

    let backwards = TenantActivate {
        contract_end: NaiveDate::from_ymd_opt(2026, 12, 31),
        ..TenantActivate::default()
    };
    let rejected = client.tenant_activate().id(id).body(backwards).send().await;
    fails(400, ErrorCode::InvalidInput, rejected)?;
    passed("tenant_activate");
    Ok(())
}

async fn try_product(client: &Client, tenant_id: TenantId) -> Outcome {
    let entries = client.catalog_list().send().await?.into_inner().items;
    let entry = entries
        .iter()
        .find(|entry| entry.supports_trial)
        .ok_or("no product with trials")?;
    check(
        !entry.name.is_empty() && entry.plans_required.is_empty(),
        "a named product for every plan",
    )?;
    check(
        entries.iter().any(|entry| entry.demo_url.is_none()),
        "a product without a demo",
    )?;
    passed("catalog_list");

    let body = CatalogRequest::new(tenant_id, entry.key.clone());
    let requested = client.catalog_request().body(body.clone()).send().await?;
    equal(&requested.status().as_u16(), &202)?;
    passed("catalog_request");

    let trial = client
        .catalog_trial_request()
        .body(body.clone())
        .send()
        .await?
        .into_inner();
    check(trial.enabled && trial.config.is_empty(), "a trial is enabled")?;
    equal(&trial.expires_at, &Some(trial.created_at + TRIAL_PERIOD))?;
    let again = client.catalog_trial_request().body(body).send().await;
    fails(409, ErrorCode::Conflict, again)?;
    passed("catalog_trial_request");

    equal(
        &client.entitlement_list().tenant_id(tenant_id).send().await?.items,
        &vec![trial],
    )?;
    passed("entitlement_list");
    Ok(())
}

async fn use_api_key(client: &Client, tenant_id: TenantId) -> Outcome {
    let mut body = ApiKeyCreate::new(tenant_id, "ci".try_into()?);
    body.scopes = vec!["reports:read".try_into()?, "reports:write".try_into()?];
    let created = client.api_key_create().body(body.clone()).send().await?.into_inner();
    let key = &created.api_key;
    let plaintext = created.plaintext.expose_secret();
    check(
        plaintext.starts_with(key.prefix.as_str()) && !created.warning.is_empty(),
        "the plaintext and a warning",
    )?;
    check(!format!("{created:?}").contains(plaintext), "no secret in `Debug`")?;
    equal(&(key.last_used_at, key.revoked_at, &key.product), &(None, None, &None))?;
    passed("api_key_create");

    let request = ApiKeyVerifyRequest::new(ApiKeyCandidate::from(plaintext));
    let verified = client.api_key_verify().body(request.clone()).send().await?;
    check(verified.valid && verified.reason.is_none(), "a new key is valid")?;
    equal(
        &(&verified.tenant_id, &verified.scopes),
        &(&Some(tenant_id), &Some(body.scopes)),
    )?;

    for _ in 0..2 {
        let revoked = client.api_key_revoke().id(key.id).send().await?;
        equal(&revoked.status().as_u16(), &204)?;
    }
    passed("api_key_revoke");

    let verified = client.api_key_verify().body(request).send().await?;
    equal(
        &(verified.valid, &verified.reason),
        &(false, &Some(ApiKeyVerifyReason::Revoked)),
    )?;
    equal(&(&verified.tenant_id, &verified.scopes), &(&None, &None))?;
    passed("api_key_verify");

    let keys = client.api_key_list().tenant_id(tenant_id).send().await?;
    equal(
        &keys.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        &vec![key.id],
    )?;
    check(
        keys.items.iter().all(|item| item.revoked_at >= Some(item.created_at)),
        "revoked after it was created",
    )?;
    passed("api_key_list");
    Ok(())
}

async fn append_audit_event(client: &Client, tenant: &Tenant) -> Outcome<AuditEvent> {
    let metadata = json!({
        "format": "pdf",
        "pages": [1, 2.5, null],
        "by": {"name": "Søren", "admin": false},
        "empty": {},
    });
    let mut body = AuditAppend::new("report.exported".try_into()?);
    body.tenant_id = Some(tenant.id);
    body.project_id = Some(ProjectId::from(Uuid::now_v7()));
    body.metadata = Some(serde_json::from_value(metadata)?);
    let event = client.audit_append().body(body.clone()).send().await?.into_inner();
    check(
        event.created_at >= tenant.created_at,
        "a time after the creation of the tenant",
    )?;
    equal(&(event.project_id, &event.actor_id), &(body.project_id, &None))?;
    equal(&event.metadata, &body.metadata)?;
    equal(
        &(event.source_ip.as_deref(), event.user_agent.as_deref()),
        &(Some("127.0.0.1"), Some("customer-life/1")),
    )?;
    body.tenant_id = Some(TenantId::from(Uuid::now_v7()));
    let rejected = client.audit_append().body(body).send().await;
    fails(400, ErrorCode::InvalidInput, rejected)?;
    passed("audit_append");
    Ok(event)
}

async fn cancel_tenant(client: &Client, id: TenantId) -> Outcome {
    let at_period_end = TenantCancel {
        reason: Some("too dear".try_into()?),
        at_period_end: true,
    };
    let cancelled = client.tenant_cancel().id(id).body(at_period_end).send().await?;
    equal(&cancelled.status, &TenantStatus::Active)?;
    let cancelled = client.tenant_cancel().id(id).send().await?;
    equal(&cancelled.status, &TenantStatus::Frozen)?;
    passed("tenant_cancel");
    Ok(())
}

async fn read_audit_log(client: &Client, tenant: &Tenant, appended: &AuditEvent) -> Outcome {
    let mut events: Vec<AuditEvent> = Vec::new();
    let mut cursor = Some(i64::MAX.into());
    while let Some(next) = cursor {
        let page = client
            .audit_list()
            .tenant_id(tenant.id)
            .since(tenant.created_at)
            .limit(3)
            .cursor(next)
            .send()
            .await?
            .into_inner();
        check(page.items.len() <= 3, "at most as many items as the limit")?;
        events.extend(page.items);
        cursor = page.next_cursor;
    }
    equal(
        &events
            .iter()
            .rev()
            .map(|event| event.action.as_str())
            .collect::<Vec<_>>(),
        &vec![
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
    )?;
    let ids: Vec<i64> = events.iter().map(|event| event.id.into()).collect();
    let descending: Vec<i64> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().rev().collect();
    equal(&ids, &descending)?;
    check(events.contains(appended), "the appended event")?;
    passed("audit_list");
    Ok(())
}

/// Filters by the time of an event, with the offset of the local time zone.
async fn filter_by_time(client: &Client, tenant: &Tenant, appended: &AuditEvent) -> Outcome {
    let at = appended.created_at.with_timezone(&Local);
    check(at.offset().local_minus_utc() != 0, "a local time zone that is not UTC")?;
    let later = at + TimeDelta::microseconds(1);
    equal(&exports_since(client, tenant, at).await?, &vec![appended.clone()])?;
    equal(&exports_since(client, tenant, later).await?, &vec![])?;
    equal(&exports_until(client, tenant, at).await?, &vec![])?;
    equal(&exports_until(client, tenant, later).await?, &vec![appended.clone()])?;
    passed("times");
    Ok(())
}

async fn exports_since(client: &Client, tenant: &Tenant, since: DateTime<Local>) -> Outcome<Vec<AuditEvent>> {
    let exports = client.audit_list().tenant_id(tenant.id).action("report.exported");
    Ok(exports.since(since).send().await?.into_inner().items)
}

async fn exports_until(client: &Client, tenant: &Tenant, until: DateTime<Local>) -> Outcome<Vec<AuditEvent>> {
    let exports = client.audit_list().tenant_id(tenant.id).action("report.exported");
    Ok(exports.until(until).send().await?.into_inner().items)
}

fn passed(operation: &str) {
    println!("{operation} ok");
}

fn fails<T>(status: u16, code: ErrorCode, result: Result<ResponseValue<T>, registry::Error>) -> Outcome {
    let Err(error) = result else {
        return Err(format!("expected an error with status {status}").into());
    };
    let response = error.response().ok_or_else(|| error.to_string())?;
    equal(&(response.status.as_u16(), &response.code), &(status, &code))?;
    check(!response.message.is_empty(), "an error has a message")?;
    equal(&error.to_string(), &response.to_string())
}

fn equal<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Outcome {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found:?} instead of {expected:?}").into())
    }
}

fn check(is_met: bool, expectation: &str) -> Outcome {
    if is_met {
        Ok(())
    } else {
        Err(format!("unexpected result; expected: {expectation}").into())
    }
}
