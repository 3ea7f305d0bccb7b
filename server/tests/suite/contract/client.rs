//! Calls every operation through the generated client, with every argument.

use super::arguments::Arguments;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenant_registry_client::types::{
    ActorId, ApiKeyCreate, ApiKeyId, ApiKeyRotate, ApiKeyUpdate, ApiKeyVerifyBatch, ApiKeyVerifyRequest, AuditAction,
    AuditAppend, AuditAppendBatch, AuditCursor, AuditEventId, CatalogRequest, EntitlementSet, ExternalId,
    IdempotencyKey, ListCursor, PageLimit, PlanKey, ProductKey, ProjectCreate, ProjectId, ProjectUpdate, SearchText,
    TenantActivate, TenantCancel, TenantCreate, TenantId, TenantKind, TenantSlug, TenantStatus, TenantUpdate,
    Timestamp,
};
use tenant_registry_client::{Client, Error, Operation, ResponseValue};

/// The response as the client returns it.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) request_id: Option<String>,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
}

/// The arguments that are not yet used.
struct Given(Arguments);

impl Given {
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.0.remove(name).map(|value| serde_json::from_value(value).unwrap())
    }
}

/// Sets an argument of a request if it is given.
macro_rules! set {
    ($request:ident, $given:ident, $($name:ident: $type:ty),+) => {
        $(if let Some(value) = $given.optional::<$type>(stringify!($name)) {
            $request = $request.$name(value);
        })+
    };
}

/// Sends a request. Panics if the operation does not take one of the arguments.
pub(super) async fn send(client: &Client, operation: Operation, arguments: Arguments) -> Result<Outcome, String> {
    let mut given = Given(arguments);
    macro_rules! send {
        ($operation:ident $(, $name:ident: $type:ty)*) => {{
            #[allow(unused_mut, reason = "an operation may take nothing")]
            let mut request = client.$operation();
            $(set!(request, given, $name: $type);)*
            // A new argument of the spec is left over until it is set above.
            assert!(given.0.is_empty(), "{operation}: {:?}", given.0);
            outcome(request.send().await)
        }};
    }
    match operation {
        Operation::HealthGet => send!(health_get),
        Operation::ReadinessGet => send!(readiness_get),
        Operation::TenantCreate => send!(tenant_create, idempotency_key: IdempotencyKey, body: TenantCreate),
        Operation::TenantList => send!(
            tenant_list, status: TenantStatus, kind: TenantKind, plan: PlanKey, product: ProductKey,
            stripe_cust_id: ExternalId, erp_customer_id: ExternalId, q: SearchText, limit: PageLimit, cursor: ListCursor
        ),
        Operation::TenantGet => send!(tenant_get, id: TenantId, if_none_match: String),
        Operation::TenantGetBySlug => send!(tenant_get_by_slug, slug: TenantSlug, if_none_match: String),
        Operation::TenantActivate => {
            send!(tenant_activate, id: TenantId, if_match: String, idempotency_key: IdempotencyKey, body: TenantActivate)
        }
        Operation::TenantCancel => {
            send!(tenant_cancel, id: TenantId, if_match: String, idempotency_key: IdempotencyKey, body: TenantCancel)
        }
        Operation::TenantUpdate => send!(tenant_update, id: TenantId, if_match: String, body: TenantUpdate),
        Operation::TenantArchive => {
            send!(tenant_archive, id: TenantId, if_match: String, idempotency_key: IdempotencyKey)
        }
        Operation::TenantDelete => send!(tenant_delete, id: TenantId, if_match: String),
        Operation::ProjectCreate => send!(project_create, idempotency_key: IdempotencyKey, body: ProjectCreate),
        Operation::ProjectList => send!(project_list, tenant_id: TenantId, limit: PageLimit, cursor: ListCursor),
        Operation::ProjectGet => send!(project_get, id: ProjectId, if_none_match: String),
        Operation::ProjectUpdate => send!(project_update, id: ProjectId, if_match: String, body: ProjectUpdate),
        Operation::ProjectDelete => send!(project_delete, id: ProjectId, if_match: String),
        Operation::EntitlementList => send!(entitlement_list, tenant_id: TenantId),
        Operation::EntitlementGet => {
            send!(entitlement_get, tenant_id: TenantId, product: ProductKey, if_none_match: String)
        }
        Operation::EntitlementSet => {
            send!(entitlement_set, tenant_id: TenantId, product: ProductKey, if_match: String, body: EntitlementSet)
        }
        Operation::EntitlementRevoke => {
            send!(entitlement_revoke, tenant_id: TenantId, product: ProductKey, if_match: String)
        }
        Operation::CatalogList => send!(catalog_list, if_none_match: String),
        Operation::EntitlementCheck => send!(entitlement_check, tenant_id: TenantId, product: ProductKey),
        Operation::CatalogRequest => send!(catalog_request, idempotency_key: IdempotencyKey, body: CatalogRequest),
        Operation::CatalogTrialRequest => {
            send!(catalog_trial_request, idempotency_key: IdempotencyKey, body: CatalogRequest)
        }
        Operation::ApiKeyList => send!(
            api_key_list, tenant_id: TenantId, product: ProductKey, project_id: ProjectId, usable: bool, limit: PageLimit, cursor: ListCursor
        ),
        Operation::ApiKeyCreate => send!(api_key_create, idempotency_key: IdempotencyKey, body: ApiKeyCreate),
        Operation::ApiKeyGet => send!(api_key_get, id: ApiKeyId, if_none_match: String),
        Operation::ApiKeyRevoke => send!(api_key_revoke, id: ApiKeyId, if_match: String),
        Operation::ApiKeyRotate => {
            send!(api_key_rotate, id: ApiKeyId, if_match: String, idempotency_key: IdempotencyKey, body: ApiKeyRotate)
        }
        Operation::ApiKeyUpdate => send!(api_key_update, id: ApiKeyId, if_match: String, body: ApiKeyUpdate),
        Operation::ApiKeyVerify => send!(api_key_verify, body: ApiKeyVerifyRequest),
        Operation::ApiKeyVerifyBatch => send!(api_key_verify_batch, body: ApiKeyVerifyBatch),
        Operation::AuditAppend => send!(audit_append, idempotency_key: IdempotencyKey, body: AuditAppend),
        Operation::AuditAppendBatch => {
            send!(audit_append_batch, idempotency_key: IdempotencyKey, body: AuditAppendBatch)
        }
        Operation::AuditGet => send!(audit_get, id: AuditEventId),
        Operation::AuditList => send!(
            audit_list, tenant_id: TenantId, product: ProductKey, actor_id: ActorId, action: AuditAction,
            since: Timestamp, until: Timestamp, limit: PageLimit, cursor: AuditCursor
        ),
    }
}

fn outcome<T: Serialize>(response: Result<ResponseValue<T>, Error>) -> Result<Outcome, String> {
    match response {
        Ok(response) => Ok(Outcome {
            status: response.status().as_u16(),
            request_id: response
                .headers()
                .get("x-request-id")
                .map(|id| id.to_str().unwrap().to_owned()),
            retry_after: None,
            body: serde_json::to_value(response.into_inner()).unwrap(),
        }),
        Err(Error::Response(error)) => Ok(Outcome {
            status: error.status.as_u16(),
            request_id: error.request_id,
            retry_after: error.retry_after.map(|wait| wait.as_secs()),
            body: if error.errors.is_empty() {
                json!({ "error": error.code, "message": error.message })
            } else {
                json!({ "error": error.code, "message": error.message, "errors": error.errors })
            },
        }),
        Err(error) => Err(format!("{error:?}")),
    }
}
