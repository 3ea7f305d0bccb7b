//! The names of members, to recognize unknown ones.

/// A member of an object in a request.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The name.
    pub name: &'static str,
    /// Whether the object must have it.
    pub is_required: bool,
    /// What its value contains.
    pub content: MemberContent,
}

/// What the value of a member contains.
#[derive(Clone, Copy, Debug)]
pub enum MemberContent {
    /// No object with known members.
    Value,
    /// An object with these members.
    Object(fn() -> &'static [Member]),
    /// A list of objects with these members.
    Objects(fn() -> &'static [Member]),
}

/// An object in a request. It rejects unknown members.
pub trait RequestObject {
    /// The members that it can have.
    fn members() -> &'static [Member];
}

/// Finds the known name that a person probably meant by an unknown one.
fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing takes time in proportion to the length, and longer names resemble none.
    const MAX_LENGTH: usize = 64;
    const MIN_SIMILARITY: f64 = 0.8;
    if unknown.len() > MAX_LENGTH {
        return None;
    }
    let unknown = unknown.to_lowercase();
    let similarity = |name: &str| {
        // One letter is wrong, or two are swapped: for short names, Jaro's measure is too strict.
        let is_slip = name.len() > 2 && strsim::osa_distance(&unknown, name) <= 1;
        let slip = if is_slip { MIN_SIMILARITY } else { 0.0 };
        strsim::jaro_winkler(&unknown, name).max(slip)
    };
    known
        .into_iter()
        .map(|name| (similarity(name), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(first, _), (second, _)| first.total_cmp(second))
        .map(|(_, name)| name)
}

/// Says which known name was probably meant by an unknown one, or which there are.
pub fn unknown_hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => {
            let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
            match known.as_slice() {
                [] => "remove it".to_owned(),
                known => format!("known are {}", known.join(", ")),
            }
        }
    }
}

/// Says that a name is unknown, and which one was probably meant. `kind` is what it names, such as "member".
pub fn unknown_name<'a>(
    kind: &str,
    shown: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    format!("unknown {kind} {}; {}", super::constraint::Quoted::shown(shown), unknown_hint(name, known))
}
