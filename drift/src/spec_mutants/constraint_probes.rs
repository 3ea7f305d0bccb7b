//! For each constraint and default a request that shows which one is in force.

use serde_json::{Value, json};

use super::constraints::Way;
use crate::probe::{Exchange, Expectation, Probe, Request, Start, exchange, preparation};

/// In a stricter pattern this is not allowed any more. All texts of the probes but one are without it.
const MARK: &str = "zq";

/// The pattern's stricter or looser sister.
pub(super) fn other_pattern(schema: &str, pattern: &str, way: Way) -> String {
    match (schema, way) {
        // What the service generates cannot be chosen, so the rule is one that nothing of it fulfils.
        ("APIKeyPrefix", _) => "^bp_[A-Za-z0-9_-]{9}$".to_owned(),
        ("APIKeyPlaintext", Way::Stricter) => "^bp_[A-Za-z0-9_-]{23}$".to_owned(),
        ("APIKeyPlaintext", Way::Looser) => "^bp_[A-Za-z0-9_-]{9}".to_owned(),
        (_, Way::Stricter) => pattern.replacen('^', &format!("^(?!.*{MARK})"), 1),
        (_, Way::Looser) => "^".to_owned(),
    }
}

/// How far a bound is moved: far enough to be noticed.
pub(super) fn step(schema: &str) -> i64 {
    if schema == "AuditEventId" { 1_000_000 } else { 1 }
}

/// A request that carries one value of a schema; and what is answered where it is valid.
fn carrying(schema: &str, value: &Value) -> Option<(Request, u16)> {
    let post = |path: &str, body: Value, status: u16| Some((Request::new("POST", path, Some(body)), status));
    let filter = |name: &str| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = text.replace('\u{0}', "%00");
        let path = format!("/v1/audit?{name}={text}");
        Some((Request::new("GET", path, None), 200))
    };
    match schema {
        "TenantSlug" => post("/v1/tenants", json!({"slug": value, "name": "Drift"}), 201),
        "TenantName" => post("/v1/tenants", json!({"slug": "t-{fresh}", "name": value}), 201),
        "PlanKey" => post(
            "/v1/tenants",
            json!({"slug": "t-{fresh}", "name": "Drift", "plan": value}),
            201,
        ),
        "Text" => post(
            "/v1/tenants",
            json!({"slug": "t-{fresh}", "name": "Drift", "sales_owner": value}),
            201,
        ),
        "APIKeyName" => post("/v1/api-keys", json!({"tenant_id": "{acme}", "name": value}), 201),
        "Scope" => post(
            "/v1/api-keys",
            json!({"tenant_id": "{acme}", "name": "Drift", "scopes": [value]}),
            201,
        ),
        "AuditAction" => filter("action"),
        "ActorId" => filter("actor_id"),
        "ProductKey" => filter("product"),
        "PageLimit" => filter("limit"),
        _ => None,
    }
}

/// Tells whether the changed constraint is in force.
pub(super) fn constraint(schema: &str, keyword: &str, value: &Value, other: &Value, way: Way) -> Option<Probe> {
    match (schema, way) {
        ("APIKeyPlaintext", Way::Looser) => return Some(looser_plaintext()),
        ("APIKeyPrefix" | "APIKeyPlaintext", _) => return Some(failing(create_api_key())),
        ("AuditEventId", _) => return Some(failing(append_event())),
        ("RequestCount", _) => return Some(no_rate_is_left()),
        ("RetryAfterSeconds", _) => return retry_after(keyword, value, other, way),
        _ => {}
    }
    let probed = match keyword {
        "pattern" => match (way, schema) {
            (Way::Stricter, _) => json!(format!("{MARK}-{{unique}}")),
            (Way::Looser, "TenantSlug") => json!("NOT A SLUG {unique}"),
            (Way::Looser, _) => json!("\u{0}"),
        },
        "minLength" | "maxLength" => {
            // Allowed by the looser of the two rules alone.
            let (old, new) = (value.as_u64()?, other.as_u64()?);
            let length = if keyword == "minLength" {
                old.min(new)
            } else {
                old.max(new)
            };
            json!("n".repeat(usize::try_from(length).ok()?))
        }
        _ => {
            let (old, new) = (value.as_i64()?, other.as_i64()?);
            json!(if keyword == "minimum" {
                old.min(new)
            } else {
                old.max(new)
            })
        }
    };
    let (request, accepted) = carrying(schema, &probed)?;
    let (accepted, refused) = (Expectation::status(accepted), Expectation::status(400));
    let (original, mutant) = match way {
        Way::Stricter => (accepted, refused),
        Way::Looser => (refused, accepted),
    };
    Some(Probe::new(
        format!("{schema}.{keyword}"),
        vec![exchange(request, original, mutant)],
    ))
}

