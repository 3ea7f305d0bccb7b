//! The report: the tables of operations and of targets.

mod page;
mod rows;
mod soak;
mod table;
mod targets;

use crate::arguments::Arguments;
use crate::cluster;
use crate::data_set::{API_KEYS, SECRETS};
use crate::machine::Machine;
use crate::measure::{Minute, OPEN_SHARE, Results, Row};

pub(crate) use page::write as write_page;

/// The text that is printed and written to the page.
pub(crate) fn report(arguments: &Arguments, machine: &Machine, results: &Results) -> String {
    format!(
        "{}\n{}\n## Targets\n\n{}",
        conditions(arguments, machine),
        rows::tables_of(results),
        targets::table_of(arguments, results)
    )
}

/// The text that is printed if only some rows are measured.
pub(crate) fn rates(arguments: &Arguments, machine: &Machine, rows: &[Row]) -> String {
    format!("{}\n{}", conditions(arguments, machine), rows::tables_of_rows(rows))
}

/// The text that is printed after a soak.
pub(crate) fn soak(arguments: &Arguments, machine: &Machine, minutes: &[Minute]) -> String {
    format!("{}\n{}", conditions(arguments, machine), soak::table_of(minutes))
}

fn conditions(arguments: &Arguments, machine: &Machine) -> String {
    let Machine {
        processors,
        processor,
        memory,
        postgres,
        date,
    } = machine;
    let events = arguments.large_events();
    let small_events = Arguments::SMALL_EVENTS;
    let settings = cluster::SETTINGS.join(", ");
    let permits = arguments.hash_permits();
    let rounds = arguments.rounds();
    let seconds = arguments.duration().as_secs();
    let percent = OPEN_SHARE * 100.0;
    format!(
        "## Figures of {date}\n\n\
         - Machine: {processors} processors ({processor}), {memory:.0} GiB; load, service and database share it.\n\
         - Postgres {postgres}: {settings}.\n\
         - Service: its defaults, HASH_PERMITS={permits}; it logs each request.\n\
         - By hand: what a product team would write instead, with axum and sqlx \
         ([bench/rivals/by-hand](../bench/rivals/by-hand/README.md)). It responds the same, and logs each request.\n\
         - pgbench: the same SQL, with as many clients as callers. Limit of append: pgbench, a row a transaction, into a \
         table with the same columns and events as rivals have it: primary key, indexes on tenant and time and on time, \
         the foreign key, no triggers and checks.\n\
         - Data: {events} audit events (small set: {small_events}), {API_KEYS} API keys, {SECRETS} of them presented.\n\
         - Medians of {rounds} rounds of {seconds} s, service, by hand, pgbench and limit in turn. CPU with 32 callers. \
         Latencies of the service in an open loop at {percent:.0} % of its rate with 32 callers, counted from the intended \
         time. Failed: responses that were not as expected, of the service and by hand.\n"
    )
}
