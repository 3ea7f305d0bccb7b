//! `registry tenant show`: a tenant, and what it has.

use clap::{Args, Command};
use serde::Serialize;
use tenant_registry_client::types::{
    ApiKey, ApiKeyList, Project, ProjectPage, Tenant, TenantId, TenantProduct, TenantProductList,
};
use tenant_registry_client::{Client, TryStreamExt};

use crate::failure::Failure;
use crate::generated::Response;
use crate::output::{self, OutputOptions};

/// The arguments of the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Show {
    /// The ID of the tenant.
    #[arg(value_name = "ID")]
    id: TenantId,
}

/// A tenant with all that belongs to it, as JSON.
#[derive(Serialize)]
struct Overview {
    tenant: Tenant,
    entitlements: Vec<TenantProduct>,
    projects: Vec<Project>,
    api_keys: Vec<ApiKey>,
}

impl Show {
    /// The name of the command.
    pub(crate) const NAME: &str = "show";

    /// The definition for clap.
    pub(crate) fn command() -> Command {
        Self::augment_args(Command::new(Self::NAME))
            .about("Show a tenant with its entitlements, projects and usable API keys")
            .long_about(
                "Show a tenant with its entitlements, projects and usable API keys. A token needs the scopes `tenants:read`, \
                 `projects:read` and `api_keys:read`.",
            )
    }

    /// Shows the tenant.
    pub(crate) async fn run(self, client: &Client, options: &OutputOptions) -> Result<(), Failure> {
        let Self { id } = self;
        let tenant = client.tenant_get().id(id).send().await?.into_inner();
        let entitlements = client.entitlement_list().tenant_id(id).send().await?.into_inner().items;
        let projects = client.project_list().tenant_id(id).stream().try_collect().await?;
        let usable_keys = client.api_key_list().tenant_id(id).usable(true);
        let overview = Overview {
            tenant,
            entitlements,
            projects,
            api_keys: usable_keys.stream().try_collect().await?,
        };
        if options.is_json() {
            return output::value(&overview, options);
        }
        let Overview {
            tenant,
            entitlements,
            projects,
            api_keys,
        } = overview;
        let entitlements = TenantProductList { items: entitlements };
        let (projects, api_keys) = (
            ProjectPage {
                items: projects,
                next_cursor: None,
            },
            ApiKeyList {
                items: api_keys,
                next_cursor: None,
            },
        );
        for (title, part) in [
            ("Tenant", Response::Tenant(tenant)),
            ("Entitlements", Response::TenantProductList(entitlements)),
            ("Projects", Response::ProjectPage(projects)),
            ("Usable API keys", Response::ApiKeyList(api_keys)),
        ] {
            output::bytes(format!("{title}\n").as_bytes())?;
            output::response(&part, options)?;
        }
        Ok(())
    }
}
