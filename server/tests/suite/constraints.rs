//! The constraints of the database match the spec: each column has the nullability and accepts the values of its
//! property.
//!
//! The candidates, at and beyond each limit, come from the spec. Each is inserted, so the test notices a change of
//! either side.

use crate::harness::candidates::{admits, candidates, levels};
use crate::harness::cases::process_cases;
use crate::harness::openapi::SPEC;
use crate::harness::postgres::TestDatabase;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

process_cases![
    ; postgres:
    columns_exist_and_are_nullable_as_in_the_spec,
    columns_accept_exactly_the_values_of_the_spec,
    distributed_events_have_the_columns_and_indexes_of_others,
];

/// The schemas that are stored, their tables, and the requests that store them.
const TABLES: [(&str, &str, &[&str]); 5] = [
    ("Tenant", "tenants", &["TenantCreate", "TenantActivate", "TenantUpdate"]),
    ("Project", "projects", &["ProjectCreate", "ProjectUpdate"]),
    (
        "TenantProduct",
        "tenant_products",
        &["EntitlementSet", "CatalogRequest"],
    ),
    ("APIKey", "api_keys", &["APIKeyCreate"]),
    ("AuditEvent", "audit_log", &["AuditAppend"]),
];

/// The columns that a row needs in addition to the properties of its schema.
fn additional_columns(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "api_keys" => &[("hash", "'argon2id|c2FsdA|aGFzaA'")],
        _ => &[],
    }
}

/// Whether columns are nullable, by table and name.
async fn columns(client: &Client) -> BTreeMap<(String, String), bool> {
    let query = "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns \
                 WHERE table_schema = 'public'";
    let rows = client.query(query, &[]).await.unwrap();
    rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect()
}

async fn connect(database: &TestDatabase) -> Client {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The name and resolved schema of each property.
fn properties(schema: &str) -> Vec<(&'static str, &'static Value)> {
    let properties = SPEC.schemas()[schema]["properties"].as_object().unwrap();
    properties
        .iter()
        .map(|(name, property)| (name.as_str(), SPEC.resolve(property)))
        .collect()
}

/// The name and resolved schema of each property, as it can be written. A response may also contain what was stored before
/// the limits of requests.
fn written(schema: &str, requests: &[&str]) -> Vec<(&'static str, &'static Value)> {
    let in_requests = |name: &str| {
        let request = |request: &&str| SPEC.schemas()[*request]["properties"].get(name);
        let property = SPEC.resolve(requests.iter().find_map(request)?);
        // A request can clear the property. Whether the column is nullable is another test.
        Some(
            property
                .get("oneOf")
                .map_or(property, |choices| SPEC.resolve(&choices[0])),
        )
    };
    let any_text = &SPEC.schemas()["StoredText"];
    let current = |property: &'static Value| {
        if property == any_text {
            &SPEC.schemas()["Text"]
        } else {
            property
        }
    };
    properties(schema)
        .into_iter()
        .map(|(name, property)| (name, in_requests(name).unwrap_or_else(|| current(property))))
        .collect()
}

async fn columns_exist_and_are_nullable_as_in_the_spec() {
    let database = TestDatabase::create().await;
    let columns = columns(&connect(&database).await).await;
    for (schema, table, _) in TABLES {
        let required = SPEC.schemas()[schema]["required"].as_array().unwrap();
        for (name, property) in properties(schema) {
            let may_be_null = property["type"]
                .as_array()
                .is_some_and(|types| types.contains(&json!("null")));
            let is_optional = !required.contains(&json!(name));
            let column = columns.get(&(table.to_owned(), name.to_owned()));
            assert_eq!(column, Some(&(may_be_null || is_optional)), "{table}.{name}");
        }
    }
}

/// A value as an SQL literal, which the column's type parses.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(literal).collect();
            format!("ARRAY[{}]::text[]", items.join(", "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Object(_) => literal(&Value::String(value.to_string())),
    }
}

/// A value of a property as an SQL literal. Lists of objects are JSON.
fn column_literal(property: &Value, value: &Value) -> String {
    if value.is_array() && SPEC.resolve(&property["items"])["type"] == "object" {
        literal(&Value::String(value.to_string()))
    } else {
        literal(value)
    }
}

/// A valid row, from the example of each property.
fn good_row(schema: &str, table: &str, requests: &[&str]) -> BTreeMap<&'static str, String> {
    let mut row: BTreeMap<_, _> = additional_columns(table)
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    for (name, property) in written(schema, requests) {
        row.insert(name, column_literal(property, &example(property)));
    }
    row
}

fn example(property: &Value) -> Value {
    match property["examples"].as_array() {
        Some(examples) => examples[0].clone(),
        None if property["type"] == "boolean" => json!(true),
        None if property["type"] == "array" => json!([example(SPEC.resolve(&property["items"]))]),
        None if property["type"] == "object" => {
            let members = property["properties"].as_object().unwrap();
            let members = members
                .iter()
                .map(|(name, it)| (name.clone(), example(SPEC.resolve(it))));
            Value::Object(members.collect())
        }
        None => panic!("no example: {property}"),
    }
}

