//! Entity tags: reads that return 304, and changes that apply only to the version that the caller expects.

use crate::harness::cases::cases;
use crate::harness::polling::until;
use crate::harness::steps::{assert_error, unknown_id};
use crate::harness::{RawResponse, Settings, StoreUnderTest, TestServer};
use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tenant_registry_client::types::{ErrorCode, Tenant, TenantActivate, TenantCancel, TenantId, TenantStatus};
use tenant_registry_client::{EntityTag, Error};

cases![
    a_read_returns_304_for_the_current_version,
    every_response_with_a_version_of_a_tenant_has_its_tag,
    a_change_applies_only_to_the_expected_version,
    one_of_two_changes_to_the_same_version_applies,
    any_tag_of_a_list_is_enough_but_weak_tags_match_nothing,
    the_tag_of_a_compressed_response_matches_too,
    a_malformed_precondition_is_rejected,
    the_precondition_is_checked_before_the_state_of_an_existing_record,
    a_cancellation_that_takes_effect_changes_the_tag,
    the_use_of_an_api_key_does_not_change_its_tag,
    only_the_expected_version_of_an_api_key_is_revoked,
    every_other_change_checks_its_precondition,
];

impl TestServer {
    async fn tag_of(&self, id: TenantId) -> String {
        let response = self.client.tenant_get().id(id).send().await.unwrap();
        response.entity_tag().unwrap().to_owned()
    }

    fn activation(&self, id: TenantId, plan: &str) -> RequestBuilder {
        self.raw
            .request(Method::POST, &format!("/v1/tenants/{id}/activate"))
            .json(&json!({ "plan": plan }))
    }

    async fn activated_if(&self, id: TenantId, plan: &str, tags: &[&str]) -> RawResponse {
        let request = self.activation(id, plan);
        RawResponse::from_request(
            tags.iter()
                .fold(request, |request, tag| request.header("if-match", *tag)),
        )
        .await
    }
}

async fn a_read_returns_304_for_the_current_version(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("cached").await;
    for path in [
        format!("/v1/tenants/{}", tenant.id),
        format!("/v1/tenants/by-slug/{}", tenant.slug),
    ] {
        let ask =
            |tag: &str| RawResponse::from_request(service.raw.request(Method::GET, &path).header("if-none-match", tag));
        let first = service.raw.get(&path).await;
        assert_eq!(first.header("cache-control"), "private, no-cache");
        let again = ask(first.header("etag")).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        assert_eq!(again.header("etag"), first.header("etag"));
        let other = ask("\"other\"").await;
        assert_eq!((other.status, &other.text), (200, &first.text));
    }
    let tag = service.tag_of(tenant.id).await;
    let by_id = service
        .client
        .tenant_get()
        .id(tenant.id)
        .if_none_match(&*tag)
        .send()
        .await;
    assert!(
        matches!(by_id, Err(Error::NotModified { request_id: Some(_) })),
        "{by_id:?}"
    );
    let by_slug = service.client.tenant_get_by_slug().slug(tenant.slug.as_str());
    let by_slug = by_slug.if_none_match(&*tag).send().await;
    assert!(matches!(by_slug, Err(Error::NotModified { .. })), "{by_slug:?}");
    service.clock.advance(TimeDelta::seconds(1));
    service.activate(tenant.id, TenantActivate::default()).await.unwrap();
    let changed = service
        .client
        .tenant_get()
        .id(tenant.id)
        .if_none_match(tag)
        .send()
        .await;
    assert_eq!(changed.unwrap().status, TenantStatus::Active);
}

async fn every_response_with_a_version_of_a_tenant_has_its_tag(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut seen = Vec::new();
    let created = service
        .raw
        .post_json("/v1/tenants", &json!({ "slug": "tagged", "name": "n" }))
        .await;
    let id = created.json::<Tenant>().id;
    let path = |rest: &str| format!("/v1/tenants/{id}{rest}");
    let mut responses = vec![created];
    for (action, body) in [("/activate", json!({ "plan": "team" })), ("/cancel", json!({}))] {
        service.clock.advance(TimeDelta::seconds(1));
        responses.push(service.raw.post_json(&path(action), &body).await);
        // Unchanged.
        responses.push(service.raw.post_json(&path(action), &body).await);
    }
    for pair in responses.windows(2) {
        let [before, after] = pair else { unreachable!() };
        assert_eq!(
            before.text == after.text,
            before.header("etag") == after.header("etag"),
            "{pair:?}"
        );
    }
    for response in responses {
        // A response to a change is not stored.
        assert_eq!(response.header("cache-control"), "no-store");
        seen.push((response.text.clone(), response.header("etag").to_owned()));
    }
    for path in [path(""), "/v1/tenants/by-slug/tagged".to_owned()] {
        let response = service.raw.get(&path).await;
        assert_eq!(
            Some(&(response.text.clone(), response.header("etag").to_owned())),
            seen.last()
        );
    }
}

