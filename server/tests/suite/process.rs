//! The service process: its output, its settings, start and stop.

use crate::harness::RawClient;
use crate::harness::cases::process_cases;
use crate::harness::polling::until;
use crate::harness::process::{ServiceProcess, run};
use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::json;
use std::ffi::OsStr;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use tempfile::NamedTempFile;
use tenant_registry_client::types::{CatalogEntryList, Tenant, TenantStatus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

process_cases![
    help_lists_all_settings,
    openapi_prints_the_spec,
    serves_on_the_printed_address_with_an_example_tenant,
    an_invalid_setting_prevents_the_start_with_one_line,
    an_empty_variable_is_unset,
    invisible_characters_in_a_variable_prevent_the_start,
    the_in_memory_store_beside_an_issuer_requires_a_flag,
    secrets_are_read_from_files,
    the_process_writes_no_core_dump,
    flags_override_variables,
    the_old_name_of_a_variable_still_works_with_a_warning,
    both_names_of_a_variable_with_different_values_prevent_the_start,
    a_catalog_file_replaces_the_built_in_catalog,
    an_invalid_catalog_file_prevents_the_start_and_names_the_line,
    a_port_in_use_prevents_the_start,
    without_an_issuer_only_insecure_no_auth_allows_other_addresses_than_loopback,
    a_start_without_an_issuer_warns_once_on_each_output,
    internal_operations_have_their_own_listener,
    the_body_limit_is_configurable,
    the_memory_of_hashes_is_returned_to_the_system,
    both_signals_shut_the_service_down,
    is_not_ready_before_it_stops,
    a_running_request_is_finished,
    a_request_that_does_not_end_is_cut_off_at_the_timeout,
];

const SPEC_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/openapi.yaml");

/// The warning of a start without an issuer on standard output.
const OPEN: &str = "open: OIDC_ISSUER is not set, so everyone who can reach the port can do everything\n";

/// The warnings of a start without an issuer and a database.
const OPEN_IN_MEMORY: &str = "open: OIDC_ISSUER is not set, so everyone who can reach the port can do everything\n\
     in memory: DATABASE_URL is not set, so all records are lost when the process ends\n";

async fn help_lists_all_settings() {
    let output = run(&|command| command.args(["serve", "--help"])).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    let settings = [
        "DATABASE_URL",
        "DATABASE_CONNECT_TIMEOUT",
        "DATABASE_POOL_SIZE",
        "DATABASE_SHARED_CONNECTIONS",
        "DATABASE_POOL_TIMEOUT",
        "DATABASE_STATEMENT_TIMEOUT",
        "DATABASE_RECYCLING",
        "DATABASE_ETCD_URLS",
        "DATABASE_ETCD_PREFIX",
        "DATABASE_ETCD_CA_FILE",
        "DATABASE_ETCD_CERTIFICATE_FILE",
        "DATABASE_ETCD_USER",
        "DATABASE_ETCD_PASSWORD_FILE",
        "BIND_ADDR",
        "OIDC_ISSUER",
        "OIDC_AUDIENCE",
        "OIDC_ROLES",
        "OIDC_TENANT_CLAIM",
        "OIDC_LEEWAY",
        "INTERNAL_ADDR",
        "METRICS_ADDR",
        "CATALOG_FILE",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_SERVICE_NAME",
        "OTEL_TRACES_SAMPLER_ARG",
        "BODY_LIMIT",
        "BODY_TIMEOUT",
        "MAX_REQUESTS",
        "MAX_CONNECTIONS",
        "TRUSTED_PROXIES",
        "SHUTDOWN_DRAIN",
        "SHUTDOWN_TIMEOUT",
        "HASH_PERMITS",
        "HASH_QUEUE",
        "HASH_CACHE_KEYS",
        "HASH_PREFIX_PER_MINUTE",
        "RETRY_AFTER",
    ];
    for setting in settings {
        assert!(text.contains(&format!("[env: {setting}")), "{setting}: {text}");
    }
    let output = run(&|command| command.arg("--help")).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains("serve") && text.contains("openapi"),
        "{text}"
    );
}

