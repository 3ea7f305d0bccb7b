//! Listing the audit log: filters and pages.

use crate::harness::cases::cases;
use crate::harness::{StoreUnderTest, TestServer};
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::sync::Arc;
use tenant_registry_client::types::{
    AuditAppend, AuditCursor, AuditEvent, AuditEventId, AuditEventPage, ErrorCode, Tenant,
};
use tokio::runtime::Handle;

cases![
    the_newest_event_comes_first,
    a_page_has_50_events_by_default_and_at_most_limit,
    the_last_page_has_no_cursor,
    since_is_inclusive_and_until_exclusive,
    does_not_round_times_with_nanoseconds,
    a_time_is_in_the_years_0001_to_9999,
    times_have_six_digits_after_the_second,
    each_filter_excludes_other_events,
    filters_can_be_combined,
    every_page_applies_the_filters,
    a_cursor_without_an_event_is_accepted,
    a_cursor_of_another_tenant_is_like_one_without_an_event,
    a_walk_returns_every_event_that_existed_at_its_start_once,
];

impl TestServer {
    async fn append_as(&self, action: &str, actor: &str, product: &str) -> AuditEventId {
        let body = AuditAppend {
            actor_id: Some(actor.try_into().unwrap()),
            product: Some(product.try_into().unwrap()),
            ..AuditAppend::new(action.try_into().unwrap())
        };
        self.client.audit_append().body(body).send().await.unwrap().id
    }

    async fn append_many(&self, count: usize) -> Vec<AuditEventId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.append_as("tick", "clock", "time").await);
        }
        ids
    }

    async fn page(&self, limit: i32, cursor: Option<AuditCursor>) -> AuditEventPage {
        let mut list = self.client.audit_list().limit(limit);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        list.send().await.unwrap().into_inner()
    }
}

fn ids(events: &[AuditEvent]) -> Vec<AuditEventId> {
    events.iter().map(|event| event.id).collect()
}

