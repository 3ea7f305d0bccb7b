//! The settings of traces, under the names that OpenTelemetry's specification gives them.

use crate::telemetry::traces::TraceSettings;
use clap::Args;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;
use std::fmt;
use thiserror::Error;
use url::Url;

/// What OTLP over HTTP appends to the collector's address for spans.
const TRACES_PATH: &str = "v1/traces";

/// The headers, as they were given, with secrets in them: `Debug` hides them, and they are read only after clap is done,
/// which would quote bad ones.
#[derive(Clone, PartialEq, Eq)]
pub struct HeadersText(String);

impl From<&str> for HeadersText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for HeadersText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HeadersText(***)")
    }
}

/// What is wrong with a header, without a part of it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the header at place {place} is not NAME=VALUE, with the value in percent-encoding")]
pub struct HeadersError {
    /// From 1.
    place: usize,
}

/// Where traces go.
#[derive(Args, Clone, Debug)]
pub struct TracesConfiguration {
    /// Address of an OpenTelemetry collector that takes traces by OTLP over HTTP (protobuf), such as
    /// `http://127.0.0.1:4318`; `/v1/traces` is appended. Where left out nothing is traced, at no cost. A collector that
    /// cannot be reached costs the spans, and one warning.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_parser = endpoint
    )]
    pub otel_exporter_otlp_endpoint: Option<Url>,

    /// Headers that the collector asks for, such as a token: NAME=VALUE, separated by commas, values in percent-encoding.
    /// One that is missing or wrong makes it take no spans.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        value_name = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true
    )]
    pub otel_exporter_otlp_headers: Option<HeadersText>,

    /// What the traces say that they come from. Two deployments of the same name cannot be told apart.
    #[arg(
        long,
        env = "OTEL_SERVICE_NAME",
        value_name = "OTEL_SERVICE_NAME",
        default_value = "tenant-registry"
    )]
    pub otel_service_name: String,

    /// How many of the traces that begin here are kept, from 0 to 1; who calls with a `traceparent` has decided already,
    /// and is followed. Too many, and a service that verifies thousands of keys a second fills the collector; too few, and
    /// the request that is looked for is not among them.
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
    /// What the exporter needs; none where nothing is traced.
    ///
    /// # Errors
    /// A header that cannot be read.
    pub fn settings(&self) -> Result<Option<TraceSettings>, HeadersError> {
        let headers = match &self.otel_exporter_otlp_headers {
            Some(HeadersText(text)) => headers(text)?,
            None => HashMap::new(),
        };
        Ok(self.otel_exporter_otlp_endpoint.clone().map(|endpoint| TraceSettings {
            endpoint,
            headers,
            service_name: self.otel_service_name.clone(),
            ratio: self.otel_traces_sampler_arg,
        }))
    }
}

fn endpoint(text: &str) -> Result<Url, String> {
    let mut url: Url = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it has to begin with http:// or https://".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("it is an address alone: a secret belongs into OTEL_EXPORTER_OTLP_HEADERS".to_owned());
    }
    let path = format!("{}/{TRACES_PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// OpenTelemetry's form: that of W3C Baggage, without properties.
fn headers(text: &str) -> Result<HashMap<String, String>, HeadersError> {
    text.split(',')
        .enumerate()
        .filter(|(_, header)| !header.trim().is_empty())
        .map(|(index, header)| read_header(header).ok_or(HeadersError { place: index + 1 }))
        .collect()
}

fn read_header(text: &str) -> Option<(String, String)> {
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
        .ok_or_else(|| "not a number from 0 to 1".to_owned())
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
    fn headers_are_read_as_the_specification_writes_them() {
        let read = headers("authorization=Bearer%20secret, x-team = registry,").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read["authorization"], "Bearer secret");
        assert_eq!(read["x-team"], "registry");
        for (bad, place) in [("secret", 1), ("a=b,sec ret=c", 2), ("a=%0a", 1)] {
            let error = headers(bad).unwrap_err();
            assert_eq!(error, HeadersError { place });
            assert!(!error.to_string().contains("sec"));
        }
    }
}
