//! Reads the trace context from request headers (W3C Trace Context, level 1). Malformed headers are ignored, as the
//! specification requires.

use crate::telemetry::redaction::redact;
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::borrow::Cow;

const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";

/// Returns the trace context in these headers. It is empty if they contain none.
pub(in crate::telemetry) fn incoming(headers: &HeaderMap) -> Context {
    let mut parents = headers.get_all(TRACE_PARENT).iter();
    // Several `traceparent` headers are invalid.
    let (Some(parent), None) = (parents.next(), parents.next()) else {
        return Context::new();
    };
    let Some(parent) = parent.to_str().ok().filter(|text| is_well_formed(text)) else {
        return Context::new();
    };
    let headers = TraceHeaders {
        parent,
        state: state(headers),
    };
    TraceContextPropagator::new().extract_with_context(&Context::new(), &headers)
}

/// Checks the format (section 3.2). The propagator would also accept shorter ids, and ids with a sign.
fn is_well_formed(parent: &str) -> bool {
    let bytes = parent.as_bytes();
    let has_shape = bytes.iter().take(55).enumerate().all(|(index, byte)| match index {
        2 | 35 | 52 => *byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    });
    // A later version may append more fields.
    let has_length = bytes.len() == 55 || bytes.get(55) == Some(&b'-') && !parent.starts_with("00");
    has_shape && has_length
}

/// Joins the `tracestate` headers into one list (section 3.3). The list is exported, so one that contains a secret is
/// dropped.
fn state(headers: &HeaderMap) -> Option<String> {
    let states: Vec<&str> = headers
        .get_all(TRACE_STATE)
        .iter()
        .map(|state| state.to_str().ok())
        .collect::<Option<_>>()?;
    let state = states.join(",");
    let is_clean = matches!(redact(&state), Cow::Borrowed(clean) if clean == state);
    is_clean.then_some(state)
}

struct TraceHeaders<'a> {
    parent: &'a str,
    state: Option<String>,
}

impl Extractor for TraceHeaders<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACE_PARENT => Some(self.parent),
            TRACE_STATE => self.state.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACE_PARENT, TRACE_STATE]
    }
}

#[cfg(test)]
mod tests {
    use super::{TRACE_PARENT, TRACE_STATE, incoming};
    use http::{HeaderMap, HeaderName, HeaderValue};
    use opentelemetry::trace::TraceContextExt;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        headers.iter().map(pair).collect()
    }

    #[test]
    fn the_callers_trace_is_continued() {
        for parent in [
            PARENT,
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes",
        ] {
            let context = incoming(&headers(&[
                (TRACE_PARENT, parent),
                (TRACE_STATE, "a=1"),
                (TRACE_STATE, "b=2"),
            ]));
            let span = context.span();
            let span = span.span_context();
            assert_eq!(span.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
            assert_eq!(span.span_id().to_string(), "b7ad6b7169203331");
            assert!(span.is_sampled() && span.is_remote());
            assert_eq!(span.trace_state().header(), "a=1,b=2");
        }
    }

    #[test]
    fn malformed_headers_are_ignored() {
        for parent in [
            "",
            "x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-1-2-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            let context = incoming(&headers(&[(TRACE_PARENT, parent)]));
            assert!(!context.has_active_span(), "{parent}");
        }
        let twice = incoming(&headers(&[(TRACE_PARENT, PARENT), (TRACE_PARENT, PARENT)]));
        assert!(!twice.has_active_span());
    }

    #[test]
    fn a_state_that_contains_a_key_is_dropped() {
        for state in ["a=bp_Zm9vYmFyYmF6cXV4MTIzNA", "a=bp%5FZm9vYmFyYmF6cXV4MTIzNA"] {
            let context = incoming(&headers(&[(TRACE_PARENT, PARENT), (TRACE_STATE, state)]));
            assert_eq!(context.span().span_context().trace_state().header(), "", "{state}");
        }
    }
}
