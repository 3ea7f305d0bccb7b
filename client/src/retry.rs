//! Retries of requests, and the delays between them.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// When the client retries requests.
///
/// Delays double with each retry. A random jitter of up to the same length is added, so that many clients do not retry at
/// the same moment. If the service says how long to wait (`Retry-After`), that is added as well.
///
/// The client retries a request if the connection could not be established, or if the service returned 429 or 503 with
/// `Retry-After`. In these cases the service has not processed the request. If that is unknown (the connection was lost
/// or timed out, or a proxy responded), the client retries only
/// [idempotent operations](crate::Operation::is_idempotent): all but those that delete a record, and changes with `If-Match`
/// that have no `Idempotency-Key`. It sends an `Idempotency-Key` with every `POST` that takes one, so a retry changes nothing
/// twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The maximum number of retries of a request. 0 disables retries.
    pub retries: usize,
    /// The delay before the first retry, without jitter.
    pub initial_delay: Duration,
    /// The maximum delay, and the maximum `Retry-After` that the client accepts. If the service asks for more, the client
    /// does not retry and returns the error; see [`Error::retry_after`](crate::Error::retry_after).
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// Three retries, with delays of 0.1 to 0.2, 0.2 to 0.4 and 0.4 to 0.8 seconds.
    fn default() -> Self {
        Self {
            retries: 3,
            initial_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
        }
    }
}

/// The retry state of one request.
pub(crate) struct Retries {
    backoff: ExponentialBackoff,
    max_delay: Duration,
    is_idempotent: bool,
}

impl RetryPolicy {
    /// Returns the retry state of a new request.
    pub(crate) fn start(self, is_idempotent: bool) -> Retries {
        Retries {
            backoff: ExponentialBuilder::new()
                .with_min_delay(self.initial_delay)
                .with_max_delay(self.max_delay)
                .with_max_times(self.retries)
                .with_jitter()
                .build(),
            max_delay: self.max_delay,
            is_idempotent,
        }
    }
}

impl Retries {
    /// Returns the delay before the next attempt, or `None` if the outcome is final.
    pub(crate) fn next_delay(&mut self, outcome: &reqwest::Result<Response>) -> Option<Duration> {
        let requested = match outcome {
            Ok(response) => {
                let requested = retry_after(response.headers(), Utc::now());
                if !self.allows(response.status(), requested.is_some()) {
                    return None;
                }
                requested.unwrap_or_default()
            }
            Err(error) if error.is_builder() || error.is_redirect() => return None,
            Err(error) if error.is_connect() || self.is_idempotent => Duration::ZERO,
            Err(_) => return None,
        };
        let delay = self.backoff.next()?.min(self.max_delay);
        (requested <= self.max_delay).then(|| requested.saturating_add(delay))
    }

    fn allows(&self, status: StatusCode, has_retry_after: bool) -> bool {
        match status {
            // These statuses mean that nothing was changed. The service always sends `Retry-After` with them; without it,
            // the response came from a proxy.
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => has_retry_after || self.is_idempotent,
            // The first attempt is still running on the service, after the connection was lost.
            StatusCode::CONFLICT => has_retry_after,
            StatusCode::REQUEST_TIMEOUT | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => self.is_idempotent,
            _ => false,
        }
    }
}

/// Parses `Retry-After`: a number of seconds or a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    // A date in the past means no delay.
    Some((until.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use reqwest::header::HeaderValue;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        retries: 2,
        initial_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(60),
    };

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))])
    }

    fn parse(value: &'static str) -> Option<Duration> {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 9, 30, 0).single();
        retry_after(&headers(value), now.expect("the time exists"))
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(parse("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse("Mon, 23 Nov 2026 09:30:05 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(parse("Mon, 23 Nov 2026 09:29:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new(), Utc::now()), None);
    }

    #[test]
    fn a_status_is_retried_if_that_is_safe() {
        let idempotent = POLICY.start(true);
        let not_idempotent = POLICY.start(false);
        for status in [429, 503].map(|code| StatusCode::from_u16(code).expect("a status")) {
            assert!(idempotent.allows(status, false));
            assert!(not_idempotent.allows(status, true));
            assert!(!not_idempotent.allows(status, false));
        }
        for status in [408, 502, 504].map(|code| StatusCode::from_u16(code).expect("a status")) {
            assert!(idempotent.allows(status, false));
            assert!(!not_idempotent.allows(status, true));
        }
        assert!(idempotent.allows(StatusCode::CONFLICT, true));
        assert!(!idempotent.allows(StatusCode::CONFLICT, false));
        for status in [200, 302, 400, 404, 500].map(|code| StatusCode::from_u16(code).expect("a status")) {
            assert!(!idempotent.allows(status, true));
        }
    }
}
