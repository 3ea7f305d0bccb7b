//! Asks etcd who holds the lock of the primary. The keys are Patroni's (`etcd3`), and the API is the JSON gateway of etcd
//! 3.4 and later.

mod settings;

pub use settings::{
    EtcdAuthorities, EtcdCertificateError, EtcdIdentity, EtcdLogin, EtcdPrefix, EtcdPrefixError, EtcdSettings, EtcdUrl,
    EtcdUrlError,
};

use super::lease;
use super::url::ServerAddress;
use crate::error_chain::with_causes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::time::timeout;
use tracing::debug;

/// The time limit of one member, for all requests to it together.
const LIMIT: Duration = Duration::from_secs(1);

/// The maximum size of a response. The keys of three database hosts take 2 KiB.
const RESPONSE_BYTES: usize = 64 * 1024;

/// The maximum length of a message of etcd in the log.
const MESSAGE_CHARACTERS: usize = 200;

/// Why etcd did not say who holds the lock.
#[derive(Debug, Error)]
pub(super) enum EtcdError {
    #[error("{url} did not respond within {LIMIT:?}")]
    TimedOut { url: EtcdUrl },
    #[error("{}", with_causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("{url} responded with {status}: {message}")]
    Status {
        url: EtcdUrl,
        status: StatusCode,
        message: String,
    },
    #[error("{url} rejected DATABASE_ETCD_USER or its password: {message}")]
    Login { url: EtcdUrl, message: String },
    #[error("the response of {url} is longer than {RESPONSE_BYTES} bytes")]
    TooLong { url: EtcdUrl },
    #[error("the response of {url} cannot be read: {reason}")]
    Malformed { url: EtcdUrl, reason: String },
}

/// The member that holds the lock, from when it took the lock until it loses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// The name of the member of Patroni's cluster.
    pub(super) member: String,
    /// The revision of etcd in which it took the lock. The same member gets another one if it takes the lock again.
    pub(super) since: String,
}

/// The lock of the primary, while a member holds it.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) holder: Holder,
    /// Where the holder's Postgres accepts connections, if etcd has it.
    pub(super) address: Option<ServerAddress>,
    /// The end of the lease, by the clock of this machine.
    pub(super) end: Instant,
}

/// A range of keys, as etcd returns it. Numbers of 64 bits are texts, and empty members are left out.
#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    kvs: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    #[serde(default)]
    value: String,
    create_revision: String,
    lease: Option<String>,
}

#[derive(Deserialize)]
struct TimeToLive {
    /// The whole seconds that are left, or -1 if the lease has ended.
    #[serde(rename = "TTL")]
    seconds: Option<String>,
}

/// The value of a member's key, as Patroni writes it.
#[derive(Deserialize)]
struct Member {
    conn_url: String,
}

#[derive(Deserialize)]
struct Authenticated {
    token: String,
}

#[derive(Deserialize)]
struct Rejected {
    message: String,
}

impl Range {
    fn get(&self, key: &str) -> Option<&KeyValue> {
        let key = STANDARD.encode(key);
        self.kvs.iter().find(|it| it.key == key)
    }
}

impl KeyValue {
    fn text(&self) -> Result<String, String> {
        let bytes = STANDARD.decode(&self.value).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }
}

impl TimeToLive {
    fn left(&self) -> Result<Duration, String> {
        let seconds = self.seconds.as_deref().unwrap_or("0");
        let seconds: i64 = seconds.parse().map_err(|_| format!("TTL {seconds:?}"))?;
        // A negative one means that the lease has ended.
        Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }
}

/// The members of etcd.
pub(super) struct Etcd {
    http: Client,
    /// The member that is asked first.
    member: EtcdUrl,
    others: VecDeque<EtcdUrl>,
    prefix: EtcdPrefix,
    login: Option<EtcdLogin>,
    /// Proves the login, if there is one.
    token: Option<HeaderValue>,
}

impl Etcd {
    /// Opens no connection yet.
    pub(super) fn new(settings: EtcdSettings) -> Result<Self, reqwest::Error> {
        let EtcdSettings {
            member,
            other_members,
            prefix,
            authorities,
            identity,
            login,
        } = settings;
        let is_https = member.is_https() || other_members.iter().any(EtcdUrl::is_https);
        let mut http = Client::builder()
            .user_agent(concat!("tenant-registry/", env!("CARGO_PKG_VERSION")))
            // Between the service and etcd there is neither a proxy nor a redirect.
            .no_proxy()
            .redirect(Policy::none());
        if let Some(EtcdAuthorities(authorities)) = authorities {
            http = http.tls_certs_only(authorities);
        } else if !is_https {
            // The authorities of the operating system are not needed, and may be missing.
            http = http.tls_certs_only([]);
        }
        if let Some(EtcdIdentity(identity)) = identity {
            http = http.identity(identity);
        }
        Ok(Self {
            http: http.build()?,
            member,
            others: other_members.into(),
            prefix,
            login,
            token: None,
        })
    }

    /// The key of the lock.
    pub(super) fn lock_key(&self) -> String {
        format!("{}leader", self.prefix)
    }

