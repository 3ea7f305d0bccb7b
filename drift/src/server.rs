//! A running server, and the probes that are sent to it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::error::Error;
use crate::probe::{Exchange, Expectation, Probe, Request};

const ANNOUNCEMENT: &str = "listening on ";

/// A service on the in-memory store; it ends with this value.
pub(crate) struct Server {
    process: Child,
    address: String,
    agent: ureq::Agent,
    /// The id of the tenant that the memory store begins with.
    acme: Option<String>,
    words: u32,
}

/// Which side of an exchange an answer is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Original,
    Mutant,
}

impl Server {
    /// Starts the service, with a setting that differs from the default where one is given.
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
        let complaint = process.stderr.take().map(|mut errors| {
            std::thread::spawn(move || {
                let mut text = String::new();
                // What cannot be read is not shown.
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
            // The log may go to the same place; a full pipe would stop the server.
            std::thread::spawn(move || lines.for_each(drop));
        }
        let Some(address) = address else {
            process.kill().map_err(Error::program(&name))?;
            process.wait().map_err(Error::program(&name))?;
            let said = complaint.and_then(|thread| thread.join().ok()).unwrap_or_default();
            return Err(Error::Server(said.lines().next().unwrap_or_default().to_owned()));
        };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            // The standard methods alone would refuse a body with a method that has none by custom.
            .allow_non_standard_methods(true)
            .build()
            .new_agent();
        Ok(Self {
            process,
            address,
            agent,
            acme: None,
            words: 0,
        })
    }

    /// Sends the probe; `None` where every answer is as the side expects, else the first that is not.
    pub(crate) fn misfit(&mut self, probe: &Probe, side: Side) -> Option<String> {
        self.words += 1;
        let unique = format!("u{}", self.words);
        let mut created = String::new();
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
            let sent = self.filled(request, &unique, &created);
            match self.send(&sent) {
                Ok((status, body)) => {
                    if let Some(misfit) = expected.misfit(status, &body) {
                        return Some(format!("{} {}: {misfit}", sent.method, sent.path));
                    }
                    created = id(&body).unwrap_or_default();
                }
                Err(error) => return Some(format!("{} {}: {error}", sent.method, sent.path)),
            }
        }
        None
    }

    /// The request with words in place of the placeholders.
    fn filled(&mut self, request: &Request, unique: &str, created: &str) -> Request {
        self.words += 1;
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
        let acme = if request.path.contains("{acme}") || body.contains("{acme}") {
            self.acme()
        } else {
            String::new()
        };
        let fresh = format!("f{}", self.words);
        let fill = |text: &str| {
            text.replace("{acme}", &acme)
                .replace("{unique}", unique)
                .replace("{fresh}", &fresh)
                .replace("{created}", created)
        };
        Request {
            method: request.method,
            path: fill(&request.path),
            body: request.body.is_some().then(|| {
                // The words are plain, so what was JSON stays JSON.
                serde_json::from_str(&fill(&body)).unwrap_or_default()
            }),
        }
    }

    fn acme(&mut self) -> String {
        if self.acme.is_none() {
            let request = Request::new("GET", "/v1/tenants/by-slug/acme", None);
            self.acme = self.send(&request).ok().and_then(|(_, body)| id(&body));
        }
        self.acme.clone().unwrap_or_default()
    }

    fn send(&self, request: &Request) -> Result<(u16, String), ureq::Error> {
        let uri = format!("{}{}", self.address, request.path.replace(' ', "%20"));
        let builder = ureq::http::Request::builder().method(request.method).uri(uri);
        let mut response = match &request.body {
            Some(body) => self.agent.run(
                builder
                    .header("content-type", "application/json")
                    .body(body.to_string())?,
            ),
            None => self.agent.run(builder.body(())?),
        }?;
        let status = response.status().as_u16();
        Ok((status, response.body_mut().read_to_string()?))
    }
}

fn id(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    body.get("id")?.as_str().map(str::to_owned)
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is lost with it; if it has ended by itself there is nothing to stop.
        if self.process.kill().is_ok() {
            let _ = self.process.wait();
        }
    }
}
