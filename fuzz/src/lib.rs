//! What a stranger's bytes can reach, one function for each kind of input: it takes any bytes, and panics where the code
//! under test breaks a law.
//!
//! The same functions run under libFuzzer (`fuzz_targets/`, `make fuzz`) and, over the corpus alone, as a test.

mod checked_api;
mod configuration;
mod exchanges;
mod operations;
mod refusal;
mod secrets;
mod service;

pub use configuration::{catalog_file, database_url};
pub use exchanges::{bodies, paths, queries, requests};
pub use secrets::{api_key, redaction};

/// A function that is fuzzed.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
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
