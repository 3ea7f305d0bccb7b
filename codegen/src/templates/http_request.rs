//! Reads parameters and bodies from requests.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dropshot::Body;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use tokio::time::timeout;

use super::context::{Limits, RequestContext, ServerContext};
use super::field_errors;
use super::response;
use super::response::ErrorResponse;
use crate::server;
use crate::server::{InvalidBody, RequestMetadata};
use crate::types;
use crate::types::{Error, ErrorCode, FieldError, RequestObject};

/// Why a parameter was rejected; says what to change.
pub(super) struct InvalidParameter(String);

impl From<InvalidParameter> for ErrorResponse {
    fn from(InvalidParameter(message): InvalidParameter) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidInput, message)
    }
}

impl From<InvalidBody> for ErrorResponse {
    fn from(invalid: InvalidBody) -> Self {
        let message = invalid.to_string();
        match invalid {
            InvalidBody::Malformed { errors, .. } => {
                let errors = (!errors.is_empty()).then_some(errors);
                let error = Error { error: ErrorCode::InvalidInput, message, errors };
                Self(response::json(StatusCode::BAD_REQUEST, &error))
            }
            InvalidBody::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::PayloadTooLarge, message)
            }
            InvalidBody::UnsupportedMediaType { .. } => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType, message)
            }
            InvalidBody::UnsupportedContentCoding { .. } => {
                let response = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType, message);
                // RFC 9110, section 15.5.16.
                response.with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            }
        }
    }
}

/// A body that is invalid as a whole.
fn malformed(message: String) -> InvalidBody {
    InvalidBody::Malformed { message, errors: Vec::new() }
}

pub(super) fn metadata<A: server::Api>(context: &RequestContext<ServerContext<A>>) -> RequestMetadata {
    let headers = context.request.headers();
    let forwarded_for: Vec<&[u8]> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    RequestMetadata {
        request_id: context.request_id.clone(),
        peer_address: context.request.remote_addr(),
        forwarded_for: (!forwarded_for.is_empty()).then(|| forwarded_for.join(&b',')),
        user_agent: headers
            .get(USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
    }
}

/// The segments of a path, decoded (RFC 3986, sections 2.1 and 3.3).
pub(super) fn segments(path: &str) -> Result<Vec<Cow<'_, str>>, InvalidParameter> {
    path.split('/')
        .skip(1)
        .map(|segment| {
            percent_decode_str(segment)
                .decode_utf8()
                .map_err(|_| InvalidParameter("the path is not UTF-8 after percent-decoding; encode it as UTF-8".to_owned()))
        })
        .collect()
}

pub(super) fn path_parameter<T, E: Display>(
    name: &str,
    text: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, InvalidParameter> {
    parse(text).map_err(|error| InvalidParameter(format!("`{name}` in the path: {error}")))
}

/// The query parameters, decoded (WHATWG URL, application/x-www-form-urlencoded).
pub(super) type Query<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Reads the query of an operation that knows only these parameters.
pub(super) fn query<'a, A: server::Api>(
    context: &'a RequestContext<ServerContext<A>>,
    known: &[&'static str],
) -> Result<Query<'a>, InvalidParameter> {
    let text = context.request.uri().query().unwrap_or_default();
    form_urlencoded::parse(text.as_bytes())
        .map(|(name, value)| {
            if known.contains(&name.as_ref()) {
                Ok((name, value))
            } else {
                let known = known.iter().copied();
                Err(InvalidParameter(types::unknown_name("query parameter", &name, &name, known)))
            }
        })
        .collect()
}

/// Rejects the query of an operation without query parameters.
pub(super) fn no_query<A: server::Api>(
    context: &RequestContext<ServerContext<A>>,
) -> Result<(), InvalidParameter> {
    query(context, &[]).map(|_| ())
}