async fn a_change_applies_only_to_the_expected_version(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id = service.customer("edited").await.id;
    let old = service.tag_of(id).await;
    service.clock.advance(TimeDelta::seconds(1));
    let activate = |tag: &str, plan: &str| {
        let body = TenantActivate {
            plan: Some(plan.try_into().unwrap()),
            ..TenantActivate::default()
        };
        service.client.tenant_activate().id(id).if_match(tag).body(body).send()
    };
    let activated = activate(&old, "team").await.unwrap();
    let new = activated.entity_tag().unwrap();
    assert_ne!(new, old);
    assert_eq!(new, service.tag_of(id).await);
    let message = assert_error(activate(&old, "business").await, 412, ErrorCode::PreconditionFailed);
    assert!(message.contains("read it again"), "{message}");
    let cancel = |tag: &str| service.client.tenant_cancel().id(id).if_match(tag).send();
    assert_error(cancel(&old).await, 412, ErrorCode::PreconditionFailed);
    assert_eq!(service.tenant(id).await, activated.clone());
    assert_eq!(service.actions(id).await, ["tenant.created", "tenant.activated"]);
    // `*` expects any version.
    assert_eq!(activate("*", "business").await.unwrap().plan.as_str(), "business");
    let current = service.tag_of(id).await;
    assert_eq!(cancel(&current).await.unwrap().status, TenantStatus::Frozen);
}

async fn one_of_two_changes_to_the_same_version_applies(store: StoreUnderTest) {
    let one = TestServer::start(store).await;
    let other = one.replica(Settings::default()).await;
    for round in 0..12 {
        let id = one.customer(&format!("tenant-{round}")).await.id;
        let tag = one.tag_of(id).await;
        one.clock.advance(TimeDelta::seconds(1));
        let tags = [tag.as_str()];
        let (first, second) = tokio::join!(
            one.activated_if(id, "first", &tags),
            other.activated_if(id, "second", &tags)
        );
        let (won, lost, plan) = if first.status == 200 {
            (first, second, "first")
        } else {
            (second, first, "second")
        };
        assert_eq!(won.status, 200, "{won:?} {lost:?}");
        lost.assert_error(412, ErrorCode::PreconditionFailed);
        assert_eq!(one.tenant(id).await.plan.as_str(), plan);
        assert_eq!(one.actions(id).await, ["tenant.created", "tenant.activated"]);
    }
}

async fn any_tag_of_a_list_is_enough_but_weak_tags_match_nothing(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id = service.customer("listed").await.id;
    let tag = service.tag_of(id).await;
    let (weak, unquoted) = (format!("W/{tag}"), tag.trim_matches('"').to_uppercase());
    for unmatched in [
        &["\"other\""][..],
        &[&weak],
        &["\"a,b\", W/\"c\"", &weak],
        &["\"*\""],
        &[&format!("\"{unquoted}\"")],
    ] {
        let response = service.activated_if(id, "team", unmatched).await;
        response.assert_error(412, ErrorCode::PreconditionFailed);
    }
    service.activate(id, TenantActivate::default()).await.unwrap();
    // The requests change nothing, so the tag stays.
    let tag = service.tag_of(id).await;
    for matched in [
        format!("{tag},\"x\""),
        format!("\"x\" , {tag},\"y\""),
        format!(", ,\"x\",\t{tag} ,"),
        " * ".to_owned(),
    ] {
        let response = service.activated_if(id, "starter", &[&matched]).await;
        assert_eq!(
            (response.status, response.header("etag")),
            (200, &*tag),
            "{matched}: {response:?}"
        );
    }
    assert_eq!(service.activated_if(id, "starter", &["\"x\"", &tag]).await.status, 200);
}

