//! The setting of an origin whose pages may call the service from a browser.

use http::HeaderValue;
use std::str::FromStr;
use thiserror::Error;
use url::Url;

/// An origin, as browsers send it in `Origin` (HTML standard, "ASCII serialisation of an origin").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(HeaderValue);

/// Why a text is no origin that can be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AllowedOriginError {
    /// More than one origin.
    #[error("`*` would let pages that nobody thought of act on the registry; list the origins")]
    Wildcard,
    /// Something else than the origin of a page.
    #[error("not an origin such as https://console.example.com")]
    NoOrigin,
    /// The form is not that in which it is compared.
    #[error("browsers send this origin as `{0}`; write it so")]
    OtherForm(String),
}

impl FromStr for AllowedOrigin {
    type Err = AllowedOriginError;

    fn from_str(text: &str) -> Result<Self, AllowedOriginError> {
        let text = text.trim();
        if text.contains('*') {
            return Err(AllowedOriginError::Wildcard);
        }
        let url = Url::parse(text).map_err(|_| AllowedOriginError::NoOrigin)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AllowedOriginError::NoOrigin);
        }
        let origin = url.origin().ascii_serialization();
        if origin != text {
            return Err(AllowedOriginError::OtherForm(origin));
        }
        HeaderValue::from_str(text)
            .map(Self)
            .map_err(|_| AllowedOriginError::NoOrigin)
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
    fn origins_are_taken_in_the_form_of_browsers_alone() {
        for good in [
            "https://console.example.com",
            "http://localhost:3000",
            " https://192.0.2.1:8443",
            "http://[2001:db8::1]",
            "https://xn--bcher-kva.example",
        ] {
            assert!(good.parse::<AllowedOrigin>().is_ok(), "{good}");
        }
        let other = |form: &str| AllowedOriginError::OtherForm(form.to_owned());
        for (bad, error) in [
            ("*", AllowedOriginError::Wildcard),
            ("", AllowedOriginError::NoOrigin),
            ("null", AllowedOriginError::NoOrigin),
            ("console.example.com", AllowedOriginError::NoOrigin),
            ("file:///etc/passwd", AllowedOriginError::NoOrigin),
            ("https://", AllowedOriginError::NoOrigin),
            ("https://*.example.com", AllowedOriginError::Wildcard),
            ("https://console.example.com/", other("https://console.example.com")),
            ("https://console.example.com:443", other("https://console.example.com")),
            ("https://Console.example.com", other("https://console.example.com")),
            ("https://user@console.example.com", other("https://console.example.com")),
            ("https://bücher.example", other("https://xn--bcher-kva.example")),
        ] {
            assert_eq!(bad.parse::<AllowedOrigin>(), Err(error), "{bad}");
        }
    }
}
