//! The program `tenant-registry`: reads the settings, then serves the API or runs another command.

use mimalloc::MiMalloc;
use std::error::Error;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use tenant_registry_contract::types::Timestamp;
use tenant_registry_server::api_key_hash::ApiKeyHasher;
use tenant_registry_server::auth::Access;
use tenant_registry_server::configuration::{
    AuditCommand, Cli, Command, Configuration, DatabaseConfiguration, DistributeConfiguration, error_line,
};
use tenant_registry_server::domain::Registry;
use tenant_registry_server::domain::audit_distribute::{audit_distribute, audit_distribute_plan};
use tenant_registry_server::domain::audit_prune::audit_prune;
use tenant_registry_server::domain::clock::Clock;
use tenant_registry_server::limits::descriptors;
use tenant_registry_server::store::memory::MemoryStore;
use tenant_registry_server::store::postgres::{
    DatabaseUrl, PostgresDistributeStore, PostgresPruneStore, PostgresStore, migrations, preconditions,
};
use tenant_registry_server::store::{DistributionPlan, Store, WorkerShards};
use tenant_registry_server::telemetry::{LogFormat, LogLevel};
use tenant_registry_server::{catalog_file, core_dumps, serve, telemetry};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The exit status for an invalid setting.
const INVALID_SETTING: u8 = 2;

