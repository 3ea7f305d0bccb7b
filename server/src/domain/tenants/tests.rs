//! Unit tests of the rules, at chosen times.

use super::{activate, cancel};
use crate::domain::caller::{Caller, Identity};
use crate::domain::error::{DomainError, TenantChangeError};
use crate::domain::origin::Origin;
use crate::records::{Decision, NewAuditEvent, TenantRecord};
use serde_json::Value;
use tenant_registry_contract::types::{
    Date, TenantActivate, TenantCreate, TenantId, TenantKind, TenantName, TenantSlug, TenantStatus, Text, Timestamp,
};
use uuid::Uuid;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn caller() -> Caller {
    Caller {
        identity: Identity::ANONYMOUS,
        origin: Origin {
            source_ip: [127, 0, 0, 1].into(),
            user_agent: None,
        },
        keyed: None,
    }
}

fn start() -> Timestamp {
    at("2026-03-01T12:00:00Z")
}

fn tenant(kind: TenantKind) -> TenantRecord {
    let mut body = TenantCreate::new(
        TenantSlug::try_from("acme").unwrap(),
        TenantName::try_from("Acme").unwrap(),
    );
    body.kind = kind;
    TenantRecord::new(TenantId::from(Uuid::from_u128(1)), body, start())
}

fn active(contract_end: Option<&str>) -> TenantRecord {
    TenantRecord {
        status: TenantStatus::Active,
        contract_end: contract_end.map(day),
        ..tenant(TenantKind::Customer)
    }
}

type Decided = Result<Decision<TenantRecord>, DomainError<TenantChangeError>>;

fn cancelled(tenant: &TenantRecord, at_period_end: bool, now: Timestamp) -> Decided {
    let reason = Text::try_from("too dear").unwrap();
    cancel::tenant_cancel(tenant, Some(&reason), at_period_end, &caller(), now)
}

fn activated(tenant: &TenantRecord, body: &TenantActivate) -> Decided {
    activate::tenant_activate(tenant, body, &caller(), start())
}

fn change(decided: Decided) -> (TenantRecord, NewAuditEvent) {
    match decided.unwrap() {
        Decision::Change { record, event } => (*record, event.event),
        Decision::Unchanged => panic!("something should have changed"),
    }
}

fn is_unchanged(decided: Decided) -> bool {
    matches!(decided.unwrap(), Decision::Unchanged)
}

fn rejection(decided: Decided) -> TenantChangeError {
    match decided {
        Err(DomainError::Rejected(rejection)) => rejection,
        other => panic!("expected a rejection, got {other:?}"),
    }
}

#[test]
fn a_customer_starts_in_trial_and_a_demo_has_no_end() {
    let customer = tenant(TenantKind::Customer);
    assert_eq!(customer.status, TenantStatus::Trial);
    assert_eq!(customer.trial_ends_at, Some(at("2026-03-15T12:00:00Z")));
    let demo = tenant(TenantKind::Demo);
    assert_eq!((demo.status, demo.trial_ends_at), (TenantStatus::Demo, None));
}

#[test]
fn a_cancellation_at_period_end_waits_for_the_end_of_the_last_day() {
    let (pending, event) = change(cancelled(&active(Some("2026-12-31")), true, start()));
    assert_eq!(
        pending.status_at(at("2026-12-31T23:59:59.999999Z")),
        TenantStatus::Active
    );
    assert_eq!(pending.status_at(at("2027-01-01T00:00:00Z")), TenantStatus::Frozen);
    let metadata = event.metadata.unwrap();
    assert_eq!(metadata.get("reason").unwrap(), Some(Value::from("too dear")));
    assert_eq!(
        metadata.get("effective_at").unwrap(),
        Some(Value::from("2027-01-01T00:00:00.000000Z"))
    );
}

#[test]
fn a_trial_is_cancelled_at_its_end() {
    let (pending, _) = change(cancelled(&tenant(TenantKind::Customer), true, start()));
    assert_eq!(pending.status_at(at("2026-03-15T11:59:59Z")), TenantStatus::Trial);
    assert_eq!(pending.status_at(at("2026-03-15T12:00:00Z")), TenantStatus::Frozen);
}