async fn openapi_prints_the_spec() {
    let output = run(&|command| command.arg("openapi")).await;
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(output.stdout == std::fs::read(SPEC_FILE).unwrap());
}

async fn serves_on_the_printed_address_with_an_example_tenant() {
    let process = ServiceProcess::serve(&|command| command).await;
    assert_ne!(process.address.port(), 0);
    let acme: Tenant = process.raw.get("/v1/tenants/by-slug/acme").await.json();
    assert_eq!(
        (acme.name.as_str(), acme.status),
        ("Acme GmbH", TenantStatus::Active.into())
    );
    assert_eq!(process.raw.get("/v1/audit").await.text, r#"{"items":[]}"#);
    let catalog: CatalogEntryList = process.raw.get("/v1/catalog").await.json();
    assert!(!catalog.items.is_empty());
}

/// Expects that the start fails with one line that contains these texts.
async fn assert_start_fails(prepare: &dyn Fn(&mut Command) -> &mut Command, naming: &[&str]) {
    let output = run(&|command| prepare(command.arg("serve"))).await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && output.stdout.is_empty(),
        "{naming:?}: {text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in naming {
        assert!(text.contains(part), "{part}: {text}");
    }
}

async fn an_invalid_setting_prevents_the_start_with_one_line() {
    let bad = [
        ("DATABASE_CONNECT_TIMEOUT", "0", "--database-connect-timeout"),
        ("DATABASE_POOL_SIZE", "0", "--database-pool-size"),
        ("DATABASE_SHARED_CONNECTIONS", "65", "--database-shared-connections"),
        ("DATABASE_POOL_TIMEOUT", "61", "--database-pool-timeout"),
        ("DATABASE_STATEMENT_TIMEOUT", "5s", "--database-statement-timeout"),
        ("DATABASE_RECYCLING", "never", "--database-recycling"),
        ("DATABASE_ETCD_URLS", "etcd1:2379", "--database-etcd-urls"),
        ("DATABASE_ETCD_URLS", "http://etcd1:2379/v3", "--database-etcd-urls"),
        ("DATABASE_ETCD_PREFIX", "tenant-registry", "--database-etcd-prefix"),
        ("DATABASE_ETCD_CA_FILE", "/no/such/file", "--database-etcd-ca-file"),
        (
            "DATABASE_ETCD_CERTIFICATE_FILE",
            "/no/such/file",
            "--database-etcd-certificate-file",
        ),
        (
            "DATABASE_ETCD_PASSWORD_FILE",
            "/no/such/file",
            "--database-etcd-password-file",
        ),
        ("BIND_ADDR", "nowhere", "--bind-address"),
        ("BIND_ADDR", "127.0.0.1", "--bind-address"),
        ("OIDC_ISSUER", "http://sso.example.com", "--oidc-issuer"),
        ("OIDC_ISSUER", "platform", "--oidc-issuer"),
        ("OIDC_ROLES", "operator", "--oidc-roles"),
        ("OIDC_ROLES", "operator=everything", "--oidc-roles"),
        ("OIDC_LEEWAY", "301", "--oidc-leeway"),
        ("INTERNAL_ADDR", "9090", "--internal-address"),
        ("METRICS_ADDR", "9090", "--metrics-address"),
        ("LOG_LEVEL", "loud", "--log-level"),
        ("LOG_FORMAT", "xml", "--log-format"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector",
            "--otel-exporter-otlp-endpoint",
        ),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5", "--otel-traces-sampler-arg"),
        ("BODY_LIMIT", "0", "--body-limit"),
        ("BODY_LIMIT", "1MB", "--body-limit"),
        ("BODY_LIMIT", "99999999999", "--body-limit"),
        ("BODY_TIMEOUT", "0", "--body-timeout"),
        ("BODY_TIMEOUT", "601", "--body-timeout"),
        ("MAX_REQUESTS", "0", "--max-requests"),
        ("MAX_CONNECTIONS", "0", "--max-connections"),
        ("TRUSTED_PROXIES", "proxy", "--trusted-proxies"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "--trusted-proxies"),
        ("SHUTDOWN_DRAIN", "601", "--shutdown-drain"),
        ("SHUTDOWN_TIMEOUT", "0", "--shutdown-timeout"),
        ("HASH_PERMITS", "0", "--hash-permits"),
        ("HASH_QUEUE", "-1", "--hash-queue"),
        ("HASH_CACHE_KEYS", "0", "--hash-cache-keys"),
        ("HASH_PREFIX_PER_MINUTE", "0", "--hash-prefix-per-minute"),
        ("RETRY_AFTER", "3601", "--retry-after"),
    ];
    for (variable, value, flag) in bad {
        assert_start_fails(&|command| command.env(variable, value), &[value, flag]).await;
        assert_start_fails(&|command| command.arg(format!("{flag}={value}")), &[value, flag]).await;
    }
    // The value is a secret, so the message does not contain it.
    assert_start_fails(
        &|command| command.env("OTEL_EXPORTER_OTLP_HEADERS", "a=b,secret"),
        &["OTEL_EXPORTER_OTLP_HEADERS", "header 2 is not NAME=VALUE"],
    )
    .await;
    assert_start_fails(&|command| command.arg("--no-such-flag"), &["--no-such-flag"]).await;
}

