//! Authenticates callers and gives out request permits. The generated code calls it before each secured operation.

use super::{RegistryApi, responses};
use crate::auth::{Access, BearerKind, TokenError, VerifiedToken};
use crate::domain::caller::{Actor, Identity, TenantScope};
use crate::limits::request_rate::RateLimit;
use crate::store::Store;
use crate::telemetry::traces::span;
use std::sync::Arc;
use tenant_registry_contract::server::{
    Admission, Admitted, Credentials, NotAdmitted, RequestMetadata, Scope, TryLater,
};
use tenant_registry_contract::types::{ConstraintError, ErrorCode, Text};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{error, info, warn};

/// An authenticated caller and its request permit. Dropping this value releases the permit.
#[derive(Debug)]
pub struct AdmittedCaller {
    pub(super) identity: Identity,
    _permit: OwnedSemaphorePermit,
}

impl AdmittedCaller {
    pub(super) fn tenant_scope(&self) -> TenantScope {
        self.identity.tenant_scope
    }
}

impl<S: Store> Admission for RegistryApi<S> {
    type Identity = AdmittedCaller;

    async fn admit(
        &self,
        metadata: &RequestMetadata,
        credentials: Credentials,
    ) -> Result<Admitted<AdmittedCaller>, NotAdmitted> {
        let Admitted { identity, scopes } = self.authenticate(metadata, credentials).await?;
        // Only authenticated callers take a permit. No request waits for one: a queue would delay all of them.
        let permit = Arc::clone(&self.request_permits)
            .try_acquire_owned()
            .map_err(|_| self.unavailable())?;
        Ok(Admitted {
            identity: AdmittedCaller {
                identity,
                _permit: permit,
            },
            scopes,
        })
    }
}

impl<S> RegistryApi<S> {
    /// Verifies the caller's token and counts the request against the caller's rate limit.
    async fn authenticate(
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
                TokenError::Invalid(invalid) => {
                    info!(request_id, trace_id, "a token was rejected: {invalid}");
                    unauthorized(invalid.to_string())
                }
                TokenError::Unavailable => {
                    warn!(request_id, trace_id, "a caller could not be authenticated: {error}");
                    self.unavailable()
                }
            })?;
        self.request_rate.check(&verified.subject).map_err(too_many)?;
        let identity = identity(&verified).map_err(|error| {
            // The issuer's values were checked, so this is a fault of the service and not a 401.
            error!(request_id, trace_id, "a caller's identity violates the spec: {error}");
            self.unavailable()
        })?;
        Ok(Admitted {
            identity,
            scopes: verified.scopes,
        })
    }

    /// Counts a further part of a request against the caller's rate limit. Without an issuer, there is none.
    pub(super) fn may_send_more(&self, caller: &AdmittedCaller) -> bool {
        let actor = caller.identity.actor.as_deref();
        actor.is_none_or(|actor| self.request_rate.check(&actor.id).is_ok())
    }

    fn unavailable(&self) -> NotAdmitted {
        NotAdmitted::TryLater(TryLater::ServiceUnavailable {
            body: responses::unavailable(),
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
        body: responses::error(
            ErrorCode::RateLimited,
            format!("you may send {limit} requests a second; send fewer"),
        ),
        retry_after: reset,
        rate_limit_limit: limit,
        rate_limit_remaining: remaining,
        rate_limit_reset: reset,
    })
}

/// The identity that the rules and the audit log use for the bearer of a token.
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
    NotAdmitted::Unauthorized(responses::error(ErrorCode::Unauthorized, message))
}
