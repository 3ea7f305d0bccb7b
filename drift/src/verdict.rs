//! The result of testing a mutant.

use crate::mutant::Mutant;

/// The result of testing one mutant.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The build fails with this error, at this place in a hand-written file or in the spec.
    BreaksBuild { error: String, place: String },
    /// The generated code changed the behavior, as a probe showed. Hand-written code need not change.
    Followed { seen: String },
    /// Only documentation changed.
    Harmless,
    /// Nothing detected the change.
    Missed { why: String },
}

/// A mutant and its verdict.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) mutant: Mutant,
    pub(crate) verdict: Verdict,
}

impl Verdict {
    /// The verdict as one line.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::BreaksBuild { error, place } => format!("breaks build: {place}: {error}"),
            Self::Followed { seen } => format!("followed: {seen}"),
            Self::Harmless => "harmless".to_owned(),
            Self::Missed { why } => format!("MISSED: {}", why.replace('\n', " / ")),
        }
    }
}
