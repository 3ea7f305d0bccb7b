//! A server of the model test and the ids that it has generated.

use super::step::{Expected, Nth, Step};
use crate::harness::{RawResponse, TestServer};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;

/// An id that no record has.
const UNKNOWN_ID: &str = "0190b8a5-0000-7000-8000-000000000000";
const UNKNOWN_KEY: &str = "bp_Zm9vYmFyYmF6cXV4MTIzNA";

/// A server and the ids that it has generated, in the order of the requests.
pub(super) struct World {
    pub(super) service: TestServer,
    tenants: Vec<String>,
    /// The entity tags in the latest responses, by the id of the record.
    tags: HashMap<String, String>,
    projects: Vec<String>,
    api_keys: Vec<ApiKey>,
    cursors: Vec<i64>,
    /// The cursors of the lists that are ordered by id.
    list_cursors: Vec<String>,
    /// The ids of audit events seen so far. They increase, with gaps.
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
            tags: HashMap::new(),
            projects: Vec::new(),
            api_keys: Vec::new(),
            cursors: Vec::new(),
            list_cursors: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Sends a request and returns the response with names in place of ids.
    pub(super) async fn take(&mut self, step: &Step) -> String {
        let response = self.send_through(&self.service, step).await;
        self.learn(step, response)
    }

