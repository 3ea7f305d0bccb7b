//! Tokens and API keys: how the program reads them, and that it never prints them.

use libtest_mimic::Trial;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::harness::{Ended, TestServer, ended, on_memory, program};

pub(crate) fn cases() -> Vec<Trial> {
    [
        on_memory(
            "the_token_is_sent_but_never_printed",
            the_token_is_sent_but_never_printed,
        ),
        on_memory("no_argument_accepts_a_token", no_argument_accepts_a_token),
        on_memory("no_argument_accepts_an_api_key", no_argument_accepts_an_api_key),
        on_memory(
            "an_api_key_is_read_from_a_file_or_standard_input",
            an_api_key_is_read_from_a_file_or_standard_input,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const TOKEN: &str = "the-token-of-the-test";

/// Sends an invalid response to one request and returns the request.
async fn request_of(prepare: impl FnOnce(&mut Command) -> &mut Command) -> (String, Ended) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = program();
    command.env(
        "TENANT_REGISTRY_URL",
        format!("http://{}", listener.local_addr().unwrap()),
    );
    let responding = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(connection.read_u8().await.unwrap());
        }
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n{";
        connection.write_all(response).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let command = prepare(command.args(["health", "get"]));
    tokio::join!(responding, ended(command, ""))
}

async fn the_token_is_sent_but_never_printed(_: TestServer) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let header = format!("authorization: Bearer {TOKEN}\r\n");
    let (request, ended) = request_of(|command| command.env("TENANT_REGISTRY_TOKEN", TOKEN)).await;
    assert!(request.contains(&header), "{request}");
    ended.assert_failed(1, &["error: the response body does not match the OpenAPI document"]);
    assert!(!format!("{ended:?}").contains(TOKEN));
    let other = "TENANT_REGISTRY_TOKEN";
    let (request, _) = request_of(|command| command.env(other, "other").arg("--token-file").arg(file.path())).await;
    assert!(request.contains(&header), "{request}");
    let (request, _) = request_of(|command| command.env("TENANT_REGISTRY_TOKEN_FILE", file.path())).await;
    assert!(request.contains(&header), "{request}");
    let (request, _) = request_of(|command| command).await;
    assert!(!request.contains("authorization"), "{request}");
}

async fn no_argument_accepts_a_token(service: TestServer) {
    for arguments in [["--token", TOKEN].as_slice(), &[&format!("--token={TOKEN}")]] {
        let ended = service.run(&[arguments, &["health", "get"]].concat()).await;
        ended.assert_failed(2, &["unexpected argument '--token'", "--token-file"]);
        assert!(!format!("{ended:?}").contains(TOKEN), "{ended:?}");
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    let path = empty.path().to_str().unwrap();
    let ended = service.run(&["--token-file", path, "health", "get"]).await;
    ended.assert_failed(2, &[path, "contains no token"]);
    // An invalid header value is not quoted.
    let mut command = service.command();
    command
        .env("TENANT_REGISTRY_TOKEN", "the-token\u{7}")
        .args(["health", "get"]);
    let ended = crate::harness::ended(&mut command, "").await;
    ended.assert_failed(
        2,
        &["the bearer token contains characters that are not allowed in a header"],
    );
    assert!(!ended.stderr.contains("the-token"), "{ended:?}");
    let help = service.run(&["--help"]).await;
    assert!(
        help.stdout.contains("--token-file") && !help.stdout.contains(&service.url),
        "{help:?}"
    );
}

const KEY: &str = "bp_Zm9vYmFyYmF6cXV4MTIzNA";

async fn no_argument_accepts_an_api_key(service: TestServer) {
    let ended = service.run(&["api-key", "verify", "--key", KEY]).await;
    ended.assert_failed(2, &["unexpected argument '--key'"]);
    assert!(!ended.stderr.contains(KEY), "{ended:?}");
    // Also as a whole body in a file.
    let ended = service.run(&["api-key", "verify", "--body", "{}"]).await;
    ended.assert_failed(2, &["unexpected argument '--body'"]);
}

async fn an_api_key_is_read_from_a_file_or_standard_input(service: TestServer) {
    let verify = ["api-key", "verify", "--key-file"];
    let file = tempfile::NamedTempFile::new().unwrap();
    for text in [KEY.to_owned(), format!("{KEY}\n"), format!("{KEY}\r\n")] {
        std::fs::write(file.path(), &text).unwrap();
        let from_file = service
            .run(&[&verify[..], &[file.path().to_str().unwrap()]].concat())
            .await;
        let from_input = service.run_with_input(&[&verify[..], &["-"]].concat(), &text).await;
        for ended in [from_file, from_input] {
            // A well-formed key. With the newline it would be malformed.
            ended.assert_failed(7, &["the API key is not valid: unknown"]);
            assert!(!format!("{ended:?}").contains(KEY), "{ended:?}");
        }
    }
}
