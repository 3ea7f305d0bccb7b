//! The cluster for development. It keeps its records and runs until it is stopped.

use super::Error;
use super::programs::Programs;
use crate::processes;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Not Postgres' default port, which a system-wide cluster may use.
const PORT: u16 = 54_329;

const DATABASE: &str = "tenant_registry";

/// Starts the cluster, creating it if needed, and returns the URL of its database. `progress` gets a line before each
/// long step.
///
/// # Errors
/// If Postgres is not installed or does not start.
pub fn start(progress: impl Fn(&str)) -> Result<String, Error> {
    Development {
        directory: directory(),
        port: PORT,
    }
    .start(progress)
}

/// A development cluster. Other users of the machine can reach its port, so its superuser has a password.
struct Development {
    directory: PathBuf,
    port: u16,
}

impl Development {
    fn start(&self, progress: impl Fn(&str)) -> Result<String, Error> {
        let Self { directory, port } = self;
        let programs = Programs::find()?;
        let data = directory.join("data");
        let password_file = directory.join("password");
        if !data.join("PG_VERSION").exists() {
            progress(&format!("creating a Postgres cluster in {} …", directory.display()));
            programs.create_directory(directory)?;
            programs.create_file(&password_file, &random_password()?)?;
            let password_option = format!("--pwfile={}", password_file.display());
            programs.make_cluster(&data, &["--auth=scram-sha-256", &password_option])?;
        }
        let password = match fs::read_to_string(&password_file) {
            Ok(password) => password,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::NoPassword {
                    directory: directory.clone(),
                });
            }
            Err(error) => return Err(Error::io(password_file)(error)),
        };
        if processes::of_data_directory(&data).is_none() {
            progress(&format!("starting Postgres on 127.0.0.1:{port} …"));
            let options = format!("-p {port} -k '{}' -c listen_addresses=127.0.0.1", directory.display());
            programs.run(
                "pg_ctl",
                [
                    "start".as_ref(),
                    "--wait".as_ref(),
                    "--silent".as_ref(),
                    "--pgdata".as_ref(),
                    data.as_os_str(),
                    "--log".as_ref(),
                    directory.join("log").as_os_str(),
                    "--options".as_ref(),
                    options.as_ref(),
                ],
            )?;
        }
        let psql = |statement: &str| psql(&programs, *port, &password, statement);
        if psql(&format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"))?.is_empty() {
            progress(&format!("creating the database {DATABASE} …"));
            psql(&format!("CREATE DATABASE {DATABASE}"))?;
        }
        Ok(format!("postgres://postgres:{password}@127.0.0.1:{port}/{DATABASE}"))
    }

    fn stop(&self) -> Result<(), Error> {
        let data = self.directory.join("data");
        if processes::of_data_directory(&data).is_none() {
            return Ok(());
        }
        Programs::find()?.stop_server(&data)
    }
}

/// 128 random bits in characters that need no escaping in a URL.
fn random_password() -> Result<String, Error> {
    let mut bytes = [0; 16];
    let random = Path::new("/dev/urandom");
    File::open(random)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Error::io(random))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Stops the server; the records stay.
///
/// # Errors
/// If the server does not stop.
pub fn stop() -> Result<(), Error> {
    Development {
        directory: directory(),
        port: PORT,
    }
    .stop()
}

/// A directory that survives a restart of the machine and that the server's user can enter.
fn directory() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    Path::new("/var/tmp").join(format!("tenant-registry-development-postgres-{user}"))
}

/// Runs a statement. The output has a line for each row.
fn psql(programs: &Programs, port: u16, password: &str, statement: &str) -> Result<String, Error> {
    let mut command = programs.command("psql");
    command.env("PGPASSWORD", password).args([
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--host=127.0.0.1",
        "--username=postgres",
        "--dbname=postgres",
        "--port",
        &port.to_string(),
        "--command",
        statement,
    ]);
    programs.output_of("psql", command)
}

#[cfg(test)]
mod tests {
    use super::{Development, psql};
    use crate::postgres::cluster::free_port;
    use crate::postgres::programs::Programs;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    /// Stops the server and removes its files.
    struct Removed(Development);

    impl Drop for Removed {
        fn drop(&mut self) {
            let _ = self.0.stop();
            let _ = fs::remove_dir_all(&self.0.directory);
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_development_database_needs_the_password_of_its_url_and_its_files_are_private() {
        let directory =
            PathBuf::from("/var/tmp").join(format!("tenant-registry-development-test-{}", std::process::id()));
        let cluster = Removed(Development {
            directory: directory.clone(),
            port: free_port().unwrap(),
        });
        let url = cluster.0.start(|_| ()).unwrap();
        assert_eq!(cluster.0.start(|_| ()).unwrap(), url, "it keeps its password");
        for path in [directory.clone(), directory.join("data")] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
        assert_eq!(mode(&directory.join("password")), 0o600);

        let programs = Programs::find().unwrap();
        let mut command = programs.command("psql");
        command.args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--command",
            "SELECT 6 * 7",
            &url,
        ]);
        assert_eq!(programs.output_of("psql", command).unwrap().trim(), "42");
        for password in ["", "wrong"] {
            assert!(
                psql(&programs, cluster.0.port, password, "SELECT 1").is_err(),
                "{password:?}"
            );
        }
        let socket = format!(
            "postgresql://postgres@/postgres?host={}&port={}",
            directory.display(),
            cluster.0.port
        );
        let mut command = programs.command("psql");
        command.args(["--no-psqlrc", "--no-password", "--command", "SELECT 1", &socket]);
        assert!(
            programs.output_of("psql", command).is_err(),
            "the socket needs the password, too"
        );
    }
}
