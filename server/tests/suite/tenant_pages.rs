//! Listing tenants: filters, search and pages.

use crate::harness::cases::cases;
use crate::harness::steps::assert_error;
use crate::harness::{StoreUnderTest, TestServer};
use chrono::TimeDelta;
use serde_json::json;
use tenant_registry_client::TryStreamExt;
use tenant_registry_client::types::{
    CatalogRequest, ErrorCode, ListCursor, Tenant, TenantActivate, TenantCancel, TenantCreate, TenantId, TenantKind,
    TenantPage, TenantStatus,
};

cases![
    a_page_has_50_tenants_by_default_and_at_most_limit,
    walking_the_pages_returns_every_tenant_once,
    a_tenant_that_is_created_during_a_walk_does_not_change_it,
    a_cursor_of_other_filters_is_rejected,
    filters_by_the_status_that_readers_see,
    filters_by_kind_plan_and_external_id,
    filters_by_a_product_that_the_tenant_is_entitled_to_now,
    every_word_of_a_search_begins_a_word_of_the_tenant,
    a_search_finds_tenants_by_their_current_words,
    filters_can_be_combined,
    the_tenants_look_as_if_read_one_by_one,
];

impl TestServer {
    async fn named(&self, slug: &str, name: &str) -> TenantId {
        let body = TenantCreate::new(slug.try_into().unwrap(), name.try_into().unwrap());
        self.client.tenant_create().body(body).send().await.unwrap().id
    }

    /// The slugs of all tenants that match the query, except those that the store has from the start.
    async fn found(&self, query: &str) -> Vec<String> {
        let mut slugs = Vec::new();
        let mut cursor: Option<ListCursor> = None;
        loop {
            let cursor_parameter = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let response = self.raw.get(&format!("/v1/tenants?{query}{cursor_parameter}")).await;
            assert_eq!(response.status, 200, "{query}: {response:?}");
            let page: TenantPage = response.json();
            slugs.extend(page.items.into_iter().map(|tenant| tenant.slug.to_string()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                slugs.retain(|slug| slug != "acme");
                return slugs;
            }
        }
    }
}

async fn a_page_has_50_tenants_by_default_and_at_most_limit(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut expected = Vec::new();
    for number in 0..51 {
        expected.insert(0, service.customer(&format!("tenant-{number}")).await.id);
    }
    let ids = |page: &TenantPage| page.items.iter().map(|tenant| tenant.id).collect::<Vec<_>>();
    let by_default = service.client.tenant_list().send().await.unwrap();
    assert_eq!(ids(&by_default), expected[..50]);
    for limit in [1, 2, 51] {
        let page = service.client.tenant_list().limit(limit).send().await.unwrap();
        assert_eq!(ids(&page), expected[..limit.unsigned_abs() as usize]);
    }
}

async fn walking_the_pages_returns_every_tenant_once(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut expected = Vec::new();
    for number in 0..7 {
        expected.insert(0, service.customer(&format!("tenant-{number}")).await.slug.to_string());
    }
    for limit in 1..9 {
        assert_eq!(service.found(&format!("limit={limit}")).await, expected, "{limit}");
        assert_eq!(
            service.found(&format!("limit={limit}&q=ten")).await,
            expected,
            "{limit}"
        );
        let frozen = service.found(&format!("limit={limit}&status=frozen")).await;
        assert!(frozen.is_empty(), "{limit}");
    }
    let stream = service.client.tenant_list().q("tenant").limit(3).stream();
    let streamed: Vec<_> = stream
        .map_ok(|tenant| tenant.slug.to_string())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(streamed, expected);
}

async fn a_tenant_that_is_created_during_a_walk_does_not_change_it(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut expected = Vec::new();
    for number in 0..5 {
        expected.insert(0, service.customer(&format!("tenant-{number}")).await.id);
    }
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let mut list = service.client.tenant_list().q("tenant").limit(2);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        let page = list.send().await.unwrap().into_inner();
        walked.extend(page.items.into_iter().map(|tenant| tenant.id));
        service.customer(&format!("tenant-late-{}", walked.len())).await;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, expected);
}