pub(super) fn required_parameter<T, E: Display>(
    query: &Query<'_>,
    name: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, InvalidParameter> {
    match query_text(query, name)? {
        Some(text) => query_value(name, text, parse),
        None => Err(InvalidParameter(format!("`{name}` is missing in the query"))),
    }
}

pub(super) fn optional_parameter<T, E: Display>(
    query: &Query<'_>,
    name: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<Option<T>, InvalidParameter> {
    query_text(query, name)?.map(|text| query_value(name, text, parse)).transpose()
}

pub(super) fn defaulted_parameter<T, E: Display>(
    query: &Query<'_>,
    name: &str,
    parse: fn(&str) -> Result<T, E>,
    default: &str,
) -> Result<T, InvalidParameter> {
    query_value(name, query_text(query, name)?.unwrap_or(default), parse)
}

/// A header that a request may have. Several of them are one list (RFC 9110, section 5.3).
pub(super) fn header_parameter<A: server::Api, T, E: Display>(
    context: &RequestContext<ServerContext<A>>,
    name: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<Option<T>, InvalidParameter> {
    let headers = context.request.headers().get_all(name).iter();
    let lines: Vec<Cow<'_, str>> = headers.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let value = parse(&lines.join(", ")).map_err(|error| InvalidParameter(format!("`{name}` in the head: {error}")))?;
    Ok(Some(value))
}

/// Parses an integer in its only form. `str::parse` also reads `+1` and `01`.
pub(super) fn integer<T: FromStr + ToString>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number: &T| number.to_string() == text);
    number.ok_or_else(|| format!("must be a whole number of at most {} bits, such as 7", 8 * size_of::<T>()))
}

fn query_value<T, E: Display>(
    name: &str,
    text: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, InvalidParameter> {
    parse(text).map_err(|error| InvalidParameter(format!("`{name}` in the query: {error}")))
}

fn query_text<'a>(query: &'a Query<'_>, name: &str) -> Result<Option<&'a str>, InvalidParameter> {
    let mut values = query.iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(InvalidParameter(format!(
            "`{name}` is in the query more than once; give it once"
        ))),
        (value, _) => Ok(value.map(|(_, text)| text.as_ref())),
    }
}

/// Returns the function that decodes a required body.
pub(super) fn required_body<A, T>(
    context: &RequestContext<ServerContext<A>>,
) -> impl FnOnce(&[u8]) -> Result<T, InvalidBody> + Send + use<A, T>
where
    A: server::Api,
    T: DeserializeOwned + RequestObject,
{
    let decode = optional_body(context);
    |bytes| decode(bytes)?.ok_or_else(missing_body)
}

/// Returns the function that decodes a merge patch (RFC 7396), which is always required.
pub(super) fn merge_patch<A, T>(
    context: &RequestContext<ServerContext<A>>,
) -> impl FnOnce(&[u8]) -> Result<T, InvalidBody> + Send + use<A, T>
where
    A: server::Api,
    T: DeserializeOwned + RequestObject,
{
    let head = check_head(context, &["application/merge-patch+json", "application/json"]);
    |bytes| decode(head, bytes)?.ok_or_else(missing_body)
}

fn missing_body() -> InvalidBody {
    malformed("the body is missing; send a JSON object".to_owned())
}

/// Returns the function that decodes an optional body; `None` if it is absent or empty.
pub(super) fn optional_body<A, T>(
    context: &RequestContext<ServerContext<A>>,
) -> impl FnOnce(&[u8]) -> Result<Option<T>, InvalidBody> + Send + use<A, T>
where
    A: server::Api,
    T: DeserializeOwned + RequestObject,
{
    let head = check_head(context, &["application/json"]);
    |bytes| decode(head, bytes)
}

/// Checks what the head says about a body, which must have one of these media types.
fn check_head<A: server::Api>(
    context: &RequestContext<ServerContext<A>>,
    media_types: &[&'static str],
) -> Result<(), InvalidBody> {
    let headers = context.request.headers();
    check_media_type(headers, media_types, context.context().policy.requires_content_type())?;
    check_content_coding(headers)
}

/// Decodes a body with a head that was checked; `None` if it is absent or empty.
fn decode<T: DeserializeOwned + RequestObject>(
    head: Result<(), InvalidBody>,
    bytes: &[u8],
) -> Result<Option<T>, InvalidBody> {
    // What the head says of an absent body does not matter.
    if bytes.is_empty() {
        return Ok(None);
    }
    head?;
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
    // serde would accept an array in place of an object and take its items as the properties in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(malformed("the body is not a JSON object; send one".to_owned()));
    }
    let mut has_unknown = false;
    let mut on_ignored = |_: Path<'_>| has_unknown = true;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = serde_ignored::Deserializer::new(&mut deserializer, &mut on_ignored);
    let value = serde_path_to_error::deserialize(members);
    match value {
        Ok(value) => {
            deserializer.end().map_err(|error| not_json(&error))?;
            if has_unknown {
                return Err(invalid_members::<T>(text, "has unknown members"));
            }
            Ok(Some(value))
        }
        Err(error) if error.inner().is_data() => {
            Err(invalid_members::<T>(text, &field_errors::reason(error.inner())))
        }
        Err(error) => Err(not_json(error.inner())),
    }
}

fn not_json(error: &serde_json::Error) -> InvalidBody {
    malformed(format!("the body is not JSON: {error}"))
}

/// A body with invalid members. `reason` is what is wrong with it if no member is.
fn invalid_members<T: DeserializeOwned + RequestObject>(text: &str, reason: &str) -> InvalidBody {
    let errors = match field_errors::field_errors::<T>(text) {
        Ok(errors) => errors,
        Err(error) => return not_json(&error),
    };
    let message = match errors.as_slice() {
        [] => reason.to_owned(),
        [FieldError { field, message }] => format!("`{field}`: {message}"),
        [FieldError { field, message }, others @ ..] => {
            format!("`{field}`: {message} ({} more in `errors`)", others.len())
        }
    };
    InvalidBody::Malformed { message, errors }
}

/// The type's case and its parameters are ignored (RFC 9110, section 8.3.1). Unless the header is required, a body without
/// it is taken as JSON, because all supported types are.
fn check_media_type(headers: &HeaderMap, supported: &[&'static str], is_required: bool) -> Result<(), InvalidBody> {
    let expected = || format!("send the body with `Content-Type: {}`", supported.join("` or `"));
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return if is_required {
            Err(InvalidBody::UnsupportedMediaType { message: expected() })
        } else {
            Ok(())
        };
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if supported.iter().any(|it| essence.eq_ignore_ascii_case(it)) {
        return Ok(());
    }
    let message = format!("{}, not `{}`", expected(), essence.escape_debug());
    Err(InvalidBody::UnsupportedMediaType { message })
}

/// Bodies are not decoded, so the only accepted coding is none (RFC 9110, section 8.4).
fn check_content_coding(headers: &HeaderMap) -> Result<(), InvalidBody> {
    let is_identity = |value: &HeaderValue| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',');
        codings.all(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"identity"))
    };
    match headers.get_all(CONTENT_ENCODING).iter().find(|value| !is_identity(value)) {
        None => Ok(()),
        Some(value) => Err(InvalidBody::UnsupportedContentCoding {
            message: format!(
                "send the body without `Content-Encoding`; `{}` is not supported",
                value.as_bytes().escape_ascii()
            ),
        }),
    }
}

