//! Parsers of values that are not only one type's, with errors that say what is expected.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;
use tenant_registry_contract::types::Timestamp;

/// Returns a parser of whole numbers in a range. `unit` and `example` are for the error.
pub(super) fn whole_number<T: FromStr>(
    unit: &'static str,
    minimum: u64,
    maximum: u64,
    example: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number: Option<u64> = text.parse().ok();
        number
            .filter(|it| (minimum..=maximum).contains(it))
            .and_then(|_| text.parse().ok())
            .ok_or_else(|| format!("must be a whole number of {unit} from {minimum} to {maximum}, such as {example}"))
    }
}

/// Parses an address to listen on.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8090 or [::1]:8090; a name is not allowed")
}

/// Parses a time, or a date (its start in UTC).
pub(super) fn time(text: &str) -> Result<Timestamp, &'static str> {
    text.parse::<Timestamp>()
        .or_else(|_| format!("{text}T00:00:00Z").parse::<Timestamp>())
        .map_err(|_| {
            "must be a time such as 2026-01-01T00:00:00Z (RFC 3339), or a date such as 2026-01-01 (its start in UTC)"
        })
}

/// Parses a number of days, from one to a hundred years.
pub(super) fn days(text: &str) -> Result<Duration, &'static str> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    text.strip_suffix('d')
        .and_then(|number| number.parse::<u32>().ok())
        .filter(|number| (1..=36_500).contains(number))
        .map(|number| DAY * number)
        .ok_or("must be a whole number of days from 1d to 36500d, such as 7d")
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, error_line};

    fn error(arguments: &[&str]) -> String {
        let arguments = ["tenant-registry"].iter().chain(arguments);
        error_line(&Cli::read(arguments).unwrap_err()).unwrap()
    }

    #[test]
    fn an_error_says_what_is_expected_with_an_example() {
        let cases = [
            ("bind-address", "localhost:8090", "such as 127.0.0.1:8090"),
            ("internal-address", "8091", "such as 127.0.0.1:8090"),
            ("metrics-address", ":9090", "such as 127.0.0.1:8090"),
            (
                "body-limit",
                "1M",
                "a whole number of bytes from 1024 to 67108864, such as 1048576",
            ),
            (
                "body-timeout",
                "30s",
                "a whole number of seconds from 1 to 600, such as 30",
            ),
            (
                "max-requests",
                "1k",
                "a whole number of requests from 1 to 100000, such as 1024",
            ),
            (
                "max-connections",
                "15",
                "a whole number of connections from 16 to 1000000, such as 4096",
            ),
            (
                "request-rate",
                "0",
                "a whole number of requests per second from 1 to 1000000, such as 2000",
            ),
            (
                "shutdown-drain",
                "3s",
                "a whole number of seconds from 0 to 600, such as 3",
            ),
            (
                "shutdown-timeout",
                "-1",
                "a whole number of seconds from 1 to 3600, such as 10",
            ),
            ("hash-permits", "0", "a whole number of hashes from 1 to 256, such as 2"),
            (
                "hash-queue",
                "many",
                "a whole number of callers from 0 to 65535, such as 64",
            ),
            (
                "hash-cache-keys",
                "1e6",
                "a whole number of keys from 1 to 10000000, such as 65536",
            ),
            (
                "hash-prefix-per-minute",
                "0",
                "a whole number of hashes from 1 to 4294967295, such as 10",
            ),
            (
                "database-connect-timeout",
                "5s",
                "a whole number of seconds from 1 to 60, such as 2",
            ),
            (
                "database-pool-size",
                "x",
                "a whole number of connections from 1 to 1000, such as 16",
            ),
            (
                "database-shared-connections",
                "x",
                "a whole number of connections from 1 to 64, such as 2",
            ),
            (
                "database-pool-timeout",
                "5s",
                "a whole number of seconds from 1 to 60, such as 2",
            ),
            (
                "database-statement-timeout",
                "5s",
                "a whole number of seconds from 1 to 300, such as 5",
            ),
            (
                "database-read-max-staleness",
                "2",
                "a whole number of seconds from 3 to 300, such as 10",
            ),
            (
                "oidc-leeway",
                "30s",
                "a whole number of seconds from 0 to 300, such as 30",
            ),
            ("otel-traces-sampler-arg", "50%", "a number from 0 to 1, such as 0.1"),
            (
                "otel-exporter-otlp-endpoint",
                "collector:4318",
                "such as http://127.0.0.1:4318",
            ),
            (
                "idempotency-hours",
                "24h",
                "a whole number of hours from 1 to 720, such as 24",
            ),
            ("retry-after", "1s", "a whole number from 1 to"),
        ];
        for (setting, value, expected) in cases {
            let message = error(&["serve", &format!("--{setting}={value}")]);
            assert!(message.contains(expected), "{setting}: {message}");
        }
        for value in ["2026-1-1", "yesterday", "1h"] {
            let message = error(&["audit", "prune", "--before", value]);
            assert!(message.contains("such as 2026-01-01T00:00:00Z"), "{message}");
        }
        for value in ["7", "0d", "12h", "-1d", "36501d", "d"] {
            let message = error(&["distribute", &format!("--older-than={value}")]);
            assert!(message.contains("from 1d to 36500d, such as 7d"), "{message}");
        }
        assert_eq!(super::time("2026-01-01"), super::time("2026-01-01T01:00:00+01:00"));
    }
}