fn create_api_key() -> Request {
    let body = json!({"tenant_id": "{acme}", "name": "Drift"});
    Request::new("POST", "/v1/api-keys", Some(body))
}

fn append_event() -> Request {
    Request::new("POST", "/v1/audit", Some(json!({"action": "drift.probed"})))
}

/// The service cannot make a value that keeps the rule, and says that the fault is its own.
fn failing(request: Request) -> Probe {
    let failed = Expectation::status(500).value("/error", "internal");
    Probe::new("everything", vec![exchange(request, Expectation::status(201), failed)]).alone()
}

/// A key that is too short has the form of a key now, and is merely unknown.
fn looser_plaintext() -> Probe {
    let request = Request::new(
        "POST",
        "/v1/internal/api-keys/verify",
        Some(json!({"key": "bp_123456789"})),
    );
    Probe::new(
        "APIKeyPlaintext",
        vec![exchange(
            request,
            Expectation::status(200).value("/reason", "malformed"),
            Expectation::status(200).value("/reason", "unknown"),
        )],
    )
}

/// What callers are told of their rate is made when the setting is read: that none is left cannot be said any more.
fn no_rate_is_left() -> Probe {
    Probe::start(Start {
        variable: "REQUEST_RATE",
        value: "7".to_owned(),
        mutant_refuses: true,
    })
}

/// Seconds to wait are a setting of the service: a value that only the looser of the two rules allows.
fn retry_after(keyword: &str, value: &Value, other: &Value, way: Way) -> Option<Probe> {
    let (old, new) = (value.as_i64()?, other.as_i64()?);
    let seconds = if keyword == "minimum" {
        old.min(new)
    } else {
        old.max(new)
    };
    Some(Probe::start(Start {
        variable: "RETRY_AFTER",
        value: seconds.to_string(),
        mutant_refuses: way == Way::Stricter,
    }))
}

/// Tells whether the changed default is in force.
pub(super) fn default(owner: &str, field: &str) -> Option<Probe> {
    let tenant = || json!({"slug": "t-{fresh}", "name": "Drift"});
    let create = |tenant: Value| Request::new("POST", "/v1/tenants", Some(tenant));
    let shows = |status: u16, pointer: &'static str, original: &str, mutant: &str| {
        (
            Expectation::status(status).value(pointer, original),
            Expectation::status(status).value(pointer, mutant),
        )
    };
    let exchanges: Vec<Exchange> = match (owner, field) {
        ("TenantCreate", "plan") => {
            let (original, mutant) = shows(201, "/plan", "starter", "drift");
            vec![exchange(create(tenant()), original, mutant)]
        }
        ("TenantCreate", "kind") => {
            let (original, mutant) = shows(201, "/kind", "customer", "demo");
            vec![exchange(create(tenant()), original, mutant)]
        }
        ("TenantCancel", "at_period_end") => {
            // The body that is absent and the one that says nothing mean the same.
            let trial = || {
                let mut trial = tenant();
                trial["kind"] = json!("customer");
                preparation(create(trial), 201)
            };
            let cancel = |body: Option<Value>| Request::new("POST", "/v1/tenants/{created}/cancel", body);
            let (original, mutant) = shows(200, "/status", "frozen", "trial");
            vec![
                trial(),
                exchange(cancel(Some(json!({}))), original.clone(), mutant.clone()),
                trial(),
                exchange(cancel(None), original, mutant),
            ]
        }
        ("audit_list", "limit") => {
            let list = Request::new("GET", "/v1/audit?action=drift.{unique}", None);
            let append = Request::new("POST", "/v1/audit", Some(json!({"action": "drift.{unique}"})));
            vec![
                preparation(append.clone(), 201),
                preparation(append.clone(), 201),
                preparation(append, 201),
                exchange(
                    list,
                    Expectation::status(200).items(3),
                    Expectation::status(200).items(2),
                ),
            ]
        }
        _ => return None,
    };
    Some(Probe::new(format!("{owner}.{field}"), exchanges))
}
