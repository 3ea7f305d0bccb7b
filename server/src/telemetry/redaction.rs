//! Strikes API keys out of text that is about to be logged.

use std::borrow::Cow;

/// What an API key begins with.
const MARK: &str = "bp_";

/// Stands where a key stood.
const STRUCK_OUT: &str = "bp_***";

/// Stands for a whole text in which a key is hidden by percent-encoding.
const WITHHELD: &str = "(withheld: an API key in percent-encoding)";

/// The text without anything that looks like an API key, or like the beginning of one.
pub fn redact(text: &str) -> Cow<'_, str> {
    let redacted = strike_out(text);
    if redacted.contains('%') && holds_key(&percent_decoded(&redacted)) {
        return Cow::Borrowed(WITHHELD);
    }
    redacted
}

/// A percent sign counts as part of the key: it may encode the next of its characters.
fn belongs_to_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '%')
}

fn holds_key(text: &[u8]) -> bool {
    let mark = MARK.as_bytes();
    text.windows(mark.len() + 1)
        .any(|window| window.starts_with(mark) && window.last().is_some_and(|byte| belongs_to_key(char::from(*byte))))
}

fn strike_out(text: &str) -> Cow<'_, str> {
    if !text.contains(MARK) {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split(MARK);
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        redacted.push_str(STRUCK_OUT);
        redacted.push_str(part.trim_start_matches(belongs_to_key));
    }
    Cow::Owned(redacted)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digits = (ahead.next().and_then(hex_digit), ahead.next().and_then(hex_digit));
        match (byte, digits) {
            (b'%', (Some(high), Some(low))) => {
                decoded.push(high * 16 + low);
                bytes = ahead;
            }
            (other, _) => decoded.push(other),
        }
    }
    decoded
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::{WITHHELD, redact};

    #[test]
    fn keys_are_struck_out_and_the_rest_stays() {
        assert_eq!(redact("/v1/tenants?limit=5"), "/v1/tenants?limit=5");
        assert_eq!(
            redact("/v1/x?key=bp_Zm9vYmFyYmF6cXV4MTIzNA&a=b"),
            "/v1/x?key=bp_***&a=b"
        );
        assert_eq!(redact("bp_Zm9v bp_YmFy"), "bp_*** bp_***");
        assert_eq!(redact("/bp_Zm9vYm%46yYmF6"), "/bp_***");
        assert_eq!(redact("bp_bp_Zm9v"), "bp_***bp_***");
        assert_eq!(redact("/a%20b"), "/a%20b");
    }

    #[test]
    fn a_key_behind_percent_encoding_withholds_the_text() {
        assert_eq!(redact("/v1/x?key=bp%5FZm9vYmFy"), WITHHELD);
        assert_eq!(redact("/%62%70%5f%5a"), WITHHELD);
    }
}
