//! Calls every operation of the Tenant Registry with the Rust client: customer-life BASE_URL.
//!
//! Prints a line for each operation that returns the expected responses. Exits with 1 otherwise.
#![expect(clippy::print_stdout, reason = "clients/test reads the output")]

use std::collections::BTreeSet;
use std::error::Error;

use chrono::{DateTime, Local, SubsecRound, TimeDelta, Utc};
use serde_json::json;
use tenant_registry_client as registry;

use self::registry::types::{
    ApiKey, ApiKeyCandidate, ApiKeyCreate, ApiKeyCreated, ApiKeyId, ApiKeyRotate, ApiKeyUpdate, ApiKeyVerifyBatch,
    ApiKeyVerifyReason, ApiKeyVerifyRequest, AuditAppend, AuditAppendBatch, AuditEvent, AuditEventId, AuditTarget,
    CatalogRequest, EntitlementCheckReason, EntitlementGrant, EntitlementSet, EntitlementSource, ErrorCode,
    HealthStatus, Patch, ProductKey, Project, ProjectCreate, ProjectId, ProjectUpdate, StoredText, Tenant,
    TenantActivate, TenantCancel, TenantCreate, TenantId, TenantKind, TenantSlug, TenantStatus, TenantUpdate,
};
use self::registry::{Client, EntityTag, ResponseValue, TryStreamExt};
use uuid::Uuid;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const TRIAL_PERIOD: TimeDelta = TimeDelta::days(14);

#[tokio::main]
async fn main() -> Outcome {
    let base_url = std::env::args().nth(1).ok_or("usage: customer-life BASE_URL")?;
    let client = Client::builder(&base_url).user_agent("customer-life/1").build()?;

    check_health(&client).await?;
    let tenant = create_tenant(&client).await?;
    println!("tenant {}", tenant.slug);
    get_tenant(&client, &tenant).await?;
    activate_tenant(&client, &tenant).await?;
    update_tenant(&client, &tenant).await?;
    update_one_version(&client, tenant.id).await?;
    let website = create_project(&client, tenant.id).await?;
    let tried = try_product(&client, tenant.id).await?;
    sell_product(&client, tenant.id, &tried).await?;
    use_api_key(&client, tenant.id, website.id, tried).await?;
    let exported = append_audit_event(&client, &tenant).await?;
    delete_project(&client, website.id).await?;
    close_account(&client, &tenant).await?;
    read_audit_log(&client, &tenant, &exported).await?;
    filter_by_time(&client, &tenant, &exported).await
}

async fn check_health(client: &Client) -> Outcome {
    equal(&client.health_get().send().await?.status, &HealthStatus::Ok.into())?;
    passed("health_get");
    equal(&client.readiness_get().send().await?.status, &HealthStatus::Ok.into())?;
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
        &(&TenantStatus::Trial.into(), &TenantKind::Customer.into()),
    )?;
    equal(&tenant.plan.as_str(), &"starter")?;
    equal(
        &tenant.trial_ends_at.map(DateTime::from),
        &Some(tenant.created_at.get() + TRIAL_PERIOD),
    )?;
    equal(&(tenant.contract_start, tenant.contract_end), &(None, None))?;
    equal(&tenant.erp_customer_id, &None)?;
    fails(409, ErrorCode::Conflict, client.tenant_create().body(body).send().await)?;

    let mut body = TenantCreate::new(format!("{slug}-demo").try_into()?, "Demo".try_into()?);
    body.kind = TenantKind::Demo;
    let key = Uuid::now_v7().to_string();
    let create = client.tenant_create().idempotency_key(key);
    let demo = create.clone().body(body.clone()).send().await?;
    equal(&(&demo.status, demo.trial_ends_at), &(&TenantStatus::Demo.into(), None))?;
    passed("tenant_create");

    let again = create.clone().body(body.clone()).send().await?;
    equal(&(again.status().as_u16(), &*again), &(201, &*demo))?;
    let replayed = again.headers().get("idempotency-replayed");
    equal(&replayed.map(|value| value.as_bytes()), &Some(b"true".as_slice()))?;
    body.name = "Another demo".try_into()?;
    let reused = create.body(body).send().await;
    fails(422, ErrorCode::IdempotencyKeyReused, reused)?;
    passed("retries");
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

    let list = client.tenant_list().q(tenant.slug.as_str());
    let newest = list.clone().limit(1).send().await?.into_inner();
    equal(
        &newest
            .items
            .iter()
            .map(|item| item.slug.to_string())
            .collect::<Vec<_>>(),
        &vec![format!("{}-demo", tenant.slug)],
    )?;
    let cursor = newest.next_cursor.ok_or("a second page")?;
    let oldest = list.clone().limit(1).cursor(cursor).send().await?.into_inner();
    equal(&(&oldest.items, &oldest.next_cursor), &(&vec![tenant.clone()], &None))?;
    let customers: Vec<Tenant> = list.kind(TenantKind::Customer).stream().try_collect().await?;
    equal(&customers, &vec![tenant.clone()])?;
    let unknown = client.tenant_list().cursor("not-a-cursor").send().await;
    fails(400, ErrorCode::InvalidInput, unknown)?;
    passed("tenant_list");
    Ok(())
}

