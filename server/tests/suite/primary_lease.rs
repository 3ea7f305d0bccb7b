//! The lease of the primary: the service uses a database host only while etcd confirms that it is the primary.

use crate::harness::cases::process_cases;
use crate::harness::etcd::{Etcd, LOGIN, PREFIX};
use crate::harness::polling::until;
use crate::harness::process::ServiceProcess;
use crate::harness::{RawClient, RawResponse};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::Method;
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tenant_registry_client::types::ErrorCode;
use test_support::postgres::{Cluster, ClusterSettings};
use tokio::task::spawn_blocking;
use tokio_postgres::{Client, NoTls};
use tokio_rustls::TlsAcceptor;

process_cases![
    ; postgres:
    a_revoked_key_is_not_valid_while_the_old_primary_still_accepts_changes,
    a_host_that_loses_the_lock_is_not_used_any_more,
    a_result_that_arrives_after_the_lease_has_ended_is_withheld,
    a_change_is_not_committed_after_the_lease_has_ended,
    a_commit_that_outlives_the_lease_is_looked_up_on_the_primary,
    asks_etcd_over_tls_as_a_user,
];

/// The seconds that are left of the lease when etcd is asked. A busy machine needs a few.
const LEFT: u64 = 5;

/// A primary and its standby, an etcd in which the primary holds the lock, and a service.
struct Scene {
    one: Arc<Cluster>,
    two: Arc<Cluster>,
    etcd: Etcd,
    service: ServiceProcess,
    metrics: RawClient,
    /// The body of a verification.
    verify: Value,
    api_key_id: String,
}

/// Runs a function that takes long, while etcd responds.
async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(run).await.unwrap()
}

