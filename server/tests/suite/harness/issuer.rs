//! A real issuer of tokens: a published OpenID provider (`server/tests/issuer`), started once for all cases, of which each
//! has a realm of its own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The audience of the service, where a case does not say otherwise.
pub(crate) const AUDIENCE: &str = "tenant-registry";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The client that asks for tokens; its name is its secret too.
const CLIENT: &str = "billing";

/// From the first case that asks for it on. It ends with this process, whose pipe it reads.
static ISSUER: Mutex<Option<Result<Running, String>>> = Mutex::new(None);

struct Running {
    url: String,
    _process: Child,
}

/// What a token is to be like.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) algorithm: &'static str,
    pub(crate) audience: &'static str,
    /// Seconds; less than 0 for one that has expired.
    pub(crate) lifetime: i64,
    /// What the client asks for, and gets by name.
    pub(crate) scope: &'static str,
    /// Besides what all tokens have; null takes a claim away.
    pub(crate) claims: Value,
}

impl Default for Wanted {
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

/// A realm with keys of its own.
pub(crate) struct TestRealm {
    /// Its address, and its name in tokens.
    pub(crate) issuer: String,
    control: String,
    http: reqwest::Client,
}

impl TestRealm {
    pub(crate) async fn new() -> Self {
        let url = url();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let made: Value = answer(http.post(format!("{url}/control/realms"))).await;
        let issuer = made["issuer"].as_str().unwrap().to_owned();
        Self {
            control: issuer.replacen("/realms/", "/control/realms/", 1),
            issuer,
            http,
        }
    }

    /// An access token, as a client gets one for itself.
    pub(crate) async fn token(&self, wanted: Wanted) -> String {
        let Wanted {
            algorithm,
            audience,
            lifetime,
            scope,
            claims,
        } = wanted;
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
            .post(format!("{}/token", self.issuer))
            .basic_auth(CLIENT, Some(CLIENT))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(query.finish());
        let given = answer(request).await;
        given["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{given}"))
            .to_owned()
    }

    /// New keys take the place of the old ones.
    pub(crate) async fn rotate(&self) {
        answer(self.http.post(format!("{}/rotate", self.control))).await;
    }

    /// From now on no request is answered.
    pub(crate) async fn go_down(&self) {
        answer(self.http.post(format!("{}/down", self.control))).await;
    }

    pub(crate) async fn come_up(&self) {
        answer(self.http.post(format!("{}/up", self.control))).await;
    }

    /// How often the keys were asked for.
    pub(crate) async fn fetches(&self) -> u64 {
        let counted = answer(self.http.get(format!("{}/fetches", self.control))).await;
        counted["fetches"].as_u64().unwrap()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

fn url() -> String {
    let mut issuer = ISSUER.lock().unwrap_or_else(PoisonError::into_inner);
    match issuer.get_or_insert_with(start) {
        Ok(running) => running.url.clone(),
        Err(reason) => panic!("no issuer: {reason}"),
    }
}

fn start() -> Result<Running, String> {
    let root = Path::new(ROOT);
    let place = root.join("target/test-issuer");
    if !place.join("node_modules").exists() {
        return Err("`make target/test-issuer/installed` brings it".to_owned());
    }
    // Node.js looks for modules beside the program.
    let program = place.join("issuer.mjs");
    std::fs::copy(root.join("server/tests/issuer/issuer.mjs"), &program).map_err(|error| error.to_string())?;
    let mut process = Command::new(root.join("target/spec-tools/bin/node"))
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .map_err(|error| error.to_string())?;
    let url = line
        .trim()
        .strip_prefix("issuer on ")
        .ok_or_else(|| "it ended".to_owned())?;
    Ok(Running {
        url: url.to_owned(),
        _process: process,
    })
}