async fn an_empty_variable_is_unset() {
    let process = ServiceProcess::serve(&|command| {
        for variable in [
            "DATABASE_URL",
            "CATALOG_FILE",
            "LOG_LEVEL",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "BODY_LIMIT",
            "TRUSTED_PROXIES",
            "HASH_PERMITS",
        ] {
            command.env(variable, "");
        }
        command
    })
    .await;
    assert_eq!(process.raw.get("/readyz").await.status, 200);
}

async fn invisible_characters_in_a_variable_prevent_the_start() {
    for variable in [
        "OIDC_TENANT_CLAIM",
        "OIDC_ISSUER",
        "OIDC_AUDIENCE",
        "OIDC_ROLES",
        "OTEL_SERVICE_NAME",
        "DATABASE_URL",
        "DATABASE_URL_FILE",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "CATALOG_FILE",
        "LOG_LEVEL",
        "BODY_LIMIT",
        // The old name of a setting.
        "HASH_MEMORY",
    ] {
        for value in ["swordfish\n", " swordfish", "sword\u{202e}fish", "\u{feff}swordfish"] {
            let output = run(&|command| command.arg("serve").env(variable, value)).await;
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{text}");
            assert!(
                text.starts_with(&format!("error: {variable} ")) && text.lines().count() == 1,
                "{text}"
            );
            assert!(!text.contains("sword"), "{text}");
        }
    }
    assert_start_fails(
        &|command| command.env("OIDC_AUDIENCE", OsStr::from_bytes(b"a\xff")),
        &["OIDC_AUDIENCE is not valid UTF-8"],
    )
    .await;
    let help = run(&|command| command.args(["serve", "--help"]).env("LOG_LEVEL", " ")).await;
    assert!(help.status.success());
}

async fn the_in_memory_store_beside_an_issuer_requires_a_flag() {
    let issuer = "http://127.0.0.1:9/realms/silent";
    for arguments in [&[][..], &["--no-migrate"], &["--bind-address", "0.0.0.0:0"]] {
        for database in [None, Some(("DATABASE_URL", ""))] {
            assert_start_fails(
                &|command| command.args(arguments).env("OIDC_ISSUER", issuer).envs(database),
                &["--database-url <DATABASE_URL>", "--in-memory"],
            )
            .await;
        }
    }
    let process = ServiceProcess::serve(&|command| command.env("OIDC_ISSUER", issuer).arg("--in-memory")).await;
    process.logged("the records are in memory").await;
}

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

