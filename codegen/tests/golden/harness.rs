// What a program has beside the generated client and commands, in its shortest form. `include!` takes no documentation.

pub use self::generated::*;

/// How requests are sent: as they are.
#[derive(Clone, Debug)]
pub struct Transport;

impl Transport {
    /// Nothing is necessary before a request.
    async fn prepare(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl progenitor_client::ClientHooks<Transport> for Client {}

/// Why a call failed.
#[derive(Debug)]
pub struct Error(pub String);

impl<T: std::fmt::Debug> From<progenitor_client::Error<T>> for Error {
    fn from(error: progenitor_client::Error<T>) -> Self {
        Self(format!("{error:?}"))
    }
}

/// A client of the service at this URL.
pub fn connect(base_url: &str) -> Client {
    Client {
        baseurl: base_url.to_owned(),
        client: reqwest::Client::new(),
        inner: Transport,
    }
}

/// The client, as the commands name it.
pub mod client {
    pub use super::{Client, Error, types};
}

/// Why a command failed.
pub mod failure {
    use std::fmt::Display;
    use std::io;

    /// Why a command failed.
    #[derive(Debug)]
    pub enum Failure {
        /// The arguments are wrong.
        Usage(String),
        /// The call failed.
        Call(super::Error),
    }

    impl Failure {
        /// The file cannot be read.
        pub fn unreadable(place: impl Display, error: &io::Error) -> Self {
            Self::Usage(format!("{place}: {error}"))
        }
    }

    impl From<super::Error> for Failure {
        fn from(error: super::Error) -> Self {
            Self::Call(error)
        }
    }
}

/// The program.
#[derive(clap::Parser)]
struct Program {
    #[command(subcommand)]
    command: commands::OperationCommand,
}

/// Runs a command, and returns the response as JSON.
pub async fn run(arguments: &[&str], client: &Client) -> Result<String, failure::Failure> {
    let usage = |error: &dyn std::fmt::Display| failure::Failure::Usage(error.to_string());
    let program = <Program as clap::Parser>::try_parse_from(arguments).map_err(|error| usage(&error))?;
    let response = program.command.send(client).await?;
    serde_json::to_string(&response).map_err(|error| usage(&error))
}

/// The specs of the client and of the commands.
pub const FINGERPRINTS: [u64; 2] = [SPEC_FINGERPRINT, commands::SPEC_FINGERPRINT];
