//! `tenant-registry-bench`: compares the speed of the service with that of its database in the same run.
//!
//! It starts the release binary on its own Postgres and calls it over HTTP. `make bench` builds what it needs.
#![expect(clippy::print_stdout, reason = "the tables are the output of the program")]

mod argon2id;
mod arguments;
mod cluster;
mod data_set;
mod error;
mod load;
mod machine;
mod measure;
mod operations;
mod pgbench;
mod process;
mod report;
mod service;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use error::Error;
use machine::Machine;

// A single thread generates the load: more would take processor time from the service.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Error> {
    let cluster = cluster::start(arguments.data.as_deref())?;
    let machine = Machine::look(&cluster).await?;
    let large = data_set::data_set(&cluster, &arguments.service, arguments.large_events()).await?;
    if !arguments.only.is_empty() {
        let rows = measure::only(arguments, &cluster, &large).await?;
        println!("{}", report::rates(arguments, &machine, &rows));
        return Ok(());
    }
    if let Some(events) = arguments.soak {
        let minutes = measure::soak(arguments, &cluster, &large, events).await?;
        println!("{}", report::soak(arguments, &machine, &minutes));
        return Ok(());
    }
    let small = data_set::data_set(&cluster, &arguments.service, Arguments::SMALL_EVENTS).await?;
    let results = measure::measure(arguments, &cluster, &large, &small).await?;
    let report = report::report(arguments, &machine, &results);
    println!("{report}");
    match &arguments.page {
        Some(_) if arguments.quick => {
            eprintln!("the page is not written, since the figures of a quick run are not reliable")
        }
        Some(page) => report::write_page(page, &report)?,
        None => {}
    }
    Ok(())
}