async fn secrets_are_read_from_files() {
    for variable in ["DATABASE_URL", "OTEL_EXPORTER_OTLP_HEADERS"] {
        let variable_of_file = format!("{variable}_FILE");
        let naming = |command: &mut Command, path: &str| {
            command.env(&variable_of_file, path);
        };
        for (content, expected) in [
            (&b"correct horse \n"[..], "white space"),
            (b"", "the file is empty"),
            (b"correct\0horse", "U+0000"),
        ] {
            let file = file(content);
            let path = file.path().to_str().unwrap();
            let prepare = |command: &mut Command| {
                naming(command, path);
            };
            assert_start_fails_with(&prepare, &[&variable_of_file, expected], "correct").await;
        }
        let missing = |command: &mut Command| naming(command, "/no/such/file");
        assert_start_fails_with(&missing, &[&variable_of_file, "cannot read the file"], "correct").await;
        let both = |command: &mut Command| {
            naming(command, "/dev/null");
            command.env(variable, "correct=horse");
        };
        assert_start_fails_with(&both, &[&variable_of_file], "correct").await;
    }
    let headers = file(b"authorization=Bearer%20correct\r\n");
    let process =
        ServiceProcess::serve(&|command| command.env("OTEL_EXPORTER_OTLP_HEADERS_FILE", headers.path())).await;
    assert_eq!(process.raw.get("/readyz").await.status, 200);
    let url = file(b"postgres://u:correct@127.0.0.1:9/x\n");
    assert_start_fails_with(
        &|command| {
            command.env("DATABASE_URL_FILE", url.path()).env("LOG_LEVEL", "error");
        },
        &["the database cannot be reached"],
        "correct",
    )
    .await;
}

/// Expects that the start fails with one line that contains these texts, but not the secret.
async fn assert_start_fails_with(prepare: &dyn Fn(&mut Command), naming: &[&str], secret: &str) {
    let output = run(&|command| {
        prepare(command.arg("serve"));
        command
    })
    .await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{text}");
    for part in naming {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(secret), "{text}");
}

async fn the_process_writes_no_core_dump() {
    let process = ServiceProcess::serve(&|command| command).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let fields: Vec<_> = core.split_whitespace().collect();
    assert_eq!(fields[4..6], ["0", "0"], "{core}");
}

async fn flags_override_variables() {
    let process =
        ServiceProcess::serve(&|command| command.env("BODY_LIMIT", "2048").args(["--body-limit", "1024"])).await;
    let response = process.raw.post("/v1/audit", " ".repeat(1025)).await;
    assert!(response.text.contains("1024"), "{response:?}");
}

async fn the_old_name_of_a_variable_still_works_with_a_warning() {
    let mut process = ServiceProcess::serve(&|command| command.env("OPERATIONS_ADDR", "127.0.0.1:0")).await;
    let metrics = RawClient::new(process.metrics_url());
    assert_eq!(metrics.get("/metrics").await.status, 200);
    process
        .logged("OPERATIONS_ADDR was renamed to METRICS_ADDR; use the new name")
        .await;
}

async fn both_names_of_a_variable_with_different_values_prevent_the_start() {
    assert_start_fails(
        &|command| command.env("HASH_MEMORY", "100").env("HASH_CACHE_KEYS", "200"),
        &["HASH_MEMORY is the old name of HASH_CACHE_KEYS", "remove HASH_MEMORY"],
    )
    .await;
}

async fn a_catalog_file_replaces_the_built_in_catalog() {
    let product = "[[product]]\nkey = \"only\"\nname = \"Only\"\ndescription = \"\"\nsupports_trial = false\n";
    let file = file(product.as_bytes());
    let process = ServiceProcess::serve(&|command| command.env("CATALOG_FILE", file.path())).await;
    let catalog: CatalogEntryList = process.raw.get("/v1/catalog").await.json();
    let keys: Vec<_> = catalog.items.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["only"]);
}

