//! Authenticates callers, and divides the service among them. The generated code calls it before each secured operation.

use super::{ApiSettings, RegistryApi, responses};
use crate::auth::{Access, BearerKind, TokenError, VerifiedToken};
use crate::domain::caller::{Actor, Identity};
use crate::limits::request_rate::RateLimit;
use crate::limits::{Background, NoShare, PageTurn, PageTurns, Shares, Taken, Turns};
use crate::records::TenantScope;
use crate::store::Store;
use crate::telemetry::traces::span;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tenant_registry_contract::server::{
    Admission, Admitted, ApiKeyVerifyBatchResponse, ApiKeyVerifyResponse, Credentials, EntitlementCheckResponse,
    NotAdmitted, OperationResponse, RequestMetadata, Scope, Share, TryLater,
};
use tenant_registry_contract::types::{ActorId, ConstraintError, ErrorCode, RetryAfterSeconds, TenantId, Text};
use tokio::time::timeout;
use tracing::{error, info, warn};

/// The operations that products call for each of their own requests. They do not count against the rate of the caller: each
/// takes one look-up that it shares with others, and the caller's share bounds how many run at once.
const WITHOUT_RATE: [&str; 3] = [
    ApiKeyVerifyResponse::OPERATION,
    ApiKeyVerifyBatchResponse::OPERATION,
    EntitlementCheckResponse::OPERATION,
];

/// A body of more bytes may occupy a processor for longer than a small request takes.
const SMALL_BODY: usize = 16 * 1024;

/// How long a page waits for the turn of its caller, which may send more requests than it has turns.
const PAGE_WAIT: Duration = Duration::from_secs(5);

/// An authenticated caller.
#[derive(Debug)]
pub struct AdmittedCaller {
    pub(super) identity: Identity,
    sharer: Arc<Sharer>,
}

impl AdmittedCaller {
    pub(super) fn tenant_scope(&self) -> TenantScope {
        self.identity.tenant_scope
    }
}

/// The holder of a share of the service.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Sharer {
    /// All callers that may see only this tenant, so that a tenant with many callers gets no more than one with few.
    Tenant(TenantId),
    /// A caller that may see all tenants.
    Caller(ActorId),
    /// All callers at an address, if callers are not authenticated.
    Address(IpAddr),
}

/// What callers share.
#[derive(Debug)]
pub(super) struct Resources {
    permits: Arc<Shares<Arc<Sharer>>>,
    memory: Arc<Shares<Arc<Sharer>>>,
    /// The turns at the threads of `background`.
    turns: Turns<Arc<Sharer>>,
    background: Background,
    pages: PageTurns<Arc<Sharer>>,
    retry_after: RetryAfterSeconds,
    request_rate: RateLimit,
}

impl Resources {
    /// All of the resources that these settings name.
    pub(super) fn new(settings: &ApiSettings) -> io::Result<Self> {
        let ApiSettings {
            trusted_proxies: _,
            retry_after,
            request_rate,
            max_requests,
            max_memory,
        } = settings;
        let processors = available_parallelism().map_or(1, usize::from);
        // The other half of the processors stays free for small requests.
        let threads = (processors / 2).max(1);
        Ok(Self {
            permits: Arc::new(Shares::new(*max_requests)),
            memory: Arc::new(Shares::new(*max_memory)),
            turns: Turns::new(threads),
            background: Background::start(threads)?,
            pages: PageTurns::new(processors),
            retry_after: *retry_after,
            request_rate: *request_rate,
        })
    }

    fn try_later(&self, reason: NoShare) -> TryLater {
        match reason {
            NoShare::Exceeded => {
                let message = "your requests use your whole share of the service; send fewer at the same time";
                too_many(self.request_rate, self.retry_after, message.to_owned())
            }
            NoShare::Exhausted => unavailable(self.retry_after),
        }
    }
}

/// What a request has of its caller's share.
#[derive(Debug)]
pub struct RequestShare {
    resources: Arc<Resources>,
    sharer: Arc<Sharer>,
    permit: Option<Taken<Arc<Sharer>>>,
    page: Option<PageTurn>,
    memory: Option<Taken<Arc<Sharer>>>,
}

impl RequestShare {
    /// Makes this the memory that the request has.
    fn resize_memory(&mut self, bytes: usize) -> Result<(), TryLater> {
        let resized = match &mut self.memory {
            Some(memory) => memory.resize(bytes),
            None => {
                let taken = self.resources.memory.take(Arc::clone(&self.sharer), bytes);
                taken.map(|taken| self.memory = Some(taken))
            }
        };
        resized.map_err(|reason| self.resources.try_later(reason))
    }
}

