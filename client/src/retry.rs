//! When a request is sent again, and how long to wait before.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// When the client tries again by itself.
///
/// Each wait is twice as long as the one before, and up to twice that by chance, so that many clients do not come back
/// at one moment. Where the service says how long to wait (`Retry-After`), that is added.
///
/// A request is sent again where the connection could not be made, and where the service answers 429 or 503 with
/// `Retry-After`: it was not carried out then. Where that is not known (the connection broke or timed out, or a proxy
/// answered), only requests that [`Operation::is_repeatable`](crate::Operation::is_repeatable) are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent after the first time; 0 to leave it all to the caller.
    pub retries: usize,
    /// The wait before the second attempt, at least.
    pub first_wait: Duration,
    /// Where doubling ends, and the most that the service may ask for. One that asks for more gets no further attempt:
    /// its answer is returned, and [`Error::retry_after`](crate::Error::retry_after) tells when to come back.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    /// Three retries, after 0.1 to 0.2, 0.2 to 0.4 and 0.4 to 0.8 seconds.
    fn default() -> Self {
        Self {
            retries: 3,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(10),
        }
    }
}

/// The waits of one request.
pub(crate) struct Waits {
    backoff: ExponentialBackoff,
    longest: Duration,
    repeatable: bool,
}

impl RetryPolicy {
    /// Starts a request that may be sent again, or may not, when nobody knows whether it was carried out.
    pub(crate) fn waits(self, repeatable: bool) -> Waits {
        Waits {
            backoff: ExponentialBuilder::new()
                .with_min_delay(self.first_wait)
                .with_max_delay(self.longest_wait)
                .with_max_times(self.retries)
                .with_jitter()
                .build(),
            longest: self.longest_wait,
            repeatable,
        }
    }
}

impl Waits {
    /// How long to wait before the next attempt; `None` where the outcome is final.
    pub(crate) fn after(&mut self, outcome: &reqwest::Result<Response>) -> Option<Duration> {
        let asked = match outcome {
            Ok(response) => {
                let asked = retry_after(response.headers(), Utc::now());
                if !self.allows(response.status(), asked.is_some()) {
                    return None;
                }
                asked.unwrap_or_default()
            }
            Err(error) if error.is_builder() || error.is_redirect() => return None,
            Err(error) if error.is_connect() || self.repeatable => Duration::ZERO,
            Err(_) => return None,
        };
        let wait = self.backoff.next()?.min(self.longest);
        (asked <= self.longest).then(|| asked.saturating_add(wait))
    }

    fn allows(&self, status: StatusCode, has_retry_after: bool) -> bool {
        match status {
            // The spec: nothing was changed. Without `Retry-After` it is not the service that answers.
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => has_retry_after || self.repeatable,
            StatusCode::REQUEST_TIMEOUT | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => self.repeatable,
            _ => false,
        }
    }
}

/// How long the service asks to wait: seconds, or until a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    // A date that has passed asks for no wait.
    Some((until.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use reqwest::header::HeaderValue;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        retries: 2,
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_secs(60),
    };

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))])
    }

    fn asked(value: &'static str) -> Option<Duration> {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 9, 30, 0).single();
        retry_after(&headers(value), now.expect("the time exists"))
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("Mon, 23 Nov 2026 09:30:05 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(asked("Mon, 23 Nov 2026 09:29:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new(), Utc::now()), None);
    }

    #[test]
    fn a_status_is_retried_where_that_cannot_do_harm() {
        let harmless = POLICY.waits(true);
        let harmful = POLICY.waits(false);
        for status in [429, 503].map(|code| StatusCode::from_u16(code).expect("a status")) {
            assert!(harmless.allows(status, false));
            assert!(harmful.allows(status, true));
            assert!(!harmful.allows(status, false));
        }
        for status in [408, 502, 504].map(|code| StatusCode::from_u16(code).expect("a status")) {
            assert!(harmless.allows(status, false));
            assert!(!harmful.allows(status, true));
        }
        for status in [200, 302, 400, 404, 409, 500].map(|code| StatusCode::from_u16(code).expect("a status")) {
            assert!(!harmless.allows(status, true));
        }
    }
}