async fn activate_tenant(client: &Client, tenant: &Tenant) -> Outcome {
    let id = tenant.id;
    let active = client.tenant_activate().id(id).send().await?;
    equal(
        &(&active.status, active.plan.as_str()),
        &(&TenantStatus::Active.into(), "starter"),
    )?;

    let contract = TenantActivate {
        plan: Some("team".try_into()?),
        contract_start: Some("2027-01-01".try_into()?),
        contract_end: Some("2027-12-31".try_into()?),
        erp_customer_id: Some(tenant.slug.as_str().try_into()?),
    };
    let active = client.tenant_activate().id(id).body(contract.clone()).send().await?;
    equal(
        &(active.plan.as_str(), text(&active.erp_customer_id)),
        &("team", Some(tenant.slug.as_str())),
    )?;
    equal(
        &(active.contract_start, active.contract_end),
        &(contract.contract_start, contract.contract_end),
    )?;

    let backwards = TenantActivate {
        contract_end: Some("2026-12-31".try_into()?),
        ..TenantActivate::default()
    };
    let rejected = client.tenant_activate().id(id).body(backwards).send().await;
    fails(400, ErrorCode::InvalidInput, rejected)?;
    passed("tenant_activate");
    Ok(())
}

async fn update_tenant(client: &Client, tenant: &Tenant) -> Outcome {
    let id = tenant.id;
    let patch = TenantUpdate {
        name: Some("Blåbær Holding".try_into()?),
        sales_owner: Patch::Set("Ada Lovelace".try_into()?),
        stripe_cust_id: Patch::Set(tenant.slug.as_str().try_into()?),
        ..TenantUpdate::default()
    };
    let updated = client.tenant_update().id(id).body(patch).send().await?;
    equal(
        &(updated.name.as_str(), updated.plan.as_str()),
        &("Blåbær Holding", "team"),
    )?;
    equal(
        &(text(&updated.sales_owner), text(&updated.stripe_cust_id)),
        &(Some("Ada Lovelace"), Some(tenant.slug.as_str())),
    )?;

    let patch = TenantUpdate {
        sales_owner: Patch::Clear,
        ..TenantUpdate::default()
    };
    let updated = client.tenant_update().id(id).body(patch).send().await?;
    equal(
        &(text(&updated.sales_owner), text(&updated.stripe_cust_id)),
        &(None, Some(tenant.slug.as_str())),
    )?;
    let backwards = TenantUpdate {
        contract_end: Patch::Set("2026-12-31".try_into()?),
        ..TenantUpdate::default()
    };
    let rejected = client.tenant_update().id(id).body(backwards).send().await;
    fails(400, ErrorCode::InvalidInput, rejected)?;
    passed("tenant_update");
    Ok(())
}

