//! `registry login` and `registry logout`, with an OpenID Connect provider and a service whose responses are scripted.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Ended, TestServer, ended, on_memory, program};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_memory("a_person_logs_in_and_out", a_person_logs_in_and_out),
        on_memory(
            "a_login_is_renewed_before_it_expires",
            a_login_is_renewed_before_it_expires,
        ),
        on_memory(
            "a_login_that_cannot_be_renewed_says_what_to_do",
            a_login_that_cannot_be_renewed_says_what_to_do,
        ),
        on_memory(
            "a_program_logs_in_with_a_secret_file",
            a_program_logs_in_with_a_secret_file,
        ),
        on_memory("a_denied_login_is_an_error", a_denied_login_is_an_error),
        on_memory(
            "tokens_that_others_can_read_are_not_used",
            tokens_that_others_can_read_are_not_used,
        ),
        on_memory(
            "nothing_is_sent_over_plain_http_to_another_machine",
            nothing_is_sent_over_plain_http_to_another_machine,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A request: its first line, its authorization and its body.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    line: String,
    authorization: Option<String>,
    body: String,
}

/// A provider and a service in one, and a home directory.
struct Provider {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    /// The responses of the token endpoint.
    tokens: Arc<Mutex<VecDeque<(u16, Value)>>>,
    state: tempfile::TempDir,
}

impl Provider {
    async fn start(tokens: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let tokens = Arc::new(Mutex::new(tokens.into_iter().collect()));
        let provider = Self {
            url: url.clone(),
            requests: Arc::clone(&requests),
            tokens: Arc::clone(&tokens),
            state: tempfile::tempdir().unwrap(),
        };
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                serve(connection, &url, &requests, &tokens).await;
            }
        });
        provider
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = program();
        command
            .env("TENANT_REGISTRY_URL", &self.url)
            .env("XDG_STATE_HOME", self.state.path())
            .args(arguments);
        ended(&mut command, "").await
    }

    /// Logs in, as a person.
    async fn log_in(&self) -> Ended {
        self.run(&["login", "--issuer", &self.url, "--client-id", "registry-cli"])
            .await
    }

    fn file(&self) -> PathBuf {
        self.state.path().join("tenant-registry/logins.json")
    }

    /// The requests since the last call, except those for the metadata.
    fn take_requests(&self) -> Vec<Request> {
        let mut requests = std::mem::take(&mut *self.requests.lock().unwrap());
        requests.retain(|request| !request.line.contains("/.well-known/"));
        requests
    }

    /// The token that a command sends to the service.
    async fn token(&self) -> Option<String> {
        self.take_requests();
        let ended = self.run(&["health", "get"]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let requests = self.take_requests();
        let health = requests
            .into_iter()
            .find(|request| request.line == "GET /healthz")
            .unwrap();
        health
            .authorization
            .map(|value| value.trim_start_matches("Bearer ").to_owned())
    }
}

fn token(token: &str, expires_in: u32, refresh_token: Option<&str>) -> (u16, Value) {
    let mut response = json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in });
    if let Some(refresh_token) = refresh_token {
        response["refresh_token"] = refresh_token.into();
    }
    (200, response)
}

async fn serve(
    mut connection: TcpStream,
    url: &str,
    requests: &Mutex<Vec<Request>>,
    tokens: &Mutex<VecDeque<(u16, Value)>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    connection.read_exact(&mut body).await.unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let (status, response) = match line.as_str() {
        "GET /.well-known/openid-configuration" => (
            200,
            json!({
                "issuer": url,
                "token_endpoint": format!("{url}/token"),
                "device_authorization_endpoint": format!("{url}/device"),
                "revocation_endpoint": format!("{url}/revoke"),
            }),
        ),
        "POST /device" => (
            200,
            json!({
                "device_code": "device-code",
                "user_code": "WDJB-MJHT",
                "verification_uri": format!("{url}/activate"),
                "expires_in": 600,
                "interval": 0,
            }),
        ),
        "POST /token" => tokens.lock().unwrap().pop_front().unwrap(),
        "GET /healthz" => (200, json!({ "status": "ok" })),
        _ => (200, json!({})),
    };
    requests.lock().unwrap().push(Request {
        line,
        authorization: header("authorization"),
        body: String::from_utf8(body).unwrap(),
    });
    let response = response.to_string();
    let response = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{response}",
        response.len()
    );
    connection.write_all(response.as_bytes()).await.unwrap();
}

