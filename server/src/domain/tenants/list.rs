//! Which tenants `tenant_list` returns.

use super::{is_in_service, status_at};
use crate::domain::cursor::FilteredList;
use crate::domain::error::InvalidInput;
use crate::records::{StatusFilter, TenantQuery, TenantScope, search_words};
use tenant_registry_contract::server::TenantListParams;
use tenant_registry_contract::types::{SearchText, TenantPage, TenantStatus, Timestamp};

/// A list of tenants and the query for one of its pages.
pub(super) struct List {
    pub(super) filters: FilteredList,
    pub(super) query: TenantQuery,
}

pub(super) fn tenant_list(
    params: TenantListParams,
    tenant_scope: TenantScope,
    now: Timestamp,
) -> Result<List, InvalidInput> {
    let TenantListParams {
        status,
        kind,
        plan,
        product,
        stripe_cust_id,
        erp_customer_id,
        q,
        limit,
        cursor,
    } = params;
    let filters = FilteredList::new(
        "tenant_list",
        &[
            ("status", status.map(|status| status.to_string())),
            ("kind", kind.map(|kind| kind.to_string())),
            ("plan", plan.clone().map(String::from)),
            ("product", product.clone().map(String::from)),
            ("stripe_cust_id", stripe_cust_id.clone().map(String::from)),
            ("erp_customer_id", erp_customer_id.clone().map(String::from)),
            ("q", q.clone().map(String::from)),
        ],
    );
    let page = filters.query(limit, cursor.as_ref(), TenantPage::MAX_BYTES)?;
    // Only a tenant in service is entitled to a product.
    let is_wanted =
        |effective| status.is_none_or(|status| status == effective) && (product.is_none() || is_in_service(effective));
    let query = TenantQuery {
        id: match tenant_scope {
            TenantScope::All => None,
            TenantScope::Only(own) => Some(own),
        },
        status: (status.is_some() || product.is_some()).then(|| status_filter(is_wanted, now)),
        kind,
        plan,
        product,
        stripe_cust_id,
        erp_customer_id,
        words: q.as_ref().map(words).unwrap_or_default(),
        now,
        page,
    };
    Ok(List { filters, query })
}

/// The stored statuses that readers see as wanted ones.
fn status_filter(is_wanted: impl Fn(TenantStatus) -> bool, now: Timestamp) -> StatusFilter {
    let stored_as = |cancel_at| {
        let statuses = TenantStatus::ALL.into_iter();
        statuses
            .filter(|stored| is_wanted(status_at(*stored, cancel_at, now)))
            .collect()
    };
    StatusFilter {
        cancelled: stored_as(Some(now)),
        not_cancelled: stored_as(None),
    }
}

/// The words of a search, without those that begin another one: whatever matches that one matches them too.
fn words(q: &SearchText) -> Vec<String> {
    let all = search_words([q.as_str()]);
    let begins_another = |word: &String| {
        all.iter()
            .any(|other| other.len() > word.len() && other.starts_with(word.as_str()))
    };
    all.iter().filter(|word| !begins_another(word)).cloned().collect()
}