async fn update_one_version(client: &Client, id: TenantId) -> Outcome {
    let get = client.tenant_get().id(id);
    let read = get.clone().send().await?;
    let tag = read.entity_tag().ok_or("no `ETag`")?;
    let unchanged = get.clone().if_none_match(tag).send().await;
    check(
        matches!(unchanged, Err(registry::Error::NotModified { .. })),
        "status 304",
    )?;
    let sold_by = |person: &str| -> Outcome<TenantUpdate> {
        Ok(TenantUpdate {
            sales_owner: Patch::Set(person.try_into()?),
            ..TenantUpdate::default()
        })
    };
    let update = client.tenant_update().id(id).if_match(tag);
    update.clone().body(sold_by("Grace Hopper")?).send().await?;
    let late = update.body(sold_by("Alan Turing")?).send().await;
    fails(412, ErrorCode::PreconditionFailed, late)?;
    let found = get.if_none_match(tag).send().await?;
    equal(&text(&found.sales_owner), &Some("Grace Hopper"))?;
    passed("etags");
    Ok(())
}

async fn create_project(client: &Client, tenant_id: TenantId) -> Outcome<Project> {
    let mut body = ProjectCreate::new(tenant_id, "website".try_into()?, "Website".try_into()?);
    body.description = Some("For visitors".try_into()?);
    let project = client.project_create().body(body.clone()).send().await?.into_inner();
    equal(
        &(project.tenant_id, &project.slug, &project.name),
        &(tenant_id, &body.slug, &body.name),
    )?;
    equal(&text(&project.description), &Some("For visitors"))?;
    fails(
        409,
        ErrorCode::Conflict,
        client.project_create().body(body).send().await,
    )?;
    passed("project_create");

    equal(&*client.project_get().id(project.id).send().await?, &project)?;
    passed("project_get");

    let body = ProjectCreate::new(tenant_id, "mobile-app".try_into()?, "Mobile app".try_into()?);
    let mobile = client.project_create().body(body).send().await?.into_inner();
    let list = client.project_list().tenant_id(tenant_id).limit(1);
    let newest = list.clone().send().await?.into_inner();
    equal(&newest.items, &vec![mobile.clone()])?;
    let cursor = newest.next_cursor.ok_or("a second page")?;
    let oldest = list.clone().cursor(cursor).send().await?.into_inner();
    equal(&(&oldest.items, &oldest.next_cursor), &(&vec![project.clone()], &None))?;
    let all: Vec<Project> = list.clone().stream().try_collect().await?;
    equal(&all, &vec![mobile, project.clone()])?;
    let unknown = list.cursor("not-a-cursor").send().await;
    fails(400, ErrorCode::InvalidInput, unknown)?;
    passed("project_list");

    let patch = ProjectUpdate {
        name: Some("Website and shop".try_into()?),
        ..ProjectUpdate::default()
    };
    let update = |id| client.project_update().id(id);
    let updated = update(project.id).body(patch.clone()).send().await?;
    equal(
        &(updated.name.as_str(), text(&updated.description)),
        &("Website and shop", Some("For visitors")),
    )?;
    let unknown = update(Uuid::now_v7().into()).body(patch).send().await;
    fails(404, ErrorCode::NotFound, unknown)?;
    let patch = ProjectUpdate {
        description: Patch::Clear,
        ..ProjectUpdate::default()
    };
    let updated = update(project.id).body(patch).send().await?.into_inner();
    equal(
        &(updated.name.as_str(), text(&updated.description)),
        &("Website and shop", None),
    )?;
    passed("project_update");
    Ok(updated)
}

