//! Maps the spec's paths to routes of dropshot.
//!
//! At each segment of a path, the router supports either literals or one variable. If the spec has both, or two names for
//! one variable, the segment becomes a variable. Paths that become equal share one route.

use std::collections::BTreeMap;

use crate::model::{Api, Operation, Segment};

/// One path of dropshot's router, and the paths of the spec that it serves.
#[derive(Clone, Debug)]
pub(crate) struct Route<'a> {
    pub(crate) path: Vec<Segment>,
    /// The most specific first: literals before variables, from left to right.
    pub(crate) served: Vec<Served<'a>>,
}

/// A path of the spec, with its operations.
#[derive(Clone, Debug)]
pub(crate) struct Served<'a> {
    pub(crate) path: Vec<Segment>,
    pub(crate) operations: Vec<&'a Operation>,
}

impl Route<'_> {
    /// Is the route identical to a path of the spec, so that its operations can be endpoints?
    pub(crate) fn is_direct(&self) -> bool {
        match self.served.as_slice() {
            [served] => served.path == self.path,
            _ => false,
        }
    }
}

/// The routes of an API, in the order of its paths.
pub(crate) fn from_api(api: &Api) -> Vec<Route<'_>> {
    let mut paths: Vec<Served<'_>> = Vec::new();
    for operation in &api.operations {
        match paths.iter_mut().find(|it| it.path == operation.path) {
            Some(served) => served.operations.push(operation),
            None => paths.push(Served {
                path: operation.path.clone(),
                operations: vec![operation],
            }),
        }
    }
    let all: Vec<&[Segment]> = paths.iter().map(|it| it.path.as_slice()).collect();
    let routed: Vec<Vec<Segment>> = route_paths(&all);
    let mut routes: Vec<Route<'_>> = Vec::new();
    for (served, path) in paths.into_iter().zip(routed) {
        match routes.iter_mut().find(|it| it.path == path) {
            Some(route) => route.served.push(served),
            None => routes.push(Route {
                path,
                served: vec![served],
            }),
        }
    }
    for route in &mut routes {
        // `Literal` sorts before `Variable`.
        route.served.sort_by(|first, second| first.path.cmp(&second.path));
    }
    routes
}

/// For each path, the path of its route.
fn route_paths(paths: &[&[Segment]]) -> Vec<Vec<Segment>> {
    let mut routed = vec![Vec::new(); paths.len()];
    let everything: Vec<usize> = (0..paths.len()).collect();
    descend(paths, &everything, 0, &mut routed);
    routed
}

/// Decides the segment at `depth` for paths whose routes are equal up to there.
fn descend(paths: &[&[Segment]], members: &[usize], depth: usize, routed: &mut [Vec<Segment>]) {
    let deeper: Vec<usize> = members
        .iter()
        .copied()
        .filter(|member| paths[*member].len() > depth)
        .collect();
    if deeper.is_empty() {
        return;
    }
    let mut variables: Vec<&str> = deeper
        .iter()
        .filter_map(|member| match &paths[*member][depth] {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
        .collect();
    if variables.is_empty() {
        let mut words: BTreeMap<&Segment, Vec<usize>> = BTreeMap::new();
        for member in &deeper {
            routed[*member].push(paths[*member][depth].clone());
            words.entry(&paths[*member][depth]).or_default().push(*member);
        }
        for members in words.values() {
            descend(paths, members, depth + 1, routed);
        }
        return;
    }
    variables.sort_unstable();
    variables.dedup();
    let taken = |name: &str| {
        deeper
            .iter()
            .any(|member| routed[*member].contains(&Segment::Variable(name.to_owned())))
    };
    let name = match variables.as_slice() {
        [only] if !taken(only) => (*only).to_owned(),
        _ => format!("segment_{}", depth + 1),
    };
    for member in &deeper {
        routed[*member].push(Segment::Variable(name.clone()));
    }
    descend(paths, &deeper, depth + 1, routed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::path_text;

    fn path(text: &str) -> Vec<Segment> {
        text.split('/')
            .skip(1)
            .map(
                |segment| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(name) => Segment::Variable(name.to_owned()),
                    None => Segment::Literal(segment.to_owned()),
                },
            )
            .collect()
    }

    fn routed(paths: &[&str]) -> Vec<String> {
        let paths: Vec<Vec<Segment>> = paths.iter().map(|it| path(it)).collect();
        let borrowed: Vec<&[Segment]> = paths.iter().map(Vec::as_slice).collect();
        route_paths(&borrowed).iter().map(|it| path_text(it)).collect()
    }

    #[test]
    fn paths_without_conflicts_are_unchanged() {
        let paths = ["/a", "/a/{id}", "/a/{id}/b", "/c/d"];
        assert_eq!(routed(&paths), paths);
    }

    #[test]
    fn a_literal_beside_a_variable_becomes_the_variable() {
        assert_eq!(
            routed(&["/t", "/t/{id}", "/t/by-slug/{slug}", "/t/{id}/activate"]),
            ["/t", "/t/{id}", "/t/{id}/{slug}", "/t/{id}/{slug}"]
        );
    }

    #[test]
    fn two_names_of_a_variable_become_a_neutral_one() {
        assert_eq!(
            routed(&["/t/{id}/a", "/t/{name}/b"]),
            ["/t/{segment_2}/a", "/t/{segment_2}/b"]
        );
    }

    #[test]
    fn a_route_uses_each_name_once() {
        assert_eq!(
            routed(&["/{id}/x", "/a/{id}"]),
            ["/{id}/{segment_2}", "/{id}/{segment_2}"]
        );
    }
}
