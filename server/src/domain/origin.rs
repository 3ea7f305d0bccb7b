//! The origin of a request.

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The origin of a request, as audit events record it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, or that of the last trusted hop before it.
    pub source_ip: IpAddr,
    /// The `User-Agent` header, as it is recorded.
    pub user_agent: Option<String>,
}

/// The maximum number of characters of a `User-Agent` that is recorded.
const USER_AGENT_CHARACTERS: usize = 1024;

/// The part of a `User-Agent` that is recorded. Its end says least about the program.
pub fn recorded_user_agent(header: &str) -> String {
    header.chars().take(USER_AGENT_CHARACTERS).collect()
}

/// The networks of the proxies whose `X-Forwarded-For` is trusted. Empty by default.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts all addresses in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the address that a request came from.
    ///
    /// Each proxy appends the address of its peer. The list is therefore read from the right, up to the first untrusted
    /// address. Everything left of it is untrusted input.
    pub fn source_ip(&self, peer: SocketAddr, forwarded_for: Option<&[u8]>) -> IpAddr {
        let mut source = peer.ip().to_canonical();
        let hops = forwarded_for.unwrap_or_default().rsplit(|byte| *byte == b',');
        for hop in hops {
            if !self.contains(source) {
                break;
            }
            // A hop without a valid address hides its client. The proxy that wrote it is the last known address.
            let Some(address) = parse_hop(hop) else {
                break;
            };
            source = address;
        }
        source
    }
}

/// Parses a hop. Some proxies add a port, and brackets around an IPv6 address.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let address = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| hop.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::TrustedProxies;
    use std::net::SocketAddr;

    fn source(trusted: &[&str], peer: &str, forwarded_for: Option<&str>) -> String {
        let networks = trusted.iter().map(|network| network.parse().unwrap());
        let peer: SocketAddr = peer.parse().unwrap();
        TrustedProxies::new(networks.collect())
            .source_ip(peer, forwarded_for.map(str::as_bytes))
            .to_string()
    }

    #[test]
    fn an_untrusted_peer_is_the_source() {
        assert_eq!(source(&[], "198.51.100.4:1", Some("203.0.113.7")), "198.51.100.4");
        assert_eq!(
            source(&["10.0.0.0/8"], "198.51.100.4:1", Some("203.0.113.7")),
            "198.51.100.4"
        );
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_source() {
        let trusted = &["10.0.0.0/8", "2001:db8::/32"];
        assert_eq!(
            source(trusted, "10.0.0.1:1", Some("1.1.1.1, 203.0.113.7, 10.2.3.4")),
            "203.0.113.7"
        );
        assert_eq!(source(trusted, "10.0.0.1:1", Some("203.0.113.7:8080")), "203.0.113.7");
        assert_eq!(source(trusted, "[2001:db8::1]:1", Some("[2a00::7]:80")), "2a00::7");
        assert_eq!(
            source(trusted, "[::ffff:10.0.0.1]:1", Some("::ffff:203.0.113.7")),
            "203.0.113.7"
        );
    }

    #[test]
    fn without_a_valid_untrusted_address_the_last_known_hop_is_the_source() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(source(trusted, "10.0.0.1:1", None), "10.0.0.1");
        assert_eq!(source(trusted, "10.0.0.1:1", Some("")), "10.0.0.1");
        assert_eq!(
            source(trusted, "10.0.0.1:1", Some("203.0.113.7, unknown, 10.0.0.9")),
            "10.0.0.9"
        );
        assert_eq!(source(trusted, "10.0.0.1:1", Some("10.0.0.3, 10.0.0.2")), "10.0.0.3");
    }
}
