//! Strikes API keys and tokens out of text that is about to be logged or traced.

use std::borrow::Cow;

/// What an API key begins with.
const KEY_MARK: &str = "bp_";

/// Stands where a key stood.
const KEY_STRUCK_OUT: &str = "bp_***";

/// What a signed or encrypted token in its compact form begins with (JWT, RFC 7519): `{"` in base64url.
const TOKEN_MARK: &str = "eyJ";

/// Stands where a token stood.
const TOKEN_STRUCK_OUT: &str = "eyJ***";

/// Stands for a whole text in which a secret is hidden by percent-encoding.
const WITHHELD: &str = "(withheld: an API key or a token in percent-encoding)";

/// The text without anything that looks like an API key or like the beginning of one, or like a token.
pub fn redact(text: &str) -> Cow<'_, str> {
    // Tokens first: what looks like a key may be a part of one.
    let redacted = strike_out(text, TOKEN_MARK, strike_out_tokens);
    let redacted = match redacted {
        Cow::Borrowed(text) => strike_out(text, KEY_MARK, strike_out_keys),
        Cow::Owned(text) => Cow::Owned(strike_out(&text, KEY_MARK, strike_out_keys).into_owned()),
    };
    if redacted.contains('%') {
        let decoded = percent_decoded(&redacted);
        if holds_key(&decoded) || holds_token(&decoded) {
            return Cow::Borrowed(WITHHELD);
        }
    }
    redacted
}

fn strike_out<'a>(text: &'a str, mark: &str, strike: fn(&str) -> String) -> Cow<'a, str> {
    if text.contains(mark) {
        Cow::Owned(strike(text))
    } else {
        Cow::Borrowed(text)
    }
}

/// A percent sign counts as part of a secret: it may encode the next of its characters.
fn belongs_to_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '%')
}

/// The parts of a token have dots between them.
fn belongs_to_token(character: char) -> bool {
    belongs_to_key(character) || character == '.'
}

fn holds_key(text: &[u8]) -> bool {
    let mark = KEY_MARK.as_bytes();
    text.windows(mark.len() + 1)
        .any(|window| window.starts_with(mark) && window.last().is_some_and(|byte| belongs_to_key(char::from(*byte))))
}

fn holds_token(text: &[u8]) -> bool {
    let mark = TOKEN_MARK.as_bytes();
    let starts = text
        .windows(mark.len())
        .enumerate()
        .filter(|(_, window)| *window == mark);
    starts.filter_map(|(start, _)| text.get(start..)).any(|rest| {
        is_token(
            rest.iter()
                .copied()
                .take_while(|byte| belongs_to_token(char::from(*byte))),
        )
    })
}

/// Of all that begins like a token (a cursor may), those with a second part are.
fn is_token(mut text: impl Iterator<Item = u8>) -> bool {
    text.any(|byte| matches!(byte, b'.' | b'%'))
}

fn strike_out_keys(text: &str) -> String {
    let mut parts = text.split(KEY_MARK);
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        redacted.push_str(KEY_STRUCK_OUT);
        redacted.push_str(part.trim_start_matches(belongs_to_key));
    }
    redacted
}

fn strike_out_tokens(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(TOKEN_MARK) {
        let (before, from_mark) = rest.split_at(start);
        redacted.push_str(before);
        let after = from_mark.trim_start_matches(belongs_to_token);
        let (candidate, _) = from_mark.split_at(from_mark.len() - after.len());
        redacted.push_str(if is_token(candidate.bytes()) {
            TOKEN_STRUCK_OUT
        } else {
            candidate
        });
        rest = after;
    }
    redacted.push_str(rest);
    redacted
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
    fn tokens_are_struck_out_and_cursors_stay() {
        const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_";
        assert_eq!(redact(&format!("/x?token={TOKEN}&a=b")), "/x?token=eyJ***&a=b");
        assert_eq!(redact(&format!("{TOKEN} {TOKEN}")), "eyJ*** eyJ***");
        assert_eq!(redact("/x?token=eyJh%2EeyJz%2Ec2ln"), "/x?token=eyJ***");
        assert_eq!(redact("/v1/audit?cursor=eyJpZCI6MX0"), "/v1/audit?cursor=eyJpZCI6MX0");
        assert_eq!(redact("/x/%65yJh.eyJz.c2ln"), WITHHELD);
        assert_eq!(redact("/x/eyJh.eyJzbp_z.c2ln"), "/x/eyJ***");
    }

    #[test]
    fn a_key_behind_percent_encoding_withholds_the_text() {
        assert_eq!(redact("/v1/x?key=bp%5FZm9vYmFy"), WITHHELD);
        assert_eq!(redact("/%62%70%5f%5a"), WITHHELD);
    }
}
