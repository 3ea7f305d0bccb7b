//! Pages of lists that are ordered by id, newest first.

use uuid::Uuid;

/// Selects a page.
#[derive(Clone, Copy, Debug)]
pub struct PageQuery {
    /// Only records that follow this id in the list. It need not be the id of a record.
    pub after: Option<Uuid>,
    /// The maximum number of records.
    pub limit: usize,
    /// The records end once they have this many bytes, counted without what JSON adds to them.
    pub max_bytes: usize,
}

/// The records of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordPage<T> {
    /// The records, newest first. There may be fewer than the limit, or none, although more match.
    pub records: Vec<T>,
    /// The next page follows this id. `None` on the last page.
    pub next: Option<Uuid>,
}
