//! The client against a server with scripted responses: what it sends, and how it handles responses.
#![expect(clippy::expect_used, reason = "a failing test panics")]

mod bodies;
mod configuration;
mod errors;
mod mock;
mod oauth2;
mod parameters;
mod retries;
mod script;
mod streams;
