//! Starts servers and sends probes to them.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::error::Error;
use crate::probe::{Exchange, Expectation, Probe, Request, Response};

const ANNOUNCEMENT: &str = "listening on ";

/// A service process on the in-memory store. Dropping this value stops it.
pub(crate) struct Server {
    process: Child,
    address: String,
    agent: ureq::Agent,
    /// The ID of the in-memory store's first tenant, once requested.
    acme: Option<String>,
    counter: u32,
}

/// Which expectation of an exchange to compare a response with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Original,
    Mutant,
}

impl Server {
    /// Starts the service, optionally with a setting.
    pub(crate) fn start(program: &Path, setting: Option<(&str, &str)>) -> Result<Self, Error> {
        let name = program.display().to_string();
        let mut process = Command::new(program)
            .arg("serve")
            .env("BIND_ADDR", "127.0.0.1:0")
            .env_remove("DATABASE_URL")
            .envs(setting)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::program(&name))?;
        let stderr = process.stderr.take().map(|mut errors| {
            std::thread::spawn(move || {
                let mut text = String::new();
                // Unreadable output is ignored, because it is only used in a message.
                let _ = errors.read_to_string(&mut text);
                text
            })
        });
        let mut address = None;
        if let Some(output) = process.stdout.take() {
            let mut lines = BufReader::new(output).lines();
            for line in lines.by_ref() {
                let line = line.map_err(Error::program(&name))?;
                if let Some((_, found)) = line.split_once(ANNOUNCEMENT) {
                    address = Some(found.trim().to_owned());
                    break;
                }
            }
            // Keep reading, because a full pipe would block the server.
            std::thread::spawn(move || lines.for_each(drop));
        }
        let Some(address) = address else {
            process.kill().map_err(Error::program(&name))?;
            process.wait().map_err(Error::program(&name))?;
            let said = stderr.and_then(|thread| thread.join().ok()).unwrap_or_default();
            return Err(Error::Server(said.lines().next().unwrap_or_default().to_owned()));
        };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            // By default, ureq rejects a body with methods that usually have none.
            .allow_non_standard_methods(true)
            .build()
            .new_agent();
        Ok(Self {
            process,
            address,
            agent,
            acme: None,
            counter: 0,
        })
    }

    /// Sends the probe. Returns the first response that does not match the expectation of the side, if any.
    pub(crate) fn mismatch(&mut self, probe: &Probe, side: Side) -> Option<String> {
        self.counter += 1;
        let unique = format!("u{}", self.counter);
        let mut ids = Ids::default();
        for Exchange {
            request,
            original,
            mutant,
        } in &probe.exchanges
        {
            let expected: &Expectation = match side {
                Side::Original => original,
                Side::Mutant => mutant,
            };
            let sent = self.fill(request, &unique, &ids);
            match self.send(&sent) {
                Ok(response) => {
                    if let Some(mismatch) = expected.mismatch(&response) {
                        return Some(format!("{} {}: {mismatch}", sent.method, sent.path));
                    }
                    ids.add(&response.body);
                }
                Err(error) => return Some(format!("{} {}: {error}", sent.method, sent.path)),
            }
        }
        None
    }

    /// Replaces the placeholders of a request.
    fn fill(&mut self, request: &Request, unique: &str, ids: &Ids) -> Request {
        self.counter += 1;
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
        let acme = if request.path.contains("{acme}") || body.contains("{acme}") {
            self.acme()
        } else {
            String::new()
        };
        let fresh = format!("f{}", self.counter);
        let replace = |text: &str| {
            text.replace("{acme}", &acme)
                .replace("{unique}", unique)
                .replace("{fresh}", &fresh)
                .replace("{created}", &ids.created)
                .replace("{first}", &ids.first)
                .replace("{api_key}", &ids.api_key)
        };
        Request {
            method: request.method,
            header: request.header.as_ref().map(|(name, value)| (*name, replace(value))),
            path: replace(&request.path),
            body: request.body.is_some().then(|| {
                // The values need no escaping in JSON.
                serde_json::from_str(&replace(&body)).unwrap_or_default()
            }),
        }
    }

    fn acme(&mut self) -> String {
        if self.acme.is_none() {
            let request = Request::new("GET", "/v1/tenants/by-slug/acme", None);
            self.acme = self.send(&request).ok().and_then(|response| id(&response.body, "/id"));
        }
        self.acme.clone().unwrap_or_default()
    }

    fn send(&self, request: &Request) -> Result<Response, ureq::Error> {
        let uri = format!("{}{}", self.address, request.path.replace(' ', "%20"));
        let mut builder = ureq::http::Request::builder().method(request.method).uri(uri);
        if let Some((name, value)) = &request.header {
            builder = builder.header(*name, value);
        }
        let mut response = match &request.body {
            Some(body) => self.agent.run(
                builder
                    .header("content-type", "application/json")
                    .body(body.to_string())?,
            ),
            None => self.agent.run(builder.body(())?),
        }?;
        Ok(Response {
            status: response.status().as_u16(),
            has_entity_tag: response.headers().contains_key("etag"),
            body: response.body_mut().read_to_string()?,
        })
    }
}

/// The IDs that a probe has received.
#[derive(Default)]
struct Ids {
    /// The last `/id`.
    created: String,
    /// The first `/id`.
    first: String,
    /// The first `/api_key/id`.
    api_key: String,
}

impl Ids {
    fn add(&mut self, body: &str) {
        if let Some(id) = id(body, "/id") {
            if self.first.is_empty() {
                self.first.clone_from(&id);
            }
            self.created = id;
        }
        if let Some(id) = id(body, "/api_key/id")
            && self.api_key.is_empty()
        {
            self.api_key = id;
        }
    }
}

fn id(body: &str, pointer: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    body.pointer(pointer)?.as_str().map(str::to_owned)
}

impl Drop for Server {
    fn drop(&mut self) {
        // `kill` fails if the process has already ended.
        if self.process.kill().is_ok() {
            let _ = self.process.wait();
        }
    }
}