async fn a_cursor_of_other_filters_is_rejected(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("one").await;
    service.customer("two").await;
    let page = service.client.tenant_list().limit(1).send().await.unwrap();
    let cursor = page.into_inner().next_cursor.unwrap();
    let list = || service.client.tenant_list().cursor(cursor.clone());
    list().limit(500).send().await.unwrap();
    for rejected in [
        list().status(TenantStatus::Trial),
        list().kind(TenantKind::Customer),
        list().plan("starter"),
        list().product("insights"),
        list().stripe_cust_id("a"),
        list().erp_customer_id("a"),
        list().q("one"),
        service.client.tenant_list().cursor("none"),
    ] {
        let message = assert_error(rejected.send().await, 400, ErrorCode::InvalidInput);
        assert!(
            message.starts_with("`cursor`: does not belong to this list"),
            "{message}"
        );
    }
    // A cursor of another list.
    let keys = service.client.api_key_list().tenant_id(tenant.id).cursor(cursor);
    assert_error(keys.send().await, 400, ErrorCode::InvalidInput);
}

async fn filters_by_the_status_that_readers_see(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    service.customer("trial").await;
    service.demo("demo").await;
    let active = service.customer("active").await;
    service.activate(active.id, TenantActivate::default()).await.unwrap();
    let frozen = service.customer("frozen").await;
    service.cancel(frozen.id, TenantCancel::default()).await.unwrap();
    service.archived("archived").await;
    let pending = service.customer("pending").await;
    let at_period_end = TenantCancel {
        at_period_end: true,
        ..TenantCancel::default()
    };
    let end = pending.trial_ends_at.unwrap().get();
    service.cancel(pending.id, at_period_end).await.unwrap();
    assert_eq!(service.found("status=trial").await, ["pending", "trial"]);
    assert_eq!(service.found("status=demo").await, ["demo"]);
    assert_eq!(service.found("status=active").await, ["active"]);
    assert_eq!(service.found("status=frozen").await, ["frozen"]);
    assert_eq!(service.found("status=archived").await, ["archived"]);
    service.clock.set(end - TimeDelta::microseconds(1));
    assert_eq!(service.found("status=frozen").await, ["frozen"]);
    // No job has run.
    service.clock.set(end);
    assert_eq!(service.found("status=trial").await, ["trial"]);
    assert_eq!(service.found("status=frozen").await, ["pending", "frozen"]);
    // An archived tenant stays archived, whatever was pending.
    service.client.tenant_archive().id(pending.id).send().await.unwrap();
    assert_eq!(service.found("status=frozen").await, ["frozen"]);
    assert_eq!(service.found("status=archived").await, ["pending", "archived"]);
}