impl Share for RequestShare {
    fn receive(&mut self, bytes: usize) -> Result<(), TryLater> {
        self.resize_memory(bytes)
    }

    /// No request waits for a permit: a queue would delay all of them. A caller that does not read its responses is rejected
    /// before another one is made, because there may be no room for it.
    fn start(&mut self) -> Result<(), TryLater> {
        if self.memory.is_none() && self.resources.memory.is_mostly_used_by(&self.sharer) {
            return Err(self.resources.try_later(NoShare::Exceeded));
        }
        let taken = self.resources.permits.take(Arc::clone(&self.sharer), 1);
        self.permit = Some(taken.map_err(|reason| self.resources.try_later(reason))?);
        Ok(())
    }

    async fn start_page(&mut self) -> Result<(), TryLater> {
        self.start()?;
        let turn = self.resources.pages.wait(Arc::clone(&self.sharer));
        match timeout(PAGE_WAIT, turn).await {
            Ok(turn) => self.page = Some(turn),
            Err(_) => return Err(self.resources.try_later(NoShare::Exceeded)),
        }
        Ok(())
    }

    /// Large bodies must not delay the requests of others, which the threads of the runtime serve.
    async fn process<T: Send + 'static>(&self, bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
        if bytes <= SMALL_BODY {
            return work();
        }
        let turn = self.resources.turns.wait(Arc::clone(&self.sharer)).await;
        let in_turn = move || {
            // The turn ends with the work, even if the request has been given up.
            let _turn = turn;
            work()
        };
        self.resources.background.run(in_turn).await
    }

    fn respond(&mut self, bytes: usize) -> Result<(), TryLater> {
        self.permit = None;
        if let Some(turn) = self.page.take() {
            turn.end(bytes);
        }
        self.resize_memory(bytes)
    }
}

impl<S: Store> Admission for RegistryApi<S> {
    type Identity = AdmittedCaller;
    type Share = RequestShare;

    async fn admit(
        &self,
        metadata: &RequestMetadata,
        operation: &'static str,
        credentials: Credentials,
    ) -> Result<Admitted<AdmittedCaller>, NotAdmitted> {
        let Admitted { identity, scopes } = self.authenticate(metadata, operation, credentials).await?;
        let sharer = match (&identity.actor, identity.tenant_scope) {
            (_, TenantScope::Only(tenant_id)) => Sharer::Tenant(tenant_id),
            (Some(actor), TenantScope::All) => Sharer::Caller(actor.id.clone()),
            (None, TenantScope::All) => Sharer::Address(self.source_ip(metadata)),
        };
        let sharer = Arc::new(sharer);
        Ok(Admitted {
            identity: AdmittedCaller { identity, sharer },
            scopes,
        })
    }

    fn share(&self, caller: &AdmittedCaller) -> RequestShare {
        RequestShare {
            resources: Arc::clone(&self.resources),
            sharer: Arc::clone(&caller.sharer),
            permit: None,
            page: None,
            memory: None,
        }
    }
}

impl<S> RegistryApi<S> {
    /// Verifies the caller's token, and counts the request against the caller's rate limit unless the operation has none.
    async fn authenticate(
        &self,
        metadata: &RequestMetadata,
        operation: &'static str,
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
                    self.not_available()
                }
            })?;
        if !WITHOUT_RATE.contains(&operation) {
            self.request_rate
                .check(&verified.subject)
                .map_err(|limit| NotAdmitted::TryLater(over_rate(limit)))?;
        }
        let identity = identity(&verified).map_err(|error| {
            // The issuer's values were checked, so this is a fault of the service and not a 401.
            error!(request_id, trace_id, "a caller's identity violates the spec: {error}");
            self.not_available()
        })?;
        Ok(Admitted {
            identity,
            scopes: verified.scopes,
        })
    }

    fn not_available(&self) -> NotAdmitted {
        NotAdmitted::TryLater(unavailable(self.settings.retry_after))
    }
}

fn unavailable(retry_after: RetryAfterSeconds) -> TryLater {
    TryLater::ServiceUnavailable {
        body: responses::unavailable(),
        retry_after,
    }
}

fn over_rate(rate_limit: RateLimit) -> TryLater {
    let message = format!("you may send {} requests a second; send fewer", rate_limit.limit);
    too_many(rate_limit, rate_limit.reset, message)
}

