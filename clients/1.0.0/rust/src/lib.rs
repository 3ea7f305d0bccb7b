//! A typed client of the Tenant Registry.
//!
//! # Usage
//!
//! A [`Client`] has one method for each operation of the API. The method returns a builder: set the parameters and the
//! body, then call `send`. The types in [`types`] check values before the request is sent. If a builder cannot convert a
//! value, `send` returns an [`Error`]. A successful call returns a [`ResponseValue`], which dereferences to the body and
//! provides the status and the headers.
//!
//! Create one [`Client`] per program and clone it. Clones share their connections.
//!
//! The service requires an access token of its OpenID Connect provider, with the scope of the operation. The client does
//! not request tokens itself. Use [`ClientBuilder::bearer_token`] for a token that does not change, and
//! [`ClientBuilder::header_hook`] for a token that is renewed.
//!
//! # Errors
//!
//! [`Error`] distinguishes error responses, connection failures and unexpected responses. [`Error::is_retryable`] returns
//! whether the request can succeed later. `api_key_verify` returns 200 even for invalid keys; use
//! [`types::ApiKeyVerifyReason::is_retryable`] to distinguish an invalid key from a temporary failure.
//!
//! The client retries requests if that is safe: see [`RetryPolicy`].
//!
//! # Secrets
//!
//! The `Debug` output of this crate's types contains no bearer tokens and no plaintexts of API keys. An [`Error`] contains
//! no response body, because the body could contain a secret.
#![warn(missing_docs)]

mod configuration;
mod error;
// Formatted by the generator.
#[rustfmt::skip]
mod generated;
mod idempotent;
mod retry;
mod retryable;
mod transport;
#[rustfmt::skip]
pub mod types;

pub use progenitor_client::ResponseValue;

pub use self::configuration::{ClientBuilder, ConfigurationError};
pub use self::error::{Error, ErrorResponse};
pub use self::generated::{Client, Operation, SPEC_FINGERPRINT, builder};
pub use self::retry::RetryPolicy;
use self::transport::Transport;
