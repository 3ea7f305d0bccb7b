//! Removes API keys and tokens from text before it is logged or traced.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The start of an API key.
const KEY_MARK: &str = "bp_";

/// Replaces an API key.
const REDACTED_KEY: &str = "bp_***";

/// The start of a JWT in compact form (RFC 7519): `{"` in base64url.
const TOKEN_MARK: &str = "eyJ";

/// Replaces a token.
const REDACTED_TOKEN: &str = "eyJ***";

/// Replaces a whole text that contains a percent-encoded secret.
const WITHHELD: &str = "(withheld: contains a percent-encoded API key or token)";

/// Returns the text without anything that looks like a token, an API key or the start of one.
pub fn redact(text: &str) -> Cow<'_, str> {
    // Tokens come first, because a part of a token may look like a key.
    let redacted = replace(text, TOKEN_MARK, replace_tokens);
    let redacted = match redacted {
        Cow::Borrowed(text) => replace(text, KEY_MARK, replace_keys),
        Cow::Owned(text) => Cow::Owned(replace(&text, KEY_MARK, replace_keys).into_owned()),
    };
    if redacted.contains('%') {
        let decoded: Vec<u8> = percent_decode_str(&redacted).collect();
        if holds_key(&decoded) || holds_token(&decoded) {
            return Cow::Borrowed(WITHHELD);
        }
    }
    redacted
}

fn replace<'a>(text: &'a str, mark: &str, replace: fn(&str) -> String) -> Cow<'a, str> {
    if text.contains(mark) {
        Cow::Owned(replace(text))
    } else {
        Cow::Borrowed(text)
    }
}

/// A percent sign counts as part of a secret, because it may encode the next character.
fn belongs_to_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '%')
}

/// Dots separate the parts of a token.
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

/// Other texts may begin like a token, for example a cursor. A token has a second part.
fn is_token(mut text: impl Iterator<Item = u8>) -> bool {
    text.any(|byte| matches!(byte, b'.' | b'%'))
}

fn replace_keys(text: &str) -> String {
    let mut parts = text.split(KEY_MARK);
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        redacted.push_str(REDACTED_KEY);
        redacted.push_str(part.trim_start_matches(belongs_to_key));
    }
    redacted
}

fn replace_tokens(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(TOKEN_MARK) {
        let (before, from_mark) = rest.split_at(start);
        redacted.push_str(before);
        let after = from_mark.trim_start_matches(belongs_to_token);
        let (candidate, _) = from_mark.split_at(from_mark.len() - after.len());
        redacted.push_str(if is_token(candidate.bytes()) {
            REDACTED_TOKEN
        } else {
            candidate
        });
        rest = after;
    }
    redacted.push_str(rest);
    redacted
}

#[cfg(test)]
mod tests {
    use super::{WITHHELD, redact};

    #[test]
    fn keys_are_replaced_and_the_rest_stays() {
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
    fn tokens_are_replaced_and_cursors_stay() {
        const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_";
        assert_eq!(redact(&format!("/x?token={TOKEN}&a=b")), "/x?token=eyJ***&a=b");
        assert_eq!(redact(&format!("{TOKEN} {TOKEN}")), "eyJ*** eyJ***");
        assert_eq!(redact("/x?token=eyJh%2EeyJz%2Ec2ln"), "/x?token=eyJ***");
        assert_eq!(redact("/v1/audit?cursor=eyJpZCI6MX0"), "/v1/audit?cursor=eyJpZCI6MX0");
        assert_eq!(redact("/x/%65yJh.eyJz.c2ln"), WITHHELD);
        assert_eq!(redact("/x/eyJh.eyJzbp_z.c2ln"), "/x/eyJ***");
    }

    #[test]
    fn a_percent_encoded_key_withholds_the_text() {
        assert_eq!(redact("/v1/x?key=bp%5FZm9vYmFy"), WITHHELD);
        assert_eq!(redact("/%62%70%5f%5a"), WITHHELD);
    }
}
