//! The table of a soak.

use super::table::{number, table};
use crate::measure::{Minute, SOAK_CALLERS};

const HEADING: [&str; 6] = ["minute", "events /s", "p50 ms", "p99 ms", "slowest ms", "failed"];

/// A line for each minute.
pub(super) fn table_of(minutes: &[Minute]) -> String {
    let rows: Vec<_> = minutes
        .iter()
        .zip(1..)
        .map(|(minute, number_of_minute): (&Minute, usize)| {
            let Minute {
                rate,
                p50,
                p99,
                slowest,
                failed,
            } = *minute;
            [
                number_of_minute.to_string(),
                number(Some(rate), 0),
                number(p50, 1),
                number(p99, 1),
                number(slowest, 0),
                failed.to_string(),
            ]
        })
        .collect();
    format!(
        "Single events, appended by {SOAK_CALLERS} callers:\n\n{}",
        table(HEADING, &rows)
    )
}
