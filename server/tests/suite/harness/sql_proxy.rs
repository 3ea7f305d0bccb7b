//! A proxy between the service and Postgres. It records the statements that the service runs, and can replace their
//! SQL, so that a test can put a fault into a query of the binary as it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Returns the SQL in place of this one, if it is to be replaced.
type Rewrite = Box<dyn Fn(&str) -> Option<String> + Send>;

/// A statement that the service ran.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Statement {
    /// Its SQL, as the service sent it.
    pub(crate) sql: String,
    /// The statements that began its transaction. `None` if it ran in none.
    pub(crate) begin: Option<String>,
}

#[derive(Default)]
struct Shared {
    rewrite: Mutex<Option<Rewrite>>,
    rewritten: Mutex<usize>,
    statements: Mutex<Vec<Statement>>,
    connections: Mutex<Vec<AbortHandle>>,
}

pub(crate) struct SqlProxy {
    /// The URL of the database through the proxy.
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl SqlProxy {
    /// Starts a proxy to the database of this URL.
    pub(crate) async fn start(url: &str) -> Self {
        let config: Config = url.parse().unwrap();
        let [Host::Tcp(host)] = config.get_hosts() else {
            panic!("one host");
        };
        let server = format!("{host}:{}", config.get_ports()[0]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let proxy = Self {
            url: format!("{}?sslmode=disable", url.replacen(&server, &own, 1)),
            shared: Arc::clone(&shared),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let relay = tokio::spawn(relay(client, server.clone(), Arc::clone(&shared)));
                shared.connections.lock().unwrap().push(relay.abort_handle());
            }
        });
        proxy
    }

    /// Replaces the SQL of statements from now on. Closes all connections, since the service has prepared statements on
    /// them.
    pub(crate) fn rewrite(&self, rewrite: Option<Rewrite>) {
        *self.shared.rewrite.lock().unwrap() = rewrite;
        *self.shared.rewritten.lock().unwrap() = 0;
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }

    /// How many statements were replaced since the last call of [`SqlProxy::rewrite`].
    pub(crate) fn rewritten(&self) -> usize {
        *self.shared.rewritten.lock().unwrap()
    }

    /// The statements that the service ran so far.
    pub(crate) fn take_statements(&self) -> Vec<Statement> {
        std::mem::take(&mut *self.shared.statements.lock().unwrap())
    }
}

async fn relay(client: TcpStream, server: String, shared: Arc<Shared>) {
    let server = TcpStream::connect(server).await.unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    // Either end may close the connection.
    tokio::select! {
        _ = relay_requests(from_client, to_server, &shared) => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// The text up to the next zero byte, and what follows it.
fn split_text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).expect("a text ends");
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), &bytes[end + 1..])
}

/// Relays the messages of a client, as chapter 55 of the Postgres manual describes them.
async fn relay_requests(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, shared: &Shared) -> std::io::Result<()> {
    // The first message has no type.
    let length = client.read_u32().await?;
    let mut startup = vec![0; length as usize - 4];
    client.read_exact(&mut startup).await?;
    server
        .write_all(&[&length.to_be_bytes()[..], &startup].concat())
        .await?;
    let mut prepared: HashMap<String, String> = HashMap::new();
    let mut begin: Option<String> = None;
    loop {
        let kind = client.read_u8().await?;
        let length = client.read_u32().await?;
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).await?;
        match kind {
            b'Q' => {
                let (sql, _) = split_text(&body);
                if sql.starts_with("BEGIN") {
                    begin = Some(sql);
                } else if sql == "COMMIT" || sql == "ROLLBACK" {
                    begin = None;
                }
            }
            b'P' => {
                let (name, rest) = split_text(&body);
                let (sql, types) = split_text(rest);
                let replaced = shared
                    .rewrite
                    .lock()
                    .unwrap()
                    .as_ref()
                    .and_then(|rewrite| rewrite(&sql));
                if let Some(replaced) = replaced {
                    *shared.rewritten.lock().unwrap() += 1;
                    body = [name.as_bytes(), &[0], replaced.as_bytes(), &[0], types].concat();
                }
                prepared.insert(name, sql);
            }
            b'B' => {
                let (_, rest) = split_text(&body);
                let (name, _) = split_text(rest);
                let sql = prepared.get(&name).cloned().unwrap_or_default();
                shared.statements.lock().unwrap().push(Statement {
                    sql,
                    begin: begin.clone(),
                });
            }
            _ => {}
        }
        let length = u32::try_from(body.len() + 4).unwrap();
        server
            .write_all(&[&[kind][..], &length.to_be_bytes(), &body].concat())
            .await?;
    }
}