    /// Sends a request to a replica.
    pub(super) async fn send_through(&self, service: &TestServer, step: &Step) -> Option<RawResponse> {
        let (method, path, body) = match step {
            Step::TenantCreate { members } => post("/v1/tenants", members.clone()),
            Step::TenantGet { tenant } => get(format!("/v1/tenants/{}", self.tenant(*tenant))),
            Step::TenantGetBySlug { slug } => get(format!("/v1/tenants/by-slug/{slug}")),
            Step::TenantList { query, cursor } => get(format!("/v1/tenants?{}", self.with_list_cursor(query, *cursor))),
            Step::TenantUpdate { tenant, body } => (
                Method::PATCH,
                format!("/v1/tenants/{}", self.tenant(*tenant)),
                Some(body.clone()),
            ),
            Step::TenantActivate {
                tenant,
                body,
                expected: _,
            } => post(format!("/v1/tenants/{}/activate", self.tenant(*tenant)), body.clone()),
            Step::TenantCancel {
                tenant,
                body,
                expected: _,
            } => post(format!("/v1/tenants/{}/cancel", self.tenant(*tenant)), body.clone()),
            Step::TenantDelete { tenant } => (Method::DELETE, format!("/v1/tenants/{}", self.tenant(*tenant)), None),
            Step::TenantArchive { tenant } => (
                Method::POST,
                format!("/v1/tenants/{}/archive", self.tenant(*tenant)),
                None,
            ),
            Step::ProjectCreate { tenant, members } => {
                let mut body = members.clone();
                body["tenant_id"] = self.tenant(*tenant).into();
                post("/v1/projects", body)
            }
            Step::ProjectGet { project } => get(format!("/v1/projects/{}", self.project(*project))),
            Step::ProjectList { tenant, query, cursor } => {
                let query = format!("tenant_id={}&{query}", self.tenant(*tenant));
                get(format!("/v1/projects?{}", self.with_list_cursor(&query, *cursor)))
            }
            Step::ProjectUpdate {
                project,
                body,
                expected: _,
            } => (
                Method::PATCH,
                format!("/v1/projects/{}", self.project(*project)),
                Some(body.clone()),
            ),
            Step::ProjectDelete { project } => {
                (Method::DELETE, format!("/v1/projects/{}", self.project(*project)), None)
            }
            Step::EntitlementList { tenant } => get(format!("/v1/entitlements?tenant_id={}", self.tenant(*tenant))),
            Step::EntitlementGet { tenant, product } => get(self.entitlement(*tenant, product)),
            Step::EntitlementSet { tenant, product, body } => {
                (Method::PUT, self.entitlement(*tenant, product), Some(body.clone()))
            }
            Step::EntitlementRevoke { tenant, product } => (Method::DELETE, self.entitlement(*tenant, product), None),
            Step::EntitlementCheck { tenant, product } => get(format!(
                "/v1/internal/entitlements/check?tenant_id={}&product={product}",
                self.tenant(*tenant)
            )),
            Step::CatalogRequest { tenant, product } => post("/v1/catalog/request", self.request(*tenant, product)),
            Step::CatalogTrialRequest { tenant, product } => {
                post("/v1/catalog/trial-request", self.request(*tenant, product))
            }
            Step::ApiKeyCreate {
                tenant,
                project,
                members,
            } => {
                let mut body = members.clone();
                body["tenant_id"] = self.tenant(*tenant).into();
                if let Some(project) = project {
                    body["project_id"] = self.project(*project).into();
                }
                post("/v1/api-keys", body)
            }
            Step::ApiKeyList { tenant, query, cursor } => {
                let query = format!("tenant_id={}&{query}", self.tenant(*tenant));
                get(format!("/v1/api-keys?{}", self.with_list_cursor(&query, *cursor)))
            }
            Step::ApiKeyGet { api_key } => {
                let id = self.api_key(*api_key).map_or(UNKNOWN_ID, |api_key| &api_key.id);
                get(format!("/v1/api-keys/{id}"))
            }
            Step::ApiKeyUpdate { api_key, body } => {
                let id = self.api_key(*api_key).map_or(UNKNOWN_ID, |api_key| &api_key.id);
                (Method::PATCH, format!("/v1/api-keys/{id}"), Some(body.clone()))
            }
            Step::ApiKeyRotate { api_key, body } => {
                let id = self.api_key(*api_key).map_or(UNKNOWN_ID, |api_key| &api_key.id);
                post(format!("/v1/api-keys/{id}/rotate"), body.clone())
            }
            Step::ApiKeyRevoke { api_key, expected: _ } => {
                let id = self.api_key(*api_key).map_or(UNKNOWN_ID, |api_key| &api_key.id);
                (Method::DELETE, format!("/v1/api-keys/{id}"), None)
            }
            Step::ApiKeyVerify { api_key, members } => {
                let mut body = members.clone();
                body["key"] = self
                    .api_key(*api_key)
                    .map_or(UNKNOWN_KEY, |api_key| &api_key.plaintext)
                    .into();
                post("/v1/internal/api-keys/verify", body)
            }
            Step::AuditAppend { tenant, members } => post("/v1/audit", self.event(*tenant, members)),
            Step::AuditAppendBatch { events } => {
                let events: Vec<_> = events
                    .iter()
                    .map(|(tenant, members)| self.event(*tenant, members))
                    .collect();
                post("/v1/audit/batch", json!({ "events": events }))
            }
            Step::AuditGet { event } => {
                let id = nth(&self.events, *event).copied().unwrap_or(i64::MAX);
                get(format!("/v1/audit/{id}"))
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
            Step::Wait { hours } => {
                service.clock.advance(TimeDelta::hours(*hours));
                return None;
            }
        };
        let mut request = service.raw.request(method, &path);
        if let Some(tag) = self.precondition(step) {
            request = request.header("if-match", tag);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Some(RawResponse::from_request(request).await)
    }

    /// The `If-Match` of a step.
    fn precondition(&self, step: &Step) -> Option<&str> {
        let (id, expected) =
            if let Step::TenantActivate { tenant, expected, .. } | Step::TenantCancel { tenant, expected, .. } = step {
                (self.tenant(*tenant), expected)
            } else if let Step::ProjectUpdate { project, expected, .. } = step {
                (self.project(*project), expected)
            } else if let Step::ApiKeyRevoke { api_key, expected } = step {
                (self.api_key(*api_key)?.id.as_str(), expected)
            } else {
                return None;
            };
        match expected {
            Expected::Whatever => None,
            Expected::Any => Some("*"),
            Expected::LastSeen => Some(self.tags.get(id).map_or("\"unseen\"", String::as_str)),
        }
    }

    fn with_list_cursor(&self, query: &str, cursor: Option<Nth>) -> String {
        match cursor.and_then(|cursor| nth(&self.list_cursors, cursor)) {
            Some(cursor) => format!("{query}&cursor={cursor}"),
            None => query.to_owned(),
        }
    }

    fn tenant(&self, tenant: Nth) -> &str {
        nth(&self.tenants, tenant).map_or(UNKNOWN_ID, String::as_str)
    }

    fn project(&self, project: Nth) -> &str {
        nth(&self.projects, project).map_or(UNKNOWN_ID, String::as_str)
    }

    fn api_key(&self, api_key: Nth) -> Option<&ApiKey> {
        nth(&self.api_keys, api_key)
    }

    fn event(&self, tenant: Option<Nth>, members: &Value) -> Value {
        let mut event = members.clone();
        if let Some(tenant) = tenant {
            event["tenant_id"] = self.tenant(tenant).into();
        }
        event
    }

    fn entitlement(&self, tenant: Nth, product: &str) -> String {
        format!("/v1/entitlements/{}/{product}", self.tenant(tenant))
    }

    fn request(&self, tenant: Nth, product: &str) -> Value {
        json!({ "tenant_id": self.tenant(tenant), "product": product })
    }

    /// Records the generated ids of a response and returns it with names.
    pub(super) fn learn(&mut self, step: &Step, response: Option<RawResponse>) -> String {
        let Some(response) = response else {
            return "done".to_owned();
        };
        let mut body: Value = if response.text.is_empty() {
            Value::Null
        } else {
            response.json()
        };
        if let (Some(tag), Some(id)) = (response.headers.get("etag"), body["id"].as_str()) {
            self.tags.insert(id.to_owned(), tag.to_str().unwrap().to_owned());
        }
        if response.status == 201 {
            match step {
                Step::TenantCreate { .. } => self.tenants.push(text(&body["id"])),
                Step::ProjectCreate { .. } => self.projects.push(text(&body["id"])),
                Step::ApiKeyCreate { .. } | Step::ApiKeyRotate { .. } => self.api_keys.push(ApiKey {
                    id: text(&body["api_key"]["id"]),
                    plaintext: text(&body["plaintext"]),
                    prefix: text(&body["api_key"]["prefix"]),
                }),
                Step::AuditAppend { .. } => self.events.extend(body["id"].as_i64()),
                Step::TenantGet { .. }
                | Step::TenantGetBySlug { .. }
                | Step::TenantList { .. }
                | Step::TenantUpdate { .. }
                | Step::TenantActivate { .. }
                | Step::TenantCancel { .. }
                | Step::TenantDelete { .. }
                | Step::TenantArchive { .. }
                | Step::ProjectGet { .. }
                | Step::ProjectList { .. }
                | Step::ProjectUpdate { .. }
                | Step::ProjectDelete { .. }
                | Step::EntitlementList { .. }
                | Step::EntitlementGet { .. }
                | Step::EntitlementSet { .. }
                | Step::EntitlementRevoke { .. }
                | Step::EntitlementCheck { .. }
                | Step::CatalogRequest { .. }
                | Step::CatalogTrialRequest { .. }
                | Step::ApiKeyList { .. }
                | Step::ApiKeyGet { .. }
                | Step::ApiKeyUpdate { .. }
                | Step::ApiKeyRevoke { .. }
                | Step::ApiKeyVerify { .. }
                // The items of its response are seen with those of lists.
                | Step::AuditAppendBatch { .. }
                | Step::AuditGet { .. }
                | Step::AuditList { .. }
                | Step::Wait { .. } => {}
            }
        }
        match body.get("next_cursor") {
            Some(Value::Number(cursor)) => self.cursors.extend(cursor.as_i64()),
            Some(Value::String(cursor)) => self.list_cursors.push(cursor.clone()),
            Some(_) | None => {}
        }
        self.name_events(&mut body);
        let content_type = response.headers.get("content-type");
        self.named(&format!("{} {content_type:?} {body}", response.status))
    }

    /// Replaces the ids of events by their rank, and removes the time of last use, which is written later.
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
            forget_last_use(item);
        }
        forget_last_use(body);
        for name in ["id", "next_cursor"] {
            if let Some(number) = body.get_mut(name)
                && let Some(rank) = rank(number)
            {
                *number = json!(format!("event-{rank}"));
            }
        }
    }

