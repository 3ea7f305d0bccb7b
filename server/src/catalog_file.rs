//! Reads the catalog file: TOML with a `[[product]]` table for each product, in the order of the catalog.

use crate::domain::catalog::Catalog;
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tenant_registry_contract::types::{CatalogEntry, PlanKey, ProductKey, Text};
use thiserror::Error;
use toml::Spanned;

/// The maximum number of plans that a product names. The spec has no bound for lists that only responses contain.
const PLANS_MAX: usize = 100;

/// The catalog that is used without a catalog file.
const BUILT_IN: &str = include_str!("../catalog.toml");

/// Why a catalog file cannot be used.
#[derive(Debug, Error)]
pub enum CatalogFileError {
    /// The file cannot be read.
    #[error("catalog file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is not a valid catalog.
    #[error("catalog file {}, line {line}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line of the error, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogFile {
    product: Vec<ProductTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductTable {
    key: Spanned<ProductKey>,
    name: Text,
    description: Text,
    plans_required: Option<Spanned<Vec<PlanKey>>>,
    demo_url: Option<Text>,
    supports_trial: bool,
}

/// Reads the catalog from a file. Without a file, returns the built-in catalog.
///
/// # Errors
/// Fails if the file cannot be read or is not a valid catalog.
pub fn read(file: Option<&Path>) -> Result<Catalog, CatalogFileError> {
    let Some(path) = file else {
        return parse(BUILT_IN, Path::new("(built in)"));
    };
    let text = std::fs::read_to_string(path).map_err(|source| CatalogFileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// Parses the text of a catalog file. Error messages name `path`.
///
/// # Errors
/// Fails if the text is not a valid catalog.
pub fn parse(text: &str, path: &Path) -> Result<Catalog, CatalogFileError> {
    let invalid = |span: Range<usize>, reason: String| CatalogFileError::Invalid {
        path: path.to_owned(),
        line: line_of(text, span.start),
        reason,
    };
    let file: CatalogFile = toml::from_str(text).map_err(|error| {
        let reason = error.message().replace('\n', " ");
        invalid(error.span().unwrap_or_default(), reason)
    })?;

    let mut lines: HashMap<ProductKey, usize> = HashMap::new();
    let mut products = Vec::with_capacity(file.product.len());
    for table in file.product {
        let ProductTable {
            key,
            name,
            description,
            plans_required,
            demo_url,
            supports_trial,
        } = table;
        let span = key.span();
        let key = key.into_inner();
        if let Some(line) = lines.insert(key.clone(), line_of(text, span.start)) {
            return Err(invalid(
                span,
                format!("the key `{key}` is used twice, first on line {line}"),
            ));
        }
        let plans_required = match plans_required {
            Some(plans) if plans.as_ref().len() > PLANS_MAX => {
                let reason = format!(
                    "the product `{key}` names {} plans in `plans_required`; name at most {PLANS_MAX}",
                    plans.as_ref().len()
                );
                return Err(invalid(plans.span(), reason));
            }
            Some(plans) => plans.into_inner(),
            None => Vec::new(),
        };
        products.push(CatalogEntry {
            key,
            name,
            description,
            plans_required,
            demo_url,
            supports_trial,
        });
    }
    Ok(Catalog::new(products))
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    before.filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::{parse, read};
    use std::path::Path;

    fn error(text: &str) -> String {
        parse(text, Path::new("products.toml")).unwrap_err().to_string()
    }

    const GOOD: &str = "[[product]]\nkey = \"b\"\nname = \"B\"\ndescription = \"\"\nsupports_trial = true\n";

    #[test]
    fn the_built_in_catalog_is_valid() {
        assert!(!read(None).unwrap().products().is_empty());
    }

    #[test]
    fn products_keep_the_order_of_the_file() {
        let text = format!("{GOOD}{}", GOOD.replace("\"b\"", "\"a\""));
        let catalog = parse(&text, Path::new("products.toml")).unwrap();
        let keys: Vec<_> = catalog.products().iter().map(|product| product.key.as_str()).collect();
        assert_eq!(keys, ["b", "a"]);
    }

    #[test]
    fn an_error_names_the_file_the_line_and_the_reason() {
        assert_eq!(
            error(&format!("{GOOD}{GOOD}")),
            "catalog file products.toml, line 7: the key `b` is used twice, first on line 2"
        );
        let unknown = error(&format!("{GOOD}price = 1\n"));
        assert!(
            unknown.starts_with("catalog file products.toml, line 6: unknown field `price`"),
            "{unknown}"
        );
        let syntax = error(&format!("{GOOD}\n[["));
        assert!(syntax.starts_with("catalog file products.toml, line 7: "), "{syntax}");
        let missing = error("[[product]]\nkey = \"b\"\n");
        assert!(missing.contains("line 1: missing field"), "{missing}");
        let retyped = error(&GOOD.replace("true", "\"yes\""));
        assert!(retyped.contains("line 5: invalid type"), "{retyped}");
        assert!(error("").contains("missing field `product`"));
    }

    #[test]
    fn values_beyond_the_limits_of_the_spec_are_rejected_with_their_line() {
        let long = |length| "x".repeat(length);
        for (text, reason) in [
            (
                GOOD.replace("\"b\"", &format!("\"{}\"", long(257))),
                "line 2: must have at most 256",
            ),
            (
                GOOD.replace("\"B\"", &format!("\"{}\"", long(1025))),
                "line 3: must have at most 1024",
            ),
            (
                format!("{GOOD}demo_url = \"{}\"\n", long(1025)),
                "line 6: must have at most 1024",
            ),
            (
                format!("{GOOD}plans_required = [\"{}\"]\n", long(257)),
                "line 6: must have at most",
            ),
            (
                format!("{GOOD}plans_required = [{}]\n", "\"team\",".repeat(101)),
                "line 6: the product `b` names 101 plans in `plans_required`; name at most 100",
            ),
        ] {
            let error = error(&text);
            assert!(error.contains(reason), "{error}");
        }
        let most = format!("{GOOD}plans_required = [{}]\n", "\"team\",".repeat(100));
        assert!(parse(&most, Path::new("products.toml")).is_ok());
    }

    #[test]
    fn an_error_names_a_missing_file() {
        let error = read(Some(Path::new("no/such/catalog.toml"))).unwrap_err();
        assert!(error.to_string().starts_with("catalog file no/such/catalog.toml: "));
    }
}
