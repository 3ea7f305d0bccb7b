//! The commands about the audit log that are more than one request.

mod export;
mod export_format;
mod progress;
mod tail;
mod walk;

use clap::Command;
use tenant_registry_client::types::{AuditCursor, AuditUntil, PageLimit};

pub(crate) use export::Export;
pub(crate) use tail::Tail;

/// Takes the filters of `audit list` that say where a page is cut off a command that walks the pages by itself: they are
/// not shown, and refused.
fn without_places(command: Command) -> Command {
    const WHY: &str = "this command walks the pages by itself";
    let refuse_limit = |_: &str| Err::<PageLimit, _>(WHY);
    let refuse_cursor = |_: &str| Err::<AuditCursor, _>(WHY);
    command
        .mut_arg("limit", |limit| limit.hide(true).value_parser(refuse_limit))
        .mut_arg("cursor", |cursor| cursor.hide(true).value_parser(refuse_cursor))
}

/// The same, for what ends a span of time that has no end.
fn without_end(command: Command) -> Command {
    let refuse = |_: &str| Err::<AuditUntil, _>("this command goes on until it is ended");
    command.mut_arg("until", |until| until.hide(true).value_parser(refuse))
}
