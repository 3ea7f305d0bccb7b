//! The file of stored logins. Only the user can read it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;
use fs4::fs_std::FileExt;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tenant_registry_client::oauth2::Tokens;

use crate::failure::Failure;

/// Tokens are renewed this long before they expire.
const MARGIN: TimeDelta = TimeDelta::seconds(30);

/// The login to one service. It has no `Debug`, because it contains tokens.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(super) issuer: String,
    pub(super) client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_secret_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scopes: Vec<String>,
    pub(super) access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
}

/// The directory with the file of logins.
pub(crate) struct Store {
    directory: PathBuf,
}

/// The store while no other process can change it.
pub(super) struct LockedStore<'a> {
    store: &'a Store,
    /// The lock ends when the file is closed.
    _lock: File,
}

/// The logins by base URL, because each service has its own tokens.
type Logins = BTreeMap<String, Login>;

impl Login {
    pub(super) fn new(
        issuer: String,
        client_id: String,
        client_secret_file: Option<PathBuf>,
        scopes: Vec<String>,
        tokens: Tokens,
    ) -> Self {
        let Tokens {
            access_token,
            expires_at,
            refresh_token,
        } = tokens;
        Self {
            issuer,
            client_id,
            client_secret_file,
            scopes,
            access_token,
            expires_at,
            refresh_token,
        }
    }

    /// The same login with other tokens.
    pub(super) fn renewed(self, tokens: Tokens) -> Self {
        Self::new(
            self.issuer,
            self.client_id,
            self.client_secret_file,
            self.scopes,
            tokens,
        )
    }

    /// Whether the token must be renewed before the next request.
    pub(super) fn is_stale(&self) -> bool {
        self.expires_at
            .is_some_and(|expires_at| expires_at - MARGIN <= Utc::now())
    }

    /// Whether the token can no longer be used.
    pub(super) fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= Utc::now())
    }
}

impl Store {
    /// The store in the state directory of the user.
    pub(crate) fn open() -> Result<Self, Failure> {
        let state = Xdg::new().ok().and_then(|directories| directories.state_dir());
        let state = state.ok_or_else(|| {
            Failure::Usage("the directory for tokens is unknown; set HOME or XDG_STATE_HOME".to_owned())
        })?;
        Ok(Self {
            directory: state.join("tenant-registry"),
        })
    }

    /// The login to a service, if there is one.
    pub(crate) fn read(&self, base_url: &str) -> Result<Option<Login>, Failure> {
        Ok(self.logins()?.remove(base_url))
    }

    fn logins(&self) -> Result<Logins, Failure> {
        let path = self.path();
        let unreadable = |error: io::Error| Failure::unreadable(path.display(), &error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Logins::new()),
            Err(error) => return Err(unreadable(error)),
        };
        if is_readable_by_others(&file).map_err(unreadable)? {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "other users can read {path}, which contains tokens; run `chmod 600 {path}`"
            )));
        }
        let text = io::read_to_string(file).map_err(unreadable)?;
        // The reason is not shown, because it could quote a token.
        serde_json::from_str(&text).map_err(|_| {
            Failure::Usage(format!(
                "{} is not a file of tokens; remove it and run `registry login`",
                path.display()
            ))
        })
    }

    /// Waits until no other process holds the lock.
    pub(super) async fn lock(&self) -> Result<LockedStore<'_>, Failure> {
        let path = self.directory.join("logins.lock");
        let directory = self.directory.clone();
        let place = path.display().to_string();
        let locking = tokio::task::spawn_blocking(move || {
            create_private_directory(&directory)?;
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock_exclusive()?;
            Ok(file)
        });
        let locked = locking.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        Ok(LockedStore {
            store: self,
            _lock: locked.map_err(|source| Failure::Unwritable { place, source })?,
        })
    }

    fn path(&self) -> PathBuf {
        self.directory.join("logins.json")
    }
}

impl LockedStore<'_> {
    /// The login to a service, if there is one.
    pub(super) fn read(&self, base_url: &str) -> Result<Option<Login>, Failure> {
        self.store.read(base_url)
    }

    /// Replaces or removes the login to a service.
    pub(super) fn write(&self, base_url: &str, login: Option<Login>) -> Result<(), Failure> {
        let mut logins = self.store.logins()?;
        match login {
            Some(login) => logins.insert(base_url.to_owned(), login),
            None => logins.remove(base_url),
        };
        let path = self.store.path();
        write_private_file(&self.store.directory, &path, &logins).map_err(|source| Failure::Unwritable {
            place: path.display().to_string(),
            source,
        })
    }
}

/// Replaces the file. A temporary file has mode 600, and renaming keeps it.
fn write_private_file(directory: &Path, path: &Path, logins: &Logins) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(serde_json::to_string_pretty(logins)?.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(unix)]
fn create_private_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn create_private_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

#[cfg(unix)]
fn is_readable_by_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &File) -> io::Result<bool> {
    Ok(false)
}
