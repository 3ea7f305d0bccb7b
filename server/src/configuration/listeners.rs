//! The settings of the addresses that the service listens on.

use super::parsers::socket_address;
use clap::Args;
use std::net::SocketAddr;

/// The addresses that the service listens on.
#[derive(Args, Clone, Debug)]
pub struct ListenerConfiguration {
    /// Address and port to listen on. Port 0 picks a free port, which the first line on standard output names. The start
    /// fails if this machine does not have the address or if the port is in use. 0.0.0.0 listens on all networks of the
    /// machine, which requires OIDC_ISSUER or --insecure-no-auth.
    #[arg(
        long,
        env = "BIND_ADDR",
        value_name = "BIND_ADDR",
        default_value = "127.0.0.1:8090",
        value_parser = socket_address
    )]
    pub bind_address: SocketAddr,

    /// Separate address and port for the operations under `/v1/internal/`, which the platform's own programs call. Port 0
    /// picks a free port, which a line on standard output names. BIND_ADDR then no longer serves these operations. If not
    /// set, BIND_ADDR serves all operations.
    #[arg(long, env = "INTERNAL_ADDR", value_name = "INTERNAL_ADDR", value_parser = socket_address)]
    pub internal_address: Option<SocketAddr>,

    /// Address and port of the metrics server, which serves `/metrics` (OpenMetrics, for Prometheus). Port 0 picks a free
    /// port, which a line on standard output names. If not set, there are no metrics. Callers of the API should not be able
    /// to reach it.
    #[arg(long, env = "METRICS_ADDR", value_name = "METRICS_ADDR", value_parser = socket_address)]
    pub metrics_address: Option<SocketAddr>,
}

impl ListenerConfiguration {
    /// The first address at which other machines can call the API. The metrics server is not a part of the API.
    pub(super) fn exposed(&self) -> Option<SocketAddr> {
        let Self {
            bind_address,
            internal_address,
            metrics_address: _,
        } = *self;
        [bind_address]
            .into_iter()
            .chain(internal_address)
            .find(|address| !address.ip().to_canonical().is_loopback())
    }
}
