//! A request of the model test that is independent of generated ids: "the third tenant".

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use serde_json::{Value, json};

/// The index of a record, modulo the number of records.
pub(super) type Nth = usize;

/// A request, or what happens beside the API.
#[derive(Clone, Debug)]
pub(super) enum Step {
    TenantCreate {
        members: Value,
    },
    TenantGet {
        tenant: Nth,
    },
    TenantGetBySlug {
        slug: &'static str,
    },
    TenantList {
        query: String,
        cursor: Option<Nth>,
    },
    TenantUpdate {
        tenant: Nth,
        body: Value,
    },
    TenantActivate {
        tenant: Nth,
        expected: Expected,
        body: Value,
    },
    TenantCancel {
        tenant: Nth,
        expected: Expected,
        body: Value,
    },
    TenantDelete {
        tenant: Nth,
    },
    TenantArchive {
        tenant: Nth,
    },
    ProjectCreate {
        tenant: Nth,
        members: Value,
    },
    ProjectGet {
        project: Nth,
    },
    ProjectList {
        tenant: Nth,
        query: String,
        cursor: Option<Nth>,
    },
    ProjectUpdate {
        project: Nth,
        expected: Expected,
        body: Value,
    },
    ProjectDelete {
        project: Nth,
    },
    EntitlementList {
        tenant: Nth,
    },
    EntitlementGet {
        tenant: Nth,
        product: &'static str,
    },
    EntitlementSet {
        tenant: Nth,
        product: &'static str,
        body: Value,
    },
    EntitlementRevoke {
        tenant: Nth,
        product: &'static str,
    },
    EntitlementCheck {
        tenant: Nth,
        product: &'static str,
    },
    CatalogRequest {
        tenant: Nth,
        product: &'static str,
    },
    CatalogTrialRequest {
        tenant: Nth,
        product: &'static str,
    },
    ApiKeyCreate {
        tenant: Nth,
        project: Option<Nth>,
        members: Value,
    },
    ApiKeyList {
        tenant: Nth,
        query: String,
        cursor: Option<Nth>,
    },
    ApiKeyGet {
        api_key: Nth,
    },
    ApiKeyUpdate {
        api_key: Nth,
        body: Value,
    },
    ApiKeyRotate {
        api_key: Nth,
        body: Value,
    },
    ApiKeyRevoke {
        api_key: Nth,
        expected: Expected,
    },
    ApiKeyVerify {
        api_key: Nth,
        members: Value,
    },
    AuditAppend {
        tenant: Option<Nth>,
        members: Value,
    },
    AuditAppendBatch {
        /// The tenant and the members of each event.
        events: Vec<(Option<Nth>, Value)>,
    },
    AuditGet {
        event: Nth,
    },
    AuditList {
        tenant: Option<Nth>,
        query: String,
        cursor: Option<Nth>,
    },
    /// Time passes.
    Wait {
        hours: i64,
    },
}

/// The version of a record that a change expects.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// No precondition.
    Whatever,
    /// `*`.
    Any,
    /// The version in the latest response.
    LastSeen,
}

/// Few values, so that requests of a sequence use the same records.
const SLUGS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
const PRODUCTS: [&str; 4] = ["insights", "reports", "connect", "no-such-product"];
const SCOPES: [&str; 2] = ["reports:read", "reports:write"];
const DATES: [&str; 4] = ["2026-11-22", "2026-11-23", "2026-12-01", "2027-06-30"];

/// Around the time of the service's clock, which starts on 2026-11-23.
const TIMES: [&str; 3] = [
    "2026-11-23T00:00:00Z",
    "2026-11-29T12:00:00.5+01:00",
    "2027-06-30T00:00:00Z",
];

fn nth() -> impl Strategy<Value = Nth> {
    0..4_usize
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![
        3 => Just(Expected::Whatever),
        1 => Just(Expected::Any),
        3 => Just(Expected::LastSeen),
    ]
}

fn slug() -> impl Strategy<Value = &'static str> {
    select(&SLUGS[..])
}