async fn try_product(client: &Client, tenant_id: TenantId) -> Outcome<ProductKey> {
    let entries = client.catalog_list().send().await?.into_inner().items;
    let entry = entries
        .iter()
        .find(|entry| entry.supports_trial)
        .ok_or("no product with trials")?;
    check(
        !entry.name.as_str().is_empty() && entry.plans_required.is_empty(),
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
    equal(
        &trial.expires_at.map(DateTime::from),
        &Some(trial.created_at.get() + TRIAL_PERIOD),
    )?;
    let again = client.catalog_trial_request().body(body).send().await;
    fails(409, ErrorCode::Conflict, again)?;
    passed("catalog_trial_request");

    equal(
        &client.entitlement_list().tenant_id(tenant_id).send().await?.items,
        &vec![trial.clone()],
    )?;
    passed("entitlement_list");

    let product = ProductKey::try_from(entry.key.as_str())?;
    let check_entitlement = client.entitlement_check().tenant_id(tenant_id);
    let entitled = check_entitlement.clone().product(product.clone()).send().await?;
    equal(&(entitled.entitled, &entitled.reason), &(true, &None))?;
    equal(&entitled.expires_at, &trial.expires_at)?;
    check(entitled.config.is_some(), "the settings of the product")?;
    let unknown = check_entitlement.product("no-such-product").send().await?;
    equal(
        &(unknown.entitled, &unknown.reason),
        &(false, &Some(EntitlementCheckReason::UnknownProduct.into())),
    )?;
    passed("entitlement_check");
    Ok(product)
}

async fn sell_product(client: &Client, tenant_id: TenantId, tried: &ProductKey) -> Outcome {
    let set = client.entitlement_set().tenant_id(tenant_id);
    let bought = EntitlementSet {
        config: serde_json::from_value(json!({"seats": 5}))?,
        ..EntitlementSet::default()
    };
    let sold = set.clone().product(tried.clone()).body(bought.clone()).send().await?;
    equal(&sold.status().as_u16(), &200)?;
    equal(
        &(&sold.source, sold.enabled),
        &(&EntitlementSource::Purchase.into(), true),
    )?;
    equal(&(&sold.config, sold.expires_at), &(&bought.config, None))?;

    let entries = client.catalog_list().send().await?.into_inner().items;
    let other = entries
        .iter()
        .find(|entry| !entry.supports_trial)
        .ok_or("a product without trials")?;
    let other = ProductKey::try_from(other.key.as_str())?;
    let get = client.entitlement_get().tenant_id(tenant_id).product(other.clone());
    fails(404, ErrorCode::NotFound, get.clone().send().await)?;
    let override_plan = EntitlementSet {
        source: EntitlementGrant::Override,
        ..EntitlementSet::default()
    };
    let given = set.product(other.clone()).body(override_plan).send().await?;
    equal(&given.status().as_u16(), &201)?;
    equal(&given.source, &EntitlementSource::Override.into())?;
    passed("entitlement_set");

    equal(&*get.clone().send().await?, &*given)?;
    passed("entitlement_get");

    for _ in 0..2 {
        let revoked = client
            .entitlement_revoke()
            .tenant_id(tenant_id)
            .product(other.clone())
            .send()
            .await?;
        equal(&revoked.status().as_u16(), &204)?;
    }
    check(!get.send().await?.enabled, "an entitlement that is not enabled")?;
    let entitled = client
        .entitlement_check()
        .tenant_id(tenant_id)
        .product(other)
        .send()
        .await?;
    equal(&entitled.reason, &Some(EntitlementCheckReason::Disabled.into()))?;
    passed("entitlement_revoke");
    Ok(())
}

async fn use_api_key(client: &Client, tenant_id: TenantId, project_id: ProjectId, product: ProductKey) -> Outcome {
    let mut body = ApiKeyCreate::new(tenant_id, "ci".try_into()?);
    body.scopes = vec!["reports:read".try_into()?, "reports:write".try_into()?];
    // The service stores microseconds.
    let expires_at = (Utc::now() + TimeDelta::days(365)).trunc_subsecs(6);
    body.expires_at = Some(expires_at.try_into()?);
    body.project_id = Some(project_id);
    let created = client.api_key_create().body(body.clone()).send().await?.into_inner();
    let key = &created.api_key;
    let plaintext = created.plaintext.expose_secret();
    check(
        plaintext.starts_with(key.prefix.as_str()) && !created.warning.is_empty(),
        "the plaintext and a warning",
    )?;
    check(!format!("{created:?}").contains(plaintext), "no secret in `Debug`")?;
    equal(&(key.last_used_at, key.revoked_at, &key.product), &(None, None, &None))?;
    equal(&(key.expires_at, key.project_id), &(body.expires_at, body.project_id))?;
    passed("api_key_create");

    equal(&*client.api_key_get().id(key.id).send().await?, key)?;
    passed("api_key_get");

    let request = ApiKeyVerifyRequest::new(ApiKeyCandidate::from(plaintext));
    let verified = client.api_key_verify().body(request.clone()).send().await?;
    check(verified.valid && verified.reason.is_none(), "a new key is valid")?;
    equal(
        &serde_json::to_value((verified.tenant_id, &verified.scopes))?,
        &serde_json::to_value((tenant_id, &body.scopes))?,
    )?;
    equal(
        &(verified.api_key_id, verified.project_id, verified.expires_at),
        &(Some(key.id), body.project_id, body.expires_at),
    )?;
    let rejected = client.project_delete().id(project_id).send().await;
    fails(409, ErrorCode::Conflict, rejected)?;
    let mut usage = request.clone();
    usage.product = Some(product);
    usage.scopes = vec!["reports:read".try_into()?];
    check(
        client.api_key_verify().body(usage.clone()).send().await?.valid,
        "valid for the product and a scope of the key",
    )?;
    usage.scopes.push("reports:delete".try_into()?);
    let verified = client.api_key_verify().body(usage).send().await?;
    equal(
        &(verified.valid, &verified.reason),
        &(false, &Some(ApiKeyVerifyReason::MissingScope.into())),
    )?;
    let successor = rotate_api_key(client, &created).await?;

    for _ in 0..2 {
        let revoked = client.api_key_revoke().id(key.id).send().await?;
        equal(&revoked.status().as_u16(), &204)?;
    }
    passed("api_key_revoke");

    let verified = client.api_key_verify().body(request).send().await?;
    equal(
        &(verified.valid, &verified.reason),
        &(false, &Some(ApiKeyVerifyReason::Revoked.into())),
    )?;
    equal(&(&verified.tenant_id, &verified.scopes), &(&None, &None))?;
    passed("api_key_verify");

    let list = client.api_key_list().tenant_id(tenant_id);
    let newest = list.clone().limit(1).send().await?.into_inner();
    equal(&ids(&newest.items), &vec![successor])?;
    let cursor = newest.next_cursor.ok_or("a second page")?;
    let oldest = list.clone().limit(1).cursor(cursor).send().await?.into_inner();
    equal(&ids(&oldest.items), &vec![key.id])?;
    check(
        oldest.items.iter().all(|item| item.revoked_at >= Some(item.created_at)),
        "revoked after it was created",
    )?;
    equal(&oldest.next_cursor, &None)?;
    let usable: Vec<ApiKey> = list.usable(true).stream().try_collect().await?;
    equal(&ids(&usable), &vec![successor])?;
    passed("api_key_list");
    client.api_key_revoke().id(successor).send().await?;
    Ok(())
}

fn ids(keys: &[ApiKey]) -> Vec<ApiKeyId> {
    keys.iter().map(|key| key.id).collect()
}

/// Replaces a key, and returns the ID of its successor.
async fn rotate_api_key(client: &Client, created: &ApiKeyCreated) -> Outcome<ApiKeyId> {
    let key = &created.api_key;
    let body = ApiKeyRotate {
        overlap_seconds: 3600.try_into()?,
    };
    let rotated = client.api_key_rotate().id(key.id).body(body).send().await?.into_inner();
    let successor = &rotated.api_key;
    let plaintext = rotated.plaintext.expose_secret();
    check(
        plaintext.starts_with(successor.prefix.as_str()),
        "the plaintext of the successor",
    )?;
    check(!format!("{rotated:?}").contains(plaintext), "no secret in `Debug`")?;
    equal(&(successor.rotated_from, successor.expires_at), &(Some(key.id), None))?;
    equal(
        &(&successor.name, &successor.scopes, successor.project_id),
        &(&key.name, &key.scopes, key.project_id),
    )?;
    let old = client.api_key_get().id(key.id).send().await?;
    equal(&old.rotated_to, &Some(successor.id))?;
    equal(
        &old.expires_at.map(DateTime::from),
        &Some(successor.created_at.get() + TimeDelta::hours(1)),
    )?;
    for plaintext in [&created.plaintext, &rotated.plaintext] {
        let request = ApiKeyVerifyRequest::new(ApiKeyCandidate::from(plaintext.expose_secret()));
        let verified = client.api_key_verify().body(request).send().await?;
        check(verified.valid, "both keys are valid during the overlap")?;
    }
    let again = client.api_key_rotate().id(key.id).send().await;
    fails(409, ErrorCode::Conflict, again)?;
    passed("api_key_rotate");

    let patch = ApiKeyUpdate {
        name: Some("nightly".try_into()?),
        scopes: Some(vec!["reports:read".try_into()?]),
        ..ApiKeyUpdate::default()
    };
    let updated = client
        .api_key_update()
        .id(successor.id)
        .body(patch.clone())
        .send()
        .await?;
    equal(&Some(&updated.name), &patch.name.as_ref())?;
    equal(&(updated.scopes.len(), updated.expires_at), &(1, None))?;
    let past = ApiKeyUpdate {
        expires_at: Some(key.created_at),
        ..ApiKeyUpdate::default()
    };
    let rejected = client.api_key_update().id(successor.id).body(past).send().await;
    fails(400, ErrorCode::InvalidInput, rejected)?;
    passed("api_key_update");

    let mut keys = Vec::new();
    for plaintext in [&created.plaintext, &rotated.plaintext] {
        let mut usage = ApiKeyVerifyRequest::new(ApiKeyCandidate::from(plaintext.expose_secret()));
        usage.scopes = vec!["reports:write".try_into()?];
        keys.push(usage);
    }
    let batch = ApiKeyVerifyBatch::new(keys);
    let results = client
        .api_key_verify_batch()
        .body(batch)
        .send()
        .await?
        .into_inner()
        .results;
    equal(
        &results
            .iter()
            .map(|result| (result.valid, &result.reason))
            .collect::<Vec<_>>(),
        &vec![(true, &None), (false, &Some(ApiKeyVerifyReason::MissingScope.into()))],
    )?;
    passed("api_key_verify_batch");
    Ok(successor.id)
}

async fn delete_project(client: &Client, id: ProjectId) -> Outcome {
    let deleted = client.project_delete().id(id).send().await?;
    equal(&deleted.status().as_u16(), &204)?;
    fails(404, ErrorCode::NotFound, client.project_get().id(id).send().await)?;
    passed("project_delete");
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
    body.occurred_at = Some(tenant.created_at);
    let mut target = AuditTarget::new("report-17".try_into()?, "report".try_into()?);
    target.name = Some("Revenue 2026".try_into()?);
    body.targets = Some(vec![target]);
    body.metadata = Some(serde_json::from_value(metadata)?);
    let event = client.audit_append().body(body.clone()).send().await?.into_inner();
    check(
        event.created_at >= tenant.created_at,
        "a time after the creation of the tenant",
    )?;
    equal(&(event.project_id, &event.actor_id), &(body.project_id, &None))?;
    equal(&event.metadata, &body.metadata)?;
    equal(&event.occurred_at, &body.occurred_at)?;
    equal(&json!(event.targets), &json!(body.targets))?;
    equal(
        &(event.source_ip.as_deref(), event.user_agent.as_deref()),
        &(Some("127.0.0.1"), Some("customer-life/1")),
    )?;
    body.tenant_id = Some(TenantId::from(Uuid::now_v7()));
    let rejected = client.audit_append().body(body.clone()).send().await;
    fails(400, ErrorCode::InvalidInput, rejected)?;
    passed("audit_append");

    let events = vec![
        AuditAppend::new("report.viewed".try_into()?),
        AuditAppend::new("report.shared".try_into()?),
    ];
    let batch = AuditAppendBatch::new(events.clone());
    let items = client.audit_append_batch().body(batch).send().await?.into_inner().items;
    equal(
        &items.iter().map(|item| item.action.as_str()).collect::<Vec<_>>(),
        &vec!["report.viewed", "report.shared"],
    )?;
    check(
        items.iter().all(|item| item.id > event.id) && items.is_sorted_by_key(|item| item.id),
        "increasing numbers",
    )?;
    let batch = AuditAppendBatch::new(events.into_iter().chain([body]).collect());
    let rejected = client.audit_append_batch().body(batch).send().await;
    fails(400, ErrorCode::InvalidInput, rejected)?;
    passed("audit_append_batch");

    equal(&*client.audit_get().id(event.id).send().await?, &event)?;
    let unknown = AuditEventId::try_from(i64::MAX)?;
    fails(404, ErrorCode::NotFound, client.audit_get().id(unknown).send().await)?;
    passed("audit_get");
    Ok(event)
}

async fn close_account(client: &Client, tenant: &Tenant) -> Outcome {
    let id = tenant.id;
    let at_period_end = TenantCancel {
        reason: Some("too dear".try_into()?),
        at_period_end: true,
    };
    let cancelled = client.tenant_cancel().id(id).body(at_period_end).send().await?;
    equal(&cancelled.status, &TenantStatus::Active.into())?;
    fails(409, ErrorCode::Conflict, client.tenant_archive().id(id).send().await)?;
    let cancelled = client.tenant_cancel().id(id).send().await?;
    equal(&cancelled.status, &TenantStatus::Frozen.into())?;
    passed("tenant_cancel");

    let archived = client.tenant_archive().id(id).send().await?;
    equal(&archived.status, &TenantStatus::Archived.into())?;
    fails(409, ErrorCode::Conflict, client.tenant_activate().id(id).send().await)?;
    passed("tenant_archive");

    let demo: TenantSlug = format!("{}-demo", tenant.slug).try_into()?;
    let demo = client.tenant_get_by_slug().slug(demo).send().await?.id;
    fails(409, ErrorCode::Conflict, client.tenant_delete().id(demo).send().await)?;
    client.tenant_archive().id(demo).send().await?;
    let deleted = client.tenant_delete().id(demo).send().await?;
    equal(&deleted.status().as_u16(), &204)?;
    fails(404, ErrorCode::NotFound, client.tenant_get().id(demo).send().await)?;
    passed("tenant_delete");
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
    let at = appended.created_at.get().with_timezone(&Local);
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

fn text(stored: &Option<StoredText>) -> Option<&str> {
    stored.as_ref().map(StoredText::as_str)
}

fn passed(operation: &str) {
    println!("{operation} ok");
}

fn fails<T>(status: u16, code: ErrorCode, result: Result<ResponseValue<T>, registry::Error>) -> Outcome {
    let Err(error) = result else {
        return Err(format!("expected an error with status {status}").into());
    };
    let response = error.response().ok_or_else(|| error.to_string())?;
    equal(&(response.status.as_u16(), &response.code), &(status, &code.into()))?;
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