async fn an_invalid_catalog_file_prevents_the_start_and_names_the_line() {
    let file = file(b"[[product]]\nkey = \"a\"\nname = 1\n");
    let name = file.path().to_str().unwrap();
    assert_start_fails(
        &|command| command.env("CATALOG_FILE", name),
        &[name, "line 3", "invalid type"],
    )
    .await;
    assert_start_fails(
        &|command| command.env("CATALOG_FILE", "no/such.toml"),
        &["no/such.toml"],
    )
    .await;
}

async fn a_port_in_use_prevents_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // The flag overrides `BIND_ADDR`.
    let output = run(&|command| command.args(["serve", "--log-level", "error", "--bind-address", &address])).await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let line = text.lines().last().unwrap_or_default();
    assert!(line.contains(&address) && line.contains("in use"), "{text}");
}

async fn without_an_issuer_only_insecure_no_auth_allows_other_addresses_than_loopback() {
    for variable in ["BIND_ADDR", "INTERNAL_ADDR"] {
        let beyond = "0.0.0.0:0";
        let expected = [beyond, "OIDC_ISSUER", "--insecure-no-auth"];
        assert_start_fails(&|command| command.env(variable, beyond), &expected).await;
        let mut process = ServiceProcess::serve(&|command| {
            command
                .env(variable, beyond)
                .args(["--insecure-no-auth", "--in-memory"])
        })
        .await;
        if variable == "INTERNAL_ADDR" {
            assert!(process.line().starts_with("internal operations on"));
        }
        assert_eq!(process.line() + "\n", OPEN);
    }
    assert_start_fails(
        &|command| {
            command
                .env("OIDC_ISSUER", "https://sso.example.com")
                .arg("--insecure-no-auth")
        },
        &["--oidc-issuer", "--insecure-no-auth", "cannot be used together"],
    )
    .await;
}

async fn a_start_without_an_issuer_warns_once_on_each_output() {
    let process = ServiceProcess::serve(&|command| command).await;
    assert_eq!(process.raw.get("/v1/catalog").await.status, 200);
    let ended = process.stop().await;
    assert_eq!(ended.stdout, OPEN_IN_MEMORY);
    assert_eq!(
        ended.stderr.matches("OIDC_ISSUER is not set").count(),
        1,
        "{}",
        ended.stderr
    );
}

async fn internal_operations_have_their_own_listener() {
    let mut process = ServiceProcess::serve(&|command| command.env("INTERNAL_ADDR", "127.0.0.1:0")).await;
    let line = process.line();
    let internal = line
        .strip_prefix("internal operations on ")
        .and_then(|url| url.strip_suffix("/v1/internal/"));
    let internal = RawClient::new(internal.unwrap_or_else(|| panic!("{line}")).to_owned());
    let verify = "/v1/internal/api-keys/verify";
    let response = internal.post_json(verify, &json!({ "key": "bp_" })).await;
    assert_eq!(
        (response.status, response.text.as_str()),
        (200, r#"{"valid":false,"reason":"malformed"}"#)
    );
    assert_eq!(
        process.raw.post_json(verify, &json!({ "key": "bp_" })).await.status,
        404
    );
    assert_eq!(process.raw.get("/v1/catalog").await.status, 200);
    for path in ["/v1/catalog", "/readyz", "/docs", "/openapi.json"] {
        assert_eq!(internal.get(path).await.status, 404, "{path}");
    }
    process.signal(Signal::TERM);
    let ended = process.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

async fn the_body_limit_is_configurable() {
    let process = ServiceProcess::serve(&|command| command.env("BODY_LIMIT", "1024")).await;
    assert_eq!(process.raw.post("/v1/audit", " ".repeat(1024)).await.status, 400);
    assert_eq!(process.raw.post("/v1/audit", " ".repeat(1025)).await.status, 413);
}

async fn both_signals_shut_the_service_down() {
    for signal in [Signal::TERM, Signal::INT] {
        let process = ServiceProcess::serve(&|command| command).await;
        assert_eq!(process.raw.get("/healthz").await.status, 200);
        process.signal(signal);
        let ended = process.ended().await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), OPEN_IN_MEMORY),
            "{}",
            ended.stderr
        );
    }
}

