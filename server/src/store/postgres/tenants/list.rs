//! The list of tenants.
//!
//! Each filter can decide in which order tenants are read (see [`Driver`]); the others filter what is read. The store
//! chooses the filter that the fewest tenants match. It counts them, but no further than a page reads, because larger numbers
//! make no difference.

use super::row::TenantRow;
use crate::records::{StatusFilter, TenantQuery};
use crate::store::postgres::page::{Index, IndexColumn, PagedList, READ_MAX};
use crate::store::postgres::schema::{tenant_products, tenants};
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use std::cmp::Reverse;
use tenant_registry_contract::types::{ExternalId, PlanKey, ProductKey, TenantStatus};
use uuid::Uuid;

const TABLE: &str = "tenants";

/// The number of words whose tenants are counted, the longest first. The others only filter.
const COUNTED_WORDS: usize = 3;

/// The condition of the index on tenants that are frozen or may become so, as in the migration.
const FROZEN: &str = "(status = 'frozen' OR cancel_at IS NOT NULL)";

/// How tenants are read.
#[derive(Clone, Debug)]
pub(super) enum Driver<'a> {
    /// In the order of an index.
    Index(Index<'a>),
    /// By their ids. There must be few.
    Few(Few<'a>),
}

/// Selects the ids of a few tenants.
#[derive(Clone, Debug)]
pub(super) enum Few<'a> {
    /// This one.
    Id(Uuid),
    /// Those whose id in another system, in this column, is the text.
    ExternalId(&'static str, &'a str),
    /// Those that have a word with this beginning.
    Word(Prefix),
}

/// The beginning of a word.
#[derive(Clone, Debug)]
pub(super) struct Prefix {
    from: String,
    /// Greater than all words with the beginning.
    until: String,
}

impl Prefix {
    /// No word contains the last character of Unicode.
    fn new(word: &str) -> Self {
        Self {
            from: word.to_owned(),
            until: format!("{word}{}", char::MAX),
        }
    }

    fn walk_entries<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" FROM tenant_words WHERE word >= ");
        out.push_bind_param::<Text, _>(&self.from)?;
        out.push_sql(" AND word < ");
        out.push_bind_param::<Text, _>(&self.until)?;
        // The order of the index, so that a limit ends the scan.
        out.push_sql(" ORDER BY word");
        Ok(())
    }
}

impl Few<'_> {
    fn walk_ids<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Id(id) => {
                out.push_sql("SELECT ");
                out.push_bind_param::<SqlUuid, _>(id)
            }
            Self::ExternalId(column, value) => {
                out.push_sql("SELECT id FROM tenants WHERE ");
                out.push_identifier(column)?;
                out.push_sql(" = ");
                out.push_bind_param::<Text, _>(value)
            }
            Self::Word(prefix) => {
                out.push_sql("SELECT tenant_id");
                prefix.walk_entries(out)
            }
        }
    }
}

fn index(column: Option<IndexColumn<'_>>) -> Driver<'_> {
    Driver::Index(Index {
        table: TABLE,
        column,
        id: tenants::id::NAME,
        condition: "",
    })
}

/// The index of all tenants that can match the filter.
fn status_index(filter: &StatusFilter) -> Option<Driver<'_>> {
    let StatusFilter {
        cancelled,
        not_cancelled,
    } = filter;
    let with_status = |status: &TenantStatus| index(Some(IndexColumn::Word(tenants::status::NAME, status.as_str())));
    match (cancelled.as_slice(), not_cancelled.as_slice()) {
        ([], [status]) => Some(with_status(status)),
        ([cancelled], [status]) if cancelled == status => Some(with_status(status)),
        (_, [TenantStatus::Frozen]) => Some(index(Some(IndexColumn::Condition(FROZEN)))),
        _ => None,
    }
}

