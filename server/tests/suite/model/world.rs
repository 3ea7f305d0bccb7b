//! A service under the model test, and what it has told so far.

use super::step::{Nth, Step};
use crate::harness::{RawResponse, TestServer};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tenant_registry_contract::types::TenantId;
use uuid::Uuid;

/// What nothing has.
const UNKNOWN_ID: &str = "0190b8a5-0000-7000-8000-000000000000";
const UNKNOWN_KEY: &str = "bp_Zm9vYmFyYmF6cXV4MTIzNA";

/// A service, and the ids that it has invented, in the order of the requests.
pub(super) struct World {
    pub(super) service: TestServer,
    tenants: Vec<String>,
    api_keys: Vec<ApiKey>,
    cursors: Vec<i64>,
    /// The numbers of audit events that were seen. They grow, but not by one.
    events: Vec<i64>,
}

struct ApiKey {
    id: String,
    plaintext: String,
    prefix: String,
}

impl World {
    pub(super) fn new(service: TestServer) -> Self {
        Self {
            service,
            tenants: Vec::new(),
            api_keys: Vec::new(),
            cursors: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Sends a request, and tells the answer in names.
    pub(super) async fn take(&mut self, step: &Step) -> String {
        let answer = self.send_through(&self.service, step).await;
        self.learn(step, answer)
    }

    /// Sends a request by way of a replica.
    pub(super) async fn send_through(&self, service: &TestServer, step: &Step) -> Option<RawResponse> {
        let (method, path, body) = match step {
            Step::TenantCreate { members } => post("/v1/tenants", members.clone()),
            Step::TenantGet { tenant } => get(format!("/v1/tenants/{}", self.tenant(*tenant))),
            Step::TenantGetBySlug { slug } => get(format!("/v1/tenants/by-slug/{slug}")),
            Step::TenantActivate { tenant, body } => {
                post(format!("/v1/tenants/{}/activate", self.tenant(*tenant)), body.clone())
            }
            Step::TenantCancel { tenant, body } => {
                post(format!("/v1/tenants/{}/cancel", self.tenant(*tenant)), body.clone())
            }
            Step::EntitlementList { tenant } => get(format!("/v1/entitlements?tenant_id={}", self.tenant(*tenant))),
            Step::CatalogRequest { tenant, product } => post("/v1/catalog/request", self.request(*tenant, product)),
            Step::CatalogTrialRequest { tenant, product } => {
                post("/v1/catalog/trial-request", self.request(*tenant, product))
            }
            Step::ApiKeyCreate { tenant, members } => {
                let mut body = members.clone();
                body["tenant_id"] = self.tenant(*tenant).into();
                post("/v1/api-keys", body)
            }
            Step::ApiKeyList { tenant } => get(format!("/v1/api-keys?tenant_id={}", self.tenant(*tenant))),
            Step::ApiKeyRevoke { api_key } => {
                let id = self.api_key(*api_key).map_or(UNKNOWN_ID, |api_key| &api_key.id);
                (Method::DELETE, format!("/v1/api-keys/{id}"), None)
            }
            Step::ApiKeyVerify { api_key } => {
                let key = self.api_key(*api_key).map_or(UNKNOWN_KEY, |api_key| &api_key.plaintext);
                post("/v1/internal/api-keys/verify", json!({ "key": key }))
            }
            Step::AuditAppend { tenant, members } => {
                let mut body = members.clone();
                if let Some(tenant) = tenant {
                    body["tenant_id"] = self.tenant(*tenant).into();
                }
                post("/v1/audit", body)
            }
            Step::AuditList { tenant, query, cursor } => {
                let mut query = query.clone();
                if let Some(tenant) = tenant {
                    query.push_str(&format!("&tenant_id={}", self.tenant(*tenant)));
                }
                if let Some(cursor) = cursor.and_then(|cursor| nth(&self.cursors, cursor)) {
                    query.push_str(&format!("&cursor={cursor}"));
                }
                get(format!("/v1/audit?{}", query.trim_start_matches('&')))
            }
            Step::Archive { tenant } => {
                if let Some(id) = nth(&self.tenants, *tenant) {
                    let id = TenantId::from(id.parse::<Uuid>().unwrap());
                    service.operator.archive(id, service.clock.now()).await;
                }
                return None;
            }
            Step::Wait { hours } => {
                service.clock.advance(TimeDelta::hours(*hours));
                return None;
            }
        };
        let mut request = service.raw.request(method, &path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Some(RawResponse::from_request(request).await)
    }

    fn tenant(&self, tenant: Nth) -> &str {
        nth(&self.tenants, tenant).map_or(UNKNOWN_ID, String::as_str)
    }

    fn api_key(&self, api_key: Nth) -> Option<&ApiKey> {
        nth(&self.api_keys, api_key)
    }

    fn request(&self, tenant: Nth, product: &str) -> Value {
        json!({ "tenant_id": self.tenant(tenant), "product": product })
    }

    /// Remembers what an answer invents, and tells it in names.
    pub(super) fn learn(&mut self, step: &Step, answer: Option<RawResponse>) -> String {
        let Some(answer) = answer else {
            return "done".to_owned();
        };
        let mut body: Value = if answer.text.is_empty() {
            Value::Null
        } else {
            answer.json()
        };
        if answer.status == 201 {
            match step {
                Step::TenantCreate { .. } => self.tenants.push(text(&body["id"])),
                Step::ApiKeyCreate { .. } => self.api_keys.push(ApiKey {
                    id: text(&body["api_key"]["id"]),
                    plaintext: text(&body["plaintext"]),
                    prefix: text(&body["api_key"]["prefix"]),
                }),
                Step::AuditAppend { .. } => self.events.extend(body["id"].as_i64()),
                Step::TenantGet { .. }
                | Step::TenantGetBySlug { .. }
                | Step::TenantActivate { .. }
                | Step::TenantCancel { .. }
                | Step::EntitlementList { .. }
                | Step::CatalogRequest { .. }
                | Step::CatalogTrialRequest { .. }
                | Step::ApiKeyList { .. }
                | Step::ApiKeyRevoke { .. }
                | Step::ApiKeyVerify { .. }
                | Step::AuditList { .. }
                | Step::Archive { .. }
                | Step::Wait { .. } => {}
            }
        }
        if let Some(cursor) = body.get("next_cursor").and_then(Value::as_i64) {
            self.cursors.push(cursor);
        }
        self.name_events(&mut body);
        let content_type = answer.headers.get("content-type");
        self.named(&format!("{} {content_type:?} {body}", answer.status))
    }

    /// Replaces the numbers of events by their rank, and leaves out the last use, which follows in its own time.
    fn name_events(&mut self, body: &mut Value) {
        let seen: Vec<i64> = body["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["id"].as_i64())
            .collect();
        self.events.extend(seen);
        self.events.sort_unstable();
        self.events.dedup();
        let rank = |number: &Value| {
            number
                .as_i64()
                .map(|number| self.events.iter().filter(|seen| **seen <= number).count())
        };
        let items = body["items"].as_array_mut().into_iter().flatten();
        for item in items {
            if let Some(rank) = rank(&item["id"]) {
                item["id"] = json!(format!("event-{rank}"));
            }
            if let Some(last_used_at) = item.get_mut("last_used_at") {
                *last_used_at = Value::Null;
            }
        }
        for name in ["id", "next_cursor"] {
            if let Some(number) = body.get_mut(name)
                && let Some(rank) = rank(number)
            {
                *number = json!(format!("event-{rank}"));
            }
        }
    }

    /// A text with names in place of what the service has invented.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (number, id) in self.tenants.iter().enumerate() {
            text = text.replace(id, &format!("tenant-{number}"));
        }
        for (number, api_key) in self.api_keys.iter().enumerate() {
            text = text
                .replace(&api_key.id, &format!("api-key-{number}"))
                .replace(&api_key.plaintext, &format!("plaintext-{number}"))
                .replace(&api_key.prefix, &format!("prefix-{number}"));
        }
        text
    }

    /// All that the service holds, as far as it tells.
    pub(super) async fn state(&mut self) -> Vec<String> {
        let mut state = Vec::new();
        for tenant in 0..self.tenants.len() {
            state.push(self.take(&Step::TenantGet { tenant }).await);
            state.push(self.take(&Step::EntitlementList { tenant }).await);
            // Keys made at once have the same time, and no order.
            let path = format!("/v1/api-keys?tenant_id={}", self.tenants[tenant]);
            let mut body: Value = self.service.raw.get(&path).await.json();
            self.name_events(&mut body);
            let mut api_keys: Vec<_> = body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| self.named(&item.to_string()))
                .collect();
            api_keys.sort();
            state.push(api_keys.join("\n"));
        }
        let everything = Step::AuditList {
            tenant: None,
            query: "limit=500".to_owned(),
            cursor: None,
        };
        // Twice: the first look shows the numbers of all events, which give the ranks.
        self.take(&everything).await;
        state.push(self.take(&everything).await);
        state
    }
}

fn get(path: String) -> (Method, String, Option<Value>) {
    (Method::GET, path, None)
}

fn post(path: impl Into<String>, body: Value) -> (Method, String, Option<Value>) {
    (Method::POST, path.into(), Some(body))
}

fn nth<T>(known: &[T], number: Nth) -> Option<&T> {
    known.get(number.checked_rem(known.len())?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
