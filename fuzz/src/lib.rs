//! The code that reads untrusted input, with a function for each kind of input. It accepts any bytes and panics if a
//! property does not hold.
//!
//! The functions run under libFuzzer (`fuzz_targets/`, `make fuzz`) and, on the corpus, as a test.

mod checked_api;
mod configuration;
mod exchanges;
mod operations;
mod report;
mod secrets;
mod service;

pub use configuration::{catalog_file, database_url};
pub use exchanges::{bodies, paths, queries, requests};
pub use secrets::{api_key, redaction};

/// A fuzzed function.
pub type Target = fn(&[u8]);

/// All targets by the name of their corpus.
pub const TARGETS: [(&str, Target); 8] = [
    ("api_key", api_key),
    ("bodies", bodies),
    ("catalog_file", catalog_file),
    ("database_url", database_url),
    ("paths", paths),
    ("queries", queries),
    ("redaction", redaction),
    ("requests", requests),
];