/// The ways to read the tenants of a query.
pub(super) enum Drivers<'a> {
    One(Driver<'a>),
    /// The one that the fewest tenants match.
    Fewest(Vec<Driver<'a>>),
}

impl<'a> Drivers<'a> {
    pub(super) fn of(query: &'a TenantQuery) -> Self {
        let TenantQuery {
            id,
            status,
            kind,
            plan,
            product,
            stripe_cust_id,
            erp_customer_id,
            words,
            now: _,
            page: _,
        } = query;
        if let Some(id) = id {
            return Self::One(Driver::Few(Few::Id(Uuid::from(*id))));
        }
        let external_ids = [
            (tenants::stripe_cust_id::NAME, stripe_cust_id),
            (tenants::erp_customer_id::NAME, erp_customer_id),
        ];
        for (column, value) in external_ids {
            // Many tenants may have an empty one.
            if let Some(value) = value.as_ref().map(ExternalId::as_str).filter(|value| !value.is_empty()) {
                return Self::One(Driver::Few(Few::ExternalId(column, value)));
            }
        }
        let product = product.as_ref().map(|product| {
            Driver::Index(Index {
                table: "tenant_products",
                column: Some(IndexColumn::Hash(tenant_products::product::NAME, product.as_str())),
                id: tenant_products::tenant_id::NAME,
                condition: " AND enabled",
            })
        });
        let status = status.as_ref().and_then(status_index);
        let plan = plan.as_ref().map(PlanKey::as_str);
        let plan = plan.map(|plan| index(Some(IndexColumn::Hash(tenants::plan::NAME, plan))));
        let kind = kind.map(|kind| index(Some(IndexColumn::Word(tenants::kind::NAME, kind.as_str()))));
        let mut longest: Vec<_> = words.iter().collect();
        longest.sort_by_key(|word| Reverse(word.len()));
        let words = longest.into_iter().take(COUNTED_WORDS);
        let words = words.map(|word| Driver::Few(Few::Word(Prefix::new(word))));
        let indexes: Vec<_> = [product, plan, status, kind].into_iter().flatten().collect();
        let mut drivers: Vec<_> = words.chain(indexes).collect();
        match drivers.pop() {
            None => Self::One(index(None)),
            Some(only @ Driver::Index(_)) if drivers.is_empty() => Self::One(only),
            Some(last) => {
                drivers.push(last);
                Self::Fewest(drivers)
            }
        }
    }
}

/// The driver with the lowest count, the first of several. Words with many tenants cannot be one.
pub(super) fn fewest<'a>(drivers: Vec<Driver<'a>>, counts: &[i64]) -> Driver<'a> {
    let usable = drivers.into_iter().zip(counts).filter(|(driver, count)| match driver {
        Driver::Index(_) => true,
        Driver::Few(_) => **count <= READ_MAX,
    });
    let fewest = usable.min_by_key(|(_, count)| **count);
    fewest.map_or_else(|| index(None), |(driver, _)| driver)
}

/// Counts what each driver reads, up to one more than a page reads.
pub(super) struct CountTenants<'a> {
    pub(super) drivers: &'a [Driver<'a>],
    pub(super) after: Uuid,
}

impl QueryFragment<Pg> for CountTenants<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ARRAY[");
        for (number, driver) in self.drivers.iter().enumerate() {
            out.push_sql(if number == 0 { "" } else { ", " });
            out.push_sql("(SELECT count(*) FROM (SELECT");
            match driver {
                Driver::Index(index) => {
                    index.walk_entries(&self.after, &mut out)?;
                    // Without it, the planner could read the whole table.
                    index.push_order(&mut out)?;
                }
                Driver::Few(Few::Word(prefix)) => prefix.walk_entries(&mut out)?,
                Driver::Few(Few::Id(_) | Few::ExternalId(..)) => out.push_sql(" WHERE FALSE"),
            }
            out.push_sql(&format!(" LIMIT {}) AS entries)", READ_MAX + 1));
        }
        out.push_sql("]");
        Ok(())
    }
}

impl QueryId for CountTenants<'_> {
    type QueryId = ();

    /// The statement depends on the drivers.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for CountTenants<'_> {
    type SqlType = Array<BigInt>;
}

/// The tenants that match a query.
pub(super) struct ListTenants<'a> {
    index: Index<'a>,
    few: Option<Few<'a>>,
    id: Option<Uuid>,
    status: Option<StatusWords>,
    kind: Option<&'static str>,
    plan: Option<&'a str>,
    product: Option<&'a str>,
    stripe_cust_id: Option<&'a str>,
    erp_customer_id: Option<&'a str>,
    words: Option<Prefixes>,
    now: DateTime<Utc>,
}

/// A filter by status, as texts.
struct StatusWords {
    cancelled: Vec<&'static str>,
    not_cancelled: Vec<&'static str>,
}

/// The words of a search.
struct Prefixes {
    from: Vec<String>,
    until: Vec<String>,
}