/// Whether the database accepts the row. The insert is rolled back.
async fn accepts(client: &Client, table: &str, row: &BTreeMap<&str, String>) -> bool {
    let names: Vec<_> = row.keys().copied().collect();
    let values: Vec<_> = row.values().map(String::as_str).collect();
    let insert = format!(
        "BEGIN; INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
        names.join(", "),
        values.join(", ")
    );
    let inserted = client.batch_execute(&insert).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    match inserted {
        Ok(()) => true,
        Err(error) => {
            let violation = [
                SqlState::CHECK_VIOLATION,
                SqlState::CHARACTER_NOT_IN_REPERTOIRE,
                SqlState::NOT_NULL_VIOLATION,
            ];
            assert!(violation.contains(error.code().unwrap()), "{insert}: {error:?}");
            false
        }
    }
}

async fn columns_accept_exactly_the_values_of_the_spec() {
    let database = TestDatabase::create().await;
    let client = connect(&database).await;
    // The tenant that the other rows refer to.
    let mut tenant = good_row("Tenant", "tenants", TABLES[0].2);
    tenant.insert("slug", "'the-first'".to_owned());
    // No two tenants have the same.
    for name in ["erp_customer_id", "stripe_cust_id"] {
        tenant.insert(name, "NULL".to_owned());
    }
    let names: Vec<_> = tenant.keys().copied().collect();
    let values: Vec<_> = tenant.values().map(String::as_str).collect();
    let insert = format!(
        "INSERT INTO tenants ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    );
    client.batch_execute(&insert).await.unwrap();
    // The project that API keys refer to.
    let mut project = good_row("Project", "projects", &["ProjectCreate"]);
    project.insert("slug", "'the-first'".to_owned());
    let names: Vec<_> = project.keys().copied().collect();
    let values: Vec<_> = project.values().map(String::as_str).collect();
    let insert = format!(
        "INSERT INTO projects ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    );
    client.batch_execute(&insert).await.unwrap();

    let mut tried = 0;
    for (schema, table, requests) in TABLES {
        let mut good = good_row(schema, table, requests);
        if ["tenants", "projects"].contains(&table) {
            good.insert("id", "gen_random_uuid()".to_owned());
        }
        assert!(accepts(&client, table, &good).await, "{table}: {good:?}");
        for (name, property) in written(schema, requests) {
            // The service takes these from the connection and a header, not from the body.
            if ["source_ip", "user_agent"].contains(&name) {
                continue;
            }
            for (candidate, admitted) in candidates_with_validity(property) {
                let mut row = good.clone();
                row.insert(name, column_literal(property, &candidate));
                // A simple query ends at this character: the protocol cannot transport it.
                if candidate.to_string().contains("\\u0000") {
                    assert!(!admitted || candidate.is_object(), "{table}.{name}: {candidate}");
                    continue;
                }
                assert_eq!(
                    accepts(&client, table, &row).await,
                    admitted,
                    "{table}.{name}: {candidate}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried} values are too few to say much");
}

/// A page and a cursor read both tables by the same statements. Only the week is added.
async fn distributed_events_have_the_columns_and_indexes_of_others() {
    let database = TestDatabase::create().await;
    let client = connect(&database).await;
    let texts = async |query: &str, table: &str| -> Vec<String> {
        let rows = client.query(query, &[&table]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let columns = "SELECT concat_ws(' ', column_name, data_type, is_nullable) FROM information_schema.columns \
                   WHERE table_name = $1 AND column_name <> 'week' ORDER BY column_name";
    let expected = texts(columns, "audit_log").await;
    assert_eq!(texts(columns, "audit_log_distributed").await, expected);
    let indexes = "SELECT replace(indexdef, $1, 'audit_log') FROM pg_indexes \
                   WHERE tablename = $1 AND indexname NOT LIKE '%_pkey' ORDER BY indexname";
    let expected = texts(indexes, "audit_log").await;
    assert_eq!(texts(indexes, "audit_log_distributed").await, expected);
}

/// Values at and beyond the limits of a property, and whether the spec admits them. Dates and times are left out,
/// since the database parses more forms than the spec.
fn candidates_with_validity(property: &Value) -> Vec<(Value, bool)> {
    let kind = &property["type"];
    let has_format = property["format"].is_string() && *kind != "integer";
    if has_format || kind.is_array() {
        return Vec::new();
    }
    let good = example(property);
    let mut values = candidates(property, &good);
    if *kind == "string" {
        values.retain(Value::is_string);
    }
    // The database does not check how deep JSON is nested.
    let max_levels = property["x-max-levels"].as_u64().unwrap_or(u64::MAX);
    values.retain(|value| levels(value) as u64 <= max_levels);
    let typed = values.into_iter().filter(|value| match kind.as_str() {
        Some("array") if SPEC.resolve(&property["items"])["type"] == "string" => value
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item.is_string() || item.is_null()),
        _ => true,
    });
    typed
        .map(|value| {
            let admitted = admits(property, &value);
            (value, admitted)
        })
        .collect()
}
