//! The table, kind by kind, and the list of every mutant.

use std::fmt::Write;

use crate::mutant::Kind;
use crate::verdict::{Judged, Verdict};

/// How many of a kind got which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    breaks: usize,
    followed: usize,
    harmless: usize,
    missed: usize,
}

impl Counts {
    fn of<'a>(judged: impl Iterator<Item = &'a Judged>) -> Self {
        let mut counts = Self::default();
        for it in judged {
            match it.verdict {
                Verdict::Breaks { .. } => counts.breaks += 1,
                Verdict::Followed { .. } => counts.followed += 1,
                Verdict::Harmless => counts.harmless += 1,
                Verdict::Missed { .. } => counts.missed += 1,
            }
        }
        counts
    }

    fn row(self, title: &str) -> String {
        let Self {
            breaks,
            followed,
            harmless,
            missed,
        } = self;
        let mutants = breaks + followed + harmless + missed;
        format!("{title:<36} {mutants:>7} {breaks:>7} {followed:>9} {harmless:>9} {missed:>7}\n")
    }
}

/// One row for each kind that was tried, and the sum.
pub(crate) fn table(judged: &[Judged]) -> String {
    let heads = ["kind", "mutants", "breaks", "followed", "harmless", "missed"];
    let mut text = format!(
        "{:<36} {:>7} {:>7} {:>9} {:>9} {:>7}\n",
        heads[0], heads[1], heads[2], heads[3], heads[4], heads[5]
    );
    for kind in Kind::ALL {
        let counts = Counts::of(judged.iter().filter(|it| it.mutant.kind == kind));
        if counts != Counts::default() {
            text.push_str(&counts.row(kind.as_str()));
        }
    }
    text.push_str(&Counts::of(judged.iter()).row("all"));
    text
}

/// Each mutant with its verdict, a line each.
pub(crate) fn list<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> String {
    let mut text = String::new();
    for Judged { mutant, verdict } in judged {
        // Writing to a text cannot fail.
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
