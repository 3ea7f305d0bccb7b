//! The targets, and whether the figures meet them.

use super::table::{number, table};
use crate::argon2id;
use crate::arguments::Arguments;
use crate::measure::{FLOOD_SHARE, Flooded, Latencies, Rates, Results, Row};
use crate::operations::BATCH_EVENTS;

/// Resident memory of the service at rest, in MiB.
const MEMORY_AT_REST: f64 = 30.0;

/// Memory in MiB that a flood may use in addition to the memory at rest and that of the hashes.
const ADDITIONAL_MEMORY: f64 = 64.0;

/// Events a second that are appended in batches.
const BATCHED_EVENTS: f64 = 40_000.0;

/// Bytes on disk for each audit event with the eighteen indexes of the first schema, freshly loaded by this bench.
const FIRST_EVENT_BYTES: f64 = 712.0;

const HEADING: [&str; 5] = ["target", "limit", "measured", "from", ""];

/// The bound of a figure.
#[derive(Clone, Copy, Debug)]
enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

struct Target {
    name: String,
    limit: Limit,
    measured: Option<f64>,
    /// The figures that the measured one is computed from.
    from: String,
}

impl Limit {
    /// A missing figure meets no limit.
    fn is_met(self, measured: Option<f64>) -> bool {
        measured.is_some_and(|measured| match self {
            Self::AtLeast(limit) => measured >= limit,
            Self::AtMost(limit) => measured <= limit,
        })
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(limit) => format!(">= {limit:.2}"),
            Self::AtMost(limit) => format!("<= {limit:.2}"),
        }
    }
}

/// The table of targets.
pub(super) fn table_of(arguments: &Arguments, results: &Results) -> String {
    let rows: Vec<_> = targets(arguments, results)
        .into_iter()
        .map(|target| {
            let Target {
                name,
                limit,
                measured,
                from,
            } = target;
            let verdict = if limit.is_met(measured) { "met" } else { "NOT MET" };
            [name, limit.text(), number(measured, 3), from, verdict.to_owned()]
        })
        .collect();
    table(HEADING, &rows)
}

fn targets(arguments: &Arguments, results: &Results) -> Vec<Target> {
    rates(results)
        .into_iter()
        .chain(latencies(arguments, results))
        .chain(memory(arguments, results))
        .chain([batched_events(results), event_bytes(results)])
        .collect()
}

fn rates(results: &Results) -> [Target; 6] {
    let Results {
        first_verify,
        warm_verify,
        append,
        first_page,
        ..
    } = results;
    let ratio = |name: &str, limit, rates: &Rates, other| Target {
        name: name.to_owned(),
        limit: Limit::AtLeast(limit),
        measured: rates.ratio_to(other),
        from: format!(
            "{} / {} a second",
            number(Some(rates.service.rate), 0),
            number(other, 0)
        ),
    };
    let to_pgbench = |name, limit, row: &Row| ratio(name, limit, &row.callers, row.callers.database);
    let to_limit = |name, limit, rates: &Rates| ratio(name, limit, rates, rates.limit);
    let (processor, bare_hash) = (first_verify.rates.service.processor, first_verify.bare_hash);
    [
        to_pgbench("verify, warm / pgbench, by prefix", 0.65, warm_verify),
        to_pgbench("append / pgbench, a row a transaction", 1.0, append),
        to_limit(
            "append, 32 callers / limit, table as rivals have it",
            1.5,
            &append.callers,
        ),
        to_limit(
            "append, 256 callers / limit, table as rivals have it",
            2.5,
            &append.many_callers,
        ),
        to_pgbench("list, first page / pgbench, keyset page", 0.5, first_page),
        Target {
            name: "verify, first: CPU / bare argon2id, memory reused".to_owned(),
            limit: Limit::AtMost(1.1),
            ..quotient(processor, bare_hash, 1)
        },
    ]
}

