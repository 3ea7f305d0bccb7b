//! Who is let in: the generated code asks here before each operation that is not for everybody.

use super::{RegistryApi, answers};
use crate::auth::{Access, BearerKind, TokenError, VerifiedToken};
use crate::domain::caller::{Actor, Identity, TenantScope};
use crate::limits::request_rate::RateLimit;
use crate::store::Store;
use crate::telemetry::traces::span;
use std::sync::Arc;
use tenant_registry_contract::server::{
    Admission, Admitted, Credentials, NotAdmitted, RequestMetadata, Scope, TryLater,
};
use tenant_registry_contract::types::{ConstraintError, Error, ErrorCode, Text};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{error, info, warn};

/// A caller who was let in, with one of the places that there are for requests: it is free again when this is dropped,
/// with the call of the operation.
#[derive(Debug)]
pub struct AdmittedCaller {
    pub(super) identity: Identity,
    _place: OwnedSemaphorePermit,
}

impl<S: Store> Admission for RegistryApi<S> {
    type Identity = AdmittedCaller;

    async fn admit(
        &self,
        metadata: &RequestMetadata,
        credentials: Credentials,
    ) -> Result<Admitted<AdmittedCaller>, NotAdmitted> {
        let Admitted { identity, scopes } = self.known(metadata, credentials).await?;
        // Last, so that nobody who is not known takes a place. Nobody waits for one: a queue would only make all late.
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| self.not_now())?;
        Ok(Admitted {
            identity: AdmittedCaller {
                identity,
                _place: place,
            },
            scopes,
        })
    }
}

impl<S> RegistryApi<S> {
    /// Who calls, as long as they do not call too often.
    async fn known(
        &self,
        metadata: &RequestMetadata,
        credentials: Credentials,
    ) -> Result<Admitted<Identity>, NotAdmitted> {
        let issuer = match &self.access {
            Access::Open => {
                return Ok(Admitted {
                    identity: Identity::ANONYMOUS,
                    scopes: Scope::ALL.into_iter().collect(),
                });
            }
            Access::Issuer(issuer) => issuer,
        };
        let token = match credentials {
            Credentials::Bearer(token) => token,
            Credentials::Absent => {
                return Err(unauthorized(
                    "send an access token: `Authorization: Bearer …`".to_owned(),
                ));
            }
            Credentials::Other => {
                return Err(unauthorized(
                    "send one `Authorization` header, with an access token and the scheme `Bearer`".to_owned(),
                ));
            }
        };
        let (request_id, trace_id) = (&metadata.request_id, span::trace_id());
        let verified = issuer
            .verify(token.expose_secret())
            .await
            .map_err(|error| match error {
                TokenError::Invalid(refusal) => {
                    info!(request_id, trace_id, "a token was not taken: {refusal}");
                    unauthorized(refusal.to_string())
                }
                TokenError::Unavailable => {
                    warn!(request_id, trace_id, "a caller was turned away: {error}");
                    self.not_now()
                }
            })?;
        self.request_rate.check(&verified.subject).map_err(too_many)?;
        let identity = identity(&verified).map_err(|error| {
            // A value of ours that breaks the spec is a fault of ours; the caller is not let in for it.
            error!(request_id, trace_id, "a caller cannot be named: {error}");
            self.not_now()
        })?;
        Ok(Admitted {
            identity,
            scopes: verified.scopes,
        })
    }

    fn not_now(&self) -> NotAdmitted {
        NotAdmitted::TryLater(TryLater::ServiceUnavailable {
            body: answers::unavailable(),
            retry_after: self.settings.retry_after,
        })
    }
}

fn too_many(rate_limit: RateLimit) -> NotAdmitted {
    let RateLimit {
        limit,
        remaining,
        reset,
        ..
    } = rate_limit;
    NotAdmitted::TryLater(TryLater::TooManyRequests {
        body: Error {
            error: ErrorCode::RateLimited,
            message: format!("you may send {limit} requests a second; send fewer"),
        },
        retry_after: reset,
        rate_limit_limit: limit,
        rate_limit_remaining: remaining,
        rate_limit_reset: reset,
    })
}

/// As the rules and the audit log know the bearer of a token.
fn identity(verified: &VerifiedToken) -> Result<Identity, ConstraintError> {
    let kind = match verified.kind {
        BearerKind::User => "user",
        BearerKind::ServiceAccount => "service",
    };
    let actor = Actor {
        id: verified.subject.clone(),
        name: verified.name.clone(),
        kind: Text::try_from(kind)?,
    };
    Ok(Identity {
        actor: Some(Arc::new(actor)),
        tenant_scope: verified.tenant.map_or(TenantScope::All, TenantScope::Only),
    })
}

fn unauthorized(message: String) -> NotAdmitted {
    NotAdmitted::Unauthorized(Error {
        error: ErrorCode::Unauthorized,
        message,
    })
}