    /// Replaces generated ids by names.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (number, id) in self.tenants.iter().enumerate() {
            text = text.replace(id, &format!("tenant-{number}"));
        }
        for (number, id) in self.projects.iter().enumerate() {
            text = text.replace(id, &format!("project-{number}"));
        }
        for (number, cursor) in self.list_cursors.iter().enumerate() {
            text = text.replace(cursor, &format!("cursor-{number}"));
        }
        for (number, api_key) in self.api_keys.iter().enumerate() {
            text = text
                .replace(&api_key.id, &format!("api-key-{number}"))
                .replace(&api_key.plaintext, &format!("plaintext-{number}"))
                .replace(&api_key.prefix, &format!("prefix-{number}"));
        }
        text
    }

    /// All records of the server that the API returns.
    pub(super) async fn state(&mut self) -> Vec<String> {
        let mut state = Vec::new();
        for tenant in 0..self.tenants.len() {
            state.push(self.take(&Step::TenantGet { tenant }).await);
            state.push(self.take(&Step::EntitlementList { tenant }).await);
            // Keys created at the same time have no order.
            let path = format!("/v1/api-keys?tenant_id={}", self.tenants[tenant]);
            let mut body: Value = self.service.raw.get(&path).await.json();
            self.name_events(&mut body);
            let mut api_keys: Vec<_> = body["items"]
                .as_array()
                // A deleted tenant has no list.
                .into_iter()
                .flatten()
                .map(|item| self.named(&item.to_string()))
                .collect();
            api_keys.sort();
            state.push(api_keys.join("\n"));
        }
        for project in 0..self.projects.len() {
            state.push(self.take(&Step::ProjectGet { project }).await);
        }
        let everything = Step::AuditList {
            tenant: None,
            query: "limit=500".to_owned(),
            cursor: None,
        };
        // Twice: the first list collects the ids of all events, which determine the ranks.
        self.take(&everything).await;
        state.push(self.take(&everything).await);
        state
    }
}

fn forget_last_use(api_key: &mut Value) {
    if let Some(last_used_at) = api_key.get_mut("last_used_at") {
        *last_used_at = Value::Null;
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
