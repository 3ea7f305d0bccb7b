//! A typed client of the Tenant Registry.
//!
//! ```
//! # use std::io::{Read, Write};
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let base_url = format!("http://{}", listener.local_addr()?);
//! # std::thread::spawn(move || {
//! #     let (mut connection, _) = listener.accept().unwrap();
//! #     let mut request = [0; 4096];
//! #     let _ = connection.read(&mut request).unwrap();
//! #     let body = r#"{"id": "0190b8a5-7b1c-7c3e-9d52-0242ac120002", "slug": "acme", "name": "Acme GmbH",
//! #         "status": "active", "kind": "customer", "plan": "starter", "trial_ends_at": null,
//! #         "contract_start": null, "contract_end": null, "cancel_at": null,
//! #         "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z"}"#;
//! #     let length = body.len();
//! #     write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
//! # });
//! use tenant_registry_client::types::TenantStatus;
//! use tenant_registry_client::Client;
//!
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # runtime.block_on(async {
//! let registry = Client::builder(&base_url).bearer_token("the token of this program").build()?;
//! let tenant = registry.tenant_get_by_slug().slug("acme").send().await?;
//! assert_eq!(tenant.status, TenantStatus::Active);
//! println!("{} is on the plan {}", tenant.name, tenant.plan);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
//! A list has a method `stream` that returns its items one by one and requests the next page when it is needed.
//!
//! A response with one record has an `ETag` (see [`EntityTag`]). Pass it to `if_match` to change exactly this version of the
//! record: if another caller has changed it in the meantime, the error has the code
//! [`PreconditionFailed`](types::ErrorCode::PreconditionFailed). Pass it to `if_none_match` to read the record only if it has
//! changed; otherwise the error is [`Error::NotModified`].
//!
//! The service requires an access token of its OpenID Connect provider, with the scope of the operation. Use
//! [`ClientBuilder::bearer_token`] for a token that does not change, and [`ClientBuilder::token_source`] for one that is
//! renewed. The feature `oauth2` has a source that requests and renews tokens by OAuth 2.0 client credentials.
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

mod audit_event;
mod configuration;
mod entity_tag;
mod error;
#[cfg(feature = "spec-check")]
mod fingerprint;
// Formatted by the generator.
#[rustfmt::skip]
mod generated;
mod health;
mod idempotency_key;
mod idempotent;
#[cfg(feature = "oauth2")]
pub mod oauth2;
mod retry;
mod retryable;
mod token;
#[cfg(feature = "tracing")]
mod trace;
mod transport;
#[rustfmt::skip]
pub mod types;

// The types of these crates are part of the interface, so a program needs the same versions.
pub use futures_util::{Stream, TryStreamExt};
pub use progenitor_client::ResponseValue;
pub use {chrono, reqwest, serde_json, uuid};

pub use self::configuration::{ClientBuilder, ConfigurationError};
pub use self::entity_tag::EntityTag;
pub use self::error::{Error, ErrorResponse};
#[cfg(feature = "mock")]
pub use self::generated::mock;
pub use self::generated::{Client, OpenEnum, Operation, SPEC_FINGERPRINT, builder};
pub use self::retry::RetryPolicy;
pub use self::token::{AccessToken, TokenError, TokenSource, is_confidential};
use self::transport::Transport;

// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