fn main() -> ExitCode {
    // Before any secret is read.
    if let Err(error) = core_dumps::prevent() {
        eprintln!("error: cannot prevent core dumps: {error}");
        return ExitCode::FAILURE;
    }
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => match error_line(&error) {
            Some(line) => {
                eprintln!("{line}");
                return ExitCode::from(INVALID_SETTING);
            }
            None => return exit_code(ignore_broken_pipe(error.print())),
        },
    };
    exit_code(match cli.command {
        Command::Serve(configuration) => run(*configuration),
        Command::Migrate(configuration) => migrate(&configuration),
        Command::Audit { command } => match command {
            AuditCommand::Prune { before, database } => prune(before, &database),
        },
        Command::Distribute(configuration) => distribute(&configuration),
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
    ignore_broken_pipe(output.write_all(text.as_bytes()).and_then(|()| output.flush()))
}

/// Ignores that the reader of our output has gone away, as `head` does.
fn ignore_broken_pipe(written: std::io::Result<()>) -> Result<(), Box<dyn Error>> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn run(configuration: Configuration) -> Result<(), Box<dyn Error>> {
    telemetry::start(configuration.log_level, configuration.log_format)?;
    for renamed in &configuration.renamed_settings {
        warn!("{renamed}");
    }
    let database = database_url(&configuration.database)?;
    let pool = configuration.pool.settings(configuration.database.connect_timeout());
    let to_standbys = configuration.standby_settings()?.map_or(0, |_| pool.shared);
    let to_database = database.as_ref().map_or(0, |_| pool.connections() + to_standbys);
    let max_connections = descriptors::make_room(configuration.limits.max_connections, to_database)?;
    let clock = Clock::system();
    let runtime = runtime()?;
    let result = match database {
        None => {
            let store = MemoryStore::seeded(clock.now())?;
            runtime.block_on(serve_until_signal(&configuration, max_connections, store, clock))
        }
        Some(url) => runtime.block_on(async {
            let store = postgres_store(&configuration, &url).await?;
            serve_until_signal(&configuration, max_connections, store, clock).await
        }),
    };
    // Tasks that are still running after the shutdown timeout are not waited for.
    runtime.shutdown_background();
    result
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn database_url(configuration: &DatabaseConfiguration) -> Result<Option<DatabaseUrl>, Box<dyn Error>> {
    configuration
        .url()
        .map_err(|error| format!("--database-url <DATABASE_URL> {error}").into())
}

async fn postgres_store(configuration: &Configuration, url: &DatabaseUrl) -> Result<PostgresStore, Box<dyn Error>> {
    let connect_timeout = configuration.database.connect_timeout();
    if configuration.no_migrate {
        migrations::check(url, connect_timeout).await?;
    } else {
        migrations::migrate(url, connect_timeout).await?;
    }
    preconditions::check_privileges(url, connect_timeout).await?;
    let pool = configuration.pool.settings(connect_timeout);
    if pool.row_security.is_on() {
        preconditions::check_row_security(url, connect_timeout).await?;
    }
    let etcd = configuration.etcd_settings()?;
    Ok(PostgresStore::new(url, &pool, etcd, configuration.standby_settings()?)?)
}

/// The database URL, for commands that require one.
fn required_url(configuration: &DatabaseConfiguration) -> Result<DatabaseUrl, Box<dyn Error>> {
    database_url(configuration)?
        .ok_or_else(|| "--database-url <DATABASE_URL> or --database-url-file <DATABASE_URL_FILE> is required".into())
}

fn migrate(configuration: &DatabaseConfiguration) -> Result<(), Box<dyn Error>> {
    telemetry::start(LogLevel::Info, LogFormat::Text)?;
    let url = required_url(configuration)?;
    let applied = runtime()?.block_on(migrations::migrate(&url, configuration.connect_timeout()))?;
    match applied {
        0 => print("the schema is up to date\n"),
        steps => print(&format!("the schema is up to date; migrations applied: {steps}\n")),
    }
}

fn prune(before: Timestamp, configuration: &DatabaseConfiguration) -> Result<(), Box<dyn Error>> {
    telemetry::start(LogLevel::Info, LogFormat::Text)?;
    let url = required_url(configuration)?;
    let deleted = runtime()?.block_on(async {
        let mut store = PostgresPruneStore::connect(&url, configuration.connect_timeout()).await?;
        Ok::<_, Box<dyn Error>>(audit_prune(&mut store, before).await?)
    })?;
    print(&format!("{deleted} audit events deleted\n"))
}

fn distribute(configuration: &DistributeConfiguration) -> Result<(), Box<dyn Error>> {
    telemetry::start(LogLevel::Info, LogFormat::Text)?;
    let &DistributeConfiguration {
        older_than,
        shards,
        dry_run,
        ref database,
    } = configuration;
    let url = required_url(database)?;
    let text = runtime()?.block_on(async {
        let mut store = PostgresDistributeStore::connect(&url, database.connect_timeout()).await?;
        Ok::<_, Box<dyn Error>>(if dry_run {
            plan_text(&audit_distribute_plan(&mut store, older_than, shards).await?)
        } else {
            let moved = audit_distribute(&mut store, older_than, shards).await?;
            format!("{moved} audit events moved\n")
        })
    })?;
    print(&text)
}

/// The plan for an operator, with what cannot be undone.
fn plan_text(plan: &DistributionPlan) -> String {
    let DistributionPlan {
        events,
        oldest,
        newest,
        log_bytes,
        is_distributed,
        workers,
    } = plan;
    let mut text = format!("events to move: {events}\n");
    if let (Some(oldest), Some(newest)) = (oldest, newest) {
        text.push_str(&format!("oldest: {oldest}\nnewest: {newest}\n"));
    }
    text.push_str(&format!("size of audit_log with indexes: {} MiB\n", log_bytes >> 20));
    let verb = if *is_distributed { "has" } else { "would get" };
    for WorkerShards { worker, shards } in workers {
        text.push_str(&format!("worker {worker} {verb} {shards} shards\n"));
    }
    text.push_str(
        "This cannot be undone:\n\
         - No command moves events back to audit_log.\n\
         - The workers become part of the database: back up, restore and upgrade them, and create roles on them, together \
         with the coordinator.\n\
         - The files of audit_log do not shrink. Later events use the space again.\n\
         Nothing was changed.\n",
    );
    text
}

async fn serve_until_signal<S: Store>(
    configuration: &Configuration,
    max_connections: usize,
    store: S,
    clock: Clock,
) -> Result<(), Box<dyn Error>> {
    let catalog = catalog_file::read(configuration.catalog_file.as_deref())?;
    let settings = configuration
        .serve_settings(max_connections)
        .map_err(|error| format!("--otel-exporter-otlp-headers <OTEL_EXPORTER_OTLP_HEADERS> {error}"))?;
    let digest_keys = configuration.hashing.digest_keys();
    let hashes_each_key = digest_keys.is_empty();
    let hasher = ApiKeyHasher::new(configuration.hashing.limits(), digest_keys)?;
    let access = Access::start(configuration.access()?, clock.clone())?;
    let (is_open, is_in_memory) = (matches!(access, Access::Open), !configuration.database.is_set());
    let mut signals = StopSignals::listen()?;
    let service = serve::start(settings, Registry::new(store, catalog, clock, hasher), access)?;
    info!(address = %service.address(), "listening");
    print(&format!("listening on http://{}\n", service.address()))?;
    if let Some(address) = service.internal_address() {
        info!(%address, "listening for internal operations");
        print(&format!("internal operations on http://{address}/v1/internal/\n"))?;
    }
    if let Some(address) = service.metrics_address() {
        info!(%address, "listening for metrics");
        print(&format!("metrics on http://{address}/metrics\n"))?;
    }
    if is_open {
        warn!(
            "OIDC_ISSUER is not set: there is no authentication, and everyone who can reach the port can do everything"
        );
        print("open: OIDC_ISSUER is not set, so everyone who can reach the port can do everything\n")?;
    }
    if hashes_each_key {
        info!(
            "API_KEY_DIGEST_KEY_FILE is not set: the first verification of each API key takes about 30 ms of a processor"
        );
    }
    if is_in_memory {
        warn!("DATABASE_URL is not set: the records are in memory, and are lost when the process ends");
        print("in memory: DATABASE_URL is not set, so all records are lost when the process ends\n")?;
    }
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = service.ended() => return Err("the HTTP server stopped".into()),
    };
    info!("{signal}: stopping");
    match signal {
        StopSignal::Terminate => tokio::select! {
            () = service.drain() => {}
            signal = signals.next() => info!("{signal}: stopping immediately"),
        },
        // A person who presses Ctrl-C does not want to wait for load balancers.
        StopSignal::Interrupt => {}
    }
    match service.shutdown().await {
        Ok(()) => info!("stopped"),
        Err(error) => warn!("stopped: {error}"),
    }
    Ok(())
}

/// A signal that stops the service.
#[derive(Clone, Copy, Debug)]
enum StopSignal {
    /// Sent by the platform.
    Terminate,
    /// Sent by a person with Ctrl-C.
    Interrupt,
}

impl std::fmt::Display for StopSignal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        })
    }
}

struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Starts to listen. From now on, neither signal ends the process by default.
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        }
    }
}
