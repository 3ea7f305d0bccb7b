//! Probes that show which constraint or default applies.

use std::iter;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::constraints::Direction;
use super::operation_probes::{UNKNOWN_ID, UNKNOWN_KEY};
use crate::probe::{Exchange, Expectation, Probe, Request, Start, exchange, preparation};

/// A text that the stricter patterns reject. Only the probe of a stricter pattern contains it.
const MARK: &str = "zq";

/// Returns a stricter or looser pattern.
pub(super) fn changed_pattern(schema: &str, pattern: &str, direction: Direction) -> String {
    match (schema, direction) {
        // The probe cannot choose values that the service generates, so the new pattern matches none of them.
        ("APIKeyPrefix", _) => "^bp_[A-Za-z0-9_-]{9}$".to_owned(),
        ("APIKeyPlaintext", Direction::Stricter) => "^bp_[A-Za-z0-9_-]{23}$".to_owned(),
        ("APIKeyPlaintext", Direction::Looser) => "^bp_[A-Za-z0-9_-]{9}".to_owned(),
        (_, Direction::Stricter) => pattern.replacen('^', &format!("^(?!.*{MARK})"), 1),
        (_, Direction::Looser) => "^".to_owned(),
    }
}

/// How far to move a bound.
pub(super) fn step(schema: &str) -> i64 {
    if schema == "AuditEventId" { 1_000_000 } else { 1 }
}

/// A request that contains a value of the schema, and the status if the value is valid.
fn request_with(schema: &str, value: &Value) -> Option<(Request, u16)> {
    let post = |path: &str, body: Value, status: u16| Some((Request::new("POST", path, Some(body)), status));
    let filter = |list: &str, name: &str| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = text.replace('\u{0}', "%00");
        let path = format!("/v1/{list}?{name}={text}");
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
        "ProjectSlug" => post(
            "/v1/projects",
            json!({"tenant_id": "{acme}", "slug": value, "name": "Drift"}),
            201,
        ),
        "ProjectName" => post(
            "/v1/projects",
            json!({"tenant_id": "{acme}", "slug": "p-{fresh}", "name": value}),
            201,
        ),
        "OverlapSeconds" => {
            let path = format!("/v1/api-keys/{UNKNOWN_ID}/rotate");
            post(&path, json!({"overlap_seconds": value}), 404)
        }
        "ExternalId" => filter("tenants", "stripe_cust_id"),
        "SearchText" => filter("tenants", "q"),
        "ListCursor" => filter("tenants", "cursor").map(|(request, _)| (request, 400)),
        "AuditAction" => filter("audit", "action"),
        "ActorId" => filter("audit", "actor_id"),
        "ProductKey" => filter("audit", "product"),
        "PageLimit" => filter("audit", "limit"),
        "IdempotencyKey" => {
            let create = json!({"slug": "t-{fresh}", "name": "Drift"});
            let request = Request::new("POST", "/v1/tenants", Some(create));
            Some((request.with_header("Idempotency-Key", value.as_str()?), 201))
        }
        _ => None,
    }
}

