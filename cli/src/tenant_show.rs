//! `registry tenant show`: a tenant, and what it has.

use clap::{Args, Command};
use serde::Serialize;
use tenant_registry_client::Client;
use tenant_registry_client::types::{ApiKeyList, ProjectPage, Tenant, TenantId, TenantProductList};

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

/// A tenant with what belongs to it, as JSON. Each list is its first page.
#[derive(Serialize)]
struct Overview {
    tenant: Tenant,
    entitlements: TenantProductList,
    projects: ProjectPage,
    api_keys: ApiKeyList,
}

impl Show {
    /// The name of the command.
    pub(crate) const NAME: &str = "show";

    /// The definition for clap.
    pub(crate) fn command() -> Command {
        Self::augment_args(Command::new(Self::NAME))
            .about("Show a tenant with its entitlements, projects and usable API keys")
            .long_about(
                "Show a tenant with its entitlements, projects and usable API keys. If there are more than a page of them, it \
                 shows the newest. A token needs the scopes `tenants:read`, `projects:read` and `api_keys:read`.",
            )
    }

    /// Shows the tenant.
    pub(crate) async fn run(self, client: &Client, options: &OutputOptions) -> Result<(), Failure> {
        let Self { id } = self;
        let overview = Overview {
            tenant: client.tenant_get().id(id).send().await?.into_inner(),
            entitlements: client.entitlement_list().tenant_id(id).send().await?.into_inner(),
            projects: client.project_list().tenant_id(id).send().await?.into_inner(),
            api_keys: client
                .api_key_list()
                .tenant_id(id)
                .usable(true)
                .send()
                .await?
                .into_inner(),
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
