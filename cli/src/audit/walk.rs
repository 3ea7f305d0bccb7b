//! Walks the pages of the audit log.

use tenant_registry_client::Client;
use tenant_registry_client::types::{AuditEvent, AuditEventPage, PageLimit};

use crate::failure::Failure;
use crate::generated::audit::AuditList;

/// The most events that a page may hold. Where the spec allows fewer, pages are of the service's own size.
const PAGE: i32 = 500;

/// A walk from the newest event to the oldest. It shows every event that stood when it began, once.
pub(super) struct Walk<'a> {
    client: &'a Client,
    /// The next page; `None` after the last.
    next: Option<AuditList>,
}

impl<'a> Walk<'a> {
    /// A walk over the events that the filters let through.
    pub(super) fn new(client: &'a Client, filters: AuditList) -> Self {
        let first = AuditList {
            limit: PageLimit::try_from(PAGE).ok(),
            cursor: None,
            ..filters
        };
        Self {
            client,
            next: Some(first),
        }
    }

    /// The events of the next page, newest first; `None` after the last.
    pub(super) async fn page(&mut self) -> Result<Option<Vec<AuditEvent>>, Failure> {
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

    /// The events of all pages that are left.
    pub(super) async fn rest(mut self) -> Result<Vec<AuditEvent>, Failure> {
        let mut events = Vec::new();
        while let Some(page) = self.page().await? {
            events.extend(page);
        }
        Ok(events)
    }
}
