//! What the client sends and how it takes what is answered, byte for byte, against a service that answers by a script.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod bodies;
mod configuration;
mod errors;
mod parameters;
mod retries;
mod script;
