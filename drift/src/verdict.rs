//! What is said of a mutant.

use crate::mutant::Mutant;

/// The answer to one mutant.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The build fails, with this error, at this place in a hand-written file or in the spec.
    Breaks { error: String, place: String },
    /// Generated code alone changed what is answered, and a probe has seen it.
    Followed { seen: String },
    /// The difference is one of documentation.
    Harmless,
    /// Neither: the contract drifted and nobody was told.
    Missed { why: String },
}

/// A mutant and its verdict.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) mutant: Mutant,
    pub(crate) verdict: Verdict,
}

impl Verdict {
    /// The verdict in a line.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Breaks { error, place } => format!("breaks: {place}: {error}"),
            Self::Followed { seen } => format!("followed: {seen}"),
            Self::Harmless => "harmless".to_owned(),
            Self::Missed { why } => format!("MISSED: {}", why.replace('\n', " / ")),
        }
    }
}
