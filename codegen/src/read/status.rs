//! The status codes that an operation can declare, by their registered names (RFC 9110, section 15).

use crate::Error;
use crate::document::Place;
use crate::model::Status;

const KNOWN: [Status; 22] = [
    status(200, "Ok", "OK"),
    status(201, "Created", "CREATED"),
    status(202, "Accepted", "ACCEPTED"),
    status(204, "NoContent", "NO_CONTENT"),
    status(400, "BadRequest", "BAD_REQUEST"),
    status(401, "Unauthorized", "UNAUTHORIZED"),
    status(402, "PaymentRequired", "PAYMENT_REQUIRED"),
    status(403, "Forbidden", "FORBIDDEN"),
    status(404, "NotFound", "NOT_FOUND"),
    status(406, "NotAcceptable", "NOT_ACCEPTABLE"),
    status(408, "RequestTimeout", "REQUEST_TIMEOUT"),
    status(409, "Conflict", "CONFLICT"),
    status(410, "Gone", "GONE"),
    status(412, "PreconditionFailed", "PRECONDITION_FAILED"),
    status(413, "PayloadTooLarge", "PAYLOAD_TOO_LARGE"),
    status(415, "UnsupportedMediaType", "UNSUPPORTED_MEDIA_TYPE"),
    status(422, "UnprocessableEntity", "UNPROCESSABLE_ENTITY"),
    status(428, "PreconditionRequired", "PRECONDITION_REQUIRED"),
    status(429, "TooManyRequests", "TOO_MANY_REQUESTS"),
    status(500, "InternalServerError", "INTERNAL_SERVER_ERROR"),
    status(501, "NotImplemented", "NOT_IMPLEMENTED"),
    status(503, "ServiceUnavailable", "SERVICE_UNAVAILABLE"),
];

const fn status(code: u16, variant: &'static str, constant: &'static str) -> Status {
    Status {
        code,
        variant,
        constant,
    }
}

/// The status of a key of `responses`.
pub(super) fn read(key: &str, place: &Place<'_>) -> Result<Status, Error> {
    KNOWN
        .into_iter()
        .find(|status| status.code.to_string() == key)
        .ok_or_else(|| {
            let message = match key {
                "default" => "`default` would allow any response; list the status codes".to_owned(),
                _ => format!("`{key}` is not a supported status code"),
            };
            place.error(message)
        })
}