async fn filters_by_kind_plan_and_external_id(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    service.demo("demo").await;
    let large = service.customer("large").await;
    let body = TenantActivate {
        plan: Some("enterprise".try_into().unwrap()),
        erp_customer_id: Some("E 10042".try_into().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(large.id, body).await.unwrap();
    assert_eq!(service.found("kind=demo").await, ["demo"]);
    assert_eq!(service.found("kind=customer").await, ["large"]);
    assert_eq!(service.found("plan=enterprise").await, ["large"]);
    assert_eq!(service.found("plan=starter").await, ["demo"]);
    assert!(service.found("plan=Starter").await.is_empty());
    assert!(service.found("plan=").await.is_empty());
    assert_eq!(service.found("erp_customer_id=E%2010042").await, ["large"]);
    for other in ["erp_customer_id=10042", "erp_customer_id=", "stripe_cust_id=E%2010042"] {
        assert!(service.found(other).await.is_empty(), "{other}");
    }
}

async fn filters_by_a_product_that_the_tenant_is_entitled_to_now(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut tenants = Vec::new();
    for slug in ["none", "later", "sooner", "frozen"] {
        tenants.push(service.customer(slug).await);
    }
    let trial = async |tenant: &Tenant| {
        let body = CatalogRequest::new(tenant.id, "insights".try_into().unwrap());
        let trial = service.client.catalog_trial_request().body(body).send().await.unwrap();
        trial.expires_at.unwrap().get()
    };
    let end = trial(&tenants[2]).await;
    trial(&tenants[3]).await;
    service.clock.advance(TimeDelta::days(1));
    trial(&tenants[1]).await;
    service.cancel(tenants[3].id, TenantCancel::default()).await.unwrap();
    assert_eq!(service.found("product=insights").await, ["sooner", "later"]);
    assert_eq!(
        service.found("product=insights&status=trial").await,
        ["sooner", "later"]
    );
    assert!(service.found("product=insights&status=frozen").await.is_empty());
    assert!(service.found("product=reports").await.is_empty());
    service.clock.set(end - TimeDelta::microseconds(1));
    assert_eq!(service.found("product=insights").await, ["sooner", "later"]);
    service.clock.set(end);
    assert_eq!(service.found("product=insights").await, ["later"]);
}

async fn every_word_of_a_search_begins_a_word_of_the_tenant(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    service.named("blue-sky", "Blue Sky Ltd.").await;
    let mueller = service.named("mueller", "Müller & Söhne (Holz) GmbH").await;
    let body = TenantActivate {
        erp_customer_id: Some("KD_10042".try_into().unwrap()),
        ..TenantActivate::default()
    };
    service.activate(mueller, body).await.unwrap();
    service.named("odysseus", "ΟΔΥΣΣΕΥΣ İstanbul").await;
    for (q, expected) in [
        ("blue", &["blue-sky"][..]),
        ("BLU", &["blue-sky"]),
        ("sky blue", &["blue-sky"]),
        ("blue-sky", &["blue-sky"]),
        ("lue", &[]),
        ("blue moon", &[]),
        ("müll", &["mueller"]),
        ("MÜLL holz", &["mueller"]),
        ("mull", &[]),
        ("gmbh 100", &["mueller"]),
        ("kd_10042", &["mueller"]),
        ("m mu mue", &["mueller"]),
        ("οδυσσευς", &["odysseus"]),
        ("istan", &["odysseus"]),
        ("b", &["blue-sky"]),
        ("%", &["odysseus", "mueller", "blue-sky"]),
        ("_", &["odysseus", "mueller", "blue-sky"]),
        ("", &["odysseus", "mueller", "blue-sky"]),
        ("\u{10ffff}", &["odysseus", "mueller", "blue-sky"]),
    ] {
        let page = service.client.tenant_list().q(q).send().await.unwrap().into_inner();
        let slugs = page.items.iter().map(|tenant| tenant.slug.to_string());
        let found: Vec<_> = slugs.filter(|slug| slug != "acme").collect();
        assert_eq!(found, expected, "{q}");
    }
}

async fn a_search_finds_tenants_by_their_current_words(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("renumbered").await;
    let renumber = async |id: &str| {
        let body = TenantActivate {
            erp_customer_id: Some(id.try_into().unwrap()),
            ..TenantActivate::default()
        };
        service.activate(tenant.id, body).await.unwrap();
    };
    renumber("first").await;
    assert_eq!(service.found("q=first").await, ["renumbered"]);
    renumber("second").await;
    assert!(service.found("q=first").await.is_empty());
    assert_eq!(service.found("q=second%20renumb").await, ["renumbered"]);
}

async fn filters_can_be_combined(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for number in 0..16 {
        let choose = |bit: usize, names: [&'static str; 2]| names[number >> bit & 1];
        let body = json!({
            "slug": format!("t-{number:02}"), "name": choose(0, ["Blue", "Red"]),
            "kind": choose(1, ["customer", "demo"]), "plan": choose(2, ["starter", "team"]),
        });
        let tenant: Tenant = service.raw.post_json("/v1/tenants", &body).await.json();
        if number >> 3 & 1 == 1 {
            let body = CatalogRequest::new(tenant.id, "insights".try_into().unwrap());
            service.client.catalog_trial_request().body(body).send().await.unwrap();
        }
    }
    let filters = ["q=red", "kind=demo", "plan=team", "product=insights"];
    for combination in 0..16 {
        let has = |number: usize, bit: usize| number >> bit & 1 == 1;
        let query: Vec<_> = (0..4)
            .filter(|bit| has(combination, *bit))
            .map(|bit| filters[bit])
            .collect();
        let expected: Vec<_> = (0..16_usize)
            .rev()
            .filter(|number| number & combination == combination)
            .map(|number| format!("t-{number:02}"))
            .collect();
        for limit in [1, 3, 50] {
            let found = service.found(&format!("limit={limit}&{}", query.join("&"))).await;
            assert_eq!(found, expected, "{query:?}");
        }
    }
}

async fn the_tenants_look_as_if_read_one_by_one(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("one").await;
    let at_period_end = TenantCancel {
        at_period_end: true,
        ..TenantCancel::default()
    };
    service.cancel(tenant.id, at_period_end).await.unwrap();
    for _ in 0..2 {
        let page = service.client.tenant_list().q("one").send().await.unwrap().into_inner();
        assert_eq!(page.items, [service.tenant(tenant.id).await]);
        service.clock.advance(TimeDelta::days(14));
    }
}
