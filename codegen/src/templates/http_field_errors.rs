//! Finds all errors in the members of a body, after the body as a whole was rejected.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::types;
use crate::types::{FieldError, Member, MemberContent, Quoted, RequestObject};

/// The maximum number of errors in a response.
const ERRORS_MAX: usize = 100;

/// Returns the errors of the members, in the order of the text. Each member is deserialized by itself, in a body that
/// contains nothing else. Fails if the text is not an object of JSON.
pub(super) fn field_errors<T: DeserializeOwned + RequestObject>(text: &str) -> serde_json::Result<Vec<FieldError>> {
    // This reads the whole text, so that an incomplete one has no members.
    let members = serde_json::from_str(text)?;
    let mut search = Search { errors: Vec::new(), body: PhantomData::<T> };
    let body = Place { shown: String::new(), probed: String::new(), before: String::new(), after: String::new() };
    search.members(&body, members, T::members());
    Ok(search.errors)
}

/// What a deserializer says of a value, without the position in the text that serde_json appends.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

/// A place in a body, and the text around it in a body that contains nothing else.
struct Place {
    /// The path, as the caller knows it.
    shown: String,
    /// The path in the body with one value.
    probed: String,
    before: String,
    after: String,
}

impl Place {
    fn member(&self, name: &str) -> Self {
        let quoted = serde_json::Value::from(name);
        let separator = if self.shown.is_empty() { "" } else { "." };
        Self {
            shown: format!("{}{separator}{name}", self.shown),
            probed: format!("{}{separator}{name}", self.probed),
            before: format!("{}{{{quoted}:", self.before),
            after: format!("}}{}", self.after),
        }
    }

    fn item(&self, index: usize) -> Self {
        Self {
            shown: format!("{}[{index}]", self.shown),
            probed: format!("{}[0]", self.probed),
            before: format!("{}[", self.before),
            after: format!("]{}", self.after),
        }
    }
}

struct Search<T> {
    errors: Vec<FieldError>,
    body: PhantomData<T>,
}

impl<T: DeserializeOwned> Search<T> {
    fn push(&mut self, field: &str, message: String) {
        if self.errors.len() < ERRORS_MAX {
            // The name of an unknown member can be any text of any length.
            let field = Quoted::shown(field).to_string().trim_matches('`').to_owned();
            self.errors.push(FieldError { field, message });
        }
    }

    /// Checks the members of an object.
    fn object(&mut self, place: &Place, text: &str, known: &'static [Member]) {
        match serde_json::from_str(text) {
            Ok(members) => self.members(place, members, known),
            Err(_) => self.value(place, text),
        }
    }

    fn members(&mut self, place: &Place, Members(members): Members<'_>, known: &'static [Member]) {
        let mut seen = HashSet::new();
        for (name, value) in &members {
            // The search for the nearest name takes time, and a body may have a hundred thousand unknown ones.
            if self.errors.len() == ERRORS_MAX {
                return;
            }
            let below = place.member(name);
            let is_repeated = !seen.insert(name.as_str());
            match known.iter().find(|member| member.name == name) {
                None => {
                    let known = known.iter().map(|member| member.name);
                    let message = format!("unknown member; {}", types::unknown_hint(name, known));
                    self.push(&below.shown, message);
                }
                Some(_) if is_repeated => self.push(&below.shown, "is given more than once; give it once".to_owned()),
                Some(member) => self.member(&below, value.get(), member),
            }
        }
        for member in known.iter().filter(|member| member.is_required) {
            if !seen.contains(member.name) {
                self.push(&place.member(member.name).shown, "is missing".to_owned());
            }
        }
    }

    fn member(&mut self, place: &Place, text: &str, member: &Member) {
        let before = self.errors.len();
        match member.content {
            MemberContent::Object(members) if text.starts_with('{') => self.object(place, text, members()),
            MemberContent::Objects(members) if text.starts_with('[') => self.list(place, text, members()),
            MemberContent::Value | MemberContent::Object(_) | MemberContent::Objects(_) => {}
        }
        // The value as a whole, such as a list with too many items.
        if self.errors.len() == before {
            self.value(place, text);
        }
    }

    /// Checks the items of a list. It can have very many, so it is read only as far as there is room for errors.
    fn list(&mut self, place: &Place, text: &str, known: &'static [Member]) {
        let items = Items { search: self, place, known };
        let _ended = items.deserialize(&mut serde_json::Deserializer::from_str(text));
    }

    fn value(&mut self, place: &Place, text: &str) {
        let body = format!("{}{text}{}", place.before, place.after);
        let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(&body)) else {
            return;
        };
        // Otherwise the error is that the body has nothing else.
        if let Some(below) = error.path().to_string().strip_prefix(&place.probed) {
            self.push(&format!("{}{below}", place.shown), reason(error.inner()));
        }
    }
}

/// Checks items one by one.
struct Items<'a, T> {
    search: &'a mut Search<T>,
    place: &'a Place,
    known: &'static [Member],
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Items<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Items<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<(), A::Error> {
        let mut index = 0;
        while self.search.errors.len() < ERRORS_MAX
            && let Some(item) = from.next_element::<&RawValue>()?
        {
            self.search.object(&self.place.item(index), item.get(), self.known);
            index += 1;
        }
        Ok(())
    }
}

/// The members of an object in the order of the text, including repeated ones.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = from.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        from.deserialize_map(Reader).map(Self)
    }
}
