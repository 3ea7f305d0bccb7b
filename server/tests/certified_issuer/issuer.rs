//! A certified OpenID provider in a Node.js process (`provider/`), with a separate issuer for each case.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

pub(crate) use test_support::issuer::{AUDIENCE, TokenRequest};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const SOURCE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/certified_issuer/provider/issuer.mjs"
);

/// The client that requests tokens. Its secret is the same text.
const CLIENT: &str = "billing";

/// The provider, once it is started. It exits when this process does, because that closes its standard input.
static PROVIDER: Mutex<Option<Provider>> = Mutex::new(None);

struct Provider {
    url: String,
    _process: Child,
}

/// An issuer of the provider, with separate keys.
pub(crate) struct TestIssuer {
    /// The URL, also the claim `iss`.
    pub(crate) url: String,
    control: String,
    http: reqwest::Client,
}

impl TestIssuer {
    /// Creates an issuer.
    pub(crate) async fn start() -> Self {
        let provider = url();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let created: Value = json(http.post(format!("{provider}/control/issuers"))).await;
        let url = created["issuer"].as_str().unwrap().to_owned();
        Self {
            control: url.replacen("/issuers/", "/control/issuers/", 1),
            url,
            http,
        }
    }

    /// Gets an access token by the client credentials grant.
    pub(crate) async fn token(&self, request: TokenRequest) -> String {
        let TokenRequest {
            algorithm,
            audience,
            lifetime,
            scope,
            claims,
        } = request;
        let resource = json!({ "alg": algorithm, "audience": audience, "lifetime": lifetime, "claims": claims });
        let resource = format!("urn:token:{}", URL_SAFE_NO_PAD.encode(resource.to_string()));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("grant_type", "client_credentials");
        query.append_pair("resource", &resource);
        if !scope.is_empty() {
            query.append_pair("scope", scope);
        }
        let request = self
            .http
            .post(format!("{}/token", self.url))
            .basic_auth(CLIENT, Some(CLIENT))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(query.finish());
        let response = json(request).await;
        response["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{response}"))
            .to_owned()
    }

    /// Replaces all keys with new ones.
    pub(crate) async fn rotate(&self) {
        json(self.http.post(format!("{}/rotate", self.control))).await;
    }

    /// Closes connections without a response from now on.
    pub(crate) async fn go_down(&self) {
        json(self.http.post(format!("{}/down", self.control))).await;
    }

    /// Responds again from now on.
    pub(crate) async fn come_up(&self) {
        json(self.http.post(format!("{}/up", self.control))).await;
    }

    /// Returns how often the keys were fetched.
    pub(crate) async fn key_fetches(&self) -> u64 {
        let control = json(self.http.get(format!("{}/fetches", self.control))).await;
        control["fetches"].as_u64().unwrap()
    }
}

async fn json(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn url() -> String {
    let provider = PROVIDER.lock().unwrap_or_else(PoisonError::into_inner);
    provider.as_ref().expect("the provider is started first").url.clone()
}

/// Starts the provider.
pub(crate) fn start() -> Result<(), String> {
    let root = Path::new(ROOT);
    let directory = root.join("target/test-issuer");
    let node = root.join("target/spec-tools/bin/node");
    if !directory.join("node_modules").exists() || !node.exists() {
        return Err(format!(
            "the OpenID provider is not installed in {}; run `make target/test-issuer/installed`",
            directory.display()
        ));
    }
    // Node.js looks for modules beside the program.
    let program = directory.join("issuer.mjs");
    std::fs::copy(SOURCE, &program).map_err(|error| format!("{SOURCE}: {error}"))?;
    let mut process = Command::new(&node)
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", node.display()))?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .map_err(|error| format!("the OpenID provider: {error}"))?;
    let url = line
        .trim()
        .strip_prefix("issuer on ")
        .ok_or("the OpenID provider did not start")?;
    *PROVIDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Provider {
        url: url.to_owned(),
        _process: process,
    });
    Ok(())
}
