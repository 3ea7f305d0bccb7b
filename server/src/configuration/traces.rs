//! The settings of traces, with the names from OpenTelemetry's specification.

use super::secret::Secret;
use crate::name::Name;
use crate::telemetry::traces::TraceSettings;
use clap::Args;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;
use thiserror::Error;
use url::Url;

/// The path that OTLP over HTTP appends to the collector's URL.
const TRACES_PATH: &str = "v1/traces";

/// A malformed header. The message does not quote it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("header {position} is not NAME=VALUE with a percent-encoded value")]
pub struct HeadersError {
    /// The position in the list, counted from 1.
    position: usize,
}

/// The export of traces.
#[derive(Args, Clone, Debug)]
pub struct TracesConfiguration {
    /// URL of an OpenTelemetry collector that accepts traces over OTLP/HTTP (protobuf), such as `http://127.0.0.1:4318`.
    /// `/v1/traces` is appended. If not set, there are no traces, and tracing costs nothing. If the collector cannot be
    /// reached, spans are lost, and the log has one warning.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_parser = endpoint
    )]
    pub otel_exporter_otlp_endpoint: Option<Url>,

    /// Headers that the collector requires, such as a token: NAME=VALUE, separated by commas, with percent-encoded values.
    /// If one is missing or wrong, the collector rejects all spans.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        value_name = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true
    )]
    pub otel_exporter_otlp_headers: Option<Secret>,

    /// File with the value of OTEL_EXPORTER_OTLP_HEADERS, instead of that setting. A line break at the end is ignored.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS_FILE",
        value_name = "OTEL_EXPORTER_OTLP_HEADERS_FILE",
        value_parser = Secret::read_file,
        conflicts_with = "otel_exporter_otlp_headers"
    )]
    pub otel_exporter_otlp_headers_file: Option<Secret>,

    /// Name of the service in traces. Deployments with the same name cannot be distinguished.
    #[arg(
        long,
        env = "OTEL_SERVICE_NAME",
        value_name = "OTEL_SERVICE_NAME",
        default_value = "tenant-registry"
    )]
    pub otel_service_name: Name,

    /// Share of traces that are kept, from 0 to 1. For a caller that sends a `traceparent`, the caller decides. Too high: a
    /// service that verifies thousands of keys per second fills the collector. Too low: the request that you are looking for
    /// is missing.
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER_ARG",
        value_name = "OTEL_TRACES_SAMPLER_ARG",
        default_value = "1",
        value_parser = ratio
    )]
    pub otel_traces_sampler_arg: f64,
}

impl TracesConfiguration {
    /// The settings of the exporter. There are none if traces are not exported.
    ///
    /// # Errors
    /// Fails if a header is malformed.
    pub fn settings(&self) -> Result<Option<TraceSettings>, HeadersError> {
        let given = self.otel_exporter_otlp_headers.as_ref();
        let given = given.or(self.otel_exporter_otlp_headers_file.as_ref());
        let headers = given.map_or_else(|| Ok(HashMap::new()), |given| headers(given.expose()))?;
        Ok(self.otel_exporter_otlp_endpoint.clone().map(|endpoint| TraceSettings {
            endpoint,
            headers,
            service_name: self.otel_service_name.to_string(),
            ratio: self.otel_traces_sampler_arg,
        }))
    }
}

fn endpoint(text: &str) -> Result<Url, String> {
    let mut url: Url = text
        .parse()
        .map_err(|error| format!("not a URL such as http://127.0.0.1:4318: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://, such as http://127.0.0.1:4318".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not contain a user, a password, a query or a fragment; put secrets into OTEL_EXPORTER_OTLP_HEADERS"
                .to_owned(),
        );
    }
    let path = format!("{}/{TRACES_PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Parses headers in OpenTelemetry's format: W3C Baggage without properties.
fn headers(text: &str) -> Result<HashMap<String, String>, HeadersError> {
    text.split(',')
        .enumerate()
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(index, text)| header(text).ok_or(HeadersError { position: index + 1 }))
        .collect()
}

fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let name: HeaderName = name.trim().parse().ok()?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    HeaderValue::from_str(&value).ok()?;
    Some((name.as_str().to_owned(), value.into_owned()))
}

fn ratio(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or_else(|| "must be a number from 0 to 1, such as 0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{HeadersError, endpoint, headers};

    #[test]
    fn the_path_for_traces_is_appended() {
        for (given, used) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otlp.example/tenant/", "https://otlp.example/tenant/v1/traces"),
        ] {
            assert_eq!(endpoint(given).unwrap().as_str(), used);
        }
    }

    #[test]
    fn headers_are_parsed_as_the_specification_requires() {
        let read = headers("authorization=Bearer%20secret, x-team = registry,").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read["authorization"], "Bearer secret");
        assert_eq!(read["x-team"], "registry");
        for (bad, position) in [("secret", 1), ("a=b,sec ret=c", 2), ("a=%0a", 1)] {
            let error = headers(bad).unwrap_err();
            assert_eq!(error, HeadersError { position });
            assert!(!error.to_string().contains("sec"));
        }
    }
}