#[test]
fn cancelling_at_period_end_needs_a_period_end() {
    for tenant in [active(None), tenant(TenantKind::Demo)] {
        let rejection = rejection(cancelled(&tenant, true, start()));
        assert!(matches!(rejection, TenantChangeError::InvalidInput(_)), "{rejection}");
    }
}

#[test]
fn cancelling_after_the_period_takes_effect_now() {
    let now = at("2027-06-01T08:00:00Z");
    let (frozen, event) = change(cancelled(&active(Some("2026-12-31")), true, now));
    assert_eq!((frozen.status, frozen.cancel_at), (TenantStatus::Frozen, None));
    let effective_at = event.metadata.unwrap().get("effective_at").unwrap();
    assert_eq!(effective_at, Some(Value::from("2027-06-01T08:00:00.000000Z")));
}

#[test]
fn a_repeated_cancellation_changes_nothing_and_an_immediate_one_takes_effect_now() {
    let (pending, _) = change(cancelled(&active(Some("2026-12-31")), true, start()));
    assert!(is_unchanged(cancelled(&pending, true, start())));
    let (frozen, _) = change(cancelled(&pending, false, start()));
    assert_eq!((frozen.status, frozen.cancel_at), (TenantStatus::Frozen, None));
    assert!(is_unchanged(cancelled(&frozen, false, start())));
    assert!(is_unchanged(cancelled(&frozen, true, start())));
    assert!(is_unchanged(cancelled(&pending, false, at("2027-01-01T00:00:00Z"))));
}

#[test]
fn an_archived_tenant_stays_archived() {
    let archived = TenantRecord {
        status: TenantStatus::Archived,
        ..active(Some("2026-12-31"))
    };
    for decided in [
        cancelled(&archived, false, start()),
        cancelled(&archived, true, start()),
        activated(&archived, &TenantActivate::default()),
    ] {
        let rejection = rejection(decided);
        assert!(matches!(rejection, TenantChangeError::Conflict(_)), "{rejection}");
    }
}

#[test]
fn an_activation_removes_a_pending_cancellation_and_then_changes_nothing() {
    let (pending, _) = change(cancelled(&active(Some("2026-12-31")), true, start()));
    let (restored, _) = change(activated(&pending, &TenantActivate::default()));
    assert_eq!(restored.status_at(at("2030-01-01T00:00:00Z")), TenantStatus::Active);
    assert!(is_unchanged(activated(&restored, &TenantActivate::default())));
}

#[test]
fn a_contract_must_not_end_before_its_stored_or_given_start() {
    let body = |start: Option<&str>, end: Option<&str>| TenantActivate {
        plan: None,
        contract_start: start.map(day),
        contract_end: end.map(day),
        erp_customer_id: None,
    };
    let stored = active(Some("2026-12-31"));
    for backwards in [
        body(Some("2027-01-01"), None),
        body(Some("2026-02-02"), Some("2026-02-01")),
    ] {
        let rejection = rejection(activated(&stored, &backwards));
        assert!(matches!(rejection, TenantChangeError::InvalidInput(_)), "{rejection}");
    }
    let (one_day, _) = change(activated(&stored, &body(Some("2026-12-31"), None)));
    assert_eq!(one_day.contract_start, one_day.contract_end);
}

#[test]
fn a_contract_until_the_last_day_has_no_end_to_wait_for() {
    let until_the_last_day = active(Some("9999-12-31"));
    let rejection = rejection(cancelled(&until_the_last_day, true, start()));
    assert!(matches!(rejection, TenantChangeError::InvalidInput(_)), "{rejection}");
    assert!(
        rejection.to_string().contains("`contract_end` is 9999-12-31"),
        "{rejection}"
    );
    assert!(!is_unchanged(cancelled(&until_the_last_day, false, start())));
    let (pending, _) = change(cancelled(&active(Some("9999-12-30")), true, start()));
    assert_eq!(pending.cancel_at, Some(at("9999-12-31T00:00:00Z")));
}
