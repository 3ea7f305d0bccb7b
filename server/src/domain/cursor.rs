//! Cursors of the lists that are ordered by id, and the pages that they lead to.
//!
//! A cursor is the last id of a page, with a digest of the list and its filters. It gives access to nothing: the filters of
//! the request apply to every page. The digest only recognizes a cursor that was passed to another list by mistake.

use super::error::InvalidInput;
use super::page_bytes::items_within;
use crate::records::{PageQuery, RecordPage};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blake2::{Blake2s256, Digest};
use serde::Serialize;
use tenant_registry_contract::types::{ConstraintError, ListCursor, PageLimit};
use uuid::Uuid;

const DIGEST_BYTES: usize = 8;
const ID_BYTES: usize = 16;

/// A list with its filters, for which a cursor is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilteredList([u8; DIGEST_BYTES]);

/// A page as it is returned.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_cursor: Option<ListCursor>,
}

impl FilteredList {
    /// The list that the operation returns for these filters, each with the name of its parameter. Filters that are not set
    /// can be left out or `None`.
    pub(crate) fn new(operation: &str, filters: &[(&str, Option<String>)]) -> Self {
        let mut digest = Blake2s256::new();
        let set = filters
            .iter()
            .filter_map(|(name, value)| Some([*name, value.as_deref()?]));
        // With its length, so that different texts cannot concatenate to the same bytes.
        for text in [operation].into_iter().chain(set.flatten()) {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        }
        let digest: [u8; 32] = digest.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Self([a, b, c, d, e, f, g, h])
    }

    /// The query for a page.
    ///
    /// # Errors
    /// [`InvalidInput`] if the cursor belongs to another list or to other filters.
    pub(crate) fn query(
        self,
        limit: PageLimit,
        cursor: Option<&ListCursor>,
        max_bytes: usize,
    ) -> Result<PageQuery, InvalidInput> {
        Ok(PageQuery {
            after: cursor.map(|cursor| self.position(cursor)).transpose()?,
            limit: limit.get().unsigned_abs() as usize,
            max_bytes,
        })
    }

    /// The page of these records. It ends before its JSON exceeds `max_bytes`, but has at least one item if there is a
    /// record.
    ///
    /// # Errors
    /// If the spec rejects the cursor.
    pub(crate) fn page<R, T: Serialize>(
        self,
        found: RecordPage<R>,
        max_bytes: usize,
        id: impl Fn(&R) -> Uuid,
        item: impl Fn(R) -> T,
    ) -> Result<Page<T>, ConstraintError> {
        let RecordPage { records, next } = found;
        let ids: Vec<Uuid> = records.iter().map(id).collect();
        let (items, is_cut) = items_within(records.into_iter().map(item), max_bytes);
        let next = if is_cut {
            items.len().checked_sub(1).and_then(|last| ids.get(last).copied())
        } else {
            next
        };
        Ok(Page {
            items,
            next_cursor: next.map(|id| self.cursor(id)).transpose()?,
        })
    }

    fn cursor(self, last: Uuid) -> Result<ListCursor, ConstraintError> {
        let bytes = [self.0.as_slice(), last.as_bytes()].concat();
        ListCursor::try_from(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn position(self, cursor: &ListCursor) -> Result<Uuid, InvalidInput> {
        let position = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor.as_str()).ok()?;
            let (digest, id) = bytes.split_at_checked(DIGEST_BYTES)?;
            let id: [u8; ID_BYTES] = id.try_into().ok()?;
            (digest == self.0).then(|| Uuid::from_bytes(id))
        };
        position().ok_or_else(|| {
            InvalidInput(
                "`cursor`: does not belong to this list with these filters; pass the `next_cursor` of a page and repeat the \
                 filters of that page"
                    .to_owned(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{FilteredList, Page};
    use crate::records::RecordPage;
    use proptest::option;
    use proptest::prelude::{any, proptest};
    use tenant_registry_contract::types::{ListCursor, PageLimit};
    use uuid::Uuid;

    const NAMES: [&str; 3] = ["tenant_id", "product", "usable"];

    fn list(operation: &str, values: [Option<String>; 3]) -> FilteredList {
        let [first, second, third] = values;
        FilteredList::new(operation, &[(NAMES[0], first), (NAMES[1], second), (NAMES[2], third)])
    }

    fn limit() -> PageLimit {
        PageLimit::try_from(10).unwrap()
    }

    fn filters() -> [impl proptest::strategy::Strategy<Value = Option<String>>; 3] {
        [(); 3].map(|()| option::of("[a-c]{0,2}"))
    }

    proptest! {
        #[test]
        fn a_cursor_leads_to_its_id_in_its_own_list_only(
            id in any::<u128>(), own in filters(), other in filters(), operations in ("[ab]", "[ab]"),
        ) {
            let id = Uuid::from_u128(id);
            let made_for = list(&operations.0, own.clone());
            let cursor = made_for.cursor(id).unwrap();
            assert_eq!(made_for.query(limit(), Some(&cursor), 1).unwrap().after, Some(id));
            let used_with = list(&operations.1, other.clone());
            let is_same = (operations.0, own) == (operations.1, other);
            assert_eq!(used_with.query(limit(), Some(&cursor), 1).is_ok(), is_same);
        }

        #[test]
        fn any_other_text_is_rejected(text in "[A-Za-z0-9_-]{1,40}") {
            let cursor = ListCursor::try_from(text).unwrap();
            let error = list("a", [None, None, None]).query(limit(), Some(&cursor), 1).unwrap_err();
            assert!(error.0.starts_with("`cursor`: does not belong to this list"), "{error}");
        }
    }

    #[test]
    fn filters_that_are_not_set_do_not_matter() {
        assert_eq!(list("a", [None, None, None]), FilteredList::new("a", &[]));
    }

    #[test]
    fn a_page_that_ends_early_continues_after_its_last_item() {
        let list = FilteredList::new("a", &[]);
        let found = |next| RecordPage {
            records: (1..=3).map(Uuid::from_u128).collect(),
            next,
        };
        let page = |next, max_bytes| list.page(found(next), max_bytes, |id| *id, |_| "x".repeat(98)).unwrap();
        let cursor = |id| Some(list.cursor(Uuid::from_u128(id)).unwrap());
        let ends = |page: &Page<String>| (page.items.len(), page.next_cursor.clone());
        assert_eq!(ends(&page(None, 1000)), (3, None));
        assert_eq!(ends(&page(Some(Uuid::from_u128(9)), 1000)), (3, cursor(9)));
        assert_eq!(ends(&page(None, 300)), (2, cursor(2)));
        assert_eq!(ends(&page(Some(Uuid::from_u128(9)), 1)), (1, cursor(1)));
    }
}
