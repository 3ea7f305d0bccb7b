//! `tenant-registry-bench`: shows, as ratios to limits of the same run, that the service is as fast as the database
//! under it.
//!
//! It takes the release binary as it is: it starts it on a Postgres of its own and asks it over HTTP. `make bench`
//! builds what it needs.
#![expect(clippy::print_stdout, reason = "printing the tables is what the program is for")]

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

// One thread makes the load, as one client does: more would take the processors from what is measured.
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
    let cluster = cluster::start()?;
    let machine = Machine::look(&cluster).await?;
    let small = data_set::data_set(&cluster, &arguments.service, Arguments::SMALL_EVENTS).await?;
    let large = data_set::data_set(&cluster, &arguments.service, arguments.large_events()).await?;
    let results = measure::measure(arguments, &cluster, &large, &small).await?;
    let report = report::report(arguments, &machine, &results);
    println!("{report}");
    match &arguments.page {
        Some(_) if arguments.quick => eprintln!("the page is as it was: a quick run says too little"),
        Some(page) => report::write_page(page, &report)?,
        None => {}
    }
    Ok(())
}
