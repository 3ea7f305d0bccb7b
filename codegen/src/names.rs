//! From the spec's words to Rust's names.

use heck::{ToSnakeCase, ToUpperCamelCase};

use crate::Error;
use crate::document::Place;

/// The name of a type or variant, such as `ApiKey` for `APIKey`.
pub(crate) fn type_name(name: &str) -> String {
    name.to_upper_camel_case()
}

/// The name of a function or field for words in any case, such as `retry_after` for `Retry-After`.
pub(crate) fn snake_case(name: &str) -> String {
    name.to_snake_case()
}

/// Refuses a name that is no plain Rust identifier in snake case: it stands in the code as it is.
pub(crate) fn check_identifier(place: &Place<'_>, name: &str) -> Result<(), Error> {
    let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
        && name.to_snake_case() == name;
    if !plain {
        return Err(place.fault(format!("`{name}` becomes a name in code; write it in lower_snake_case")));
    }
    if syn::parse_str::<syn::Ident>(name).is_err() || name == "self" {
        return Err(place.fault(format!("`{name}` is a word of the Rust language; choose another")));
    }
    Ok(())
}

/// Refuses a name that would make no Rust type or variant.
pub(crate) fn check_type(place: &Place<'_>, name: &str, rust_name: &str) -> Result<(), Error> {
    let plain = !name.is_empty()
        && name.chars().all(|it| it.is_ascii_alphanumeric() || "_-.".contains(it))
        && syn::parse_str::<syn::Ident>(rust_name).is_ok();
    if plain {
        Ok(())
    } else {
        Err(place.fault(format!(
            "`{name}` becomes the name of a type in code; write it in ASCII letters, digits, `_`, `-` and `.`"
        )))
    }
}
