//! The report: the table of operations and the table of targets.

mod page;
mod rows;
mod table;
mod targets;

use crate::arguments::Arguments;
use crate::cluster;
use crate::data_set::{API_KEYS, SECRETS};
use crate::machine::Machine;
use crate::measure::{OPEN_SHARE, Results};

pub(crate) use page::write as write_page;

/// The text that is printed and written to the page.
pub(crate) fn report(arguments: &Arguments, machine: &Machine, results: &Results) -> String {
    format!(
        "{}\n{}\n## Targets\n\n{}",
        conditions(arguments, machine),
        rows::table_of(results),
        targets::table_of(arguments, results)
    )
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
         - Data: {events} audit events (small set: {small_events}), {API_KEYS} API keys, {SECRETS} of them presented.\n\
         - Medians of {rounds} rounds of {seconds} s, service and pgbench in turn; latencies in an open loop at \
         {percent:.0} % of the rate for 32 callers, counted from the intended time.\n"
    )
}
