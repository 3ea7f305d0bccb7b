//! From the domain's errors to the bodies of responses, and the statuses that the spec declares.

use crate::domain::error::{Conflict, Forbidden, InvalidInput, InvalidMembers, NotFound, PreconditionFailed, TooLarge};
use std::iter;
use tenant_registry_contract::server::{
    ApiKeyCreateResponse, ApiKeyGetResponse, ApiKeyListResponse, ApiKeyRevokeResponse, ApiKeyRotateResponse,
    ApiKeyUpdateResponse, ApiKeyVerifyBatchResponse, ApiKeyVerifyResponse, AuditAppendBatchResponse,
    AuditAppendResponse, AuditGetResponse, AuditListResponse, CatalogListResponse, CatalogRequestResponse,
    CatalogTrialRequestResponse, EntitlementCheckResponse, EntitlementGetResponse, EntitlementListResponse,
    EntitlementRevokeResponse, EntitlementSetResponse, HealthGetResponse, ProjectCreateResponse, ProjectDeleteResponse,
    ProjectGetResponse, ProjectListResponse, ProjectUpdateResponse, ReadinessGetResponse, TenantActivateResponse,
    TenantArchiveResponse, TenantCancelResponse, TenantCreateResponse, TenantDeleteResponse, TenantGetBySlugResponse,
    TenantGetResponse, TenantListResponse, TenantUpdateResponse,
};
use tenant_registry_contract::types::{EntitlementCheckReason, EntitlementSource, Error, ErrorCode};

/// An error that is not about the members of a body.
pub(super) fn error(error: ErrorCode, message: impl Into<String>) -> Error {
    Error {
        error,
        message: message.into(),
        errors: None,
    }
}

/// The service has no room, or its store cannot be reached.
pub(super) fn unavailable() -> Error {
    error(
        ErrorCode::Unavailable,
        "the service has no room or cannot reach its store; nothing was changed, try again",
    )
}

/// The service lost its store while a change was committed.
pub(super) fn outcome_unknown() -> Error {
    error(
        ErrorCode::Internal,
        "the service lost its store while it made the change, which may or may not have been made; look before you try \
         again",
    )
}

/// The service failed. The log has the cause.
pub(super) fn internal() -> Error {
    error(
        ErrorCode::Internal,
        "the service failed; quote the x-request-id of this response",
    )
}

impl From<InvalidInput> for Error {
    fn from(InvalidInput(message): InvalidInput) -> Self {
        error(ErrorCode::InvalidInput, message)
    }
}

impl From<InvalidMembers> for Error {
    fn from(invalid: InvalidMembers) -> Self {
        let message = invalid.to_string();
        let InvalidMembers { first, others } = invalid;
        Self {
            errors: Some(iter::once(first).chain(others).collect()),
            ..error(ErrorCode::InvalidInput, message)
        }
    }
}

impl From<TooLarge> for Error {
    fn from(TooLarge(message): TooLarge) -> Self {
        error(ErrorCode::PayloadTooLarge, message)
    }
}

impl From<Forbidden> for Error {
    fn from(Forbidden(message): Forbidden) -> Self {
        error(ErrorCode::Forbidden, message)
    }
}

impl From<NotFound> for Error {
    fn from(NotFound(message): NotFound) -> Self {
        error(ErrorCode::NotFound, message)
    }
}

impl From<Conflict> for Error {
    fn from(Conflict(message): Conflict) -> Self {
        error(ErrorCode::Conflict, message)
    }
}

impl From<PreconditionFailed> for Error {
    fn from(failed: PreconditionFailed) -> Self {
        error(ErrorCode::PreconditionFailed, failed.to_string())
    }
}

/// Lists the variants of each response. A status that is added to the spec breaks the build here, so that someone decides
/// when the operation returns it.
macro_rules! declared_responses {
    ($($response:ident: $($variant:ident),+;)+) => {
        $(const _: fn($response) = |response| match response {
            $($response::$variant { .. })|+ => (),
        };)+
    };
}

declared_responses! {
    HealthGetResponse: Ok, BadRequest;
    ReadinessGetResponse: Ok, BadRequest, ServiceUnavailable;
    TenantCreateResponse: Created, BadRequest, Forbidden, Conflict, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    TenantListResponse: Ok, BadRequest, Forbidden, InternalServerError, ServiceUnavailable;
    TenantGetResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    TenantGetBySlugResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    TenantUpdateResponse: Ok, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    TenantDeleteResponse: NoContent, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, InternalServerError, ServiceUnavailable;
    TenantArchiveResponse: Ok, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, InternalServerError, ServiceUnavailable;
    TenantActivateResponse: Ok, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    TenantCancelResponse: Ok, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    EntitlementCheckResponse: Ok, BadRequest, Forbidden, InternalServerError, ServiceUnavailable;
    ProjectCreateResponse: Created, BadRequest, Forbidden, NotFound, Conflict, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    ProjectListResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    ProjectGetResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    ProjectUpdateResponse: Ok, BadRequest, Forbidden, NotFound, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    ProjectDeleteResponse: NoContent, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, InternalServerError, ServiceUnavailable;
    EntitlementListResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    EntitlementGetResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    EntitlementSetResponse: Ok, Created, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    EntitlementRevokeResponse: NoContent, BadRequest, Forbidden, NotFound, PreconditionFailed, InternalServerError, ServiceUnavailable;
    CatalogListResponse: Ok, BadRequest, Forbidden, ServiceUnavailable;
    CatalogRequestResponse: Accepted, BadRequest, Forbidden, NotFound, Conflict, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    CatalogTrialRequestResponse: Created, BadRequest, Forbidden, NotFound, Conflict, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    ApiKeyListResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    ApiKeyCreateResponse: Created, BadRequest, Forbidden, NotFound, Conflict, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    ApiKeyGetResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    ApiKeyRevokeResponse: NoContent, BadRequest, Forbidden, NotFound, PreconditionFailed, InternalServerError, ServiceUnavailable;
    ApiKeyRotateResponse: Created, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    ApiKeyUpdateResponse: Ok, BadRequest, Forbidden, NotFound, Conflict, PreconditionFailed, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    ApiKeyVerifyBatchResponse: Ok, BadRequest, Forbidden, PayloadTooLarge, UnsupportedMediaType, ServiceUnavailable;
    ApiKeyVerifyResponse: Ok, BadRequest, Forbidden;
    AuditAppendResponse: Created, BadRequest, Forbidden, Conflict, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    AuditAppendBatchResponse: Created, BadRequest, Forbidden, Conflict, PayloadTooLarge, UnsupportedMediaType, InternalServerError, ServiceUnavailable;
    AuditGetResponse: Ok, BadRequest, Forbidden, NotFound, InternalServerError, ServiceUnavailable;
    AuditListResponse: Ok, BadRequest, Forbidden, InternalServerError, ServiceUnavailable;
}

// The same for enumerations whose values the service only creates, so that no other `match` covers them.
const _: fn(EntitlementSource) = |source| match source {
    EntitlementSource::Trial | EntitlementSource::Purchase | EntitlementSource::Override => (),
};
const _: fn(EntitlementCheckReason) = |reason| match reason {
    EntitlementCheckReason::UnknownTenant
    | EntitlementCheckReason::TenantInactive
    | EntitlementCheckReason::UnknownProduct
    | EntitlementCheckReason::None
    | EntitlementCheckReason::Expired
    | EntitlementCheckReason::Disabled => (),
};
