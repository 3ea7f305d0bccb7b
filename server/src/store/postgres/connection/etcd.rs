//! Asks etcd who holds the lock of the primary. The keys are Patroni's (`etcd3`), and the API is the JSON gateway of etcd
//! 3.4 and later.

use super::lease;
use super::url::ServerAddress;
use crate::error_chain::with_causes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::str::FromStr;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::time::timeout;
use tracing::debug;
use url::Url;

/// The time limit of one member, for all requests to it together.
const LIMIT: Duration = Duration::from_secs(1);

/// The maximum size of a response. The keys of three database hosts take 2 KiB.
const RESPONSE_BYTES: usize = 64 * 1024;

/// The maximum length of a message of etcd in the log.
const MESSAGE_CHARACTERS: usize = 200;

/// How etcd is reached, and where Patroni keeps its keys there.
pub struct EtcdSettings {
    /// A member of etcd.
    pub member: EtcdUrl,
    /// The other members. They are asked when one does not respond.
    pub other_members: Vec<EtcdUrl>,
    /// The start of Patroni's keys.
    pub prefix: EtcdPrefix,
    /// The authorities that sign the certificates of etcd. `None` trusts those of the operating system.
    pub authorities: Option<EtcdAuthorities>,
    /// The service's certificate.
    pub identity: Option<EtcdIdentity>,
    /// The service's user.
    pub login: Option<EtcdLogin>,
}

/// The user of etcd and its password. Has no `Debug`, because the password is a secret.
pub struct EtcdLogin {
    /// The name of the user.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// The URL of a member of etcd: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdUrl(String);

/// Why a text is not the URL of a member of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EtcdUrlError {
    /// The text is not an http or https URL.
    #[error("not a URL such as https://etcd1:2379")]
    NotAUrl,
    /// The URL has more than scheme, host and port.
    #[error(
        "must be only a scheme, a host and a port, such as https://etcd1:2379; put a user and a password into \
         DATABASE_ETCD_USER and DATABASE_ETCD_PASSWORD_FILE"
    )]
    Extras,
}

impl FromStr for EtcdUrl {
    type Err = EtcdUrlError;

    fn from_str(text: &str) -> Result<Self, EtcdUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| EtcdUrlError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EtcdUrlError::NotAUrl);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EtcdUrlError::Extras);
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl EtcdUrl {
    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for EtcdUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The start of Patroni's keys: `/<namespace>/<scope>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdPrefix(String);

/// A text is not the start of Patroni's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "must be Patroni's `namespace` and `scope`, with a slash before, between and after them, such as \
     /service/tenant-registry/"
)]
pub struct EtcdPrefixError;

impl FromStr for EtcdPrefix {
    type Err = EtcdPrefixError;

    fn from_str(text: &str) -> Result<Self, EtcdPrefixError> {
        let parts: Vec<&str> = text.split('/').collect();
        let ["", parts @ .., ""] = &*parts else {
            return Err(EtcdPrefixError);
        };
        if parts.len() < 2 || parts.iter().any(|part| part.is_empty()) {
            return Err(EtcdPrefixError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for EtcdPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why certificates for etcd cannot be used.
#[derive(Debug, Error)]
pub enum EtcdCertificateError {
    /// There is none.
    #[error("there is no certificate (PEM)")]
    Missing,
    /// A certificate or the private key is invalid.
    #[error("{}", with_causes(.0))]
    Invalid(#[from] reqwest::Error),
}

/// The authorities that sign the certificates of etcd.
#[derive(Clone, Debug)]
pub struct EtcdAuthorities(Vec<Certificate>);

impl EtcdAuthorities {
    /// Reads certificates.
    ///
    /// # Errors
    /// If there is none, or if one is invalid.
    pub fn from_pem(pem: &str) -> Result<Self, EtcdCertificateError> {
        let authorities = Certificate::from_pem_bundle(pem.as_bytes())?;
        if authorities.is_empty() {
            return Err(EtcdCertificateError::Missing);
        }
        Client::builder().tls_certs_only(authorities.clone()).build()?;
        Ok(Self(authorities))
    }
}

/// The service's certificate for etcd, with its private key.
#[derive(Clone, Debug)]
pub struct EtcdIdentity(Identity);

impl EtcdIdentity {
    /// Reads a certificate, those of the authorities between it and the root, and the private key.
    ///
    /// # Errors
    /// If the certificate or the key is missing or invalid, or if they do not belong together.
    pub fn from_pem(pem: &str) -> Result<Self, EtcdCertificateError> {
        let identity = Identity::from_pem(pem.as_bytes())?;
        Client::builder()
            .tls_certs_only([])
            .identity(identity.clone())
            .build()?;
        Ok(Self(identity))
    }
}

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

/// Who holds the lock, from when it took the lock to when it lost it.
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
    use super::{EtcdAuthorities, EtcdIdentity, EtcdPrefix, EtcdPrefixError, EtcdUrl, EtcdUrlError, TimeToLive};
    use rcgen::{CertificateParams, KeyPair};
    use std::time::Duration;

    #[test]
    fn the_url_of_a_member_is_its_scheme_host_and_port() {
        for (given, url) in [
            ("http://etcd1:2379", "http://etcd1:2379"),
            (" https://ETCD1:2379/", "https://etcd1:2379"),
            ("https://[::1]:2379", "https://[::1]:2379"),
        ] {
            assert_eq!(given.parse::<EtcdUrl>().unwrap().to_string(), url);
        }
        for (bad, error) in [
            ("", EtcdUrlError::NotAUrl),
            ("etcd1:2379", EtcdUrlError::NotAUrl),
            ("unix:///run/etcd", EtcdUrlError::NotAUrl),
            ("http://root:secret@etcd1:2379", EtcdUrlError::Extras),
            ("http://etcd1:2379/v3", EtcdUrlError::Extras),
            ("http://etcd1:2379/?a=b", EtcdUrlError::Extras),
        ] {
            assert_eq!(bad.parse::<EtcdUrl>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn the_prefix_has_a_namespace_and_a_scope() {
        for good in ["/service/tenant-registry/", "/a/b/c/"] {
            assert_eq!(good.parse::<EtcdPrefix>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "/",
            "//",
            "/service/",
            "/service/x",
            "service/x/",
            "/service//",
            "//x/",
        ] {
            assert_eq!(bad.parse::<EtcdPrefix>(), Err(EtcdPrefixError), "{bad}");
        }
    }

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

    #[test]
    fn certificates_must_be_usable() {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap().pem();
        let (key, other_key) = (key.serialize_pem(), KeyPair::generate().unwrap().serialize_pem());
        assert!(EtcdAuthorities::from_pem(&certificate).is_ok());
        assert!(EtcdIdentity::from_pem(&format!("{certificate}{key}")).is_ok());
        assert!(EtcdIdentity::from_pem(&format!("{key}{certificate}")).is_ok());
        for bad in ["", "no certificate", &key] {
            assert!(EtcdAuthorities::from_pem(bad).is_err(), "{bad}");
        }
        for bad in ["", &certificate, &key, &format!("{certificate}{other_key}")] {
            assert!(EtcdIdentity::from_pem(bad).is_err(), "{bad}");
        }
    }
}