async fn connect(cluster: &Cluster) -> Client {
    let (client, connection) = tokio_postgres::connect(&cluster.url("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn is_there(client: &Client, query: &str) -> bool {
    !client.query(query, &[]).await.unwrap().is_empty()
}

impl Scene {
    async fn start(left: u64) -> Self {
        let (one, two) = blocking(|| {
            let one = Cluster::start(ClusterSettings::default()).unwrap();
            let two = one.standby("two", ClusterSettings::default()).unwrap();
            (Arc::new(one), Arc::new(two))
        })
        .await;
        let etcd = Etcd::start(left, None).await;
        etcd.give_lock_to("one", one.port());
        let url = format!(
            "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
            one.port(),
            two.port()
        );
        // The first member of etcd is down.
        let etcd_urls = format!("http://127.0.0.1:9,http://{}", etcd.address);
        let mut service = ServiceProcess::serve(&|command| {
            command
                .env("DATABASE_URL", &url)
                .env("DATABASE_ETCD_URLS", &etcd_urls)
                .env("DATABASE_ETCD_PREFIX", PREFIX)
                // Some cases hold a statement up until the lease has ended.
                .env("DATABASE_STATEMENT_TIMEOUT", "30")
                .env("METRICS_ADDR", "127.0.0.1:0")
        })
        .await;
        let metrics = RawClient::new(service.metrics_url());
        is_ready(&service).await;
        let tenant: Value = create_tenant(&service, "first").await.json();
        let created = json!({ "tenant_id": tenant["id"], "name": "n" });
        let created: Value = service.raw.post_json("/v1/api-keys", &created).await.json();
        Self {
            one,
            two,
            etcd,
            service,
            metrics,
            verify: json!({ "key": created["plaintext"] }),
            api_key_id: created["api_key"]["id"].as_str().unwrap().to_owned(),
        }
    }

    /// The reason why the key is not valid. Empty if it is.
    async fn reason(&self) -> String {
        let verified = self.service.raw.post_json("/v1/internal/api-keys/verify", &self.verify);
        let verified: Value = verified.await.json();
        assert_eq!(verified["valid"], verified["reason"].is_null(), "{verified}");
        verified["reason"].as_str().unwrap_or_default().to_owned()
    }

    async fn reason_becomes(&self, reason: &str) {
        until(reason, async || (self.reason().await == reason).then_some(())).await;
    }

    /// The seconds of the lease, according to the metrics.
    async fn seconds_left(&self) -> f64 {
        let text = self.metrics.get("/metrics").await.text;
        let value = |line: &str| {
            line.strip_prefix("tenant_registry_database_lease_seconds ")?
                .parse()
                .ok()
        };
        text.lines().find_map(value).unwrap_or_else(|| panic!("{text}"))
    }

    /// Makes the standby a primary, with everything that the old one has committed until now.
    async fn promote(&self) {
        let (old, new) = (connect(&self.one).await, connect(&self.two).await);
        let end: String = old
            .query_one("SELECT pg_current_wal_flush_lsn()::text", &[])
            .await
            .unwrap()
            .get(0);
        let has_all = format!("SELECT WHERE pg_last_wal_replay_lsn() >= '{end}'");
        until("the standby has all", async || {
            is_there(&new, &has_all).await.then_some(())
        })
        .await;
        let two = Arc::clone(&self.two);
        blocking(move || two.promote().unwrap()).await;
    }
}

async fn is_ready(service: &ServiceProcess) {
    until("it is ready", async || {
        (service.raw.get("/readyz").await.status == 200).then_some(())
    })
    .await;
}

async fn create_tenant(service: &ServiceProcess, slug: &str) -> RawResponse {
    let tenant = json!({ "slug": slug, "name": "n" });
    service.raw.post_json("/v1/tenants", &tenant).await
}

async fn a_revoked_key_is_not_valid_while_the_old_primary_still_accepts_changes() {
    let scene = Scene::start(LEFT).await;
    assert_eq!(scene.reason().await, "");
    let left = scene.seconds_left().await;
    assert!(left > 0.0 && left < 5.0, "{left}");

    // The service cannot reach etcd any more. The primary does not change.
    scene.etcd.silence(true);
    scene.reason_becomes("unavailable").await;
    assert!(scene.seconds_left().await <= 0.0);
    create_tenant(&scene.service, "second")
        .await
        .assert_error(503, ErrorCode::Unavailable);
    until("it is not ready", async || {
        (scene.service.raw.get("/readyz").await.status == 503).then_some(())
    })
    .await;

    // A standby takes the lock before it accepts changes.
    scene.etcd.give_lock_to("two", scene.two.port());
    scene.etcd.silence(false);
    scene.service.logged(&format!("127.0.0.1:{}", scene.two.port())).await;
    assert_eq!(scene.reason().await, "unavailable");
    scene.promote().await;
    scene.reason_becomes("").await;
    is_ready(&scene.service).await;
    assert!(scene.seconds_left().await > 0.0);

    let path = format!("/v1/api-keys/{}", scene.api_key_id);
    let revoked = RawResponse::from_request(scene.service.raw.request(Method::DELETE, &path)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    for _ in 0..20 {
        assert_eq!(scene.reason().await, "revoked");
    }
    let old = connect(&scene.one).await;
    let update = "UPDATE api_keys SET name = 'still valid' WHERE revoked_at IS NULL";
    assert_eq!(old.execute(update, &[]).await.unwrap(), 1);
    let log = scene.service.stop().await.stderr;
    assert!(
        log.matches("cannot confirm which host is the primary").count() <= 1,
        "{log}"
    );
}

/// Even though etcd has confirmed the host for minutes.
async fn a_host_that_loses_the_lock_is_not_used_any_more() {
    let scene = Scene::start(600).await;
    assert_eq!(scene.reason().await, "");
    assert!(scene.seconds_left().await > 200.0);
    scene.etcd.give_lock_to("three", 1);
    scene.reason_becomes("unavailable").await;
    let unknown = "the primary is 127.0.0.1:1, which is not a host of DATABASE_URL";
    scene.service.logged(unknown).await;
    scene.etcd.give_lock_to("one", scene.one.port());
    scene.reason_becomes("").await;
    scene.service.logged("etcd confirms the primary again").await;

    // It loses the lock and takes it again, before etcd is asked. Its sessions may be those of an old primary.
    let client = connect(&scene.one).await;
    let sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tenant-registry'";
    let sessions = client.query(sessions, &[]).await.unwrap();
    let sessions: Vec<i32> = sessions.iter().map(|row| row.get(0)).collect();
    assert!(!sessions.is_empty());
    scene.etcd.give_lock_to("one", scene.one.port());
    until("the sessions have ended", async || {
        let left = "SELECT FROM pg_stat_activity WHERE pid = ANY($1)";
        client.query(left, &[&sessions]).await.unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(scene.reason().await, "");

    scene.etcd.take_lock_away();
    scene.reason_becomes("unavailable").await;
    scene.service.logged(&format!("etcd has no key {PREFIX}leader")).await;
    assert!(scene.seconds_left().await <= 0.0);
}

/// From each kind of connection, and from a transaction that was rolled back.
async fn a_result_that_arrives_after_the_lease_has_ended_is_withheld() {
    let scene = Scene::start(LEFT).await;
    assert_eq!(scene.reason().await, "");
    let client = connect(&scene.one).await;
    client
        .batch_execute("BEGIN; LOCK TABLE api_keys, tenants, audit_log IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let (reason, tenant, page, list, duplicate, ()) = tokio::join!(
        scene.reason(),
        scene.service.raw.get("/v1/tenants/by-slug/first"),
        scene.service.raw.get("/v1/audit"),
        scene.service.raw.get("/v1/tenants"),
        create_tenant(&scene.service, "first"),
        async {
            until("the statements wait", async || {
                let waits = "SELECT FROM pg_locks WHERE locktype = 'relation' AND NOT granted HAVING count(*) >= 5";
                is_there(&client, waits).await.then_some(())
            })
            .await;
            scene.etcd.silence(true);
            until("the lease has ended", async || {
                (scene.seconds_left().await <= 0.0).then_some(())
            })
            .await;
            client.batch_execute("ROLLBACK").await.unwrap();
        }
    );
    assert_eq!(reason, "unavailable");
    for response in [tenant, page, list, duplicate] {
        response.assert_error(503, ErrorCode::Unavailable);
    }
    scene.etcd.silence(false);
    scene.reason_becomes("").await;
    assert_eq!(create_tenant(&scene.service, "first").await.status, 409);
}

/// Holds up every transaction that inserts an event: at the INSERT, or at the COMMIT.
async fn hold_up(client: &Client, timing: &str) {
    let trigger = format!(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON audit_log DEFERRABLE INITIALLY {timing} \
             FOR EACH ROW EXECUTE FUNCTION wait(); \
         SELECT pg_advisory_lock(1)"
    );
    client.batch_execute(&trigger).await.unwrap();
}

/// Creates a tenant, lets the lease end while the transaction is held up, and continues the transaction after `meanwhile`.
async fn create_while_the_lease_ends(scene: &Scene, client: &Client, meanwhile: impl AsyncFnOnce()) -> RawResponse {
    let (response, ()) = tokio::join!(create_tenant(&scene.service, "late"), async {
        until("the transaction waits", async || {
            let waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted";
            is_there(client, waits).await.then_some(())
        })
        .await;
        scene.etcd.silence(true);
        scene.reason_becomes("unavailable").await;
        meanwhile().await;
        client.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
        let is_late_there = "SELECT FROM tenants WHERE slug = 'late'";
        let waits = "SELECT FROM pg_stat_activity WHERE application_name = 'tenant-registry' AND state <> 'idle'";
        until("the transaction has ended", async || {
            (is_there(client, is_late_there).await || !is_there(client, waits).await).then_some(())
        })
        .await;
        scene.etcd.silence(false);
    });
    response
}

async fn a_change_is_not_committed_after_the_lease_has_ended() {
    let scene = Scene::start(LEFT).await;
    let client = connect(&scene.one).await;
    hold_up(&client, "IMMEDIATE").await;
    let response = create_while_the_lease_ends(&scene, &client, async || ()).await;
    response.assert_error(503, ErrorCode::Unavailable);
    scene.reason_becomes("").await;
    assert_eq!(
        create_tenant(&scene.service, "late").await.status,
        201,
        "it was not made"
    );
}

async fn a_commit_that_outlives_the_lease_is_looked_up_on_the_primary() {
    let scene = Scene::start(LEFT).await;
    let client = connect(&scene.one).await;
    hold_up(&client, "DEFERRED").await;
    let response = create_while_the_lease_ends(&scene, &client, async || ()).await;
    assert_eq!(response.status, 201, "the primary is the same: {response:?}");

    // The new primary does not have the change.
    let scene = Scene::start(LEFT).await;
    let client = connect(&scene.one).await;
    hold_up(&client, "DEFERRED").await;
    let fails_over = async || {
        scene.promote().await;
        scene.etcd.give_lock_to("two", scene.two.port());
        scene.etcd.silence(false);
        scene.reason_becomes("").await;
    };
    let response = create_while_the_lease_ends(&scene, &client, fails_over).await;
    let message = response.assert_error(500, ErrorCode::Internal);
    assert!(message.contains("may or may not have been made"), "{message}");
    assert_eq!(scene.service.raw.get("/v1/tenants/by-slug/late").await.status, 404);
    assert!(is_there(&client, "SELECT FROM tenants WHERE slug = 'late'").await);
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

async fn asks_etcd_over_tls_as_a_user() {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
    let signed = |names: Vec<String>| {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority);
        (certificate.unwrap(), key)
    };

    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let (certificate, key) = signed(vec!["localhost".to_owned()]);
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let etcd = Etcd::start(LEFT, Some(TlsAcceptor::from(Arc::new(tls)))).await;
    etcd.require_login();

    let cluster = blocking(|| Cluster::start(ClusterSettings::default()).unwrap()).await;
    etcd.give_lock_to("one", cluster.port());
    let (certificate, key) = signed(Vec::new());
    let authorities = file(authority.pem().as_str());
    let identity = file(&format!("{}{}", certificate.pem(), key.serialize_pem()));
    let etcd_url = format!("https://localhost:{}", etcd.address.port());
    let serve = async |password: &NamedTempFile| {
        ServiceProcess::serve(&|command| {
            command
                .env("DATABASE_URL", cluster.url("postgres"))
                .env("DATABASE_ETCD_URLS", &etcd_url)
                .env("DATABASE_ETCD_PREFIX", PREFIX)
                .env("DATABASE_ETCD_CA_FILE", authorities.path())
                .env("DATABASE_ETCD_CERTIFICATE_FILE", identity.path())
                .env("DATABASE_ETCD_USER", LOGIN.0)
                .env("DATABASE_ETCD_PASSWORD_FILE", password.path())
        })
        .await
    };
    let service = serve(&file(LOGIN.1)).await;
    is_ready(&service).await;
    assert_eq!(etcd.logins(), 1);
    etcd.forget_token();
    until("another login", async || (etcd.logins() == 3).then_some(())).await;
    assert_eq!(service.raw.get("/readyz").await.status, 200);
    let log = service.stop().await.stderr;
    assert!(!log.contains("cannot confirm") && !log.contains(LOGIN.1), "{log}");

    let service = serve(&file("catfish")).await;
    service.logged("rejected DATABASE_ETCD_USER or its password").await;
    assert_eq!(service.raw.get("/readyz").await.status, 503);
    assert!(!service.stop().await.stderr.contains("catfish"));
}
