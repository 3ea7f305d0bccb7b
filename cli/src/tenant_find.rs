//! `registry tenant find`: finds tenants by words.

use clap::{Args, Command};
use tenant_registry_client::Client;
use tenant_registry_client::types::{ListCursor, PageLimit, SearchText, TenantPage};

use crate::failure::Failure;
use crate::generated::Response;
use crate::generated::tenant::TenantList;
use crate::output::{self, OutputOptions};

/// The number of tenants that are shown by default.
const DEFAULT_LIMIT: i32 = 50;

/// The page size with `--all`. If it exceeds the maximum of the spec, the service's default applies.
const PAGE_SIZE: i32 = 500;

/// The arguments of the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Find {
    /// Beginnings of words of the slug, of the name or of the IDs in other systems. A tenant has to match all of them. Case
    /// does not matter.
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    filters: TenantList,
    /// Show all tenants that match.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Find {
    /// The name of the command.
    pub(crate) const NAME: &str = "find";

    /// The definition for clap.
    pub(crate) fn command() -> Command {
        let reject_q = |_: &str| Err::<SearchText, _>("give the words without a flag");
        let reject_cursor = |_: &str| Err::<ListCursor, _>("use `--all` to read all pages");
        Self::augment_args(Command::new(Self::NAME))
            .about("Find tenants by words")
            .long_about(
                "Find tenants by words, newest first. The command reads as many pages as it needs. If it does not show all \
                 tenants that match, it says so on standard error.",
            )
            .mut_arg("q", |q| q.hide(true).value_parser(reject_q))
            .mut_arg("cursor", |cursor| cursor.hide(true).value_parser(reject_cursor))
    }

    /// Shows the tenants.
    pub(crate) async fn run(self, client: &Client, options: &OutputOptions) -> Result<(), Failure> {
        let Self { words, filters, all } = self;
        let q =
            SearchText::try_from(words.join(" ")).map_err(|error| Failure::Usage(format!("invalid words: {error}")))?;
        let default_limit = PageLimit::try_from(DEFAULT_LIMIT).ok();
        let wanted = filters.limit.or(default_limit).filter(|_| !all);
        let wanted = wanted.map_or(usize::MAX, |limit| limit.get().unsigned_abs() as usize);
        let request = TenantList { q: Some(q), ..filters };
        let mut tenants = Vec::new();
        let mut cursor = None;
        loop {
            let missing = wanted.saturating_sub(tenants.len());
            let limit = i32::try_from(missing).map_or(PAGE_SIZE, |missing| missing.min(PAGE_SIZE));
            let page = TenantList {
                limit: PageLimit::try_from(limit).ok(),
                cursor,
                ..request.clone()
            };
            let TenantPage { items, next_cursor } = page.send(client).await?;
            tenants.extend(items);
            cursor = next_cursor;
            if cursor.is_none() || tenants.len() >= wanted {
                break;
            }
        }
        if cursor.is_some() {
            eprintln!("note: there may be more tenants that match. Use `--all`, or more words.");
        }
        let found = TenantPage {
            items: tenants,
            next_cursor: None,
        };
        output::response(&Response::TenantPage(found), options)
    }
}