impl<'a> ListTenants<'a> {
    pub(super) fn new(query: &'a TenantQuery, driver: Driver<'a>) -> Self {
        let TenantQuery {
            id,
            status,
            kind,
            plan,
            product,
            stripe_cust_id,
            erp_customer_id,
            words,
            now,
            page: _,
        } = query;
        let (index, few) = match driver {
            Driver::Index(index) => (index, None),
            Driver::Few(few) => (
                Index {
                    table: TABLE,
                    column: None,
                    id: tenants::id::NAME,
                    condition: "",
                },
                Some(few),
            ),
        };
        let texts = |statuses: &[TenantStatus]| statuses.iter().map(|status| status.as_str()).collect();
        let prefixes = words.iter().map(|word| Prefix::new(word));
        let (from, until): (Vec<_>, Vec<_>) = prefixes.map(|Prefix { from, until }| (from, until)).unzip();
        Self {
            index,
            few,
            id: id.map(Uuid::from),
            status: status.as_ref().map(|filter| StatusWords {
                cancelled: texts(&filter.cancelled),
                not_cancelled: texts(&filter.not_cancelled),
            }),
            kind: kind.map(|kind| kind.as_str()),
            plan: plan.as_ref().map(PlanKey::as_str),
            product: product.as_ref().map(ProductKey::as_str),
            stripe_cust_id: stripe_cust_id.as_ref().map(ExternalId::as_str),
            erp_customer_id: erp_customer_id.as_ref().map(ExternalId::as_str),
            words: (!from.is_empty()).then_some(Prefixes { from, until }),
            now: DateTime::from(*now),
        }
    }
}

impl PagedList for ListTenants<'_> {
    type Row = TenantRow;

    const TABLE: &'static str = TABLE;

    const BYTES: &'static str = "octet_length(name) + octet_length(plan) + COALESCE(octet_length(erp_customer_id), 0) \
        + COALESCE(octet_length(stripe_cust_id), 0) + COALESCE(octet_length(sales_owner), 0)";

    fn index(&self) -> &Index<'_> {
        &self.index
    }

    fn walk_few<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if let Some(few) = &self.few {
            // The index returns the elements of an array in its order.
            out.push_sql(" AND id = ANY(ARRAY(");
            few.walk_ids(&mut out)?;
            out.push_sql("))");
        }
        Ok(())
    }

    fn walk_filters<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("TRUE");
        if let Some(id) = &self.id {
            out.push_sql(" AND id = ");
            out.push_bind_param::<SqlUuid, _>(id)?;
        }
        if let Some(StatusWords {
            cancelled,
            not_cancelled,
        }) = &self.status
        {
            out.push_sql(" AND CASE WHEN cancel_at <= ");
            out.push_bind_param::<Timestamptz, _>(&self.now)?;
            out.push_sql(" THEN status = ANY(");
            out.push_bind_param::<Array<Text>, _>(cancelled)?;
            out.push_sql(") ELSE status = ANY(");
            out.push_bind_param::<Array<Text>, _>(not_cancelled)?;
            out.push_sql(") END");
        }
        let texts = [
            (tenants::kind::NAME, &self.kind),
            (tenants::plan::NAME, &self.plan),
            (tenants::stripe_cust_id::NAME, &self.stripe_cust_id),
            (tenants::erp_customer_id::NAME, &self.erp_customer_id),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                out.push_sql(" AND ");
                out.push_identifier(column)?;
                out.push_sql(" = ");
                out.push_bind_param::<Text, _>(value)?;
            }
        }
        // Subqueries that return a value are run for each tenant. The planner could run EXISTS once for all tenants.
        if let Some(product) = &self.product {
            out.push_sql(" AND (SELECT enabled AND (expires_at IS NULL OR expires_at > ");
            out.push_bind_param::<Timestamptz, _>(&self.now)?;
            out.push_sql(") FROM tenant_products WHERE tenant_id = tenants.id AND product = ");
            out.push_bind_param::<Text, _>(product)?;
            out.push_sql(")");
        }
        if let Some(Prefixes { from, until }) = &self.words {
            out.push_sql(" AND (SELECT count(*) FROM unnest(");
            out.push_bind_param::<Array<Text>, _>(from)?;
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(until)?;
            out.push_sql(
                ") AS wanted (since, until) WHERE (SELECT TRUE FROM tenant_words WHERE tenant_id = tenants.id \
                 AND word >= since AND word < until LIMIT 1) IS NULL) = 0",
            );
        }
        Ok(())
    }
}
