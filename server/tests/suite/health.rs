//! Liveness and readiness.

use crate::harness::cases::cases;
use crate::harness::polling::until;
use crate::harness::{Fault, StoreUnderTest, TestServer};
use futures_util::future::join_all;
use std::time::Instant;
use tenant_registry_client::types::{ErrorCode, HealthStatus};

cases![
    a_running_service_is_alive,
    a_service_with_its_store_is_ready,
    a_service_without_its_store_is_alive_but_not_ready,
    is_ready_again_when_the_store_is_back,
    probes_ask_the_store_at_most_once_a_second,
];

async fn a_running_service_is_alive(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let health = service.client.health_get().send().await.unwrap();
    assert_eq!(
        (health.status.clone(), health.status().as_u16()),
        (HealthStatus::Ok.into(), 200)
    );
}

async fn a_service_with_its_store_is_ready(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let health = service.client.readiness_get().send().await.unwrap();
    assert_eq!(
        (health.status.clone(), health.status().as_u16()),
        (HealthStatus::Ok.into(), 200)
    );
}

async fn a_service_without_its_store_is_alive_but_not_ready(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    for fault in [Fault::Unavailable, Fault::Internal] {
        service.operator.set_fault(Some(fault));
        let error = until("it is not ready", async || {
            service.client.readiness_get().send().await.err()
        })
        .await;
        assert_eq!(error.code(), Some(ErrorCode::Unavailable), "{fault:?}");
        assert!(service.client.health_get().send().await.is_ok(), "{fault:?}");
    }
}

async fn is_ready_again_when_the_store_is_back(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    service.operator.set_fault(Some(Fault::Unavailable));
    assert!(service.client.readiness_get().send().await.is_err());
    service.operator.set_fault(None);
    until("it is ready", async || service.client.readiness_get().send().await.ok()).await;
}

/// However many callers there are, and whether or not the store is ready.
async fn probes_ask_the_store_at_most_once_a_second(store: StoreUnderTest) {
    let service = TestServer::start(store).await;
    let began = Instant::now();
    for fault in [None, Some(Fault::Unavailable)] {
        service.operator.set_fault(fault);
        for _ in 0..5 {
            join_all((0..100).map(|_| service.raw.get("/readyz"))).await;
        }
    }
    let (asked, seconds) = (service.operator.pings(), began.elapsed().as_secs());
    assert!(asked >= 1);
    assert!(asked as u64 <= 1 + seconds, "{asked} times in {seconds} s");
}
