//! `tenant-registry`: reads the configuration, starts telemetry, picks the store and serves.

use std::error::Error;
use std::future::Future;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use tenant_registry_server::api_key_hash::ApiKeyHasher;
use tenant_registry_server::configuration::{Cli, Command, Configuration, refusal};
use tenant_registry_server::domain::Registry;
use tenant_registry_server::domain::clock::Clock;
use tenant_registry_server::store::Store;
use tenant_registry_server::store::memory::MemoryStore;
use tenant_registry_server::{catalog_file, serve, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// The status of a start that stopped at a bad setting.
const BAD_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => match refusal(&error) {
            Some(line) => {
                eprintln!("{line}");
                return ExitCode::from(BAD_CONFIGURATION);
            }
            None => return exit_code(unless_nobody_reads(error.print())),
        },
    };
    exit_code(match cli.command {
        Command::Serve(configuration) => run(*configuration),
        Command::Openapi => print(tenant_registry_contract::OPENAPI),
    })
}

fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let mut output = std::io::stdout().lock();
    unless_nobody_reads(output.write_all(text.as_bytes()).and_then(|()| output.flush()))
}

/// A reader that has seen enough, as `head` has, is no error.
fn unless_nobody_reads(written: std::io::Result<()>) -> Result<(), Box<dyn Error>> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn run(configuration: Configuration) -> Result<(), Box<dyn Error>> {
    telemetry::start(configuration.log_level, configuration.log_format)?;
    let clock = Clock::system();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = match configuration.database_url.as_ref().filter(|url| !url.is_empty()) {
        None => {
            let store = MemoryStore::seeded(clock.now())?;
            runtime.block_on(serve_until_signal(&configuration, store, clock))
        }
        Some(_) => Err("DATABASE_URL is set, but this build has the in-memory store alone; leave it empty".into()),
    };
    // What still runs after the shutdown's bound is not waited for.
    runtime.shutdown_background();
    result
}

async fn serve_until_signal<S: Store>(
    configuration: &Configuration,
    store: S,
    clock: Clock,
) -> Result<(), Box<dyn Error>> {
    let catalog = catalog_file::read(configuration.catalog_file.as_deref())?;
    let hasher = ApiKeyHasher::new(configuration.hash_limits());
    let stop = stop_signal()?;
    let service = serve::start(
        configuration.serve_settings(),
        Registry::new(store, catalog, clock, hasher),
    )?;
    info!(address = %service.address(), "listening");
    print(&format!("listening on http://{}\n", service.address()))?;
    tokio::select! {
        name = stop => info!("{name}: stopping"),
        reason = service.ended() => return Err(reason.into()),
    }
    match service.shutdown().await {
        Ok(()) => info!("stopped"),
        Err(error) => warn!("stopped: {error}"),
    }
    Ok(())
}

/// Resolves at SIGTERM or SIGINT; from now on neither ends the process by itself.
fn stop_signal() -> Result<impl Future<Output = &'static str>, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
