//! The tables of operations.

use super::table::{number, table};
use crate::measure::{FirstVerify, Latency, Rates, Results, Row};

const RATES: [&str; 10] = [
    "operation",
    "callers",
    "service /s",
    "by hand /s",
    "pgbench /s",
    "limit /s",
    "/ by hand",
    "/ pgbench",
    "/ limit",
    "failed",
];

const COSTS: [&str; 8] = [
    "operation",
    "CPU ms",
    "CPU ms by hand",
    "paced at /s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "failed",
];

/// The tables of a run.
pub(super) fn tables_of(results: &Results) -> String {
    let Results {
        first_verify,
        warm_verify,
        append,
        append_batch,
        first_page,
        further,
        ..
    } = results;
    let FirstVerify {
        name,
        rates,
        latency,
        bare_hash: _,
        memory_at_rest: _,
    } = first_verify;
    let operations: Vec<_> = [warm_verify, append, append_batch, first_page]
        .into_iter()
        .chain(further)
        .map(Operation::from)
        .chain([Operation {
            name,
            rates: vec![rates],
            costs: rates,
            latency,
        }])
        .collect();
    tables(&operations)
}

/// The tables of these rows.
pub(super) fn tables_of_rows(rows: &[Row]) -> String {
    let operations: Vec<_> = rows.iter().map(Operation::from).collect();
    tables(&operations)
}

/// The figures of an operation.
struct Operation<'a> {
    name: &'a str,
    rates: Vec<&'a Rates>,
    /// Those with the processor times that are shown.
    costs: &'a Rates,
    latency: &'a Latency,
}

impl<'a> From<&'a Row> for Operation<'a> {
    fn from(row: &'a Row) -> Self {
        let Row {
            name,
            one_caller,
            callers,
            many_callers,
            paced,
        } = row;
        Self {
            name,
            rates: vec![one_caller, callers, many_callers],
            costs: callers,
            latency: paced,
        }
    }
}

fn tables(operations: &[Operation<'_>]) -> String {
    let rates: Vec<_> = operations
        .iter()
        .flat_map(|operation| operation.rates.iter().map(|rates| rate_cells(operation.name, rates)))
        .collect();
    let costs: Vec<_> = operations.iter().map(cost_cells).collect();
    format!(
        "### Requests a second\n\n{}\n### Costs and latencies\n\n{}",
        table(RATES, &rates),
        table(COSTS, &costs)
    )
}

fn rate_cells(name: &str, rates: &Rates) -> [String; 10] {
    let Rates {
        callers,
        service,
        by_hand,
        database,
        limit,
    } = rates;
    let failed = service.failed + by_hand.map_or(0, |by_hand| by_hand.failed);
    [
        name.to_owned(),
        callers.to_string(),
        number(Some(service.rate), 0),
        number(rates.by_hand_rate(), 0),
        number(*database, 0),
        number(*limit, 0),
        number(rates.ratio_to(rates.by_hand_rate()), 2),
        number(rates.ratio_to(*database), 2),
        number(rates.ratio_to(*limit), 2),
        failed.to_string(),
    ]
}

fn cost_cells(operation: &Operation<'_>) -> [String; 8] {
    let Operation {
        name,
        rates: _,
        costs,
        latency,
    } = operation;
    let Latency {
        rate,
        p50,
        p99,
        p999,
        failed,
    } = latency;
    [
        (*name).to_owned(),
        number(costs.service.processor, 3),
        number(costs.by_hand.and_then(|by_hand| by_hand.processor), 3),
        number(*rate, 0),
        number(*p50, 2),
        number(*p99, 2),
        number(*p999, 2),
        failed.to_string(),
    ]
}
