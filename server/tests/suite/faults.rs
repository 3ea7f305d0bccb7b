//! Faults under load. Every acknowledged write is stored once and with its event, nothing is half done, readiness is
//! correct, and the service recovers by itself.

mod ledger;
mod load;
mod readiness;

use crate::harness::StoreUnderTest;
use crate::harness::cases::check;
use crate::harness::polling::until;
use crate::harness::process::ServiceProcess;
use ledger::Counts;
use libtest_mimic::Trial;
use load::Load;
use readiness::Readiness;
use rustix::process::Signal;
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use test_support::postgres::{Cluster, ClusterSettings};
use tokio::task::block_in_place;
use tokio_postgres::{Client, NoTls};

/// How often each fault happens, unless `FAULT_ROUNDS` is set.
const ROUNDS: u32 = 3;

/// The number of acknowledged writes before and after each fault.
const SETTLED: usize = 200;

/// How long the service may take to recover after a fault has ended.
const SERVED_AGAIN: Duration = Duration::from_secs(10);

/// The result of each fault.
static REPORT: Mutex<Vec<(&'static str, Counts, Duration)>> = Mutex::new(Vec::new());

/// A case for each fault.
pub(crate) fn cases() -> Vec<Trial> {
    if !StoreUnderTest::Postgres.is_selected() {
        return Vec::new();
    }
    vec![
        fault("service killed (SIGKILL)", service_killed),
        fault("service ended (SIGTERM)", service_ended),
        fault("Postgres killed (immediate), restarted", postgres_killed),
        fault("connections cut one by one", connections_cut),
        fault("Postgres stopped for 10 s, resumed", postgres_stopped),
        fault("disk full, then not", disk_full),
        fault("standby promoted (synchronous)", standby_promoted),
    ]
}

/// Prints the table of results.
#[expect(clippy::print_stdout, reason = "the figures are what the tests are for")]
pub(crate) fn report() {
    let report = REPORT.lock().unwrap();
    if report.is_empty() {
        return;
    }
    println!(
        "{:<40} {:>6} {:>8} {:>5} {:>8} {:>10} {:>14} {:>15}",
        "fault", "acked", "retried", "lost", "doubled", "unknown", "(yet stored)", "served again"
    );
    for (name, counts, served_again) in report.iter() {
        println!(
            "{name:<40} {:>6} {:>8} {:>5} {:>8} {:>10} {:>14} {:>13.2} s",
            counts.acknowledged,
            counts.retried,
            counts.lost,
            counts.doubled,
            counts.unknown,
            counts.unknown_but_written,
            served_again.as_secs_f64()
        );
    }
}

fn fault<F>(name: &'static str, run: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = Scene>,
{
    check(&format!("faults::{name}"), move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let scene = run().await;
            let served_again = scene.served_again;
            let counts = scene.end().await;
            REPORT.lock().unwrap().push((name, counts.clone(), served_again));
            assert_eq!((counts.lost, counts.doubled, counts.half_done), (0, 0, 0), "{counts:?}");
            assert!(
                counts.acknowledged >= 2 * SETTLED,
                "too little was written to say much: {counts:?}"
            );
        });
        runtime.shutdown_background();
        Ok(())
    })
}

