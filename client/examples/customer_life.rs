//! A customer's life in the Tenant Registry, from the first day to the audit log.
//!
//! ```text
//! cargo run --example customer_life [BASE_URL]
//! ```
//!
//! Without an argument the base URL is that of `TENANT_REGISTRY_URL`, or else `http://127.0.0.1:8090`. The program ends
//! with 1 where something is not as it should be.
#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use std::env;
use std::error::Error;
use std::process::ExitCode;

use tenant_registry_client::types::{
    ApiKeyCandidate, ApiKeyCreate, ApiKeyCreated, ApiKeyVerify, ApiKeyVerifyReason, ApiKeyVerifyRequest, AuditEvent,
    CatalogRequest, Tenant, TenantCreate, TenantStatus,
};
use tenant_registry_client::{Client, ResponseValue};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = walk().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}

async fn walk() -> Outcome {
    let base_url = env::args()
        .nth(1)
        .or_else(|| env::var("TENANT_REGISTRY_URL").ok())
        .unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let registry = Client::builder(&base_url).user_agent("customer-life/1").build()?;

    let tenant = create(&registry).await?;
    look_up(&registry, &tenant).await?;
    activate(&registry, &tenant).await?;
    start_trial(&registry, &tenant).await?;
    let created = create_key(&registry, &tenant).await?;

    let verified = verify(&registry, &created).await?;
    check(verified.valid, "a new key verifies")?;
    check(verified.tenant_id == Some(tenant.id), "the key is the tenant's")?;

    registry.api_key_revoke().id(created.api_key.id).send().await?;
    println!("revoked the key {}", created.api_key.prefix);

    let verified = verify(&registry, &created).await?;
    check(!verified.valid, "a revoked key does not verify")?;
    check(
        verified.reason == Some(ApiKeyVerifyReason::Revoked),
        "the reason is the revocation",
    )?;

    read_audit_log(&registry, &tenant).await
}

/// Creates a tenant with a slug that no earlier run has used.
async fn create(registry: &Client) -> Outcome<Tenant> {
    let slug = format!("life-{}", uuid::Uuid::now_v7().simple()).try_into()?;
    let body = TenantCreate::new(slug, "Example GmbH".try_into()?);
    let tenant = registry.tenant_create().body(body).send().await?.into_inner();
    println!(
        "created the tenant {} ({}) in status {}",
        tenant.slug, tenant.id, tenant.status
    );
    check(tenant.status == TenantStatus::Trial, "a customer starts with a trial")?;
    Ok(tenant)
}

async fn look_up(registry: &Client, tenant: &Tenant) -> Outcome {
    let found = registry.tenant_get_by_slug().slug(tenant.slug.clone()).send().await?;
    println!("found {} by its slug", found.id);
    check(*found == *tenant, "the tenant is found as it was created")
}

async fn activate(registry: &Client, tenant: &Tenant) -> Outcome {
    // The body is optional: without one only the status changes.
    let active = registry.tenant_activate().id(tenant.id).send().await?;
    println!("activated {}: it is {} now", active.slug, active.status);
    check(active.status == TenantStatus::Active, "an activated tenant is active")
}

async fn start_trial(registry: &Client, tenant: &Tenant) -> Outcome {
    let catalog = registry.catalog_list().send().await?.into_inner();
    let entry = catalog
        .items
        .into_iter()
        .find(|entry| entry.supports_trial)
        .ok_or("the catalog has no product that supports a trial")?;
    let body = CatalogRequest::new(tenant.id, entry.key.clone());
    let trial = registry.catalog_trial_request().body(body).send().await?.into_inner();
    println!("started a trial of {} until {:?}", entry.name, trial.expires_at);

    let entitlements = registry.entitlement_list().tenant_id(tenant.id).send().await?;
    for entitlement in &entitlements.items {
        println!(
            "  entitled to {} (enabled: {})",
            entitlement.product, entitlement.enabled
        );
    }
    check(
        entitlements
            .items
            .iter()
            .any(|it| it.product == entry.key && it.enabled),
        "the trial is among the entitlements",
    )
}

async fn create_key(registry: &Client, tenant: &Tenant) -> Outcome<ApiKeyCreated> {
    let mut body = ApiKeyCreate::new(tenant.id, "ci pipeline".try_into()?);
    body.scopes = vec!["reports:read".try_into()?];
    let created = registry.api_key_create().body(body).send().await?.into_inner();
    // The plaintext is in this answer alone: a program stores it now. `Debug` does not show it.
    println!("created the key {}: {:?}", created.api_key.prefix, created.plaintext);
    Ok(created)
}

async fn verify(registry: &Client, created: &ApiKeyCreated) -> Outcome<ResponseValue<ApiKeyVerify>> {
    let key = ApiKeyCandidate::from(created.plaintext.expose_secret());
    let verified = registry
        .api_key_verify()
        .body(ApiKeyVerifyRequest::new(key))
        .send()
        .await?;
    match verified.reason {
        None => println!("verified the key: valid, for {:?}", verified.scopes),
        Some(reason) => println!("verified the key: not valid, {reason}"),
    }
    Ok(verified)
}

/// Reads the tenant's events page by page.
async fn read_audit_log(registry: &Client, tenant: &Tenant) -> Outcome {
    let mut events: Vec<AuditEvent> = Vec::new();
    let mut cursor = None;
    loop {
        let mut request = registry.audit_list().tenant_id(tenant.id).limit(3);
        if let Some(cursor) = cursor {
            request = request.cursor(cursor);
        }
        let page = request.send().await?.into_inner();
        events.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    for event in &events {
        println!("  {} {}", event.created_at, event.action);
    }
    let mut actions: Vec<&str> = events.iter().map(|event| event.action.as_str()).collect();
    actions.reverse();
    check(
        actions
            == [
                "tenant.created",
                "tenant.activated",
                "catalog.trial_started",
                "api_key.created",
                "api_key.revoked",
            ],
        "the audit log has each step once, the newest first",
    )
}

fn check(holds: bool, expectation: &str) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(format!("not as it should be: {expectation}").into())
    }
}