/// Reads the bytes of a body.
pub(super) async fn receive<A: server::Api>(
    context: &RequestContext<ServerContext<A>>,
    request: Request<Body>,
) -> Result<Bytes, InvalidBody> {
    let Limits { body_size, body_time } = context.context().limits;
    timeout(body_time, read(request, body_size)).await.unwrap_or_else(|_| Err(late(body_time)))
}

/// The bytes that a body may take while it is read.
pub(super) fn expected_size<A: server::Api>(
    context: &RequestContext<ServerContext<A>>,
    request: &Request<Body>,
) -> usize {
    let limit = context.context().limits.body_size;
    declared_size(request.headers()).map_or(limit, |declared| declared.min(limit))
}

/// The size that the head of a request states. A chunked body has none.
fn declared_size(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What an operation gets in place of a body that was not read.
pub(super) fn not_read() -> InvalidBody {
    malformed("the body was not read; try again later".to_owned())
}

/// Reads a body of at most `limit` bytes. The rest of a larger body is read and discarded, up to eight times the limit, so
/// that a client that sends its whole body before it reads still receives the response.
async fn read(request: Request<Body>, limit: usize) -> Result<Bytes, InvalidBody> {
    let declared = declared_size(request.headers()).unwrap_or_default();
    let mut body = request.into_body();
    let mut bytes = BytesMut::with_capacity(declared.min(limit));
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| malformed(format!("the body ended early: {error}")))?;
        if let Ok(data) = frame.into_data() {
            seen = seen.saturating_add(data.len());
            if seen <= limit {
                bytes.extend_from_slice(&data);
            } else if seen > limit.saturating_mul(8) {
                break;
            }
        }
    }
    if seen > limit {
        return Err(InvalidBody::TooLarge { limit });
    }
    Ok(bytes.freeze())
}

/// The rest of the body is not read: the connection ends with the response.
fn late(body_time: Duration) -> InvalidBody {
    malformed(format!(
        "the body did not arrive within {} s; send it faster, or a smaller one",
        body_time.as_secs_f64()
    ))
}