fn latencies(arguments: &Arguments, results: &Results) -> [Target; 4] {
    let Latencies {
        first_page,
        deep_page,
        frequent_filter,
        rare_filter,
        small_log,
    } = results.latencies;
    let Flooded {
        rate,
        without,
        with,
        failed,
    } = results.flooded;
    let at_most = |name: String, limit, figure: Target| Target {
        name,
        limit: Limit::AtMost(limit),
        ..figure
    };
    let (events, small_events) = (arguments.large_events(), Arguments::SMALL_EVENTS);
    [
        at_most(
            format!(
                "verify, warm: p99 in a flood / without, at {rate:.0} a second ({:.0} %)",
                FLOOD_SHARE * 100.0
            ),
            3.0,
            Target {
                from: format!("{} / {} ms, {failed} failed", number(with, 2), number(without, 2)),
                ..quotient(with, without, 2)
            },
        ),
        at_most(
            format!("list: p50 of {} / of the first page", results.deep_page),
            1.3,
            quotient(deep_page, first_page, 2),
        ),
        at_most(
            "list: p50 of a page of the rare filter, ms".to_owned(),
            50.0,
            Target {
                measured: rare_filter,
                from: format!("{} ms for the frequent filter", number(frequent_filter, 2)),
                ..quotient(rare_filter, frequent_filter, 2)
            },
        ),
        at_most(
            format!("list: p50 of the first page at {events} events / at {small_events}"),
            1.3,
            quotient(first_page, small_log, 2),
        ),
    ]
}

fn memory(arguments: &Arguments, results: &Results) -> [Target; 2] {
    let at_rest = results.first_verify.memory_at_rest;
    #[expect(clippy::cast_precision_loss, reason = "there are at most 256 permits")]
    let hashes = arguments.hash_permits() as f64 * argon2id::MEMORY_MIB;
    let maximum = at_rest.unwrap_or_default() + hashes + ADDITIONAL_MEMORY;
    [
        Target {
            name: "memory at rest, MiB".to_owned(),
            limit: Limit::AtMost(MEMORY_AT_REST),
            measured: at_rest,
            from: String::new(),
        },
        Target {
            name: "memory, peak in a flood of verifies, MiB".to_owned(),
            limit: Limit::AtMost(maximum),
            measured: Some(results.peak_memory),
            from: format!("rest + {hashes:.0} of the hashes + {ADDITIONAL_MEMORY:.0}"),
        },
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a batch has few events")]
fn batched_events(results: &Results) -> Target {
    let (rate, events) = (results.append_batch.callers.service.rate, BATCH_EVENTS as f64);
    Target {
        name: format!("append, batch of {BATCH_EVENTS}: events a second"),
        limit: Limit::AtLeast(BATCHED_EVENTS),
        measured: Some(rate * events),
        from: format!("{} batches a second", number(Some(rate), 1)),
    }
}

fn event_bytes(results: &Results) -> Target {
    let Results {
        event_bytes,
        plain_event_bytes,
        ..
    } = results;
    Target {
        name: "bytes on disk for each event, with indexes / with those of the first schema".to_owned(),
        limit: Limit::AtMost(0.45),
        measured: Some(event_bytes / FIRST_EVENT_BYTES),
        from: format!("{event_bytes:.0} / {FIRST_EVENT_BYTES:.0} bytes; {plain_event_bytes:.0} as rivals have it"),
    }
}

/// The quotient of two figures in milliseconds.
fn quotient(one: Option<f64>, other: Option<f64>, digits: usize) -> Target {
    Target {
        name: String::new(),
        limit: Limit::AtMost(f64::INFINITY),
        measured: one.zip(other).map(|(one, other)| one / other),
        from: format!("{} / {} ms", number(one, digits), number(other, digits)),
    }
}

#[cfg(test)]
mod tests {
    use super::Limit;

    #[test]
    fn a_limit_counts_as_kept_and_nothing_measured_as_missed() {
        assert!(Limit::AtLeast(0.5).is_met(Some(0.5)));
        assert!(!Limit::AtLeast(0.5).is_met(Some(0.4)));
        assert!(Limit::AtMost(1.3).is_met(Some(1.3)));
        assert!(!Limit::AtMost(1.3).is_met(None));
    }
}
