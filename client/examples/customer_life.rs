//! Creates a tenant in the Tenant Registry, uses every part of the API, and reads the tenant's audit log.
//!
//! ```text
//! cargo run --example customer_life [BASE_URL]
//! ```
//!
//! The default base URL is `TENANT_REGISTRY_URL` or, if that is not set, `http://127.0.0.1:8090`. If a step fails, the
//! program exits with 1.
#![expect(clippy::print_stdout, reason = "the program prints what it does")]

use std::env;
use std::error::Error;
use std::process::ExitCode;

use tenant_registry_client::types::{
    ApiKeyCandidate, ApiKeyCreate, ApiKeyCreated, ApiKeyVerify, ApiKeyVerifyReason, ApiKeyVerifyRequest, AuditEvent,
    CatalogRequest, Tenant, TenantCreate, TenantStatus,
};
use tenant_registry_client::{Client, ResponseValue, TryStreamExt};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  caused by: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}

async fn run() -> Outcome {
    let base_url = env::args()
        .nth(1)
        .or_else(|| env::var("TENANT_REGISTRY_URL").ok())
        .unwrap_or_else(|| "http://127.0.0.1:8090".to_owned());
    let registry = Client::builder(&base_url).user_agent("customer-life/1").build()?;

    let tenant = create(&registry).await?;
    find(&registry, &tenant).await?;
    activate(&registry, &tenant).await?;
    start_trial(&registry, &tenant).await?;
    let created = create_key(&registry, &tenant).await?;

    let verified = verify(&registry, &created).await?;
    check(verified.valid, "a new key verifies")?;
    check(verified.tenant_id == Some(tenant.id), "the key belongs to the tenant")?;

    registry.api_key_revoke().id(created.api_key.id).send().await?;
    println!("revoked the key {}", created.api_key.prefix);

    let verified = verify(&registry, &created).await?;
    check(!verified.valid, "a revoked key does not verify")?;
    check(
        verified.reason == Some(ApiKeyVerifyReason::Revoked.into()),
        "the reason is `revoked`",
    )?;

    read_audit_log(&registry, &tenant).await
}

/// Creates a tenant with a new slug, so that the program can run repeatedly.
async fn create(registry: &Client) -> Outcome<Tenant> {
    let slug = format!("life-{}", uuid::Uuid::now_v7().simple()).try_into()?;
    let body = TenantCreate::new(slug, "Example GmbH".try_into()?);
    let tenant = registry.tenant_create().body(body).send().await?.into_inner();
    println!(
        "created the tenant {} ({}) in status {}",
        tenant.slug, tenant.id, tenant.status
    );
    check(tenant.status == TenantStatus::Trial, "a customer starts in a trial")?;
    Ok(tenant)
}

async fn find(registry: &Client, tenant: &Tenant) -> Outcome {
    let found = registry.tenant_get_by_slug().slug(tenant.slug.clone()).send().await?;
    println!("found {} by slug", found.id);
    check(*found == *tenant, "the tenant that was found equals the created one")
}

async fn activate(registry: &Client, tenant: &Tenant) -> Outcome {
    // The body is optional. Without it, only the status changes.
    let active = registry.tenant_activate().id(tenant.id).send().await?;
    println!("activated {}: its status is now {}", active.slug, active.status);
    check(active.status == TenantStatus::Active, "an activated tenant is active")
}

async fn start_trial(registry: &Client, tenant: &Tenant) -> Outcome {
    let catalog = registry.catalog_list().send().await?.into_inner();
    let entry = catalog
        .items
        .into_iter()
        .find(|entry| entry.supports_trial)
        .ok_or("no product of the catalog supports trials")?;
    let body = CatalogRequest::new(tenant.id, entry.key.clone());
    let trial = registry.catalog_trial_request().body(body).send().await?.into_inner();
    println!("started a trial of {} until {:?}", entry.name, trial.expires_at);

    let entitlements = registry.entitlement_list().tenant_id(tenant.id).send().await?;
    for entitlement in &entitlements.items {
        println!(
            "  entitlement to {} (enabled: {})",
            entitlement.product, entitlement.enabled
        );
    }
    check(
        entitlements
            .items
            .iter()
            .any(|it| it.product.as_str() == entry.key.as_str() && it.enabled),
        "the trial is among the entitlements",
    )
}

async fn create_key(registry: &Client, tenant: &Tenant) -> Outcome<ApiKeyCreated> {
    let mut body = ApiKeyCreate::new(tenant.id, "ci pipeline".try_into()?);
    body.scopes = vec!["reports:read".try_into()?];
    let created = registry.api_key_create().body(body).send().await?.into_inner();
    // The plaintext is only in this response, so a real program stores it now. `Debug` does not show it.
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
    match &verified.reason {
        None => println!("verified the key: valid, with the scopes {:?}", verified.scopes),
        Some(reason) => println!("verified the key: not valid: {reason}"),
    }
    Ok(verified)
}

/// Reads the tenant's audit events, in pages of three.
async fn read_audit_log(registry: &Client, tenant: &Tenant) -> Outcome {
    let request = registry.audit_list().tenant_id(tenant.id).limit(3);
    let events: Vec<AuditEvent> = request.stream().try_collect().await?;
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
        "the audit log has one event for each step, newest first",
    )
}

fn check(is_met: bool, expectation: &str) -> Outcome {
    if is_met {
        Ok(())
    } else {
        Err(format!("unexpected result; expected: {expectation}").into())
    }
}