fn product() -> impl Strategy<Value = &'static str> {
    select(&PRODUCTS[..])
}

/// Text that a store could change by mistake.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => "[a-z]{1,8}",
        1 => "[^\\x00]{0,12}",
        1 => select(vec!["ä'\"\\", "e\u{301}", "𝄞", " a ", "\u{feff}", "NULL", "{}"]).prop_map(str::to_owned),
    ]
    .boxed()
}

/// JSON that a store could rearrange by mistake.
fn object() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!("\u{0}")),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    proptest::collection::vec((text(), value), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
        .boxed()
}

/// An object with some of these members.
fn members(choices: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let each: Vec<_> = choices
        .into_iter()
        .map(|(name, value)| (Just(name), proptest::option::of(value)))
        .collect();
    each.prop_map(|members| {
        let given = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect())
    })
    .boxed()
}

fn as_value<T: Into<Value> + 'static>(strategy: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Value> {
    strategy.prop_map(Into::into).boxed()
}

/// Few external ids, so that tenants compete for them.
fn external_id() -> BoxedStrategy<Value> {
    as_value(select(&["", "4711", "ä"][..]))
}

fn or_null(value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![3 => value, 1 => Just(Value::Null)].boxed()
}

fn update() -> BoxedStrategy<Value> {
    members(vec![
        ("name", as_value(text())),
        ("plan", as_value(text())),
        ("sales_owner", or_null(as_value(text()))),
        ("erp_customer_id", or_null(external_id())),
        ("stripe_cust_id", or_null(external_id())),
        ("contract_start", or_null(as_value(select(&DATES[..])))),
        ("contract_end", or_null(as_value(select(&DATES[..])))),
        ("trial_ends_at", as_value(select(&TIMES[..]))),
    ])
}

fn activation() -> BoxedStrategy<Value> {
    members(vec![
        ("plan", as_value(text())),
        ("contract_start", as_value(select(&DATES[..]))),
        ("contract_end", as_value(select(&DATES[..]))),
        ("erp_customer_id", external_id()),
    ])
}

fn cancellation() -> BoxedStrategy<Value> {
    members(vec![
        ("reason", as_value(text())),
        ("at_period_end", as_value(any::<bool>())),
    ])
}

fn tenant() -> BoxedStrategy<Step> {
    let given = members(vec![
        ("kind", as_value(select(&["customer", "demo"][..]))),
        ("plan", as_value(text())),
        ("sales_owner", as_value(text())),
    ]);
    (slug(), text(), given)
        .prop_map(|(slug, name, mut members)| {
            members["slug"] = slug.into();
            members["name"] = name.into();
            Step::TenantCreate { members }
        })
        .boxed()
}

fn project() -> BoxedStrategy<Step> {
    let given = members(vec![("description", as_value(text()))]);
    (nth(), select(&SLUGS[..2]), text(), given)
        .prop_map(|(tenant, slug, name, mut members)| {
            members["slug"] = slug.into();
            members["name"] = name.into();
            Step::ProjectCreate { tenant, members }
        })
        .boxed()
}

fn project_update() -> BoxedStrategy<Value> {
    members(vec![
        ("name", as_value(text())),
        ("description", or_null(as_value(text()))),
    ])
}

fn entitlement() -> BoxedStrategy<Step> {
    let body = members(vec![
        ("enabled", as_value(any::<bool>())),
        ("config", object()),
        (
            "expires_at",
            as_value(select(&["2026-11-24T00:00:00Z", "2027-06-30T00:00:00Z"][..])),
        ),
        ("source", as_value(select(&["purchase", "override"][..]))),
    ]);
    (nth(), product(), body)
        .prop_map(|(tenant, product, body)| Step::EntitlementSet { tenant, product, body })
        .boxed()
}

fn target() -> BoxedStrategy<Value> {
    let name = members(vec![("name", as_value(text()))]);
    (name, text(), text())
        .prop_map(|(mut target, id, kind)| {
            target["id"] = id.into();
            target["type"] = kind.into();
            target
        })
        .boxed()
}