    /// Returns the lock, or `None` if no member of the cluster holds it. Asks one member of etcd after the other, first the
    /// one that responded last.
    pub(super) async fn lock(&mut self) -> Result<Option<Lock>, EtcdError> {
        for _ in 0..self.others.len() {
            match self.ask_member().await {
                Ok(lock) => return Ok(lock),
                // The others would reject it, too, and checking a password is slow.
                Err(error @ EtcdError::Login { .. }) => return Err(error),
                Err(error) => debug!(detail = %error, "a member of etcd failed"),
            }
            if let Some(next) = self.others.pop_front() {
                self.others.push_back(mem::replace(&mut self.member, next));
            }
        }
        self.ask_member().await
    }

    async fn ask_member(&mut self) -> Result<Option<Lock>, EtcdError> {
        let url = self.member.clone();
        timeout(LIMIT, self.read_lock_with_token())
            .await
            .unwrap_or(Err(EtcdError::TimedOut { url }))
    }

    async fn read_lock_with_token(&mut self) -> Result<Option<Lock>, EtcdError> {
        let had_token = self.token.is_some();
        match self.read_lock().await {
            // etcd does not know a token after a restart, and rejects it after a change of its users.
            Err(EtcdError::Status {
                status: StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED,
                ..
            }) if had_token => {
                self.token = None;
                self.read_lock().await
            }
            result => result,
        }
    }

    async fn read_lock(&mut self) -> Result<Option<Lock>, EtcdError> {
        if let (Some(login), None) = (&self.login, &self.token) {
            self.token = Some(self.authenticate(login).await?);
        }
        let asked = Instant::now();
        // The keys from `leader` to the last one below `members/`: `0` follows the slash. To read them, the member has to reach
        // a majority, so what it then says about the lease is not out of date.
        let range = json!({
            "key": STANDARD.encode(self.lock_key()),
            "range_end": STANDARD.encode(format!("{}members0", self.prefix)),
        });
        let range: Range = self.post("kv/range", &range).await?;
        let Some(leader) = range.get(&self.lock_key()) else {
            return Ok(None);
        };
        let malformed = |reason| self.malformed(reason);
        let member = leader.text().map_err(malformed)?;
        let left = match &leader.lease {
            Some(lease) => {
                let lease: TimeToLive = self.post("lease/timetolive", &json!({ "ID": lease })).await?;
                lease.left().map_err(malformed)?
            }
            None => Duration::ZERO,
        };
        let address = match range.get(&format!("{}members/{member}", self.prefix)) {
            Some(value) => {
                let value = value.text().map_err(malformed)?;
                let Member { conn_url } =
                    serde_json::from_str(&value).map_err(|error| self.malformed(error.to_string()))?;
                conn_url.parse().ok()
            }
            None => None,
        };
        Ok(Some(Lock {
            holder: Holder {
                member,
                since: leader.create_revision.clone(),
            },
            address,
            end: lease::end(asked, left),
        }))
    }

    async fn authenticate(&self, login: &EtcdLogin) -> Result<HeaderValue, EtcdError> {
        let EtcdLogin { user, password } = login;
        let body = json!({ "name": user, "password": password });
        let Authenticated { token } = match self.post("auth/authenticate", &body).await {
            Err(EtcdError::Status {
                url,
                status: StatusCode::BAD_REQUEST,
                message,
            }) => return Err(EtcdError::Login { url, message }),
            result => result?,
        };
        let mut token = HeaderValue::from_str(&token).map_err(|error| self.malformed(error.to_string()))?;
        token.set_sensitive(true);
        Ok(token)
    }

    fn malformed(&self, reason: String) -> EtcdError {
        let url = self.member.clone();
        EtcdError::Malformed { url, reason }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, EtcdError> {
        let mut request = self.http.post(format!("{}/v3/{path}", self.member)).json(body);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let mut response = request.send().await?;
        let status = response.status();
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if text.len() + chunk.len() > RESPONSE_BYTES {
                let url = self.member.clone();
                return Err(EtcdError::TooLong { url });
            }
            text.extend_from_slice(&chunk);
        }
        if status != StatusCode::OK {
            let message = serde_json::from_slice(&text).map_or_else(
                |_| "no message".to_owned(),
                |Rejected { message }| message.chars().take(MESSAGE_CHARACTERS).collect(),
            );
            let url = self.member.clone();
            return Err(EtcdError::Status { url, status, message });
        }
        serde_json::from_slice(&text).map_err(|error| self.malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::TimeToLive;
    use std::time::Duration;

    #[test]
    fn a_lease_that_has_ended_has_nothing_left() {
        for (response, left) in [
            (r#"{"ID":"1","TTL":"19","grantedTTL":"20"}"#, 19),
            (r#"{"ID":"1","grantedTTL":"20"}"#, 0),
            (r#"{"ID":"1","TTL":"-1"}"#, 0),
        ] {
            let response: TimeToLive = serde_json::from_str(response).unwrap();
            assert_eq!(response.left(), Ok(Duration::from_secs(left)));
        }
        let response: TimeToLive = serde_json::from_str(r#"{"TTL":"soon"}"#).unwrap();
        assert!(response.left().is_err());
    }
}
