//! Whole requests to the generated HTTP layer and the service behind it. `checked_api` checks accepted input,
//! `service` checks responses.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;

use crate::operations::{Operation, PATH_VALUE};
use crate::report::expect;
use crate::service::exchange;

/// The headers that a fuzzed request may have. The client itself sets those that frame the request.
const HEADERS: [&str; 6] = [
    "content-type",
    "if-match",
    "if-none-match",
    "user-agent",
    "x-forwarded-for",
    "x-request-id",
];

/// A line with an operation's id, then its body.
pub fn bodies(data: &[u8]) {
    let Some((operation, body)) = operation_and_rest(data) else {
        return;
    };
    let head = Request::builder()
        .method(operation.method.clone())
        .uri(operation.path_with(PATH_VALUE))
        .header(CONTENT_TYPE, "application/json");
    exchange(expect(head.body(Full::from(body.to_vec())), "a request"));
}

/// A line with an operation's id, then the value of each variable in its path.
pub fn paths(data: &[u8]) {
    let Some((operation, value)) = operation_and_rest(data) else {
        return;
    };
    let Ok(value) = std::str::from_utf8(value) else {
        return;
    };
    send(&operation.method, &operation.path_with(value));
}

/// A line with an operation's id, then its query.
pub fn queries(data: &[u8]) {
    let Some((operation, query)) = operation_and_rest(data) else {
        return;
    };
    let Ok(query) = std::str::from_utf8(query) else {
        return;
    };
    let target = format!("{}?{query}", operation.path_with(PATH_VALUE));
    send(&operation.method, &target);
}

fn operation_and_rest(data: &[u8]) -> Option<(&'static Operation, &[u8])> {
    let (id, rest) = first_line(data);
    Some((Operation::named(id)?, rest))
}

/// The first line and the rest.
fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, rest) = data.split_at(end);
    (line, rest.get(1..).unwrap_or_default())
}

fn send(method: &Method, target: &str) {
    // hyper rejects an invalid target before the service sees it.
    if let Ok(request) = Request::builder().method(method).uri(target).body(Full::default()) {
        exchange(request);
    }
}

/// A request in HTTP/1.1 format, with line feeds as line ends and without a version.
pub fn requests(data: &[u8]) {
    if let Some(request) = read_request(data) {
        exchange(request);
    }
}

fn read_request(data: &[u8]) -> Option<Request<Full<Bytes>>> {
    let (mut line, mut rest) = first_line(data);
    let (method, target) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let method: Method = method.parse().ok()?;
    // CONNECT requests a tunnel and has no path.
    if method == Method::CONNECT || !target.starts_with('/') {
        return None;
    }
    let mut request = Request::builder().method(method).uri(target);
    loop {
        (line, rest) = first_line(rest);
        if line.is_empty() {
            return request.body(Full::from(rest.to_vec())).ok();
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        if HEADERS.contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
}
