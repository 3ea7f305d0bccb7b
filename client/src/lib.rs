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
//! #         "contract_start": null, "contract_end": null, "created_at": "2026-11-23T09:30:00Z",
//! #         "updated_at": "2026-11-23T09:30:00Z"}"#;
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
//! # How it is used
//!
//! A [`Client`] has one method for each operation of the spec. It returns a builder: set what the operation takes, then
//! `send`. Values are checked by the types in [`types`] before anything is sent; what a builder cannot take is the
//! [`Error`] of `send`. The answer is a [`ResponseValue`], which stands for its body and knows status and headers.
//!
//! Make one [`Client`] for a program and clone it: the clones share their connections.
//!
//! The service asks for an access token of its OpenID Connect realm with the operation's scope. The client does not get one:
//! [`ClientBuilder::bearer_token`] takes one that stays, [`ClientBuilder::header_hook`] sets one that is renewed.
//!
//! # When something goes wrong
//!
//! [`Error`] says whether the service refused, could not be reached, or was not understood, and
//! [`Error::is_worth_retrying`] whether to come back later. `api_key_verify` answers 200 in any case; there,
//! [`types::ApiKeyVerifyReason::is_worth_retrying`] tells a bad day from a bad key.
//!
//! The client itself tries again where that cannot do harm: see [`RetryPolicy`].
//!
//! # Secrets
//!
//! `Debug` shows no bearer token and no plaintext of an API key, whatever struct they are in, and an [`Error`] carries
//! no body that could hold one.
#![warn(missing_docs)]

mod classification;
mod configuration;
mod error;
mod fingerprint;
// Formatted by the generator.
#[rustfmt::skip]
mod generated;
mod repeatable;
mod retry;
mod transport;
#[rustfmt::skip]
pub mod types;

pub use progenitor_client::ResponseValue;

pub use self::configuration::{ClientBuilder, ConfigurationError};
pub use self::error::{Error, Refusal};
pub use self::generated::{Client, Operation, SPEC_FINGERPRINT, builder};
pub use self::retry::RetryPolicy;
use self::transport::Transport;

// Compiles the first lines of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
