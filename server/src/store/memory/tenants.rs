//! Tenants.

use super::page::record_page;
use super::{MemoryStore, State};
use crate::records::{
    Decision, EventWithResponse, NewAuditEvent, RecordPage, StatusFilter, TenantQuery, TenantRecord, stored,
};
use crate::store::{
    Change, Changed, Deleted, StoreError, TenantChanged, TenantCreated, TenantStore, UniqueTenantProperty,
    decide_change,
};
use std::ops::ControlFlow;
use tenant_registry_contract::types::{ExternalId, ProductKey, StoredText, TenantId, TenantSlug, Timestamp};

impl TenantStore for MemoryStore {
    async fn tenant_create(&self, tenant: TenantRecord, event: EventWithResponse) -> Result<TenantCreated, StoreError> {
        let mut state = self.state();
        if state.tenant_ids.contains_key(&tenant.slug) {
            return Ok(TenantCreated::SlugInUse);
        }
        state.append_event(event)?;
        state.tenant_insert(tenant.clone());
        Ok(TenantCreated::Created(Box::new(tenant)))
    }

    async fn tenant_get(&self, id: TenantId) -> Result<Option<TenantRecord>, StoreError> {
        Ok(self.state().tenants.get(&id).cloned())
    }

    async fn tenant_get_by_slug(&self, slug: &TenantSlug) -> Result<Option<TenantRecord>, StoreError> {
        let state = self.state();
        let id = state.tenant_ids.get(slug);
        Ok(id.and_then(|id| state.tenants.get(id)).cloned())
    }

    async fn tenant_list(&self, query: TenantQuery) -> Result<RecordPage<TenantRecord>, StoreError> {
        let state = self.state();
        let matching = state
            .tenants
            .values()
            .filter(|tenant| state.matches_filters(tenant, &query));
        Ok(record_page(
            matching,
            query.page,
            |tenant| tenant.id.into(),
            TenantRecord::text_bytes,
        ))
    }

    async fn tenant_change<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<Decision<TenantRecord>, E> + Send + Sync,
    ) -> Result<TenantChanged<E>, StoreError> {
        let mut state = self.state();
        let current = state.tenants.get(&id).cloned();
        match decide_change(current, decide) {
            ControlFlow::Break(outcome) => Ok(TenantChanged::Decided(outcome)),
            ControlFlow::Continue(Change { record, event }) => {
                if let Some(property) = state.tenant_property_in_use(&record) {
                    return Ok(TenantChanged::InUse(property));
                }
                state.append_event(*event)?;
                state.tenant_insert((*record).clone());
                Ok(TenantChanged::Decided(Changed::Stored(*record)))
            }
        }
    }

    async fn tenant_delete<E: Send>(
        &self,
        id: TenantId,
        decide: impl Fn(&TenantRecord) -> Result<NewAuditEvent, E> + Send + Sync,
    ) -> Result<Deleted<E>, StoreError> {
        let mut state = self.state();
        let Some(tenant) = state.tenants.get(&id).cloned() else {
            return Ok(Deleted::NotFound);
        };
        let event = match decide(&tenant) {
            Ok(event) => event,
            Err(error) => return Ok(Deleted::Rejected(error)),
        };
        state.append_event(event)?;
        state.tenant_remove(&tenant);
        Ok(Deleted::Deleted)
    }
}

impl State {
    /// Removes a tenant and all that belongs to it. Its events remain.
    fn tenant_remove(&mut self, tenant: &TenantRecord) {
        let id = tenant.id;
        self.tenants.remove(&id);
        self.tenant_ids.remove(&tenant.slug);
        self.projects.retain(|_, project| project.tenant_id != id);
        self.entitlements.remove(&id);
        self.idempotency_records
            .retain(|_, record| record.tenant_id != Some(id));
        self.api_keys.retain(|_, api_key| api_key.tenant_id != id);
        let api_keys = &self.api_keys;
        self.api_key_ids.retain(|_, ids| {
            ids.retain(|id| api_keys.contains_key(id));
            !ids.is_empty()
        });
        for record in &mut self.audit_events {
            if record.event.tenant_id == Some(id) {
                record.event.tenant_id = None;
            }
        }
    }

    /// The first unique property whose value is new for this tenant, and that of another tenant.
    fn tenant_property_in_use(&self, changed: &TenantRecord) -> Option<UniqueTenantProperty> {
        UniqueTenantProperty::ALL.into_iter().find(|property| {
            let new = changed.unique(*property);
            let is_stored = |tenant: &TenantRecord| new.is_some() && tenant.unique(*property) == new;
            !self.tenants.get(&changed.id).is_some_and(is_stored) && self.tenants.values().any(is_stored)
        })
    }
}

impl TenantRecord {
    fn unique(&self, property: UniqueTenantProperty) -> Option<&str> {
        let id = match property {
            UniqueTenantProperty::ErpCustomerId => &self.erp_customer_id,
            UniqueTenantProperty::StripeCustId => &self.stripe_cust_id,
        };
        id.as_ref().map(|it| it.as_str()).filter(|it| !it.is_empty())
    }
}

impl State {
    fn matches_filters(&self, tenant: &TenantRecord, query: &TenantQuery) -> bool {
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
        let same = |stored: &Option<StoredText>, wanted: &Option<ExternalId>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| stored.as_ref().is_some_and(|stored| stored.as_str() == wanted.as_str()))
        };
        let is_entitled = |product: &ProductKey| {
            let entitlements = self.entitlements.get(&tenant.id);
            let entitlement = entitlements.and_then(|products| products.get(&stored::<ProductKey>(product.clone())));
            entitlement.is_some_and(|it| it.enabled && it.expires_at.is_none_or(|end| *now < end))
        };
        id.is_none_or(|id| id == tenant.id)
            && status
                .as_ref()
                .is_none_or(|filter| matches_status(tenant, filter, *now))
            && kind.is_none_or(|kind| kind == tenant.kind)
            && plan.as_ref().is_none_or(|plan| plan.as_str() == tenant.plan.as_str())
            && product.as_ref().is_none_or(is_entitled)
            && same(&tenant.stripe_cust_id, stripe_cust_id)
            && same(&tenant.erp_customer_id, erp_customer_id)
            && (words.is_empty() || matches_words(tenant, words))
    }
}

fn matches_status(tenant: &TenantRecord, filter: &StatusFilter, now: Timestamp) -> bool {
    let StatusFilter {
        cancelled,
        not_cancelled,
    } = filter;
    let is_cancelled = tenant.cancel_at.is_some_and(|instant| instant <= now);
    let statuses = if is_cancelled { cancelled } else { not_cancelled };
    statuses.contains(&tenant.status)
}

fn matches_words(tenant: &TenantRecord, words: &[String]) -> bool {
    let stored = tenant.words();
    words
        .iter()
        .all(|wanted| stored.iter().any(|word| word.starts_with(wanted.as_str())))
}
