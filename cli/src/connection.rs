//! Connection settings: the URL of the service and the access token.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use clap::Args;
use tenant_registry_client::reqwest::Url;
use tenant_registry_client::{Client, is_confidential};

use crate::failure::Failure;
use crate::login::{Store, StoredLogin};
use crate::whole_number::whole_number;

/// The environment variable for the token. There is no flag for it, because all users of a machine can see arguments.
const TOKEN_VARIABLE: &str = "TENANT_REGISTRY_TOKEN";

const USER_AGENT: &str = concat!("registry/", env!("CARGO_PKG_VERSION"));

/// The connection settings.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Base URL of the service.
    #[arg(
        long,
        global = true,
        env = "TENANT_REGISTRY_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "http://127.0.0.1:8090"
    )]
    base_url: String,
    /// File with the access token. Overrides the token in TENANT_REGISTRY_TOKEN, which overrides the one of `registry login`.
    /// There is no flag for the token itself, because all users of the machine can see arguments.
    #[arg(long, global = true, env = "TENANT_REGISTRY_TOKEN_FILE", value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// Timeout of each attempt of a request, in seconds.
    #[arg(
        long,
        global = true,
        env = "TENANT_REGISTRY_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = whole_number("seconds", 1, 3600, 30)
    )]
    timeout: u64,
}

impl Connection {
    /// Creates a client of the service.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let base_url = self.base_url()?;
        let mut builder = Client::builder(&base_url)
            .user_agent(USER_AGENT)
            .request_timeout(Duration::from_secs(self.timeout));
        if let Some(token) = self.token()? {
            builder = builder.bearer_token(token.0);
        } else if let Ok(store) = Store::open()
            && let Some(login) = store.read(&base_url)?
        {
            builder = builder.token_source(StoredLogin::new(store, base_url, login));
        }
        Ok(builder.build()?)
    }

    /// The base URL without trailing slashes. Requests and responses can contain secrets, so it must be confidential.
    pub(crate) fn base_url(&self) -> Result<String, Failure> {
        let base_url = self.base_url.trim_end_matches('/');
        match Url::parse(base_url) {
            Ok(url) if url.scheme() == "http" && !is_confidential(&url) => Err(Failure::Usage(
                "the base URL must start with https://, because it is not on this machine and requests contain secrets"
                    .to_owned(),
            )),
            // The client rejects an invalid URL.
            Ok(_) | Err(_) => Ok(base_url.to_owned()),
        }
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        match &self.token_file {
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
                let token = Token::parse(&text);
                token
                    .ok_or_else(|| Failure::Usage(format!("{} contains no token", path.display())))
                    .map(Some)
            }
            None => match env::var_os(TOKEN_VARIABLE).map(OsString::into_string) {
                Some(Ok(text)) => Ok(Token::parse(&text)),
                Some(Err(_)) => Err(Failure::Usage(format!("{TOKEN_VARIABLE} is not valid UTF-8"))),
                None => Ok(None),
            },
        }
    }
}

/// A bearer token. `Debug` does not show it.
struct Token(String);

impl Token {
    /// Trims white space. Returns `None` if nothing is left.
    fn parse(text: &str) -> Option<Self> {
        let token = text.trim();
        (!token.is_empty()).then(|| Self(token.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}
