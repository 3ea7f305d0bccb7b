//! Responses of operations: generated from the spec, and converted into what the server's traits return.

use super::arguments::value;
use super::recording::PreparedResponse;
use crate::harness::openapi::SPEC;
use proptest::prelude::{BoxedStrategy, Just, Strategy};
use serde_json::Value;
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

/// Any response of an operation with a status that it declares.
pub(super) fn declared_response(id: &str, status: u16) -> BoxedStrategy<PreparedResponse> {
    let response = SPEC.response(id, status);
    let body = match response.get("content") {
        Some(content) => value(&content["application/json"]["schema"]),
        None => Just(Value::Null).boxed(),
    };
    // The HTTP layer sets these two headers itself.
    let headers = response.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers: Vec<_> = headers
        .filter(|(name, _)| !matches!(name.as_str(), "ETag" | "WWW-Authenticate"))
        // And those that it sends only sometimes.
        .filter(|(_, header)| SPEC.resolve(header)["required"] == true)
        .map(|(name, header)| {
            let number = value(&SPEC.resolve(header)["schema"]);
            (Just(name.clone()), number.prop_map(|number| number.as_i64().unwrap()))
        })
        .collect();
    (body, headers)
        .prop_map(move |(body, headers)| PreparedResponse {
            status,
            body,
            headers: headers.into_iter().collect(),
        })
        .boxed()
}

/// Names the variant of each status. A missing status fails the test; one too many breaks the build.
macro_rules! responses {
    ($($response:ident { $($status:literal $variant:ident $({ $empty:tt })?),+ $(; unavailable $($unavailable:ident)?)? })+) => {
        $(impl From<PreparedResponse> for $response {
            fn from(prepared: PreparedResponse) -> Self {
                match prepared.status {
                    $($status => responses!(@variant prepared $variant $({ $empty })?),)+
                    $(503 => Self::ServiceUnavailable {
                        body: prepared.body(),
                        retry_after: prepared.header("Retry-After") $($unavailable)?,
                    },)?
                    other => panic!("{} has no {other} here", stringify!($response)),
                }
            }
        })+
    };
    (@variant $prepared:ident $variant:ident) => { Self::$variant($prepared.body()) };
    (@variant $prepared:ident $variant:ident { $empty:tt }) => { Self::$variant };
}

responses! {
    HealthGetResponse { 200 Ok, 400 BadRequest }
    ReadinessGetResponse { 200 Ok, 400 BadRequest; unavailable }
    TenantCreateResponse {
        201 Created, 400 BadRequest, 403 Forbidden, 409 Conflict, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    TenantListResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 500 InternalServerError; unavailable }
    TenantGetResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    TenantGetBySlugResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    TenantUpdateResponse {
        200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    TenantDeleteResponse {
        204 NoContent { _ }, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 500 InternalServerError; unavailable
    }
    TenantActivateResponse {
        200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    TenantArchiveResponse {
        200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 500 InternalServerError; unavailable
    }
    TenantCancelResponse {
        200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    EntitlementCheckResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 500 InternalServerError; unavailable }
    ProjectCreateResponse {
        201 Created, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    ProjectListResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    ProjectGetResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    ProjectUpdateResponse {
        200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 412 PreconditionFailed, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    ProjectDeleteResponse {
        204 NoContent { _ }, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 500 InternalServerError; unavailable
    }
    EntitlementListResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    EntitlementGetResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    EntitlementSetResponse {
        200 Ok, 201 Created, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed,
        413 PayloadTooLarge, 415 UnsupportedMediaType, 500 InternalServerError; unavailable
    }
    EntitlementRevokeResponse {
        204 NoContent { _ }, 400 BadRequest, 403 Forbidden, 404 NotFound, 412 PreconditionFailed,
        500 InternalServerError; unavailable
    }
    CatalogListResponse { 200 Ok, 400 BadRequest, 403 Forbidden; unavailable }
    CatalogRequestResponse {
        202 Accepted { _ }, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    CatalogTrialRequestResponse {
        201 Created, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    ApiKeyListResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    ApiKeyCreateResponse {
        201 Created, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    ApiKeyGetResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    ApiKeyRevokeResponse { 204 NoContent { _ }, 400 BadRequest, 403 Forbidden, 404 NotFound, 412 PreconditionFailed, 500 InternalServerError; unavailable }
    ApiKeyUpdateResponse {
        200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    ApiKeyRotateResponse {
        201 Created, 400 BadRequest, 403 Forbidden, 404 NotFound, 409 Conflict, 412 PreconditionFailed, 413 PayloadTooLarge, 415 UnsupportedMediaType,
        500 InternalServerError; unavailable
    }
    ApiKeyVerifyBatchResponse {
        200 Ok, 400 BadRequest, 403 Forbidden, 413 PayloadTooLarge, 415 UnsupportedMediaType; unavailable
    }
    ApiKeyVerifyResponse { 200 Ok, 400 BadRequest, 403 Forbidden }
    AuditAppendResponse {
        201 Created, 400 BadRequest, 403 Forbidden, 409 Conflict, 413 PayloadTooLarge, 415 UnsupportedMediaType, 500 InternalServerError; unavailable
    }
    AuditAppendBatchResponse {
        201 Created, 400 BadRequest, 403 Forbidden, 409 Conflict, 413 PayloadTooLarge, 415 UnsupportedMediaType, 500 InternalServerError; unavailable
    }
    AuditGetResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 404 NotFound, 500 InternalServerError; unavailable }
    AuditListResponse { 200 Ok, 400 BadRequest, 403 Forbidden, 500 InternalServerError; unavailable }
}
