//! Reads the pages of the audit log.

use tenant_registry_client::Client;
use tenant_registry_client::types::{AuditEvent, AuditEventPage, PageLimit};

use crate::failure::Failure;
use crate::generated::audit::AuditList;

/// The page size. If it exceeds the maximum of the spec, the service's default applies.
const PAGE_SIZE: i32 = 500;

/// Reads the audit log from the newest event to the oldest. It returns every event that existed at the start exactly
/// once.
pub(super) struct Pages<'a> {
    client: &'a Client,
    /// The request for the next page; `None` after the last page.
    next: Option<AuditList>,
}

impl<'a> Pages<'a> {
    /// Starts with the first page of the events that match the filters.
    pub(super) fn new(client: &'a Client, filters: AuditList) -> Self {
        let first = AuditList {
            limit: PageLimit::try_from(PAGE_SIZE).ok(),
            cursor: None,
            ..filters
        };
        Self {
            client,
            next: Some(first),
        }
    }

    /// Returns the events of the next page, newest first, or `None` after the last page.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<AuditEvent>>, Failure> {
        let Some(page) = self.next.take() else {
            return Ok(None);
        };
        let AuditEventPage { items, next_cursor } = page.clone().send(self.client).await?;
        self.next = next_cursor.map(|cursor| AuditList {
            cursor: Some(cursor),
            ..page
        });
        Ok(Some(items))
    }

    /// Returns the events of all remaining pages.
    pub(super) async fn rest(mut self) -> Result<Vec<AuditEvent>, Failure> {
        let mut events = Vec::new();
        while let Some(page) = self.next().await? {
            events.extend(page);
        }
        Ok(events)
    }
}
