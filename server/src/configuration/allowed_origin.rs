//! An origin whose pages may call the service from a browser.

use http::HeaderValue;
use std::str::FromStr;
use thiserror::Error;
use url::Url;

/// An origin, in the form that browsers send in `Origin` (HTML standard, "ASCII serialisation of an origin").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(HeaderValue);

/// Why a text is not accepted as an origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AllowedOriginError {
    /// The text contains a wildcard.
    #[error("`*` would let any page call the service; list the origins instead")]
    Wildcard,
    /// The text is not the origin of a page.
    #[error("not an origin such as https://console.example.com")]
    NotAnOrigin,
    /// Browsers write the origin differently, so it would never match.
    #[error("browsers send this origin as `{0}`; use that form")]
    NotCanonical(String),
}

impl FromStr for AllowedOrigin {
    type Err = AllowedOriginError;

    fn from_str(text: &str) -> Result<Self, AllowedOriginError> {
        let text = text.trim();
        if text.contains('*') {
            return Err(AllowedOriginError::Wildcard);
        }
        let url = Url::parse(text).map_err(|_| AllowedOriginError::NotAnOrigin)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AllowedOriginError::NotAnOrigin);
        }
        let origin = url.origin().ascii_serialization();
        if origin != text {
            return Err(AllowedOriginError::NotCanonical(origin));
        }
        HeaderValue::from_str(text)
            .map(Self)
            .map_err(|_| AllowedOriginError::NotAnOrigin)
    }
}

impl From<&AllowedOrigin> for HeaderValue {
    fn from(origin: &AllowedOrigin) -> Self {
        origin.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{AllowedOrigin, AllowedOriginError};

    #[test]
    fn origins_must_have_the_form_that_browsers_send() {
        for good in [
            "https://console.example.com",
            "http://localhost:3000",
            " https://192.0.2.1:8443",
            "http://[2001:db8::1]",
            "https://xn--bcher-kva.example",
        ] {
            assert!(good.parse::<AllowedOrigin>().is_ok(), "{good}");
        }
        let canonical = |form: &str| AllowedOriginError::NotCanonical(form.to_owned());
        for (bad, error) in [
            ("*", AllowedOriginError::Wildcard),
            ("", AllowedOriginError::NotAnOrigin),
            ("null", AllowedOriginError::NotAnOrigin),
            ("console.example.com", AllowedOriginError::NotAnOrigin),
            ("file:///etc/passwd", AllowedOriginError::NotAnOrigin),
            ("https://", AllowedOriginError::NotAnOrigin),
            ("https://*.example.com", AllowedOriginError::Wildcard),
            ("https://console.example.com/", canonical("https://console.example.com")),
            (
                "https://console.example.com:443",
                canonical("https://console.example.com"),
            ),
            ("https://Console.example.com", canonical("https://console.example.com")),
            (
                "https://user@console.example.com",
                canonical("https://console.example.com"),
            ),
            ("https://bücher.example", canonical("https://xn--bcher-kva.example")),
        ] {
            assert_eq!(bad.parse::<AllowedOrigin>(), Err(error), "{bad}");
        }
    }
}
