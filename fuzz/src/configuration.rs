//! The configuration of operators: the catalog file and the database URL.

use std::collections::HashSet;
use std::path::Path;
use std::str;
use tenant_registry_server::catalog_file::{self, CatalogFileError};
use tenant_registry_server::store::postgres::DatabaseUrl;

/// A password that no message may contain.
const PASSWORD: &str = "f8Kq2ZrW";

/// A catalog file. An error names one of its lines, and no product is listed twice.
pub fn catalog_file(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    match catalog_file::parse(text, Path::new("catalog.toml")) {
        Ok(catalog) => {
            let mut keys = HashSet::new();
            assert!(catalog.products().iter().all(|product| keys.insert(&product.key)));
        }
        Err(CatalogFileError::Invalid { line, reason, .. }) => {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&line), "line {line} of {lines}: {reason}");
        }
        Err(CatalogFileError::Unreadable { source, .. }) => unreachable!("nothing is read: {source}"),
    }
}

/// A database URL, and the same with a user and a password. No message may contain the password.
pub fn database_url(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let _ = text.parse::<DatabaseUrl>();
    let message = match format!("postgres://registry:{PASSWORD}@{text}").parse::<DatabaseUrl>() {
        Ok(url) => format!("{url:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!message.contains(PASSWORD), "{message}");
}