async fn the_tag_of_a_compressed_response_matches_too(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let body = json!({ "slug": "long", "name": "n", "sales_owner": "a".repeat(1024) });
    let created = service.raw.post_json("/v1/tenants", &body).await;
    let id = created.json::<Tenant>().id;
    let request = service.raw.request(Method::GET, &format!("/v1/tenants/{id}"));
    let compressed = request.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let tag = compressed.headers()["etag"].to_str().unwrap();
    assert_ne!(tag, created.header("etag"));
    service.clock.advance(TimeDelta::seconds(1));
    assert_eq!(service.activated_if(id, "team", &[tag]).await.status, 200);
    service
        .activated_if(id, "starter", &[tag])
        .await
        .assert_error(412, ErrorCode::PreconditionFailed);
}

async fn a_malformed_precondition_is_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id = service.customer("strict").await.id;
    let tag = service.tag_of(id).await;
    let bare = tag.trim_matches('"');
    let (missing_comma, with_star) = (format!("{tag} {tag}"), format!("{tag}, *"));
    for malformed in [
        "",
        ",",
        bare,
        "w/\"x\"",
        "\"x",
        "\"x y\"",
        "**",
        &missing_comma,
        &with_star,
    ] {
        let message = service
            .activated_if(id, "team", &[malformed])
            .await
            .assert_error(400, ErrorCode::InvalidInput);
        assert!(
            message.starts_with("`If-Match` in the head: must be `*` or"),
            "{malformed}: {message}"
        );
    }
    let not_text = service.activation(id, "team").header("if-match", &b"\"\xff\""[..]);
    RawResponse::from_request(not_text)
        .await
        .assert_error(412, ErrorCode::PreconditionFailed);
    assert_eq!(service.actions(id).await, ["tenant.created"]);
}

async fn the_precondition_is_checked_before_the_state_of_an_existing_record(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let unknown: TenantId = unknown_id();
    for tag in ["*", "\"other\""] {
        service
            .activated_if(unknown, "team", &[tag])
            .await
            .assert_error(404, ErrorCode::NotFound);
    }
    let id = service.archived("archived").await.id;
    service
        .activated_if(id, "team", &["\"other\""])
        .await
        .assert_error(412, ErrorCode::PreconditionFailed);
    let tag = service.tag_of(id).await;
    service
        .activated_if(id, "team", &[&tag])
        .await
        .assert_error(409, ErrorCode::Conflict);
}

/// The status is part of the tenant that callers read.
async fn a_cancellation_that_takes_effect_changes_the_tag(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let id = service.customer("leaving").await.id;
    let at_period_end = TenantCancel {
        at_period_end: true,
        ..TenantCancel::default()
    };
    service.cancel(id, at_period_end).await.unwrap();
    let pending = service.tag_of(id).await;
    service.clock.advance(TimeDelta::days(15));
    assert_ne!(service.tag_of(id).await, pending);
    service
        .activated_if(id, "team", &[&pending])
        .await
        .assert_error(412, ErrorCode::PreconditionFailed);
    let frozen = service.tag_of(id).await;
    assert_eq!(service.activated_if(id, "team", &[&frozen]).await.status, 200);
}

async fn the_use_of_an_api_key_does_not_change_its_tag(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("used").await;
    let created = service.api_key(tenant.id).await;
    let read = || service.client.api_key_get().id(created.api_key.id).send();
    let first = read().await.unwrap();
    assert_eq!(first.last_used_at, None);
    let tag = first.entity_tag().unwrap();
    assert!(service.verify(created.plaintext.expose_secret()).await.valid);
    let used = until("the time of last use", async || {
        let again = read().await.unwrap();
        again.last_used_at.is_some().then_some(again)
    })
    .await;
    assert_eq!(used.entity_tag(), Some(tag));
    let again = service
        .client
        .api_key_get()
        .id(created.api_key.id)
        .if_none_match(tag)
        .send()
        .await;
    assert!(matches!(again, Err(Error::NotModified { .. })), "{again:?}");
    let revoked = service
        .client
        .api_key_revoke()
        .id(created.api_key.id)
        .if_match(tag)
        .send()
        .await;
    assert_eq!(revoked.unwrap().status().as_u16(), 204);
    assert_ne!(read().await.unwrap().entity_tag(), Some(tag));
}

