//! Every operation through the generated client, with every argument.

use super::arguments::Arguments;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenant_registry_client::{Client, Error, Operation, ResponseValue};

/// What the caller of the client gets.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) request_id: Option<String>,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
}

/// Takes arguments out, so that what nobody took can be seen.
struct Given(Arguments);

impl Given {
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.0.remove(name).map(|value| serde_json::from_value(value).unwrap())
    }
}

/// Sets an argument of a request where it is given.
macro_rules! set {
    ($request:ident, $given:ident, $($name:ident: $type:ident),+) => {
        $(if let Some(value) = $given.optional::<tenant_registry_client::types::$type>(stringify!($name)) {
            $request = $request.$name(value);
        })+
    };
}

/// Sends a request; refuses one with an argument that no operation here takes.
pub(super) async fn send(client: &Client, operation: Operation, arguments: Arguments) -> Result<Outcome, String> {
    let mut given = Given(arguments);
    macro_rules! send {
        ($operation:ident $(, $name:ident: $type:ident)*) => {{
            #[allow(unused_mut, reason = "an operation may take nothing")]
            let mut request = client.$operation();
            $(set!(request, given, $name: $type);)*
            // A new argument of the spec stays here until it is set above.
            assert!(given.0.is_empty(), "{operation}: {:?}", given.0);
            outcome(request.send().await)
        }};
    }
    match operation {
        Operation::HealthGet => send!(health_get),
        Operation::ReadinessGet => send!(readiness_get),
        Operation::TenantCreate => send!(tenant_create, body: TenantCreate),
        Operation::TenantGet => send!(tenant_get, id: TenantId),
        Operation::TenantGetBySlug => send!(tenant_get_by_slug, slug: TenantSlug),
        Operation::TenantActivate => send!(tenant_activate, id: TenantId, body: TenantActivate),
        Operation::TenantCancel => send!(tenant_cancel, id: TenantId, body: TenantCancel),
        Operation::EntitlementList => send!(entitlement_list, tenant_id: TenantId),
        Operation::CatalogList => send!(catalog_list),
        Operation::CatalogRequest => send!(catalog_request, body: CatalogRequest),
        Operation::CatalogTrialRequest => send!(catalog_trial_request, body: CatalogRequest),
        Operation::ApiKeyList => send!(api_key_list, tenant_id: TenantId),
        Operation::ApiKeyCreate => send!(api_key_create, body: ApiKeyCreate),
        Operation::ApiKeyRevoke => send!(api_key_revoke, id: ApiKeyId),
        Operation::ApiKeyVerify => send!(api_key_verify, body: ApiKeyVerifyRequest),
        Operation::AuditAppend => send!(audit_append, body: AuditAppend),
        Operation::AuditList => send!(
            audit_list, tenant_id: TenantId, product: ProductKey, actor_id: ActorId, action: AuditAction,
            since: AuditSince, until: AuditUntil, limit: PageLimit, cursor: AuditCursor
        ),
    }
}

fn outcome<T: Serialize>(answer: Result<ResponseValue<T>, Error>) -> Result<Outcome, String> {
    match answer {
        Ok(answer) => Ok(Outcome {
            status: answer.status().as_u16(),
            request_id: answer
                .headers()
                .get("x-request-id")
                .map(|id| id.to_str().unwrap().to_owned()),
            retry_after: None,
            body: serde_json::to_value(answer.into_inner()).unwrap(),
        }),
        Err(Error::Response(refusal)) => Ok(Outcome {
            status: refusal.status.as_u16(),
            request_id: refusal.request_id,
            retry_after: refusal.retry_after.map(|wait| wait.as_secs()),
            body: json!({ "error": refusal.code, "message": refusal.message }),
        }),
        Err(error) => Err(format!("{error:?}")),
    }
}
