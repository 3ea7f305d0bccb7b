//! An etcd that contains what a case wants: the keys of a Patroni cluster, and the lease of the lock of its primary.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The value of `DATABASE_ETCD_PREFIX`.
pub(crate) const PREFIX: &str = "/service/registry/";

/// The user and the password, if a login is required.
pub(crate) const LOGIN: (&str, &str) = ("registry", "swordfish");

/// An etcd with one member. It stops with the runtime.
#[derive(Clone)]
pub(crate) struct Etcd {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    keys: BTreeMap<String, Key>,
    revision: u64,
    /// The seconds that are left of the lease, whenever they are asked for.
    left: u64,
    is_silent: bool,
    is_login_required: bool,
    /// How often someone has logged in. The last token is valid.
    logins: u32,
}

struct Key {
    value: String,
    created: u64,
}

impl Etcd {
    /// Starts an etcd with the keys of a cluster that has no primary. `left` are the seconds that are left of the lease once
    /// there is one.
    pub(crate) async fn start(left: u64, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let etcd = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(State {
                keys: BTreeMap::new(),
                revision: 1,
                left,
                is_silent: false,
                is_login_required: false,
                logins: 0,
            })),
        };
        for key in ["config", "history", "initialize", "status", "sync"] {
            etcd.state().put(key, "{}");
        }
        let serving = etcd.clone();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let (etcd, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => etcd.serve(connection).await,
                        Some(tls) => {
                            // A client without the right certificate gets no further.
                            if let Ok(connection) = tls.accept(connection).await {
                                etcd.serve(connection).await;
                            }
                        }
                    }
                });
            }
        });
        etcd
    }

    async fn serve(self, connection: impl AsyncRead + AsyncWrite + Unpin) {
        let respond = service_fn(|request| self.clone().respond(request));
        // The connection may break when a service ends.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(connection), respond)
            .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Gives the lock to a member whose Postgres is on this port of 127.0.0.1.
    pub(crate) fn give_lock_to(&self, member: &str, port: u16) {
        let mut state = self.state();
        let conn_url = format!("postgres://127.0.0.1:{port}/postgres");
        let value = json!({ "conn_url": conn_url, "state": "running", "timeline": 1 });
        state.put(&format!("members/{member}"), &value.to_string());
        state.remove("leader");
        state.put("leader", member);
    }

    /// No member holds the lock from now on.
    pub(crate) fn take_lock_away(&self) {
        self.state().remove("leader");
    }

    /// Whether requests get no response from now on.
    pub(crate) fn silence(&self, is_silent: bool) {
        self.state().is_silent = is_silent;
    }

    /// Requests need a token from now on, which a user gets for [`LOGIN`].
    pub(crate) fn require_login(&self) {
        self.state().is_login_required = true;
    }

    /// Forgets the last token, as a restart does.
    pub(crate) fn forget_token(&self) {
        self.state().logins += 1;
    }

    pub(crate) fn logins(&self) -> u32 {
        self.state().logins
    }

    async fn respond(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let token = head.headers.get("authorization").map(|token| token.to_str().unwrap());
        let response = self.state().response(head.uri.path(), token, &body);
        let Some((status, body)) = response else {
            return pending().await;
        };
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = status;
        Ok(response)
    }
}

impl State {
    fn put(&mut self, key: &str, value: &str) {
        self.revision += 1;
        let (value, created) = (value.to_owned(), self.revision);
        self.keys.insert(format!("{PREFIX}{key}"), Key { value, created });
    }

    fn remove(&mut self, key: &str) {
        self.keys.remove(&format!("{PREFIX}{key}"));
    }

    fn token(&self) -> String {
        format!("token.{}", self.logins)
    }

    /// The response, as etcd 3.4 writes it. `None` if there is none.
    fn response(&mut self, path: &str, token: Option<&str>, body: &Value) -> Option<(StatusCode, Value)> {
        if self.is_silent {
            return None;
        }
        let rejected = |status, message: &str| Some((status, json!({ "error": message, "message": message })));
        if path == "/v3/auth/authenticate" {
            if *body != json!({ "name": LOGIN.0, "password": LOGIN.1 }) {
                let message = "etcdserver: authentication failed, invalid user ID or password";
                return rejected(StatusCode::BAD_REQUEST, message);
            }
            self.logins += 1;
            return Some((StatusCode::OK, json!({ "header": {}, "token": self.token() })));
        }
        if self.is_login_required && token != Some(self.token().as_str()) {
            return rejected(StatusCode::UNAUTHORIZED, "etcdserver: invalid auth token");
        }
        Some((
            StatusCode::OK,
            match path {
                "/v3/kv/range" => self.range(body),
                "/v3/lease/timetolive" => {
                    assert_eq!(body["ID"], "7587880", "{body}");
                    json!({ "header": {}, "ID": "7587880", "TTL": self.left.to_string(), "grantedTTL": "20" })
                }
                _ => return rejected(StatusCode::NOT_FOUND, "Not Found"),
            },
        ))
    }

    fn range(&self, body: &Value) -> Value {
        let text = |name: &str| {
            let encoded = body[name].as_str().unwrap();
            String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
        };
        let items = self
            .keys
            .range(text("key")..text("range_end"))
            .map(|(key, Key { value, created })| {
                json!({
                    "key": STANDARD.encode(key),
                    "create_revision": created.to_string(),
                    "mod_revision": created.to_string(),
                    "version": "1",
                    "value": STANDARD.encode(value),
                    "lease": "7587880",
                })
            });
        let items: Vec<Value> = items.collect();
        if items.is_empty() {
            return json!({ "header": {} });
        }
        json!({ "header": {}, "count": items.len().to_string(), "kvs": items })
    }
}
