//! Names in place of IDs in arguments: the slug of a tenant, `TENANT/SLUG` for a project, and `TENANT/PREFIX` or `TENANT/NAME`
//! for an API key.
//!
//! The arguments of the generated commands are IDs. A command line with names is therefore parsed twice: first to collect the
//! names, and again when the service has told their IDs.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::{Arg, Command};
use tenant_registry_client::types::{ApiKey, ApiKeyId, ApiKeyPlaintext, ProjectId, ProjectSlug, TenantId, TenantSlug};
use tenant_registry_client::{Client, TryStreamExt};

use crate::failure::Failure;

/// Takes the place of an ID while it is not known. It is never sent.
const UNKNOWN_ID: &str = "00000000-0000-0000-0000-000000000000";

/// `--tenant acme` reads better than `--tenant-id acme`.
const ALIASES: [(&str, &str); 2] = [("tenant-id", "tenant"), ("project-id", "project")];

/// The paragraph of the help.
pub(crate) const HELP: &str = "Names in place of IDs:
  acme              a tenant, by its slug
  acme/website      a project, by its slug
  acme/bp_Zm9vYmFy  an API key, by its prefix
  acme/ci           an API key, by its name, if only one usable key of the tenant has it";

/// The names of a command line, and the IDs that are known. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<BTreeMap<Name, Option<String>>>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Tenant(Tenant),
    Project {
        tenant: Tenant,
        slug: ProjectSlug,
    },
    ApiKey {
        /// A key can only be found with its tenant.
        tenant: Option<Tenant>,
        /// The prefix or the name.
        key: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tenant {
    Id(TenantId),
    Slug(TenantSlug),
}

impl Names {
    /// Lets the arguments that are IDs accept names.
    pub(crate) fn accept(&self, command: Command) -> Command {
        let command = command.mut_args(|argument| {
            let value_type = argument.get_value_parser().type_id();
            if value_type == TypeId::of::<TenantId>() {
                self.accept_in::<TenantId>(argument, "ID|SLUG", Name::tenant)
            } else if value_type == TypeId::of::<ProjectId>() {
                self.accept_in::<ProjectId>(argument, "ID|TENANT/SLUG", Name::project)
            } else if value_type == TypeId::of::<ApiKeyId>() {
                self.accept_in::<ApiKeyId>(argument, "ID|TENANT/KEY", Name::api_key)
            } else {
                argument
            }
        });
        command.mut_subcommands(|command| self.accept(command))
    }

    fn accept_in<T>(&self, argument: Arg, value_name: &'static str, name: fn(&str) -> Result<Name, String>) -> Arg
    where
        T: FromStr<Err: Display> + Clone + Send + Sync + 'static,
    {
        let names = self.clone();
        let parse = move |text: &str| match T::from_str(text) {
            Ok(id) => Ok(id),
            Err(_) => {
                let id = names.id(name(text)?);
                T::from_str(&id).map_err(|error| error.to_string())
            }
        };
        let argument = argument.value_name(value_name).value_parser(parse);
        let alias = ALIASES.iter().find(|(long, _)| argument.get_long() == Some(*long));
        match alias {
            Some((_, alias)) => argument.visible_alias(*alias),
            None => argument,
        }
    }

    /// The ID, or one that takes its place until it is known.
    fn id(&self, name: Name) -> String {
        let mut names = self.lock();
        let id = names.entry(name).or_default();
        id.clone().unwrap_or_else(|| UNKNOWN_ID.to_owned())
    }

    /// Whether there are names without an ID.
    pub(crate) fn are_unknown(&self) -> bool {
        self.lock().values().any(Option::is_none)
    }

    /// Asks the service for the IDs.
    pub(crate) async fn look_up(&self, client: &Client) -> Result<(), Failure> {
        let unknown: Vec<Name> = self.lock().keys().cloned().collect();
        for name in unknown {
            let id = name.find(client).await?;
            self.lock().insert(name, Some(id));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Name {
    fn tenant(text: &str) -> Result<Self, String> {
        Tenant::from_str(text).map(Self::Tenant)
    }

    fn project(text: &str) -> Result<Self, String> {
        let (tenant, slug) = text
            .split_once('/')
            .ok_or("must be an ID, or the slugs of a tenant and its project as in `acme/website`")?;
        Ok(Self::Project {
            tenant: tenant.parse()?,
            slug: slug
                .parse()
                .map_err(|error| format!("the slug of the project {error}"))?,
        })
    }

    /// Accepts any text, because an error would repeat it, and it may be a plaintext.
    fn api_key(text: &str) -> Result<Self, String> {
        Ok(match text.split_once('/') {
            Some((tenant, key)) => Self::ApiKey {
                tenant: Some(tenant.parse()?),
                key: key.to_owned(),
            },
            None => Self::ApiKey {
                tenant: None,
                key: text.to_owned(),
            },
        })
    }

    async fn find(&self, client: &Client) -> Result<String, Failure> {
        match self {
            Self::Tenant(tenant) => tenant.find(client).await.map(|id| id.to_string()),
            Self::Project { tenant, slug } => {
                let mut projects = client.project_list().tenant_id(tenant.find(client).await?).stream();
                while let Some(project) = projects.try_next().await? {
                    if project.slug == *slug {
                        return Ok(project.id.to_string());
                    }
                }
                Err(Failure::NotFound(format!("the tenant has no project with the slug `{slug}`")))
            }
            Self::ApiKey { key, .. } if ApiKeyPlaintext::try_from(key.as_str()).is_ok() => Err(Failure::Usage(
                "this is the plaintext of an API key, which other users of the machine can see in arguments; give the first \
                 11 characters, which are its prefix"
                    .to_owned(),
            )),
            Self::ApiKey { tenant: None, .. } => Err(Failure::Usage(
                "give the ID of the API key, or its tenant and its prefix or name as in `acme/bp_Zm9vYmFy`".to_owned(),
            )),
            Self::ApiKey {
                tenant: Some(tenant),
                key,
            } => find_api_key(client, tenant.find(client).await?, key).await,
        }
    }
}

/// The key with this prefix or name. One that is not usable is only found if no usable one matches.
async fn find_api_key(client: &Client, tenant_id: TenantId, key: &str) -> Result<String, Failure> {
    for usable in [true, false] {
        let keys = client.api_key_list().tenant_id(tenant_id).usable(usable).stream();
        let found: Vec<ApiKey> = keys
            .try_filter(|it| std::future::ready(it.prefix.as_str() == key || it.name.as_str() == key))
            .try_collect()
            .await?;
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one.id.to_string()),
            several => {
                let mut message = format!(
                    "{} API keys of the tenant match `{key}`; give the ID of one:",
                    several.len()
                );
                for ApiKey {
                    id, prefix, created_at, ..
                } in several
                {
                    message.push_str(&format!("\n{id} ({}, created at {created_at})", prefix.as_str()));
                }
                return Err(Failure::Usage(message));
            }
        }
    }
    Err(Failure::NotFound(format!(
        "the tenant has no API key with the prefix or name `{key}`"
    )))
}

impl FromStr for Tenant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        TenantId::from_str(text).map(Self::Id).or_else(|no_id| {
            TenantSlug::from_str(text)
                .map(Self::Slug)
                .map_err(|no_slug| format!("{no_id}, or the slug of a tenant, which {no_slug}"))
        })
    }
}

impl Tenant {
    async fn find(&self, client: &Client) -> Result<TenantId, Failure> {
        match self {
            Self::Id(id) => Ok(*id),
            Self::Slug(slug) => Ok(client.tenant_get_by_slug().slug(slug.clone()).send().await?.id),
        }
    }
}
