//! Emits the hand-written modules that the types use.

use crate::emit::template::prune;
use crate::print::rust_source;
use crate::{Error, GeneratedFile};

const CONSTRAINT: &str = include_str!("../../templates/constraint.rs");
const DECODE: &str = include_str!("../../templates/decode.rs");
const JSON: &str = include_str!("../../templates/json.rs");
const MEMBERS: &str = include_str!("../../templates/members.rs");
const PATCH: &str = include_str!("../../templates/patch.rs");
const TIME: &str = include_str!("../../templates/time.rs");

/// `constraint.rs`.
pub(super) fn constraint(code: &str) -> Result<GeneratedFile, Error> {
    // `decode` uses these even where the types do not.
    let roots = format!("{code} constraint::ConstraintError constraint::Quoted constraint::shown");
    let (file, _) = prune(CONSTRAINT, &roots)?;
    Ok(GeneratedFile::new("constraint.rs", file))
}

/// `json.rs`, if the types use it.
pub(super) fn json(code: &str) -> Result<Option<GeneratedFile>, Error> {
    if !code.contains("JsonObject") {
        return Ok(None);
    }
    let text = rust_source("Free-form JSON, kept as it was written.", JSON)?;
    Ok(Some(GeneratedFile::new("json.rs", text)))
}

/// `members.rs`. The HTTP layer uses it even where the types do not, for the query.
pub(super) fn members(code: &str) -> Result<GeneratedFile, Error> {
    let (file, _) = prune(MEMBERS, &format!("{code} members::unknown_name"))?;
    Ok(GeneratedFile::new("members.rs", file))
}

/// `decode.rs`, if the types use it.
pub(super) fn decode(code: &str) -> Result<Option<GeneratedFile>, Error> {
    let (file, kept) = prune(DECODE, code)?;
    Ok((kept > 0 || file.contains("trait Format")).then(|| GeneratedFile::new("decode.rs", file)))
}

/// `patch.rs`, if the spec has a merge patch with a nullable member.
pub(super) fn patch() -> Result<GeneratedFile, Error> {
    let text = rust_source("The nullable members of merge patches.", PATCH)?;
    Ok(GeneratedFile::new("patch.rs", text))
}

/// `time.rs`, which defines these types.
pub(super) fn time(types: &[&str]) -> Result<GeneratedFile, Error> {
    let roots: String = types.iter().map(|name| format!(" time::{name}")).collect();
    let (file, _) = prune(TIME, &roots)?;
    Ok(GeneratedFile::new("time.rs", file))
}