async fn the_memory_of_hashes_is_returned_to_the_system() {
    let process = ServiceProcess::serve(&|command| command.env("HASH_PERMITS", "2")).await;
    let tenant: Tenant = process.raw.get("/v1/tenants/by-slug/acme").await.json();
    let at_rest = process.memory_mib();
    let api_key = json!({ "tenant_id": tenant.id, "name": "n" });
    for _ in 0..2 {
        let created = join_all((0..8).map(|_| process.raw.post_json("/v1/api-keys", &api_key))).await;
        assert!(created.iter().all(|response| response.status == 201), "{created:?}");
        // A hash takes 64 MiB. The connections and keys take much less.
        until("the memory is returned", async || {
            (process.memory_mib() < at_rest + 32).then_some(())
        })
        .await;
    }
}

/// After the first signal the service is not ready but still serves; a second signal stops it.
async fn is_not_ready_before_it_stops() {
    let process = ServiceProcess::serve(&|command| command.env("SHUTDOWN_DRAIN", "600")).await;
    assert_eq!(process.raw.get("/readyz").await.status, 200);
    process.signal(Signal::TERM);
    until("it is not ready", async || {
        (process.raw.get("/readyz").await.status == 503).then_some(())
    })
    .await;
    assert_eq!(process.raw.get("/healthz").await.status, 200, "it is alive");
    assert_eq!(process.raw.get("/v1/catalog").await.status, 200, "it serves");
    let ended = process.stop().await;
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.stderr.contains("SIGTERM: stopping immediately"),
        "{}",
        ended.stderr
    );

    let process = ServiceProcess::serve(&|command| command.env("SHUTDOWN_DRAIN", "600")).await;
    process.signal(Signal::INT);
    assert_eq!(process.ended().await.code, Some(0), "Ctrl-C does not wait");
}

/// Starts a request and returns when the service waits for its body.
pub(crate) async fn started_request(address: SocketAddr, body_length: usize) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/audit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {body_length}\r\nExpect: 100-continue\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The service sends this when the handler reads the body.
    let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut response = vec![0; expected.len()];
    connection.read_exact(&mut response).await.unwrap();
    assert_eq!(response, expected);
    connection
}

async fn a_running_request_is_finished() {
    let process = ServiceProcess::serve(&|command| command.env("LOG_LEVEL", "debug")).await;
    let body = r#"{"action": "slow"}"#;
    let mut connection = started_request(process.address, body.len()).await;
    process.signal(Signal::TERM);
    process.logged("beginning graceful shutdown").await;
    let later = process.address;
    let later = tokio::spawn(async move { response_to_a_late_request(later).await });
    connection.write_all(body.as_bytes()).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    assert!(
        response.starts_with("HTTP/1.1 201 Created\r\n") && response.ends_with('}'),
        "{response}"
    );
    assert_eq!(process.ended().await.code, Some(0));
    assert_eq!(later.await.unwrap(), "", "later requests are not accepted");
}

/// The response to a request after the signal; empty if the connection fails.
async fn response_to_a_late_request(address: SocketAddr) -> String {
    let mut response = String::new();
    if let Ok(mut connection) = TcpStream::connect(address).await {
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        // The connection may break at any point; only a response would be wrong.
        if connection.write_all(request).await.is_ok() {
            let _ = connection.read_to_string(&mut response).await;
        }
    }
    response
}

async fn a_request_that_does_not_end_is_cut_off_at_the_timeout() {
    let process = ServiceProcess::serve(&|command| command.env("SHUTDOWN_TIMEOUT", "1")).await;
    let _connection = started_request(process.address, 2).await;
    let ended = process.stop().await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("were cancelled"), "{}", ended.stderr);
}
