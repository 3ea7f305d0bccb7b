//! Ends pages before their JSON is too large.

use serde::Serialize;
use std::io::{self, Write};

/// More bytes than a page has without its items: `{"items":[],"next_cursor":"qkvQ-Q2kTT4BkLilnk59IYwRAkKsEgAC"}`.
pub(super) const EMPTY_PAGE_BYTES: usize = 64;

/// The first items that fit into a page of this size, and whether there are more. A single item that is too large has its
/// own page.
pub(super) fn items_within<T: Serialize>(all: impl Iterator<Item = T>, max_bytes: usize) -> (Vec<T>, bool) {
    let mut bytes = EMPTY_PAGE_BYTES;
    let mut items = Vec::with_capacity(all.size_hint().0);
    for item in all {
        bytes += 1 + json_bytes(&item);
        if bytes > max_bytes && !items.is_empty() {
            return (items, true);
        }
        items.push(item);
    }
    (items, false)
}

/// The length of the JSON.
fn json_bytes(item: &impl Serialize) -> usize {
    let mut counter = ByteCounter(0);
    // Writing to the counter cannot fail, and every item serializes.
    match serde_json::to_writer(&mut counter, item) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX / 2,
    }
}

/// Counts what is written to it.
struct ByteCounter(usize);

impl Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
