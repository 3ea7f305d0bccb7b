//! Selects a deterministic sample of the mutants.

use crate::mutant::{Kind, Mutant};

/// Selects about `count` mutants: at least one of each kind, and otherwise in proportion to the number of each kind.
pub(crate) fn spread(mutants: Vec<Mutant>, count: usize) -> Vec<Mutant> {
    let total = mutants.len().max(1);
    let mut sample = Vec::new();
    for kind in Kind::ALL {
        let all: Vec<&Mutant> = mutants.iter().filter(|mutant| mutant.kind == kind).collect();
        let share = (all.len() * count / total).clamp(1, all.len().max(1));
        for number in 0..share {
            // From the middle of each part, because the first and last mutants of a kind are often similar.
            let index = (2 * number + 1) * all.len() / (2 * share);
            sample.extend(all.get(index).copied().cloned());
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::{Kind, Mutant, spread};
    use crate::mutant::Change;

    #[test]
    fn the_sample_contains_each_kind_and_no_duplicates() {
        let mutants: Vec<Mutant> = Kind::ALL
            .into_iter()
            .enumerate()
            .flat_map(|(index, kind)| (0..=index).map(move |number| (kind, number)))
            .map(|(kind, number)| Mutant {
                kind,
                place: number.to_string(),
                description: String::new(),
                change: Change::Spec(Vec::new()),
                probe: None,
            })
            .collect();
        let sample = spread(mutants, 60);
        assert!(Kind::ALL.iter().all(|kind| sample.iter().any(|it| it.kind == *kind)));
        let mut seen = std::collections::BTreeSet::new();
        assert!(sample.iter().all(|it| seen.insert((it.kind, it.place.clone()))));
    }
}
