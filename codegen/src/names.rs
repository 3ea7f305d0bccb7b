//! Converts names of the spec to Rust names.

use heck::{ToSnakeCase, ToUpperCamelCase};

use crate::Error;
use crate::document::Place;

/// The name of a type or variant, such as `ApiKey` for `APIKey`.
pub(crate) fn type_name(name: &str) -> String {
    name.to_upper_camel_case()
}

/// The name of a function or field, such as `retry_after` for `Retry-After`.
pub(crate) fn snake_case(name: &str) -> String {
    name.to_snake_case()
}

/// Checks that a name is a Rust identifier in snake case, because the code uses it unchanged.
pub(crate) fn check_identifier(place: &Place<'_>, name: &str) -> Result<(), Error> {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
        && name.to_snake_case() == name;
    if !plain {
        return Err(place.error(format!(
            "`{name}` becomes a Rust identifier; write it in lower_snake_case"
        )));
    }
    if syn::parse_str::<syn::Ident>(name).is_err() || name == "self" {
        return Err(place.error(format!("`{name}` is a keyword of Rust; choose another name")));
    }
    Ok(())
}

/// Checks that a name becomes a Rust type or variant.
pub(crate) fn check_type(place: &Place<'_>, name: &str, rust_name: &str) -> Result<(), Error> {
    let plain = !name.is_empty()
        && name.chars().all(|it| it.is_ascii_alphanumeric() || "_-.".contains(it))
        && syn::parse_str::<syn::Ident>(rust_name).is_ok();
    if plain {
        Ok(())
    } else {
        Err(place.error(format!(
            "`{name}` becomes a Rust type; use only ASCII letters, digits, `_`, `-` and `.`"
        )))
    }
}