async fn the_newest_event_comes_first(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    // Events are ordered by time, then by id, even if a clock is behind.
    let mut newer = service.append_many(3).await;
    service.clock.advance(TimeDelta::hours(-1));
    let mut older = service.append_many(3).await;
    newer.reverse();
    older.reverse();
    let expected = [newer, older].concat();
    let listed = service.client.audit_list().send().await.unwrap();
    assert_eq!(ids(&listed.items), expected);
    // The same across pages, whose cursors are ids.
    let mut walked = Vec::new();
    let mut cursor = None;
    loop {
        let page = service.page(2, cursor).await;
        walked.extend(ids(&page.items));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(walked, expected);
}

async fn a_page_has_50_events_by_default_and_at_most_limit(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut appended = service.append_many(51).await;
    appended.reverse();
    let by_default = service.client.audit_list().send().await.unwrap();
    assert_eq!(ids(&by_default.items), appended[..50]);
    for limit in [1, 2, 50, 51, 500] {
        let page = service.page(limit, None).await;
        assert_eq!(
            ids(&page.items),
            appended[..appended.len().min(limit.unsigned_abs() as usize)]
        );
    }
}

async fn the_last_page_has_no_cursor(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let empty = service.raw.get("/v1/audit").await;
    assert_eq!(empty.text, r#"{"items":[]}"#);
    let appended = service.append_many(4).await;
    for (limit, has_next) in [(3, true), (4, false), (5, false)] {
        assert_eq!(
            service.page(limit, None).await.next_cursor.is_some(),
            has_next,
            "{limit}"
        );
    }
    let first = service.page(2, None).await;
    let second = service.page(2, first.next_cursor).await;
    assert_eq!(
        (ids(&second.items), second.next_cursor),
        (vec![appended[1], appended[0]], None)
    );
}

async fn since_is_inclusive_and_until_exclusive(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let start = service.clock.now();
    let mut appended = Vec::new();
    for _ in 0..3 {
        appended.extend(service.append_many(1).await);
        service.clock.advance(TimeDelta::microseconds(1));
    }
    let list = || service.client.audit_list();
    let second = start + TimeDelta::microseconds(1);
    let since = list().since(second).send().await.unwrap();
    assert_eq!(ids(&since.items), [appended[2], appended[1]]);
    let until = list().until(second).send().await.unwrap();
    assert_eq!(ids(&until.items), [appended[0]]);
    let between = list().since(start).until(second).send().await.unwrap();
    assert_eq!(ids(&between.items), [appended[0]]);
    let nothing = list().since(second).until(second).send().await.unwrap();
    assert!(nothing.items.is_empty());
    let backwards = list().since(second).until(start).send().await.unwrap();
    assert!(backwards.items.is_empty());
}

async fn does_not_round_times_with_nanoseconds(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let appended = service.append_many(1).await;
    let just_after = service.clock.now() + TimeDelta::nanoseconds(1);
    let since = service.client.audit_list().since(just_after).send().await.unwrap();
    assert!(since.items.is_empty());
    let until = service.client.audit_list().until(just_after).send().await.unwrap();
    assert_eq!(ids(&until.items), appended);
}

async fn a_time_is_in_the_years_0001_to_9999(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    service.append_many(1).await;
    for (times, count) in [
        ("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59.999999Z", 1),
        ("since=0001-01-01T01:00:00%2B01:00", 1),
        ("since=9999-12-31T22:59:59-01:00", 0),
    ] {
        let page = service.raw.get(&format!("/v1/audit?{times}")).await;
        assert_eq!(page.json::<AuditEventPage>().items.len(), count, "{times}");
    }
    // The year in UTC counts, after rounding to microseconds.
    for since in [
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:59:59%2B01:00",
        "9999-12-31T23:00:00-01:00",
        "9999-12-31T23:59:59.9999991Z",
        "9999-12-31T23:59:60Z",
        "%2B10000-01-01T00:00:00Z",
    ] {
        let response = service.raw.get(&format!("/v1/audit?since={since}")).await;
        let message = response.assert_error(400, ErrorCode::InvalidInput);
        assert!(
            message.contains("`since`") && message.contains("in the years 0001 to 9999"),
            "{message}"
        );
    }
}

async fn times_have_six_digits_after_the_second(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let expect = |text: &str, time: &str| assert!(text.contains(time), "{time}: {text}");
    service.clock.set("2026-11-23T09:30:00Z".parse().unwrap());
    let tenant = service
        .raw
        .post("/v1/tenants", r#"{"slug": "whole", "name": "n"}"#)
        .await;
    expect(&tenant.text, r#""created_at":"2026-11-23T09:30:00.000000Z""#);
    expect(&tenant.text, r#""trial_ends_at":"2026-12-07T09:30:00.000000Z""#);
    service.clock.set("2026-11-23T09:30:00.120Z".parse().unwrap());
    service.append_many(1).await;
    service.clock.set("2026-11-23T09:30:00.120000999Z".parse().unwrap());
    service.append_many(1).await;
    let log = service.raw.get("/v1/audit?limit=2").await;
    let times = log
        .text
        .matches(r#""created_at":"2026-11-23T09:30:00.120000Z""#)
        .count();
    assert_eq!(times, 2, "{}", log.text);
}

async fn each_filter_excludes_other_events(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let tenant = service.customer("filtered").await;
    let one = service.append_as("report.exported", "user-1", "reports").await;
    let two = service.append_as("report.deleted", "user-2", "insights").await;
    let list = || service.client.audit_list();
    let of_tenant = list().tenant_id(tenant.id).send().await.unwrap();
    assert_eq!(of_tenant.items.len(), 1);
    assert_eq!(of_tenant.items[0].tenant_id, Some(tenant.id));
    assert_eq!(ids(&list().product("reports").send().await.unwrap().items), [one]);
    assert_eq!(ids(&list().actor_id("user-2").send().await.unwrap().items), [two]);
    assert_eq!(
        ids(&list().action("report.exported").send().await.unwrap().items),
        [one]
    );
    assert!(list().action("report").send().await.unwrap().items.is_empty());
    assert!(list().action("REPORT.EXPORTED").send().await.unwrap().items.is_empty());
}

async fn filters_can_be_combined(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut expected = Vec::new();
    for action in ["a", "b"] {
        for actor in ["1", "2"] {
            for product in ["x", "y"] {
                let id = service.append_as(action, actor, product).await;
                if (action, actor, product) == ("b", "1", "y") {
                    expected.push(id);
                }
            }
        }
    }
    let now = service.clock.now();
    let all = service
        .client
        .audit_list()
        .action("b")
        .actor_id("1")
        .product("y")
        .since(now);
    assert_eq!(ids(&all.clone().send().await.unwrap().items), expected);
    assert!(all.until(now).send().await.unwrap().items.is_empty());
}

async fn every_page_applies_the_filters(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, service.append_as("wanted", "1", "x").await);
        service.append_as("other", "1", "x").await;
    }
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let mut list = service.client.audit_list().action("wanted").limit(2);
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        let page = list.send().await.unwrap().into_inner();
        walked.extend(ids(&page.items));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, expected);
}

async fn a_cursor_without_an_event_is_accepted(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let appended = service.append_many(1).await;
    for (cursor, expected) in [(i64::MIN, 0), (-1, 0), (0, 0), (appended[0].get(), 0), (i64::MAX, 1)] {
        let page = service.page(50, Some(AuditCursor::from(cursor))).await;
        assert_eq!((page.items.len(), page.next_cursor), (expected, None), "{cursor}");
    }
}

async fn a_cursor_of_another_tenant_is_like_one_without_an_event(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let (own, other) = (service.customer("own").await, service.customer("other").await);
    let append = async |tenant: &Tenant| {
        let body = AuditAppend {
            tenant_id: Some(tenant.id),
            ..AuditAppend::new("a".try_into().unwrap())
        };
        service.client.audit_append().body(body).send().await.unwrap().id
    };
    let before = append(&own).await;
    // Events whose times, but not their numbers, are before all events of the first tenant.
    service.clock.advance(TimeDelta::hours(-1));
    let foreign = [append(&other).await, append(&other).await];
    service.clock.advance(TimeDelta::hours(2));
    let after = append(&own).await;
    let list = async |tenant: &Tenant, cursor: i64| {
        let list = service.client.audit_list().tenant_id(tenant.id).cursor(cursor);
        ids(&list.send().await.unwrap().items)
    };
    // Nothing follows an event that is not the tenant's, whether it exists or not.
    for cursor in [foreign[0].get(), foreign[1].get(), 0] {
        assert_eq!(list(&own, cursor).await, [], "{cursor}");
    }
    // A number that the tenant's events have not reached is before all of them, whether another tenant's have or not.
    let newer = append(&other).await;
    for cursor in [newer.get(), newer.get() + 1, i64::MAX] {
        assert_eq!(list(&own, cursor).await.first(), Some(&after), "{cursor}");
    }
    assert_eq!(list(&own, after.get()).await.first(), Some(&before));
    // For the other tenant it is a cursor as usual.
    assert_eq!(list(&other, foreign[1].get()).await, [foreign[0]]);
}

/// The number of events at the start, the limit of a page, and the number of events appended before each page.
fn walks() -> impl Strategy<Value = (usize, i32, Vec<usize>)> {
    (0..30_usize, 1..8_i32, vec(0..5_usize, 0..30))
}

async fn a_walk_returns_every_event_that_existed_at_its_start_once(store: StoreUnderTest) {
    let service = Arc::new(TestServer::start(store).await);
    let runtime = Handle::current();
    let property = move || {
        let mut runner = TestRunner::new(Config {
            cases: 24,
            failure_persistence: None,
            ..Config::default()
        });
        runner.run(&walks(), |(standing, limit, appended)| {
            let walked = runtime.block_on(walk(&service, standing, limit, &appended));
            walked.map_err(TestCaseError::fail)
        })
    };
    tokio::task::spawn_blocking(property).await.unwrap().unwrap();
}

async fn walk(service: &TestServer, standing: usize, limit: i32, appended: &[usize]) -> Result<(), String> {
    let mut expected = service.append_many(standing).await;
    let Some(oldest) = expected.first().copied() else {
        return Ok(());
    };
    expected.reverse();
    let newest = expected[0];
    let mut appended = appended.iter();
    let (mut walked, mut cursor) = (Vec::new(), None);
    loop {
        let page = service.page(limit, cursor).await;
        walked.extend(ids(&page.items));
        cursor = page.next_cursor;
        // Other walks use the same log. Events older than the first one of this walk are theirs.
        if cursor.is_none() || walked.last() < Some(&oldest) {
            break;
        }
        service.append_many(appended.next().copied().unwrap_or_default()).await;
    }
    walked.retain(|id| (oldest..=newest).contains(id));
    (walked == expected)
        .then_some(())
        .ok_or(format!("walked {walked:?}, not {expected:?}"))
}
