//! Audit log commands that send several requests.

mod export;
mod export_format;
mod pages;
mod progress;
mod tail;

use clap::Command;
use tenant_registry_client::types::{AuditCursor, PageLimit, Timestamp};

pub(crate) use export::Export;
pub(crate) use tail::Tail;

/// Hides the paging parameters of `audit list` and rejects them, because the command reads all pages.
fn without_paging(command: Command) -> Command {
    const WHY: &str = "this command reads all pages";
    let reject_limit = |_: &str| Err::<PageLimit, _>(WHY);
    let reject_cursor = |_: &str| Err::<AuditCursor, _>(WHY);
    command
        .mut_arg("limit", |limit| limit.hide(true).value_parser(reject_limit))
        .mut_arg("cursor", |cursor| cursor.hide(true).value_parser(reject_cursor))
}

/// Hides `--until` and rejects it, because the command has no end.
fn without_until(command: Command) -> Command {
    let reject = |_: &str| Err::<Timestamp, _>("this command runs until it is stopped");
    command.mut_arg("until", |until| until.hide(true).value_parser(reject))
}
