//! The rule that every change of a contract's dates keeps.

use crate::domain::error::InvalidInput;
use crate::records::TenantRecord;

/// The contract cannot end before it starts. A change of one date is checked against the stored other one.
pub(super) fn check(tenant: &TenantRecord) -> Result<(), InvalidInput> {
    if let (Some(start), Some(end)) = (tenant.contract_start, tenant.contract_end)
        && end < start
    {
        return Err(InvalidInput(format!(
            "the contract would end on {end}, before it starts on {start}; change `contract_start` or `contract_end`"
        )));
    }
    Ok(())
}