fn event() -> BoxedStrategy<Step> {
    new_event()
        .prop_map(|(tenant, members)| Step::AuditAppend { tenant, members })
        .boxed()
}

fn event_batch() -> BoxedStrategy<Step> {
    proptest::collection::vec(new_event(), 1..4)
        .prop_map(|events| Step::AuditAppendBatch { events })
        .boxed()
}

fn new_event() -> BoxedStrategy<(Option<Nth>, Value)> {
    let given = members(vec![
        (
            "project_id",
            Just(json!("0190b8a5-b2c7-7f10-a3d4-0242ac120002")).boxed(),
        ),
        ("actor_id", as_value(select(&["one", "two"][..]))),
        ("actor_name", as_value(text())),
        ("target_name", as_value(text())),
        ("product", as_value(product())),
        ("metadata", object()),
        (
            "targets",
            proptest::collection::vec(target(), 0..3).prop_map(Value::from).boxed(),
        ),
        ("occurred_at", as_value(select(&TIMES[..]))),
    ]);
    (proptest::option::of(nth()), select(&["a.b", "c.d"][..]), given)
        .prop_map(|(tenant, action, mut members)| {
            members["action"] = action.into();
            (tenant, members)
        })
        .boxed()
}

fn audit_query() -> impl Strategy<Value = String> {
    query(vec![
        "limit=1",
        "limit=3",
        "product=insights",
        "actor_id=one",
        "action=a.b",
        "action=tenant.created",
        "since=2026-11-23T10:00:00Z",
        "until=2026-11-24T12:00:00Z",
    ])
}

fn tenant_query() -> impl Strategy<Value = String> {
    let filters = query(vec![
        "limit=1",
        "limit=2",
        "status=trial",
        "status=active",
        "status=frozen",
        "status=archived",
        "kind=demo",
        "plan=starter",
        "product=insights",
    ]);
    // Words of names and slugs are among all texts.
    let q = prop_oneof![2 => Just(None), 1 => text().prop_map(Some), 1 => "[a-zA-Z]{1,2}".prop_map(Some)];
    (filters, q).prop_map(|(filters, q)| match q {
        Some(q) => {
            let encoded: String = q.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{filters}&q={encoded}")
        }
        None => filters,
    })
}

fn api_key_query() -> impl Strategy<Value = String> {
    query(vec![
        "limit=1",
        "limit=2",
        "product=insights",
        "usable=true",
        "usable=false",
    ])
}

/// Some of these parameters.
fn query(parameters: Vec<&'static str>) -> impl Strategy<Value = String> {
    proptest::sample::subsequence(parameters, 0..3).prop_map(|filters| {
        // Repeated parameters are rejected, which another test covers.
        let mut names = std::collections::HashSet::new();
        let once = filters
            .into_iter()
            .filter(|filter| names.insert(filter.split('=').next()));
        once.collect::<Vec<_>>().join("&")
    })
}

fn scope() -> impl Strategy<Value = String> {
    prop_oneof![select(&SCOPES[..]).prop_map(str::to_owned), text()]
}

fn api_key() -> BoxedStrategy<Step> {
    let given = members(vec![
        ("product", as_value(product())),
        ("scopes", as_value(proptest::collection::vec(scope(), 0..3))),
        ("created_by", as_value(text())),
        ("expires_at", as_value(select(&TIMES[..]))),
    ]);
    (nth(), proptest::option::of(nth()), text(), given)
        .prop_map(|(tenant, project, name, mut members)| {
            members["name"] = name.into();
            Step::ApiKeyCreate {
                tenant,
                project,
                members,
            }
        })
        .boxed()
}

fn key_update() -> BoxedStrategy<Value> {
    members(vec![
        ("name", as_value(text())),
        ("scopes", as_value(proptest::collection::vec(scope(), 0..3))),
        ("expires_at", as_value(select(&TIMES[..]))),
    ])
}

fn rotation() -> BoxedStrategy<Value> {
    members(vec![("overlap_seconds", as_value(select(&[0, 3_600, 2_592_000][..])))])
}

