//! An OpenID Connect issuer for tests: discovery, keys, and tokens with any claims.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot start its issuer fails"
)]

mod http;
mod signer;

pub use signer::{Signer, base64url};

use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The audience of a token by default.
pub const AUDIENCE: &str = "tenant-registry";

/// The client that the tokens are issued to.
const CLIENT: &str = "billing";

/// The token that a test wants.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// `RS256`, `ES256` or `EdDSA`.
    pub algorithm: &'static str,
    /// The claim `aud`.
    pub audience: &'static str,
    /// Seconds until the token expires; negative for a token that has expired.
    pub lifetime: i64,
    /// The claim `scope`; none if empty.
    pub scope: &'static str,
    /// Claims that are added to those of every token, or replace them; null removes one.
    pub claims: Value,
}

impl Default for TokenRequest {
    fn default() -> Self {
        Self {
            algorithm: "RS256",
            audience: AUDIENCE,
            lifetime: 300,
            scope: "",
            claims: json!({}),
        }
    }
}

/// An issuer on a free port of 127.0.0.1, with one key for each algorithm. It stops when this value is dropped.
///
/// Its methods are asynchronous so that the same tests can run against an issuer in another process.
#[derive(Debug)]
pub struct TestIssuer {
    /// The URL, which is the claim `iss` too.
    pub url: String,
    state: Arc<State>,
}

/// Shared with the thread that responds to requests.
#[derive(Debug)]
struct State {
    url: String,
    keys: Mutex<Keys>,
    is_down: AtomicBool,
    is_stopped: AtomicBool,
    key_fetches: AtomicU64,
}

/// The keys, and how often they were rotated.
struct Keys {
    generation: u32,
    signers: [Signer; 3],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "keys of generation {}", self.generation)
    }
}

impl Keys {
    fn new(generation: u32) -> Self {
        Self {
            generation,
            signers: [Signer::rs256(), Signer::es256(), Signer::ed_dsa()],
        }
    }

    /// Key ids differ between issuers, as those of real ones do.
    fn id(&self, issuer: &str, signer: &Signer) -> String {
        format!("{issuer}#{}-{}", self.generation, signer.algorithm())
    }
}

impl TestIssuer {
    /// Starts an issuer.
    #[expect(clippy::unused_async, reason = "see the type")]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/realms/platform", listener.local_addr().unwrap());
        let state = Arc::new(State {
            url: url.clone(),
            keys: Mutex::new(Keys::new(0)),
            is_down: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            key_fetches: AtomicU64::new(0),
        });
        http::serve(listener, Arc::clone(&state));
        Self { url, state }
    }

    /// Issues an access token, with claims as Keycloak names them.
    #[expect(clippy::unused_async, reason = "see the type")]
    pub async fn token(&self, request: TokenRequest) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let TokenRequest {
            algorithm,
            audience,
            lifetime,
            scope,
            claims: wanted,
        } = request;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs());
        let now = i64::try_from(now.unwrap()).unwrap();
        let mut claims = json!({
            "jti": NUMBER.fetch_add(1, Ordering::Relaxed).to_string(),
            "iss": self.url,
            "sub": CLIENT,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime,
            "typ": "Bearer",
            "azp": CLIENT,
            "client_id": CLIENT,
            "preferred_username": format!("service-account-{CLIENT}"),
        });
        let members = claims.as_object_mut().unwrap();
        if !scope.is_empty() {
            members.insert("scope".to_owned(), scope.into());
        }
        members.extend(wanted.as_object().expect("claims are an object").clone());
        members.retain(|_, value| !value.is_null());
        let keys = self.state.keys();
        let signer = keys
            .signers
            .iter()
            .find(|signer| signer.algorithm() == algorithm)
            .expect("a known algorithm");
        let header = json!({ "alg": algorithm, "kid": keys.id(&self.url, signer), "typ": "JWT" });
        signer.token(&header.to_string(), &claims.to_string())
    }

    /// Replaces all keys with new ones.
    #[expect(clippy::unused_async, reason = "see the type")]
    pub async fn rotate(&self) {
        let mut keys = self.state.keys();
        *keys = Keys::new(keys.generation + 1);
    }

    /// Closes connections without a response from now on.
    #[expect(clippy::unused_async, reason = "see the type")]
    pub async fn go_down(&self) {
        self.state.is_down.store(true, Ordering::Relaxed);
    }

    /// Responds again.
    #[expect(clippy::unused_async, reason = "see the type")]
    pub async fn come_up(&self) {
        self.state.is_down.store(false, Ordering::Relaxed);
    }

    /// How often the keys were fetched.
    #[expect(clippy::unused_async, reason = "see the type")]
    pub async fn key_fetches(&self) -> u64 {
        self.state.key_fetches.load(Ordering::Relaxed)
    }
}

impl State {
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document at a path; `None` if there is none.
    fn document(&self, path: &str) -> Option<Value> {
        match path {
            "/realms/platform/.well-known/openid-configuration" => Some(json!({
                "issuer": self.url,
                "jwks_uri": format!("{}/jwks", self.url),
            })),
            "/realms/platform/jwks" => {
                self.key_fetches.fetch_add(1, Ordering::Relaxed);
                let keys = self.keys();
                let signers = keys.signers.iter();
                let published: Vec<Value> = signers.map(|signer| signer.jwk(&keys.id(&self.url, signer))).collect();
                Some(json!({ "keys": published }))
            }
            _ => None,
        }
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.state.is_stopped.store(true, Ordering::Relaxed);
        http::wake(&self.url);
    }
}
