//! `--plaintext-file` of the commands that create an API key: `registry api-key create` and `registry api-key rotate`.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use tenant_registry_client::Client;
use tenant_registry_client::types::ApiKeyCreated;

use crate::failure::Failure;
use crate::generated::Response;
use crate::generated::api_key::{ApiKeyCreate, ApiKeyRotate};
use crate::output::{self, OutputOptions};
use crate::private_file::PrivateFile;

#[derive(Clone, Debug, Args)]
struct PlaintextFile {
    /// Write the plaintext to this file instead of standard output. The file must not exist. Only its owner can read it.
    #[arg(long, value_name = "PATH")]
    plaintext_file: Option<PathBuf>,
}

/// A command that creates an API key and writes its plaintext to a file.
pub(crate) struct NewApiKey {
    request: Request,
    path: PathBuf,
}

enum Request {
    Create(Box<ApiKeyCreate>),
    Rotate(Box<ApiKeyRotate>),
}

impl NewApiKey {
    /// Adds the argument to the commands.
    pub(crate) fn augment(api_key: Command) -> Command {
        api_key
            .mut_subcommand("create", PlaintextFile::augment_args)
            .mut_subcommand("rotate", PlaintextFile::augment_args)
    }

    /// The command, if the argument is given.
    pub(crate) fn from_matches(api_key: &ArgMatches) -> Result<Option<Self>, clap::Error> {
        let (request, matches) = match api_key.subcommand() {
            Some(("create", matches)) => {
                let create = ApiKeyCreate::from_arg_matches(matches)?;
                (Request::Create(Box::new(create)), matches)
            }
            Some(("rotate", matches)) => {
                let rotate = ApiKeyRotate::from_arg_matches(matches)?;
                (Request::Rotate(Box::new(rotate)), matches)
            }
            Some(_) | None => return Ok(None),
        };
        let PlaintextFile { plaintext_file } = PlaintextFile::from_arg_matches(matches)?;
        Ok(plaintext_file.map(|path| Self { request, path }))
    }

    /// Creates the key, and shows what is not secret.
    pub(crate) async fn run(self, client: &Client, options: &OutputOptions) -> Result<(), Failure> {
        let Self { request, path } = self;
        if path.exists() {
            return Err(Failure::Usage(format!(
                "{} exists; choose another file",
                path.display()
            )));
        }
        // Before the key exists, so that its plaintext is not lost if the file cannot be created.
        let mut file = PrivateFile::create(&path)?;
        let created = match request {
            Request::Create(create) => create.send(client).await?,
            Request::Rotate(rotate) => rotate.send(client).await?,
        };
        let ApiKeyCreated {
            api_key,
            plaintext,
            warning: _,
        } = created;
        let written = file
            .write(format!("{}\n", plaintext.expose_secret()).as_bytes())
            .and_then(|()| file.finish_new());
        // Even if the file was not written, because the user has to know which key was created.
        output::response(&Response::ApiKey(api_key), options)?;
        written
    }
}
