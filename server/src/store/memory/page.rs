//! Pages of lists that are ordered by id.

use crate::records::{PageQuery, RecordPage};
use std::cmp::Reverse;
use uuid::Uuid;

/// The page of these records, newest first.
pub(super) fn record_page<'a, T: Clone + 'a>(
    matching: impl Iterator<Item = &'a T>,
    query: PageQuery,
    id: impl Fn(&T) -> Uuid,
    text_bytes: impl Fn(&T) -> usize,
) -> RecordPage<T> {
    let PageQuery {
        after,
        limit,
        max_bytes,
    } = query;
    let mut matching: Vec<_> = matching
        .filter(|record| after.is_none_or(|after| id(record) < after))
        .collect();
    matching.sort_unstable_by_key(|record| Reverse(id(record)));
    let mut bytes = 0;
    let records: Vec<T> = matching
        .iter()
        .take(limit)
        .take_while(|record| {
            let is_within = bytes < max_bytes;
            bytes += text_bytes(record);
            is_within
        })
        .map(|record| (*record).clone())
        .collect();
    let has_more = records.len() < matching.len();
    let next = records.last().filter(|_| has_more).map(id);
    RecordPage { records, next }
}