async fn only_the_expected_version_of_an_api_key_is_revoked(store: StoreUnderTest) {
    let one = TestServer::start(store).await;
    let other = one.replica(Settings::default()).await;
    let tenant = one.customer("careful").await;
    let id = one.api_key(tenant.id).await.api_key.id;
    let tag = one
        .client
        .api_key_get()
        .id(id)
        .send()
        .await
        .unwrap()
        .entity_tag()
        .unwrap()
        .to_owned();
    let revoke = async |service: &TestServer, tag: &str| {
        let request = service.client.api_key_revoke().id(id).if_match(tag);
        request.send().await
    };
    assert_error(revoke(&one, "\"other\"").await, 412, ErrorCode::PreconditionFailed);
    assert_eq!(one.actions(tenant.id).await, ["tenant.created", "api_key.created"]);
    one.clock.advance(TimeDelta::seconds(1));
    let (first, second) = tokio::join!(revoke(&one, &tag), revoke(&other, &tag));
    let lost = if first.is_ok() { second } else { first };
    assert_error(lost, 412, ErrorCode::PreconditionFailed);
    assert_eq!(
        one.actions(tenant.id).await,
        ["tenant.created", "api_key.created", "api_key.revoked"]
    );
}

/// Sends each change with a wrong tag and with the current one.
async fn every_other_change_checks_its_precondition(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("checked").await.id;
    let body = json!({ "tenant_id": tenant, "slug": "project", "name": "n" });
    let project = service.raw.post_json("/v1/projects", &body).await;
    let created_tag = project.header("etag").to_owned();
    let project = project.json::<serde_json::Value>()["id"].as_str().unwrap().to_owned();
    let project = format!("/v1/projects/{project}");
    assert_eq!(service.raw.get(&project).await.header("etag"), created_tag);
    let known = service
        .raw
        .request(Method::GET, &project)
        .header("if-none-match", &created_tag);
    assert_eq!(RawResponse::from_request(known).await.status, 304);
    let key = format!("/v1/api-keys/{}", service.api_key(tenant).await.api_key.id);
    let entitlement = format!("/v1/entitlements/{tenant}/insights");
    let set = |body: serde_json::Value| service.raw.request(Method::PUT, &entitlement).json(&body);
    // No version matches a missing record.
    let set_if = RawResponse::from_request(set(json!({})).header("if-match", "*")).await;
    set_if.assert_error(412, ErrorCode::PreconditionFailed);
    let created = RawResponse::from_request(set(json!({ "source": "override" }))).await;
    assert_eq!(created.status, 201);
    let tag = created.header("etag");
    let known = service
        .raw
        .request(Method::GET, &entitlement)
        .header("if-none-match", tag);
    assert_eq!(RawResponse::from_request(known).await.status, 304);
    let tenant = format!("/v1/tenants/{tenant}");
    for (method, record, action, body, status) in [
        (
            Method::PUT,
            &entitlement,
            "",
            Some(json!({ "source": "override", "config": { "seats": 5 } })),
            200,
        ),
        (Method::DELETE, &entitlement, "", None, 204),
        (Method::PATCH, &tenant, "", Some(json!({ "name": "Another" })), 200),
        (Method::POST, &tenant, "/archive", None, 200),
        (Method::PATCH, &key, "", Some(json!({ "name": "another" })), 200),
        (Method::POST, &key, "/rotate", None, 201),
        (Method::PATCH, &project, "", Some(json!({ "name": "another" })), 200),
        (Method::DELETE, &project, "", None, 204),
        (Method::DELETE, &tenant, "", None, 204),
    ] {
        let send = async |tag: &str| {
            let request = service.raw.request(method.clone(), &format!("{record}{action}"));
            let request = request.header("if-match", tag);
            RawResponse::from_request(match &body {
                Some(body) => request.json(body),
                None => request,
            })
            .await
        };
        let before = service.raw.get(record).await;
        send("\"other\"").await.assert_error(412, ErrorCode::PreconditionFailed);
        assert_eq!(service.raw.get(record).await.text, before.text);
        let tag = before.header("etag");
        service.clock.advance(TimeDelta::seconds(1));
        let changed = send(tag).await;
        assert_eq!(changed.status, status, "{method} {record}{action}: {changed:?}");
        let after = service.raw.get(record).await;
        if status == 200 {
            assert_eq!(changed.header("etag"), after.header("etag"));
        }
        assert_ne!(after.headers.get("etag"), before.headers.get("etag"));
    }
}