/// Shows whether the changed constraint applies.
pub(super) fn constraint(
    schema: &str,
    keyword: &str,
    value: &Value,
    other: &Value,
    direction: Direction,
) -> Option<Probe> {
    match (schema, direction) {
        ("APIKeyPlaintext", Direction::Looser) => return Some(looser_plaintext()),
        ("APIKeyPrefix" | "APIKeyPlaintext", _) => return Some(failing(create_api_key())),
        ("AuditEventId", _) => return Some(failing(append_event())),
        ("RequestCount", _) => return Some(rate_limit()),
        ("RetryAfterSeconds", _) => return retry_after(keyword, value, other, direction),
        _ => {}
    }
    let probed = match keyword {
        "pattern" => match (direction, schema) {
            (Direction::Stricter, _) => json!(format!("{MARK}-{{unique}}")),
            (Direction::Looser, "TenantSlug" | "ProjectSlug" | "IdempotencyKey") => json!("NOT ALLOWED {unique}"),
            (Direction::Looser, _) => json!("\u{0}"),
        },
        "minLength" | "maxLength" => {
            // Only the looser of the two constraints allows this.
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
    let (request, accepted) = request_with(schema, &probed)?;
    let (accepted, rejected) = match schema {
        // Both are 400: a well-formed cursor belongs to no list unless the service returned it.
        "ListCursor" => (
            Expectation::status(accepted).text("does not belong"),
            Expectation::status(400).text("must"),
        ),
        _ => (Expectation::status(accepted), Expectation::status(400)),
    };
    let (original, mutant) = match direction {
        Direction::Stricter => (accepted, rejected),
        Direction::Looser => (rejected, accepted),
    };
    Some(Probe::new(
        format!("{schema}.{keyword}"),
        vec![exchange(request, original, mutant)],
    ))
}

/// Shows which limit of a list or of free-form JSON applies: only the more generous one allows the value.
pub(super) fn limit(schema: &str, keyword: &str, limit: u64, other: u64) -> Option<Probe> {
    let at_least = keyword == "minItems";
    let size = if at_least { limit.min(other) } else { limit.max(other) };
    let size = usize::try_from(size).ok()?;
    let scopes = || vec!["s"; size];
    let event = |metadata: Value| {
        let body = json!({"action": "drift.probed", "metadata": metadata});
        Request::new("POST", "/v1/audit", Some(body))
    };
    let entitlement = |config: Value| {
        let path = format!("/v1/entitlements/{UNKNOWN_ID}/insights");
        Request::new("PUT", path, Some(json!({"source": "override", "config": config})))
    };
    let (request, accepted) = match (schema, keyword) {
        ("APIKeyCreate", "maxItems") => {
            let body = json!({"tenant_id": "{acme}", "name": "Drift", "scopes": scopes()});
            (Request::new("POST", "/v1/api-keys", Some(body)), 201)
        }
        ("APIKeyUpdate", "maxItems") => {
            let path = format!("/v1/api-keys/{UNKNOWN_ID}");
            (Request::new("PATCH", path, Some(json!({"scopes": scopes()}))), 404)
        }
        ("APIKeyVerifyRequest", "maxItems") => {
            let body = json!({"key": UNKNOWN_KEY, "scopes": scopes()});
            let request = Request::new("POST", "/v1/internal/api-keys/verify", Some(body));
            (request, 200)
        }
        ("APIKeyVerifyBatch", "minItems" | "maxItems") => {
            let body = json!({"keys": vec![json!({"key": "bp_"}); size]});
            (
                Request::new("POST", "/v1/internal/api-keys/verify-batch", Some(body)),
                200,
            )
        }
        ("AuditAppendBatch", "minItems" | "maxItems") => {
            let body = json!({"events": vec![json!({"action": "drift.probed"}); size]});
            (Request::new("POST", "/v1/audit/batch", Some(body)), 201)
        }
        ("AuditAppend", "maxItems") => {
            let body = json!({"action": "drift.probed", "targets": vec![json!({"id": "d", "type": "drift"}); size]});
            (Request::new("POST", "/v1/audit", Some(body)), 201)
        }
        ("AuditAppend", "x-max-bytes") => (event(of_bytes(size)), 201),
        ("AuditAppend", "x-max-levels") => (event(of_levels(size)), 201),
        ("EntitlementSet", "x-max-bytes") => (entitlement(of_bytes(size)), 404),
        ("EntitlementSet", "x-max-levels") => (entitlement(of_levels(size)), 404),
        _ => return None,
    };
    let (accepted, rejected) = if schema == "APIKeyVerifyRequest" {
        // This operation returns 200 in any case.
        let reason = |reason: &str| Expectation::status(200).value("/reason", reason);
        (reason("unknown"), reason("malformed"))
    } else {
        (Expectation::status(accepted), Expectation::status(400))
    };
    let mutant_accepts = (other < limit) == at_least;
    let (original, mutant) = if mutant_accepts {
        (rejected, accepted)
    } else {
        (accepted, rejected)
    };
    Some(Probe::new(
        format!("{schema}.{keyword}"),
        vec![exchange(request, original, mutant)],
    ))
}

/// An object that takes as many bytes.
fn of_bytes(size: usize) -> Value {
    let rest = size - json!({"a": ""}).to_string().len();
    json!({"a": "x".repeat(rest)})
}

/// An object with as many levels.
fn of_levels(levels: usize) -> Value {
    let below = (1..levels).fold(json!(1), |inner, _| json!([inner]));
    json!({"a": below})
}

fn create_api_key() -> Request {
    let body = json!({"tenant_id": "{acme}", "name": "Drift"});
    Request::new("POST", "/v1/api-keys", Some(body))
}

fn append_event() -> Request {
    Request::new("POST", "/v1/audit", Some(json!({"action": "drift.probed"})))
}

/// The service cannot create a value that satisfies the constraint, and responds with an internal error.
fn failing(request: Request) -> Probe {
    let failed = Expectation::status(500).value("/error", "internal");
    Probe::new("everything", vec![exchange(request, Expectation::status(201), failed)]).exclusive()
}

/// A key that was too short is now well-formed, but unknown.
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

/// The service creates the rate limit headers when it reads the setting. With the changed constraint, 0 is invalid.
fn rate_limit() -> Probe {
    Probe::start(Start {
        name: "REQUEST_RATE",
        value: "7".to_owned(),
        mutant_rejects: true,
    })
}

/// `Retry-After` is a setting of the service. The probe sets a value that only the looser constraint allows.
fn retry_after(keyword: &str, value: &Value, other: &Value, direction: Direction) -> Option<Probe> {
    let (old, new) = (value.as_i64()?, other.as_i64()?);
    let seconds = if keyword == "minimum" {
        old.min(new)
    } else {
        old.max(new)
    };
    Some(Probe::start(Start {
        name: "RETRY_AFTER",
        value: seconds.to_string(),
        mutant_rejects: direction == Direction::Stricter,
    }))
}

/// Shows whether the changed default applies.
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
            // An absent body and an empty object mean the same.
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
        ("EntitlementSet", "enabled") => {
            let path = "/v1/entitlements/{created}/insights";
            let set = Request::new("PUT", path, Some(json!({"source": "override"})));
            let shows = |enabled: bool| Expectation::status(201).value("/enabled", enabled);
            vec![
                preparation(create(tenant()), 201),
                exchange(set, shows(true), shows(false)),
            ]
        }
        ("APIKeyRotate", "overlap_seconds") => {
            let rotate = Request::new("POST", "/v1/api-keys/{api_key}/rotate", Some(json!({})));
            // Two hours later the original still accepts the old key, and the mutant no longer does. A key cannot expire
            // later than it already does.
            let end = (Utc::now() + TimeDelta::hours(2)).to_rfc3339();
            let update = Request::new("PATCH", "/v1/api-keys/{api_key}", Some(json!({"expires_at": end})));
            vec![
                preparation(create_api_key(), 201),
                preparation(rotate, 201),
                exchange(update, Expectation::status(200), Expectation::status(409)),
            ]
        }
        ("tenant_list", "limit") => {
            let create = create(json!({"slug": "t-{fresh}", "name": "{unique}"}));
            three_items_or_two(create, "/v1/tenants?q={unique}")
        }
        ("project_list", "limit") => {
            let project = json!({"tenant_id": "{first}", "slug": "p-{fresh}", "name": "Drift"});
            let create_project = Request::new("POST", "/v1/projects", Some(project));
            let owner = preparation(create(tenant()), 201);
            let list = "/v1/projects?tenant_id={first}";
            iter::once(owner)
                .chain(three_items_or_two(create_project, list))
                .collect()
        }
        ("api_key_list", "limit") => {
            let project = json!({"tenant_id": "{acme}", "slug": "p-{fresh}", "name": "Drift"});
            let key = json!({"tenant_id": "{acme}", "project_id": "{created}", "name": "Drift"});
            let create = Request::new("POST", "/v1/api-keys", Some(key));
            let list = "/v1/api-keys?tenant_id={acme}&project_id={created}";
            let project = preparation(Request::new("POST", "/v1/projects", Some(project)), 201);
            iter::once(project).chain(three_items_or_two(create, list)).collect()
        }
        ("audit_list", "limit") => {
            let append = Request::new("POST", "/v1/audit", Some(json!({"action": "drift.{unique}"})));
            three_items_or_two(append, "/v1/audit?action=drift.{unique}")
        }
        _ => return None,
    };
    Some(Probe::new(format!("{owner}.{field}"), exchanges))
}

/// Creates three items. The page of the original has all of them, and the page of the mutant two.
fn three_items_or_two(create: Request, list: &str) -> Vec<Exchange> {
    let list = exchange(
        Request::new("GET", list, None),
        Expectation::status(200).items(3),
        Expectation::status(200).items(2),
    );
    let create = preparation(create, 201);
    vec![create.clone(), create.clone(), create, list]
}