fn rounds() -> u32 {
    std::env::var("FAULT_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS)
}

/// A database, a service on it, and callers that write all the time.
struct Scene {
    primary: Cluster,
    /// The URL with all hosts of the database.
    url: String,
    service: ServiceProcess,
    load: Load,
    readiness: Readiness,
    /// The longest time from the end of a fault to the next write.
    served_again: Duration,
}

/// The timeouts are short, so that a fault of a few seconds matters.
async fn serve(url: &str) -> ServiceProcess {
    ServiceProcess::serve(&|command| {
        command
            .env("DATABASE_URL", url)
            .env("DATABASE_POOL_SIZE", "8")
            .env("DATABASE_POOL_TIMEOUT", "1")
            .env("DATABASE_CONNECT_TIMEOUT", "1")
            .env("DATABASE_STATEMENT_TIMEOUT", "2")
            .env("LOG_LEVEL", "warn")
    })
    .await
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Scene {
    async fn start() -> Self {
        let primary = block_in_place(|| Cluster::start(ClusterSettings::default()).unwrap());
        let url = primary.url("postgres");
        Self::on(primary, url).await
    }

    async fn on(primary: Cluster, url: String) -> Self {
        let service = serve(&url).await;
        let load = Load::start(service.address);
        let readiness = Readiness::watch(service.address);
        let scene = Self {
            primary,
            url,
            service,
            load,
            readiness,
            served_again: Duration::ZERO,
        };
        scene.settled().await;
        scene
    }

    /// Waits until [`SETTLED`] more writes are acknowledged.
    async fn settled(&self) {
        let enough = self.load.ledger.acknowledged() + SETTLED;
        let ledger = &self.load.ledger;
        ledger
            .until("more acknowledged writes", |ledger| ledger.acknowledged() >= enough)
            .await;
    }

    /// Waits until the service has recovered from a fault that has ended.
    async fn serves_again(&mut self) {
        let over = Instant::now();
        let before = self.load.ledger.acknowledged();
        let ledger = &self.load.ledger;
        ledger
            .until("an acknowledged write", |ledger| ledger.acknowledged() > before)
            .await;
        let took = over.elapsed();
        assert!(took < SERVED_AGAIN, "served again only after {took:?}");
        self.served_again = self.served_again.max(took);
        self.readiness.becomes_ready().await;
        self.settled().await;
    }

    /// Starts a new service process and directs the callers to it.
    async fn replace_service(&mut self) {
        self.service = serve(&self.url).await;
        self.load.use_service(self.service.address);
        self.readiness.use_service(self.service.address);
    }

    /// Ends the load and compares the database with what was acknowledged.
    async fn end(self) -> Counts {
        let ledger = self.load.end().await;
        self.readiness.end().await;
        assert_eq!(self.service.stop().await.code, Some(0));
        let client = connect(&self.primary.url("postgres")).await;
        ledger.compare_with(&client).await
    }
}

async fn service_killed() -> Scene {
    let mut scene = Scene::start().await;
    for _ in 0..rounds() {
        scene.service.signal(Signal::KILL);
        scene.replace_service().await;
        scene.serves_again().await;
    }
    assert!(scene.load.ledger.retried() > 0, "no request was sent again");
    scene
}

/// No accepted request fails: each gets a response or has no effect.
async fn service_ended() -> Scene {
    let mut scene = Scene::start().await;
    for _ in 0..rounds() {
        let ending = std::mem::replace(&mut scene.service, serve(&scene.url).await);
        let broken_before = scene.load.ledger.failures();
        ending.signal(Signal::TERM);
        scene.load.use_service(scene.service.address);
        scene.readiness.use_service(scene.service.address);
        assert_eq!(ending.ended().await.code, Some(0));
        scene.serves_again().await;
        assert_eq!(scene.load.ledger.failures(), broken_before);
    }
    scene.load.ledger.expect_unknown_unwritten();
    scene
}

async fn postgres_killed() -> Scene {
    let mut scene = Scene::start().await;
    for _ in 0..rounds() {
        block_in_place(|| scene.primary.kill_server());
        scene.readiness.stays_unready_for(Duration::from_millis(500)).await;
        block_in_place(|| scene.primary.start_server().unwrap());
        scene.serves_again().await;
    }
    scene
}

/// The database is available all the time, so only requests whose COMMIT was interrupted may fail.
async fn connections_cut() -> Scene {
    let mut scene = Scene::start().await;
    let client = connect(&scene.primary.url("postgres")).await;
    scene.readiness.must_stay_ready(true);
    for _ in 0..rounds() {
        let others = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tenant-registry'";
        for row in client.query(others, &[]).await.unwrap() {
            let process: i32 = row.get(0);
            client
                .query("SELECT pg_terminate_backend($1)", &[&process])
                .await
                .unwrap();
            scene.settled().await;
        }
        scene.serves_again().await;
    }
    scene.readiness.must_stay_ready(false);
    scene
}

async fn postgres_stopped() -> Scene {
    let mut scene = Scene::start().await;
    // Each round takes 10 s.
    for _ in 0..rounds().div_ceil(3) {
        block_in_place(|| scene.primary.pause());
        scene.readiness.stays_unready_for(Duration::from_secs(10)).await;
        block_in_place(|| scene.primary.resume());
        scene.serves_again().await;
    }
    scene
}

/// The database reports a full disk. Those writes are rolled back; reads succeed.
async fn disk_full() -> Scene {
    let mut scene = Scene::start().await;
    let client = connect(&scene.primary.url("postgres")).await;
    let prepare = "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                   RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$";
    client.batch_execute(prepare).await.unwrap();
    scene.readiness.must_stay_ready(true);
    for _ in 0..rounds() {
        let fill = "CREATE TRIGGER disk_full BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION disk_full()";
        client.batch_execute(fill).await.unwrap();
        let enough = scene.load.ledger.failures() + 20;
        let ledger = &scene.load.ledger;
        ledger
            .until("rejected writes", |ledger| ledger.failures() >= enough)
            .await;
        client
            .batch_execute("DROP TRIGGER disk_full ON audit_log")
            .await
            .unwrap();
        scene.serves_again().await;
    }
    scene.readiness.must_stay_ready(false);
    scene
}

/// The primary is lost for good and its standby is promoted. The service knows both hosts.
async fn standby_promoted() -> Scene {
    let mut scene = None;
    for _ in 0..rounds().div_ceil(3) {
        let promoted = promote_standby().await;
        if let Some(previous) = scene.replace(promoted) {
            let counts = Scene::end(previous).await;
            let carried: &Scene = scene.as_ref().unwrap();
            carried.load.ledger.add(counts);
        }
    }
    scene.unwrap()
}

async fn promote_standby() -> Scene {
    let primary = block_in_place(|| Cluster::start(ClusterSettings::default()).unwrap());
    let standby = block_in_place(|| primary.standby("standby", ClusterSettings::default()).unwrap());
    let client = connect(&primary.url("postgres")).await;
    for statement in [
        "ALTER SYSTEM SET synchronous_standby_names = 'standby'",
        "SELECT pg_reload_conf()",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    until("a synchronous standby", async || {
        let query = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'";
        (client.query(query, &[]).await.unwrap().len() == 1).then_some(())
    })
    .await;
    drop(client);
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    let mut scene = Scene::on(primary, url).await;
    let mut lost = std::mem::replace(&mut scene.primary, standby);
    block_in_place(|| lost.kill_server());
    scene.readiness.stays_unready_for(Duration::from_secs(1)).await;
    block_in_place(|| scene.primary.promote().unwrap());
    scene.serves_again().await;
    scene
}
