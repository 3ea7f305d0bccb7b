//! A server with scripted responses that records requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenant_registry_client::{Client, ClientBuilder, RetryPolicy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A tenant as in a response of the service.
pub(crate) const TENANT: &str = r#"{
    "id": "0190b8a5-7b1c-7c3e-9d52-0242ac120002", "slug": "acme", "name": "Acme GmbH", "status": "active",
    "kind": "customer", "plan": "starter", "trial_ends_at": null, "contract_start": null, "contract_end": null,
    "cancel_at": null, "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z"
}"#;

/// The error body of a busy service.
pub(crate) const UNAVAILABLE: &str = r#"{"error": "unavailable", "message": "try again"}"#;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Response {
    /// Responds with a status, headers (each followed by `\r\n`) and a JSON body.
    With(u16, &'static str, &'static str),
    /// Closes the connection.
    HangUp,
    /// Keeps the connection open without a response.
    Silence,
}

/// A recorded request.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// The index of the connection.
    pub(crate) connection: usize,
    /// The method and the target.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The server. It stops with the runtime of the test.
pub(crate) struct Script {
    pub(crate) base_url: String,
    responses: Arc<Mutex<VecDeque<Response>>>,
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

impl Recorded {
    /// The value of a header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Script {
    /// Starts a server that gives these responses, one for each request.
    pub(crate) async fn start(responses: impl IntoIterator<Item = Response>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let responses: Arc<Mutex<VecDeque<Response>>> = Arc::new(Mutex::new(responses.into_iter().collect()));
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&recorded);
        let script = Arc::clone(&responses);
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(connection, stream, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        Self {
            base_url: format!("http://{address}"),
            responses,
            recorded,
        }
    }

    /// Adds a response, with a body that is known only now.
    pub(crate) fn then(&self, status: u16, body: String) {
        let mut responses = self.responses.lock().expect("no test panics while it holds the lock");
        responses.push_back(Response::With(status, "", body.leak()));
    }

    /// A builder of a client that retries twice without a pause.
    pub(crate) fn builder(&self) -> ClientBuilder {
        self.at("")
    }

    /// The same for a server below a path.
    pub(crate) fn at(&self, path: &str) -> ClientBuilder {
        Client::builder(&format!("{}{path}", self.base_url)).retry(RetryPolicy {
            retries: 2,
            initial_delay: Duration::from_micros(1),
            max_delay: Duration::from_secs(1),
        })
    }

    /// A client that retries twice without a pause.
    pub(crate) fn client(&self) -> Client {
        self.builder().build().expect("the settings are valid")
    }

    /// The requests so far.
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        self.recorded
            .lock()
            .expect("no test panics while it holds the lock")
            .clone()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Recorded {
        let mut recorded = self.recorded();
        assert_eq!(recorded.len(), 1, "{recorded:?}");
        recorded.remove(0)
    }
}

async fn serve(
    connection: usize,
    mut stream: TcpStream,
    responses: Arc<Mutex<VecDeque<Response>>>,
    log: Arc<Mutex<Vec<Recorded>>>,
) {
    while let Some(request) = read(connection, &mut stream).await {
        log.lock()
            .expect("no test panics while it holds the lock")
            .push(request);
        let response = responses
            .lock()
            .expect("no test panics while it holds the lock")
            .pop_front()
            .expect("the script has an response for each request");
        match response {
            Response::With(status, headers, body) => {
                let length = body.len();
                let response = format!("HTTP/1.1 {status} Scripted\r\n{headers}content-length: {length}\r\n\r\n{body}");
                stream.write_all(response.as_bytes()).await.expect("the client listens");
            }
            Response::HangUp => return,
            Response::Silence => std::future::pending().await,
        }
    }
}

/// Reads a request; `None` if the client has closed the connection.
async fn read(connection: usize, stream: &mut TcpStream) -> Option<Recorded> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("the head is ASCII");
    let mut lines = head.trim_end().split("\r\n");
    let line = lines
        .next()
        .unwrap_or_default()
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut request = Recorded {
        connection,
        line,
        headers,
        body: String::new(),
    };
    assert_eq!(request.header("transfer-encoding"), None, "bodies have a length");
    let length = request.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().expect("a length is a number")];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).expect("JSON is UTF-8");
    Some(request)
}
