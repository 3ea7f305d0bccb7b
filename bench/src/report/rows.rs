//! The table of operations.

use super::table::{number, table};
use crate::measure::{Latency, Results, Row};

const HEADING: [&str; 12] = [
    "operation",
    "1 caller /s",
    "32 callers /s",
    "256 callers /s",
    "failed",
    "pgbench /s",
    "ratio at 32",
    "CPU ms",
    "paced at /s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
];

pub(super) fn table_of(results: &Results) -> String {
    let Results {
        first_verify,
        warm_verify,
        append,
        first_page,
        further,
        ..
    } = results;
    let rows: Vec<_> = [warm_verify, &first_verify.row, append, first_page]
        .into_iter()
        .chain(further)
        .map(cells)
        .collect();
    table(HEADING, &rows)
}

fn cells(row: &Row) -> [String; 12] {
    let Row {
        name,
        one_caller,
        many_callers,
        rate,
        database,
        processor,
        failed,
        paced,
    } = row;
    let Latency {
        rate: paced_at,
        p50,
        p99,
        p999,
    } = paced;
    [
        name.clone(),
        number(*one_caller, 0),
        number(Some(*rate), 0),
        number(*many_callers, 0),
        failed.to_string(),
        number(*database, 0),
        number(row.ratio(), 2),
        number(*processor, 3),
        number(*paced_at, 0),
        number(*p50, 2),
        number(*p99, 2),
        number(*p999, 2),
    ]
}
