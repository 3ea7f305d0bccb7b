//! `registry login` and `registry logout`: access tokens of an OpenID Connect provider.

mod source;
mod store;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use tenant_registry_client::oauth2::{Issuer, Registration, Tokens};

pub(crate) use self::source::StoredLogin;
pub(crate) use self::store::{Login, Store};
use crate::failure::Failure;
use crate::printable::Printable;

/// Log in to the service, as a person or as a program.
///
/// A person opens a page of the OpenID Connect provider in a browser and enters a code (OAuth 2.0 device flow). A program
/// uses the secret in `--client-secret-file` (client credentials). The tokens are stored in a file that only the user can
/// read, separately for each base URL, and renewed before they expire. A token in `TENANT_REGISTRY_TOKEN` or
/// `--token-file` goes before a stored one.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogIn {
    /// URL of the OpenID Connect provider, such as `https://sso.example.com/realms/platform`. Default: the one of the last
    /// login.
    #[arg(long, env = "TENANT_REGISTRY_ISSUER", hide_env_values = true, value_name = "URL")]
    issuer: Option<String>,
    /// ID of the client that is registered with the provider. Default: the one of the last login.
    #[arg(long, env = "TENANT_REGISTRY_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    client_id: Option<String>,
    /// File with the secret of the client. The file is read again when the token is renewed.
    #[arg(long, env = "TENANT_REGISTRY_CLIENT_SECRET_FILE", value_name = "PATH")]
    client_secret_file: Option<PathBuf>,
    /// OAuth scopes to request. Separate several with commas, or repeat the option. By default, the provider decides.
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    scopes: Vec<String>,
}

/// Forget the tokens of the service.
///
/// Removes the stored tokens of the base URL, and asks the OpenID Connect provider to revoke the login.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogOut {}

impl LogIn {
    /// Logs in to the service at this URL.
    pub(crate) async fn run(self, base_url: &str) -> Result<(), Failure> {
        let store = Store::open()?;
        let previous = store.read(base_url)?;
        let last = |property: fn(Login) -> String| previous.clone().map(property);
        let missing = |option: &str| Failure::Usage(format!("`{option}` is missing, and there is no earlier login"));
        let issuer = self.issuer.or_else(|| last(|login| login.issuer));
        let issuer = issuer.ok_or_else(|| missing("--issuer"))?;
        let client_id = self.client_id.or_else(|| last(|login| login.client_id));
        let client_id = client_id.ok_or_else(|| missing("--client-id"))?;
        // Absolute, because the next command can run elsewhere.
        let client_secret_file = self
            .client_secret_file
            .map(|path| std::path::absolute(&path).map_err(|error| Failure::unreadable(path.display(), &error)));
        let client_secret_file = client_secret_file.transpose()?;
        let registration = registration(&client_id, client_secret_file.as_deref())?;
        let provider = Issuer::discover(&issuer).await?;
        let tokens = if client_secret_file.is_some() {
            provider.client_credentials(&registration, &self.scopes).await?
        } else {
            device_login(&provider, &registration, &self.scopes).await?
        };
        let lasts = lasts(&tokens, client_secret_file.is_some());
        let login = Login::new(issuer, client_id, client_secret_file, self.scopes, tokens);
        store.lock().await?.write(base_url, Some(login))?;
        eprintln!("Logged in to {}. {lasts}", Printable(base_url));
        Ok(())
    }
}

/// How long a login lasts.
fn lasts(tokens: &Tokens, has_secret: bool) -> String {
    if has_secret || tokens.refresh_token.is_some() {
        return "The token is renewed before it expires.".to_owned();
    }
    match tokens.expires_at {
        Some(expires_at) => format!("The login ends at {}.", expires_at.format("%Y-%m-%d %H:%M UTC")),
        None => "The provider does not say when the login ends.".to_owned(),
    }
}

async fn device_login(provider: &Issuer, registration: &Registration, scopes: &[String]) -> Result<Tokens, Failure> {
    let login = provider.begin_device_login(registration, scopes).await?;
    eprintln!(
        "Open {} in a browser and enter the code {}",
        Printable(login.verification_uri()),
        Printable(login.user_code())
    );
    if let Some(uri) = login.verification_uri_complete() {
        eprintln!("or open {}", Printable(uri));
    }
    eprintln!(
        "The code is valid for {} minutes.",
        login.expires_in().as_secs().div_ceil(60)
    );
    Ok(provider.complete_device_login(registration, &login).await?)
}

/// The client as the provider knows it, with the secret from its file.
fn registration(client_id: &str, secret_file: Option<&Path>) -> Result<Registration, Failure> {
    let registration = Registration::new(client_id);
    let Some(path) = secret_file else {
        return Ok(registration);
    };
    let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    match text.trim() {
        "" => Err(Failure::Usage(format!("{} contains no secret", path.display()))),
        secret => Ok(registration.secret(secret)),
    }
}

impl LogOut {
    /// Logs out of the service at this URL.
    pub(crate) async fn run(self, base_url: &str) -> Result<(), Failure> {
        let store = Store::open()?;
        let Some(login) = store.read(base_url)? else {
            eprintln!("There is no login to {}.", Printable(base_url));
            return Ok(());
        };
        store.lock().await?.write(base_url, None)?;
        if let Err(failure) = revoke(&login).await {
            let reason = failure.message().unwrap_or_default();
            eprintln!("warning: the provider did not revoke the login: {}", Printable(&reason));
        }
        eprintln!("Logged out of {}.", Printable(base_url));
        Ok(())
    }
}

async fn revoke(login: &Login) -> Result<(), Failure> {
    if let Some(refresh_token) = &login.refresh_token {
        let provider = Issuer::discover(&login.issuer).await?;
        let registration = registration(&login.client_id, login.client_secret_file.as_deref())?;
        provider.revoke(&registration, refresh_token).await?;
    }
    Ok(())
}
