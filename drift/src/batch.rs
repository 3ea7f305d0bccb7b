//! Groups mutants that can be compiled together, and those that can share one rebuilt server.

use crate::mutant::{Kind, Mutant};
use crate::spec::Spec;
use crate::subject::{Subjects, subjects};

/// Mutants that are compiled together, at most. Of more, errors of one would hide more of the others.
const COMPILED_MAX: usize = 24;

/// Groups mutants of one kind whose subjects differ, so that each error of the compiler belongs to one of them. A mutant without
/// subjects has a batch of its own.
pub(crate) fn compile_batches(spec: &Spec, mutants: Vec<Mutant>) -> Vec<Vec<Mutant>> {
    let mut batches: Vec<(Option<Subjects>, Vec<Mutant>)> = Vec::new();
    for mutant in mutants {
        let own = subjects(spec, &mutant);
        let shared = own.as_ref().and_then(|own| {
            batches.iter_mut().find(|(all, batch)| {
                batch.len() < COMPILED_MAX
                    && batch.iter().all(|other| other.kind == mutant.kind)
                    && all.as_ref().is_some_and(|all| all.is_disjoint(own))
            })
        });
        match (shared, own) {
            (Some((Some(all), batch)), Some(own)) => {
                all.extend(own);
                batch.push(mutant);
            }
            (_, own) => batches.push((own, vec![mutant])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// The part of a request that a mutant changes. Mutants of different groups interact: the probe of one would use what
/// the other changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Path,
    Method,
    Presence,
    Parameter,
    Value,
}

fn group(kind: Kind) -> Group {
    match kind {
        Kind::PathChanged | Kind::OperationAdded | Kind::OperationRemoved => Group::Path,
        Kind::MethodChanged => Group::Method,
        Kind::ParameterAdded
        | Kind::ParameterRemoved
        | Kind::ParameterRenamed
        | Kind::ParameterRetyped
        | Kind::ParameterMadeOptional
        | Kind::HeaderParameterAdded
        | Kind::HeaderParameterRemoved
        | Kind::HeaderParameterMadeRequired => Group::Parameter,
        Kind::ParameterMadeRequired
        | Kind::RequestBodyMadeRequired
        | Kind::RequestBodyMadeOptional
        | Kind::RequestFieldAddedRequired
        | Kind::RequestFieldAddedOptional
        | Kind::RequestFieldRemoved
        | Kind::RequestFieldRenamed
        | Kind::RequestFieldRetyped
        | Kind::RequestFieldMadeRequired
        | Kind::RequestFieldMadeOptional
        | Kind::RequestFieldMadeNullable
        | Kind::MergePatchMemberAdded
        | Kind::MergePatchMemberMadeNullable
        | Kind::MergePatchMemberMadeNonNullable
        | Kind::ResponseFieldAddedRequired
        | Kind::ResponseFieldAddedOptional
        | Kind::ResponseFieldRemoved
        | Kind::ResponseFieldRenamed
        | Kind::ResponseFieldRetyped
        | Kind::ResponseFieldMadeRequired
        | Kind::ResponseFieldMadeOptional
        | Kind::ResponseFieldMadeNullable
        | Kind::ResponseFieldMadeNonNullable => Group::Presence,
        Kind::SecurityRemoved
        | Kind::ScopeAdded
        | Kind::ScopeRemoved
        | Kind::StatusAdded
        | Kind::SuccessAdded
        | Kind::StatusRemoved
        | Kind::HeaderRemoved
        | Kind::HeaderMadeOptional
        | Kind::EnumValueAdded
        | Kind::EnumValueRemoved
        | Kind::PatternChanged
        | Kind::MinimumLengthChanged
        | Kind::MaximumLengthChanged
        | Kind::MinimumChanged
        | Kind::MaximumChanged
        | Kind::DefaultChanged
        | Kind::DefaultRemoved
        | Kind::UnknownMembersAllowed
        | Kind::MinimumItemsChanged
        | Kind::MaximumItemsChanged
        | Kind::JsonLimitChanged
        | Kind::ContentTypeChanged
        | Kind::TextChanged
        | Kind::OperationUnimplemented
        | Kind::UndeclaredStatusReturned
        | Kind::ResponseFieldNotFilled => Group::Value,
    }
}

/// Assigns each mutant to the first batch that it can share. Returns the indices of the mutants of each batch.
pub(crate) fn batches(mutants: &[Mutant]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for (index, mutant) in mutants.iter().enumerate() {
        match batches
            .iter_mut()
            .find(|batch| batch.iter().all(|other| can_share(mutant, &mutants[*other])))
        {
            Some(batch) => batch.push(index),
            None => batches.push(vec![index]),
        }
    }
    batches
}

fn can_share(mutant: &Mutant, other: &Mutant) -> bool {
    let (Some(first), Some(second)) = (&mutant.probe, &other.probe) else {
        return false;
    };
    group(mutant.kind) == group(other.kind) && !first.exclusive && !second.exclusive && first.scope != second.scope
}
