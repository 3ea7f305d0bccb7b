//! The rule of `tenant_update`.

use super::contract;
use crate::domain::caller::Caller;
use crate::domain::changes::Changes;
use crate::domain::error::{Conflict, DomainError, InvalidInput, TenantChangeError};
use crate::domain::service_event::ServiceAction;
use crate::records::{Decision, TenantRecord, stored};
use tenant_registry_contract::types::{
    Date, ExternalId, PlanKey, StoredText, TenantStatus, TenantUpdate, Text, Timestamp,
};

/// Changes the members that `body` contains. The status and a pending cancellation stay.
pub(super) fn tenant_update(
    tenant: &TenantRecord,
    body: &TenantUpdate,
    caller: &Caller,
    now: Timestamp,
) -> Result<Decision<TenantRecord>, DomainError<TenantChangeError>> {
    let is_on_trial = match tenant.status_at(now) {
        TenantStatus::Archived => {
            return Err(DomainError::rejected(Conflict(
                "the tenant is archived and cannot be changed".to_owned(),
            )));
        }
        TenantStatus::Trial => true,
        TenantStatus::Demo | TenantStatus::Active | TenantStatus::Frozen => false,
    };

    let TenantUpdate {
        name,
        plan,
        sales_owner,
        erp_customer_id,
        stripe_cust_id,
        contract_start,
        contract_end,
        trial_ends_at,
    } = body.clone();
    let mut updated = TenantRecord {
        name: name.unwrap_or_else(|| tenant.name.clone()),
        plan: plan.map_or_else(|| tenant.plan.clone(), stored::<PlanKey>),
        sales_owner: sales_owner.map(stored::<Text>).apply(tenant.sales_owner.clone()),
        erp_customer_id: erp_customer_id
            .map(stored::<ExternalId>)
            .apply(tenant.erp_customer_id.clone()),
        stripe_cust_id: stripe_cust_id
            .map(stored::<ExternalId>)
            .apply(tenant.stripe_cust_id.clone()),
        contract_start: contract_start.apply(tenant.contract_start),
        contract_end: contract_end.apply(tenant.contract_end),
        trial_ends_at: trial_ends_at.or(tenant.trial_ends_at),
        ..tenant.clone()
    };
    contract::check(&updated).map_err(DomainError::rejected)?;
    if let Some(end) = updated
        .trial_ends_at
        .filter(|_| updated.trial_ends_at != tenant.trial_ends_at)
    {
        check_trial_end(end, is_on_trial, now).map_err(DomainError::Rejected)?;
    }

    let Some(metadata) = changes(tenant, &updated).into_metadata() else {
        return Ok(Decision::Unchanged);
    };
    updated.updated_at = now;
    let event = updated.event(ServiceAction::TenantUpdated, metadata, caller, now);
    Ok(Decision::change(updated, event))
}

fn check_trial_end(end: Timestamp, is_on_trial: bool, now: Timestamp) -> Result<(), TenantChangeError> {
    if !is_on_trial {
        return Err(Conflict(
            "`trial_ends_at`: the tenant is not on trial, so that no trial can end; leave it out".to_owned(),
        )
        .into());
    }
    if end <= now {
        return Err(InvalidInput(format!("`trial_ends_at`: must be in the future, but is {end}")).into());
    }
    Ok(())
}

/// The name of a tenant may be that of a person.
fn changes(old: &TenantRecord, new: &TenantRecord) -> Changes {
    let text = |text: &Option<StoredText>| text.as_ref().map(|it| it.as_str().to_owned());
    let date = |date: Option<Date>| date.map(|it| it.to_string());
    let time = |time: Option<Timestamp>| time.map(|it| it.to_string());
    let mut changes = Changes::default();
    changes.compare_privately("name", &old.name, &new.name);
    changes.compare("plan", old.plan.as_str(), new.plan.as_str());
    changes.compare_privately("sales_owner", &old.sales_owner, &new.sales_owner);
    changes.compare(
        "erp_customer_id",
        text(&old.erp_customer_id),
        text(&new.erp_customer_id),
    );
    changes.compare("stripe_cust_id", text(&old.stripe_cust_id), text(&new.stripe_cust_id));
    changes.compare("contract_start", date(old.contract_start), date(new.contract_start));
    changes.compare("contract_end", date(old.contract_end), date(new.contract_end));
    changes.compare("trial_ends_at", time(old.trial_ends_at), time(new.trial_ends_at));
    changes
}