async fn a_person_logs_in_and_out(_: TestServer) {
    let provider = Provider::start([
        (400, json!({ "error": "authorization_pending" })),
        token("access-one", 3600, Some("refresh-one")),
    ])
    .await;
    assert_eq!(provider.token().await, None);
    let ended = provider.log_in().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
    for said in ["/activate", "WDJB-MJHT", "10 minutes", "Logged in to", "renewed"] {
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    assert!(
        !ended.stderr.contains("access-one") && !ended.stderr.contains("refresh-one"),
        "{ended:?}"
    );
    let requests = provider.take_requests();
    let lines: Vec<_> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(lines, ["POST /device", "POST /token", "POST /token"]);
    assert!(requests[2].body.contains("device_code=device-code"), "{requests:?}");

    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(provider.file()), 0o600);
    assert_eq!(mode(provider.state.path().join("tenant-registry")), 0o700);
    assert_eq!(provider.token().await.as_deref(), Some("access-one"));
    // A service at another URL does not get the token, and another token goes before it.
    let other = format!("{}/other", provider.url);
    provider.run(&["--base-url", &other, "health", "get"]).await;
    assert_eq!(provider.take_requests()[0].authorization, None);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "from-file").unwrap();
    provider
        .run(&["--token-file", file.path().to_str().unwrap(), "health", "get"])
        .await;
    assert_eq!(
        provider.take_requests()[0].authorization.as_deref(),
        Some("Bearer from-file")
    );

    let ended = provider.run(&["logout"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
    let revoked = provider.take_requests();
    assert_eq!(revoked[0].line, "POST /revoke");
    assert!(revoked[0].body.contains("token=refresh-one"), "{revoked:?}");
    let left = fs::read_to_string(provider.file()).unwrap();
    assert_eq!(left, "{}");
    assert_eq!(provider.token().await, None);
    assert_eq!(provider.run(&["logout"]).await.code, 0);
}

async fn a_login_is_renewed_before_it_expires(_: TestServer) {
    let provider = Provider::start([
        token("access-one", 20, Some("refresh-one")),
        token("access-two", 20, None),
        token("access-three", 3600, Some("refresh-three")),
    ])
    .await;
    provider.log_in().await;
    assert_eq!(provider.token().await.as_deref(), Some("access-three"));
    assert!(provider.tokens.lock().unwrap().is_empty());
    // Stored for the next command.
    assert_eq!(provider.token().await.as_deref(), Some("access-three"));
    let stored = fs::read_to_string(provider.file()).unwrap();
    assert!(stored.contains("refresh-three"), "{stored}");
    assert!(
        !stored.contains("access-one") && !stored.contains("refresh-one"),
        "{stored}"
    );
}

async fn a_login_that_cannot_be_renewed_says_what_to_do(_: TestServer) {
    let provider = Provider::start([
        token("access-one", 0, Some("refresh-one")),
        (
            400,
            json!({ "error": "invalid_grant", "error_description": "session ended" }),
        ),
        (503, json!({})),
    ])
    .await;
    provider.log_in().await;
    provider.take_requests();
    let ended = provider.run(&["health", "get"]).await;
    ended.assert_failed(3, &["no access token", "session ended", "run `registry login`"]);
    let ended = provider.run(&["health", "get"]).await;
    ended.assert_failed(6, &["no access token", "503"]);
    assert!(!format!("{ended:?}").contains("refresh-one"), "{ended:?}");
    let requests = provider.take_requests();
    assert!(
        requests.iter().all(|request| request.line == "POST /token"),
        "{requests:?}"
    );
}

async fn a_program_logs_in_with_a_secret_file(_: TestServer) {
    let provider = Provider::start([token("access-one", 0, None), token("access-two", 3600, None)]).await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "client-secret\n").unwrap();
    let secret = secret.path().to_str().unwrap();
    let login = [
        "login",
        "--issuer",
        &provider.url,
        "--client-id",
        "billing",
        "--client-secret-file",
        secret,
        "--scopes",
        "tenants:read,audit:read",
    ];
    let ended = provider.run(&login).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
    let requests = provider.take_requests();
    // `billing:client-secret` in base64.
    let basic = Some("Basic YmlsbGluZzpjbGllbnQtc2VjcmV0".to_owned());
    assert_eq!(
        requests,
        [Request {
            line: "POST /token".to_owned(),
            authorization: basic.clone(),
            body: "grant_type=client_credentials&scope=tenants%3Aread+audit%3Aread".to_owned(),
        }]
    );
    // Renewed with the file. The secret itself is not stored.
    assert_eq!(provider.token().await.as_deref(), Some("access-two"));
    let stored = fs::read_to_string(provider.file()).unwrap();
    assert!(stored.contains(secret) && !stored.contains("client-secret"), "{stored}");
    let missing = provider.run(&["login", "--client-secret-file", "no/such/file"]).await;
    missing.assert_failed(2, &["cannot read", "no/such/file"]);
}

async fn a_denied_login_is_an_error(_: TestServer) {
    let provider = Provider::start([(400, json!({ "error": "access_denied" }))]).await;
    let denied = provider.log_in().await;
    denied.assert_failed(3, &["the issuer rejects the request: access_denied"]);
    assert!(!provider.file().exists());
    let nothing = provider.run(&["login"]).await;
    nothing.assert_failed(2, &["`--issuer` is missing"]);
}

async fn tokens_that_others_can_read_are_not_used(_: TestServer) {
    let provider = Provider::start([token("access-one", 3600, Some("refresh-one"))]).await;
    provider.log_in().await;
    fs::set_permissions(provider.file(), fs::Permissions::from_mode(0o644)).unwrap();
    provider.take_requests();
    let ended = provider.run(&["health", "get"]).await;
    ended.assert_failed(2, &["other users can read", "chmod 600"]);
    assert_eq!(provider.take_requests(), []);
}

async fn nothing_is_sent_over_plain_http_to_another_machine(_: TestServer) {
    let provider = Provider::start([]).await;
    for arguments in [
        ["health", "get"].as_slice(),
        &["catalog", "list"],
        &["login"],
        &["logout"],
    ] {
        let arguments = [["--base-url", "http://registry.example.com"].as_slice(), arguments].concat();
        let ended = provider.run(&arguments).await;
        ended.assert_failed(2, &["the base URL must start with https://"]);
    }
    let login = ["login", "--client-id", "cli", "--issuer", "http://sso.example.com"];
    let ended = provider.run(&login).await;
    ended.assert_failed(3, &["secrets are sent only over https"]);
    assert_eq!(provider.take_requests(), []);
}