/// What a key must be good for.
fn verification() -> BoxedStrategy<Value> {
    members(vec![
        ("product", as_value(product())),
        ("scopes", as_value(proptest::collection::vec(select(&SCOPES[..]), 0..2))),
    ])
}

/// A request that may change something.
pub(super) fn changing_step() -> BoxedStrategy<Step> {
    prop_oneof![
        3 => tenant(),
        4 => (nth(), expected(), activation())
            .prop_map(|(tenant, expected, body)| Step::TenantActivate { tenant, expected, body }),
        4 => (nth(), expected(), cancellation())
            .prop_map(|(tenant, expected, body)| Step::TenantCancel { tenant, expected, body }),
        4 => (nth(), update()).prop_map(|(tenant, body)| Step::TenantUpdate { tenant, body }),
        2 => nth().prop_map(|tenant| Step::TenantArchive { tenant }),
        2 => nth().prop_map(|tenant| Step::TenantDelete { tenant }),
        3 => project(),
        2 => (nth(), expected(), project_update())
            .prop_map(|(project, expected, body)| Step::ProjectUpdate { project, expected, body }),
        2 => nth().prop_map(|project| Step::ProjectDelete { project }),
        4 => entitlement(),
        2 => (nth(), product()).prop_map(|(tenant, product)| Step::EntitlementRevoke { tenant, product }),
        2 => (nth(), product()).prop_map(|(tenant, product)| Step::CatalogRequest { tenant, product }),
        4 => (nth(), product()).prop_map(|(tenant, product)| Step::CatalogTrialRequest { tenant, product }),
        1 => api_key(),
        2 => (nth(), expected()).prop_map(|(api_key, expected)| Step::ApiKeyRevoke { api_key, expected }),
        2 => (nth(), key_update()).prop_map(|(api_key, body)| Step::ApiKeyUpdate { api_key, body }),
        2 => (nth(), rotation()).prop_map(|(api_key, body)| Step::ApiKeyRotate { api_key, body }),
        3 => event(),
        2 => event_batch(),
    ]
    .boxed()
}

/// A request, or what happens beside the API.
pub(super) fn any_step() -> BoxedStrategy<Step> {
    let audit_list = (proptest::option::of(nth()), audit_query(), proptest::option::of(nth()));
    let tenant_list = (tenant_query(), proptest::option::of(nth()));
    let project_list = (nth(), query(vec!["limit=1", "limit=2"]), proptest::option::of(nth()));
    let api_key_list = (nth(), api_key_query(), proptest::option::of(nth()));
    prop_oneof![
        24 => changing_step(),
        2 => nth().prop_map(|tenant| Step::TenantGet { tenant }),
        1 => slug().prop_map(|slug| Step::TenantGetBySlug { slug }),
        4 => tenant_list.prop_map(|(query, cursor)| Step::TenantList { query, cursor }),
        2 => project_list.prop_map(|(tenant, query, cursor)| Step::ProjectList { tenant, query, cursor }),
        1 => nth().prop_map(|project| Step::ProjectGet { project }),
        1 => (nth(), product()).prop_map(|(tenant, product)| Step::EntitlementGet { tenant, product }),
        2 => nth().prop_map(|tenant| Step::EntitlementList { tenant }),
        2 => api_key_list.prop_map(|(tenant, query, cursor)| Step::ApiKeyList { tenant, query, cursor }),
        2 => (nth(), product()).prop_map(|(tenant, product)| Step::EntitlementCheck { tenant, product }),
        1 => nth().prop_map(|api_key| Step::ApiKeyGet { api_key }),
        3 => (nth(), verification()).prop_map(|(api_key, members)| Step::ApiKeyVerify { api_key, members }),
        2 => (0..12_usize).prop_map(|event| Step::AuditGet { event }),
        4 => audit_list.prop_map(|(tenant, query, cursor)| Step::AuditList { tenant, query, cursor }),
        2 => (1..400_i64).prop_map(|hours| Step::Wait { hours }),
    ]
    .boxed()
}
