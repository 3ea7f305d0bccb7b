//! The measured operations: their HTTP requests, and the same in SQL for pgbench.

use crate::data_set::{DataSet, FIRST_SECRET, FIRST_TENANT, LAST_TENANT, PLAIN_LOG, RARE_ACTION, secrets, tenant_id};
use crate::load::Operation;
use crate::pgbench;

/// The number of events on a page.
const PAGE_EVENTS: u64 = 50;

/// The number of the deep page, if the log has as many.
const DEEP_PAGE: u64 = 10_000;

/// The number of different wrong secrets in a flood.
const WRONG_SECRETS: usize = 1_000;

/// The operation of a row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    /// The same SQL for pgbench.
    pub(crate) script: String,
    /// Another script for pgbench, which is the limit.
    pub(crate) limit: Option<String>,
    /// How the responses of the rival compare; `None` if it lacks the operation.
    pub(crate) comparison: Option<Comparison>,
}

/// How responses of the service and of the rival to the same request are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    /// The members that differ: ids and times of new records.
    pub(crate) except: &'static [&'static str],
}

/// Both read the same record.
const SAME: Option<Comparison> = Some(Comparison { except: &[] });

fn operation(requests: impl Iterator<Item = Vec<u8>>, status: u16, part: &'static str) -> Operation {
    Operation {
        requests: requests.collect(),
        status,
        part,
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn verify_request(plaintext: &str) -> Vec<u8> {
    post("/v1/internal/api-keys/verify", &format!("{{\"key\": \"{plaintext}\"}}"))
}

/// Succeeds once the service is ready.
pub(crate) fn readiness() -> Operation {
    operation([get("/readyz")].into_iter(), 200, "")
}

/// Verifications of these keys.
pub(crate) fn verify(plaintexts: &[String]) -> Operation {
    let requests = plaintexts.iter().map(|plaintext| verify_request(plaintext));
    operation(requests, 200, "\"valid\":true")
}

/// Verifications of wrong secrets for one existing prefix. Rejected and invalid ones both count as responses.
pub(crate) fn wrong_secrets() -> Operation {
    let requests = (0..WRONG_SECRETS).map(|_| verify_request(&secrets::plaintext(FIRST_SECRET)));
    operation(requests, 200, "\"valid\":false")
}

/// Verifications of cached keys.
pub(crate) fn warm_verify(data_set: &DataSet) -> Case {
    Case {
        name: "verify, warm".to_owned(),
        operation: verify(&data_set.plaintexts),
        script: include_str!("../sql/pgbench/verify.sql").to_owned(),
        limit: None,
        comparison: SAME,
    }
}

fn appended_event(tenant: u64) -> String {
    let tenant_id = tenant_id(tenant);
    format!(
        "{{\"tenant_id\": \"{tenant_id}\", \"actor_id\": \"user-17\", \"action\": \"bench.appended\", \
         \"metadata\": {{\"format\": \"pdf\"}}}}"
    )
}

/// Appends of an event of any tenant.
pub(crate) fn append() -> Case {
    let requests = (FIRST_TENANT..=LAST_TENANT).map(|tenant| post("/v1/audit", &appended_event(tenant)));
    Case {
        name: "append".to_owned(),
        operation: operation(requests, 201, ""),
        script: pgbench::append_script("audit_log"),
        limit: Some(pgbench::append_script(PLAIN_LOG)),
        comparison: Some(Comparison {
            except: &["created_at", "id"],
        }),
    }
}

/// The number of events in a batch, which is also in its script.
pub(crate) const BATCH_EVENTS: usize = 500;

/// The number of different batches.
const BATCHES: usize = 50;

/// Appends of the most events that a request can have.
pub(crate) fn append_batch() -> Case {
    let requests = (FIRST_TENANT..=LAST_TENANT).take(BATCHES).map(|tenant| {
        let events = vec![appended_event(tenant); BATCH_EVENTS].join(", ");
        post("/v1/audit/batch", &format!("{{\"events\": [{events}]}}"))
    });
    Case {
        name: format!("append, batch of {BATCH_EVENTS}"),
        operation: operation(requests, 201, ""),
        script: include_str!("../sql/pgbench/append_batch.sql").to_owned(),
        limit: None,
        comparison: None,
    }
}

/// The expression for the id of an event in the indexes of the log: without a filter, and with filters.
const NUMBER_OF_ALL: &str = "(id + 0)";
const NUMBER_OF_FILTERED: &str = "id";

fn list(name: String, query: &str, filter: &str, number: &str) -> Case {
    let path = format!("/v1/audit?limit={PAGE_EVENTS}{query}");
    Case {
        name,
        operation: operation([get(&path)].into_iter(), 200, "\"id\":"),
        script: pgbench::list_script(filter, number),
        limit: None,
        comparison: None,
    }
}

/// The newest page.
pub(crate) fn first_page() -> Case {
    Case {
        comparison: SAME,
        ..list("list, first page".to_owned(), "", "", NUMBER_OF_ALL)
    }
}

/// The number of the deep page.
pub(crate) fn deep_page_number(data_set: &DataSet) -> u64 {
    DEEP_PAGE.min(data_set.events / PAGE_EVENTS / 2)
}

/// The number of events that are newer than the deep page.
pub(crate) fn newer_than_deep_page(data_set: &DataSet) -> u64 {
    (deep_page_number(data_set) - 1) * PAGE_EVENTS
}

/// A page deep in the log, after this cursor.
pub(crate) fn deep_page(data_set: &DataSet, cursor: i64) -> Case {
    let place = |column| format!("(SELECT {column} FROM audit_log WHERE id >= {cursor} ORDER BY id LIMIT 1)");
    list(
        format!("list, page {}", deep_page_number(data_set)),
        &format!("&cursor={cursor}"),
        &format!(
            "WHERE (created_at, {NUMBER_OF_ALL}) < ({}, {})",
            place("created_at"),
            place("id")
        ),
        NUMBER_OF_ALL,
    )
}

/// The newest events of the tenant with the most events.
pub(crate) fn frequent_filter() -> Case {
    let tenant = tenant_id(FIRST_TENANT);
    list(
        "list, frequent filter (tenant)".to_owned(),
        &format!("&tenant_id={tenant}"),
        &format!("WHERE tenant_id = '{tenant}'"),
        NUMBER_OF_FILTERED,
    )
}

/// A page of the events with a rare action. It has none of them: it ends after the last look.
pub(crate) fn rare_filter() -> Case {
    let path = format!("/v1/audit?limit={PAGE_EVENTS}&action={RARE_ACTION}");
    Case {
        name: "list, rare filter (action)".to_owned(),
        operation: operation([get(&path)].into_iter(), 200, "\"next_cursor\":"),
        script: include_str!("../sql/pgbench/rare_filter.sql").replace("{rare_action}", RARE_ACTION),
        limit: None,
        comparison: None,
    }
}

/// Gets a random tenant.
pub(crate) fn tenant_get() -> Case {
    let requests = (FIRST_TENANT..=LAST_TENANT).map(|tenant| get(&format!("/v1/tenants/{}", tenant_id(tenant))));
    Case {
        name: "tenant get".to_owned(),
        operation: operation(requests, 200, ""),
        script: include_str!("../sql/pgbench/tenant_get.sql").to_owned(),
        limit: None,
        comparison: SAME,
    }
}