fn too_many(rate_limit: RateLimit, retry_after: RetryAfterSeconds, message: String) -> TryLater {
    let RateLimit {
        limit,
        remaining,
        reset,
        ..
    } = rate_limit;
    TryLater::TooManyRequests {
        body: responses::error(ErrorCode::RateLimited, message),
        retry_after,
        rate_limit_limit: limit,
        rate_limit_remaining: remaining,
        rate_limit_reset: reset,
    }
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

#[cfg(test)]
mod tests {
    use super::{AdmittedCaller, RegistryApi, Sharer};
    use crate::api::ApiSettings;
    use crate::api_key_hash::{ApiKeyHasher, DigestKeys, HashLimits, PrefixBudget};
    use crate::auth::Access;
    use crate::catalog_file;
    use crate::domain::Registry;
    use crate::domain::caller::Identity;
    use crate::domain::clock::Clock;
    use crate::domain::origin::TrustedProxies;
    use crate::draining::Draining;
    use crate::limits::request_rate::RateLimit;
    use crate::store::memory::MemoryStore;
    use crate::telemetry::metrics::Metrics;
    use dropshot::Body;
    use futures_util::FutureExt;
    use http::{Request, Response};
    use http_body_util::BodyExt;
    use std::net::{IpAddr, SocketAddr};
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::time::Duration;
    use tenant_registry_contract::http::{AllowedOrigins, Limits, ServerContext, respond};
    use tenant_registry_contract::server::{Admission, Share, TryLater};
    use tenant_registry_contract::types::RetryAfterSeconds;

    type Server = Arc<ServerContext<RegistryApi<MemoryStore>>>;

    /// An API whose bodies can have this many bytes together.
    fn api(max_memory: usize) -> RegistryApi<MemoryStore> {
        let hash_limits = HashLimits {
            max_running: 1,
            max_waiting: 1,
            cached_keys: 1,
            prefix_budget: PrefixBudget::default(),
        };
        let hasher = ApiKeyHasher::new(hash_limits, DigestKeys::default()).unwrap();
        let catalog = catalog_file::read(None).unwrap();
        let registry = Registry::new(MemoryStore::default(), catalog, Clock::system(), hasher);
        let settings = ApiSettings {
            trusted_proxies: TrustedProxies::default(),
            retry_after: RetryAfterSeconds::try_from(1).unwrap(),
            request_rate: RateLimit::new(NonZeroU32::MIN).unwrap(),
            max_requests: 1024,
            max_memory,
        };
        let (draining, metrics) = (Draining::default(), Metrics::default());
        RegistryApi::new(Arc::new(registry), settings, Access::Open, draining, metrics).unwrap()
    }

    fn server(max_memory: usize) -> Server {
        let limits = Limits {
            body_size: 1024,
            body_time: Duration::from_secs(1),
        };
        Arc::new(ServerContext::new(
            api(max_memory),
            limits,
            AllowedOrigins::default(),
            (),
        ))
    }

    async fn get_from(server: &Server, address: [u8; 4]) -> Response<Body> {
        let request = Request::get("/v1/catalog").header("host", "localhost");
        let peer = SocketAddr::from((address, 1));
        respond(Arc::clone(server), peer, request.body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn a_response_is_in_the_share_of_its_caller_until_it_is_received() {
        let response = get_from(&server(usize::MAX / 16), [10, 0, 0, 1]).await;
        let size = response.into_body().collect().await.unwrap().to_bytes().len();

        let server = server(2 * size);
        let first = get_from(&server, [10, 0, 0, 1]).await;
        let second = get_from(&server, [10, 0, 0, 1]).await;
        assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
        assert_eq!(get_from(&server, [10, 0, 0, 1]).await.status(), 429);
        assert_eq!(get_from(&server, [10, 0, 0, 2]).await.status(), 503);
        // A frame that the listener has not written yet.
        let mut body = first.into_body();
        let frame = body.frame().await.unwrap().unwrap();
        drop(body);
        assert_eq!(get_from(&server, [10, 0, 0, 2]).await.status(), 503);
        drop(frame);
        assert_eq!(get_from(&server, [10, 0, 0, 2]).await.status(), 200);
    }

    fn caller(address: [u8; 4]) -> AdmittedCaller {
        AdmittedCaller {
            identity: Identity::ANONYMOUS,
            sharer: Arc::new(Sharer::Address(IpAddr::from(address))),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pages_of_a_caller_wait_for_each_other_but_not_for_long() {
        let (api, one, other) = (api(usize::MAX / 16), caller([10, 0, 0, 1]), caller([10, 0, 0, 2]));
        let mut running = Vec::new();
        loop {
            let mut share = api.share(&one);
            match share.start_page().now_or_never() {
                Some(started) => started.unwrap(),
                None => break,
            }
            running.push(share);
        }
        let mut waiting = api.share(&one);
        assert!(matches!(
            waiting.start_page().await,
            Err(TryLater::TooManyRequests { .. })
        ));
        assert!(api.share(&other).start_page().await.is_ok());
        running.pop().unwrap().respond(1).unwrap();
        assert!(api.share(&one).start_page().await.is_ok());
    }
}
