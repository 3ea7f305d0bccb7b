//! The report: a table by kind, and a list of the mutants.

use std::fmt::Write;

use crate::mutant::Kind;
use crate::verdict::{Judged, Verdict};

/// The number of mutants with each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    breaks_build: usize,
    followed: usize,
    harmless: usize,
    missed: usize,
}

impl Counts {
    fn new<'a>(judged: impl Iterator<Item = &'a Judged>) -> Self {
        let mut counts = Self::default();
        for it in judged {
            match it.verdict {
                Verdict::BreaksBuild { .. } => counts.breaks_build += 1,
                Verdict::Followed { .. } => counts.followed += 1,
                Verdict::Harmless => counts.harmless += 1,
                Verdict::Missed { .. } => counts.missed += 1,
            }
        }
        counts
    }

    fn row(self, title: &str) -> String {
        let Self {
            breaks_build,
            followed,
            harmless,
            missed,
        } = self;
        let mutants = breaks_build + followed + harmless + missed;
        format!("{title:<36} {mutants:>7} {breaks_build:>12} {followed:>9} {harmless:>9} {missed:>7}\n")
    }
}

/// A table with one row for each tested kind, and the total.
pub(crate) fn table(judged: &[Judged]) -> String {
    let heads = ["kind", "mutants", "breaks build", "followed", "harmless", "missed"];
    let mut text = format!(
        "{:<36} {:>7} {:>12} {:>9} {:>9} {:>7}\n",
        heads[0], heads[1], heads[2], heads[3], heads[4], heads[5]
    );
    for kind in Kind::ALL {
        let counts = Counts::new(judged.iter().filter(|it| it.mutant.kind == kind));
        if counts != Counts::default() {
            text.push_str(&counts.row(kind.as_str()));
        }
    }
    text.push_str(&Counts::new(judged.iter()).row("total"));
    text
}

/// A line for each mutant, with its verdict.
pub(crate) fn list<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> String {
    let mut text = String::new();
    for Judged { mutant, verdict } in judged {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{} | {} | {} | {}",
            mutant.kind,
            mutant.place,
            mutant.description,
            verdict.line()
        );
    }
    text
}

pub(crate) fn is_missed(judged: &&Judged) -> bool {
    matches!(judged.verdict, Verdict::Missed { .. })
}
