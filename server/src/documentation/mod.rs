//! Serves the OpenAPI document and the API reference. The reference loads nothing from other hosts.
//!
//! These paths are not operations of the API, and the document does not describe them.

mod page;
mod published;

use bytes::Bytes;
use dropshot::{ApiDescription, ApiDescriptionRegisterError, ApiEndpoint, ApiEndpointVersions, RequestContext};
use http::Method;
use published::Published;
use std::io;
use std::sync::Arc;
use tenant_registry_contract::http::{
    NoVariables, ServerContext, register_unlisted, reject_other_methods, respond_unlisted,
};
use tenant_registry_contract::server::Api;
use tenant_registry_contract::{OPENAPI, OPENAPI_JSON};
use thiserror::Error;

const JSON: &str = "application/json";

/// Why the documentation cannot be served.
#[derive(Debug, Error)]
pub enum DocumentationError {
    /// A path is already taken.
    #[error(transparent)]
    Registration(#[from] ApiDescriptionRegisterError),
    /// A document cannot be compressed.
    #[error("cannot compress a document: {0}")]
    Compression(#[from] io::Error),
}

/// Registers the documentation.
///
/// # Errors
/// Fails if an operation has one of the paths.
pub fn register<A: Api>(api: &mut ApiDescription<ServerContext<A>>) -> Result<(), DocumentationError> {
    let json = Published::new(JSON, Bytes::from_static(OPENAPI_JSON.as_bytes()))?;
    // RFC 9512, section 2.1.
    let yaml = Published::new("application/yaml", Bytes::from_static(OPENAPI.as_bytes()))?;
    serve(api, "/openapi.json", json)?;
    serve(api, "/openapi.yaml", yaml)?;
    for (path, file) in page::files()? {
        serve(api, path, file)?;
    }
    Ok(())
}

fn serve<A: Api>(
    api: &mut ApiDescription<ServerContext<A>>,
    path: &str,
    published: Published,
) -> Result<(), ApiDescriptionRegisterError> {
    let published = Arc::new(published);
    for method in [Method::GET, Method::HEAD] {
        let published = Arc::clone(&published);
        let handler = move |context: RequestContext<ServerContext<A>>| {
            let published = Arc::clone(&published);
            async move {
                respond_unlisted(&context, || {
                    let request = context.request.headers();
                    let mut response = published.response(request)?;
                    let allowed_origins = context.context().allowed_origins();
                    allowed_origins.mark(request, response.headers_mut());
                    Ok(response)
                })
            }
        };
        let id = format!("{method} {path}");
        register_unlisted(
            api,
            ApiEndpoint::new(id, handler, method, JSON, path, ApiEndpointVersions::All),
        )?;
    }
    reject_other_methods::<A, NoVariables>(api, path, "GET, HEAD")
}
