//! Removes API keys and tokens from text before it is logged or traced.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode;
use std::borrow::Cow;
use std::ops::Range;

/// The start of an API key.
const KEY_MARK: &str = "bp_";

/// Replaces an API key.
const REDACTED_KEY: &str = "bp_***";

/// Replaces a token.
const REDACTED_TOKEN: &str = "eyJ***";

/// Replaces a whole text that contains a percent-encoded secret.
const WITHHELD: &str = "(withheld: contains a percent-encoded API key or token)";

/// How often text may be percent-encoded. Programs that pass a URL inside a URL need two.
const MAX_ENCODINGS: usize = 4;

/// Returns the text without anything that looks like a token, an API key or the start of one.
pub fn redact(text: &str) -> Cow<'_, str> {
    // Tokens come first, because a part of a token may look like a key.
    let redacted = replace_tokens(text);
    let redacted = match redacted {
        Cow::Borrowed(text) => replace_keys(text),
        Cow::Owned(text) => Cow::Owned(replace_keys(&text).into_owned()),
    };
    if encodes_secret(redacted.as_bytes()) {
        return Cow::Borrowed(WITHHELD);
    }
    redacted
}

/// Returns whether a secret appears when the text is decoded. Text that stays encoded after several rounds counts as one.
fn encodes_secret(text: &[u8]) -> bool {
    let mut decoded = Cow::Borrowed(text);
    for _ in 0..MAX_ENCODINGS {
        match Cow::from(percent_decode(&decoded)) {
            // Nothing was encoded.
            Cow::Borrowed(_) => return false,
            Cow::Owned(next) => {
                if holds_key(&next) || !tokens(&next).is_empty() {
                    return true;
                }
                decoded = Cow::Owned(next);
            }
        }
    }
    matches!(Cow::from(percent_decode(&decoded)), Cow::Owned(_))
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

/// Finds all tokens. A token is a signed JWT in compact form (RFC 7515): several parts in base64url, of which the first is a
/// JSON object. Other texts may begin with an encoded object, for example a cursor, but they have no second part.
fn tokens(text: &[u8]) -> Vec<Range<usize>> {
    let is_separator = |byte: &u8| matches!(byte, b'.' | b'%');
    if !text.iter().any(is_separator) {
        return Vec::new();
    }
    let mut tokens = Vec::new();
    let mut next = 0;
    for start in object_starts(text) {
        // It is in the part of the text that the last one has decided.
        if start < next {
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| !belongs_to_token(char::from(*byte)))
            .unwrap_or(rest.len());
        next = start + length;
        if rest.iter().take(length).any(is_separator) {
            tokens.push(start..next);
        }
    }
    tokens
}

/// The places at which base64url begins that encodes the start of a JSON object with a member. White space may surround the
/// brace.
fn object_starts(text: &[u8]) -> Vec<usize> {
    // Whether the JSON that is encoded from a place on begins with an object, or with the name of a member.
    #[derive(Clone, Copy, Default)]
    struct Json {
        object: bool,
        name: bool,
    }
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // From the end, so that each place knows what follows it. Four characters encode three bytes.
    let mut from = vec![Json::default(); text.len() + 4];
    for place in (0..text.len()).rev() {
        let mut quantum = [b'A'; 4];
        let mut length = 0;
        let characters = text.iter().skip(place).take_while(|byte| is_base64url(byte));
        for (slot, character) in quantum.iter_mut().zip(characters) {
            *slot = *character;
            length += 1;
        }
        let mut bytes = [0; 3];
        if URL_SAFE_NO_PAD.decode_slice(quantum, &mut bytes).is_err() {
            continue;
        }
        // At the end of the text, or before a character that is percent-encoded, the last bytes are unknown.
        let (known, next) = match length {
            4 => (3, from[place + 4]),
            _ => (length * 3 / 4, Json::default()),
        };
        from[place] = bytes.iter().take(known).rev().fold(next, |json, byte| match byte {
            b' ' | b'\t' | b'\n' | b'\r' => json,
            b'{' => Json {
                object: json.name,
                name: false,
            },
            b'"' => Json {
                object: false,
                name: true,
            },
            _ => Json::default(),
        });
    }
    from.iter()
        .enumerate()
        .filter(|(_, json)| json.object)
        .map(|(place, _)| place)
        .collect()
}

fn replace_keys(text: &str) -> Cow<'_, str> {
    if !text.contains(KEY_MARK) {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split(KEY_MARK);
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        redacted.push_str(REDACTED_KEY);
        redacted.push_str(part.trim_start_matches(belongs_to_key));
    }
    Cow::Owned(redacted)
}

fn replace_tokens(text: &str) -> Cow<'_, str> {
    let mut redacted = Cow::Borrowed("");
    let mut end = 0;
    for token in tokens(text.as_bytes()) {
        // Tokens are ASCII, so they begin and end between characters.
        redacted += text.get(end..token.start).unwrap_or_default();
        redacted += REDACTED_TOKEN;
        end = token.end;
    }
    redacted += text.get(end..).unwrap_or_default();
    redacted
}

#[cfg(test)]
mod tests {
    use super::{WITHHELD, redact};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
        assert_eq!(redact("/x?token=eyJ%68.eyJz.c2ln"), "/x?token=eyJ***");
        assert_eq!(redact("/x?token=eyJ.a"), "/x?token=eyJ***");
        assert_eq!(redact("/x?token=ey%4Ah.eyJz.c2ln"), WITHHELD);
        assert_eq!(redact("/v1/audit?cursor=eyJpZCI6MX0"), "/v1/audit?cursor=eyJpZCI6MX0");
        assert_eq!(redact("/x/%65yJh.eyJz.c2ln"), WITHHELD);
        assert_eq!(redact("/x/eyJh.eyJzbp_z.c2ln"), "/x/eyJ***");
    }

    #[test]
    fn a_percent_encoded_key_withholds_the_text() {
        assert_eq!(redact("/v1/x?key=bp%5FZm9vYmFy"), WITHHELD);
        assert_eq!(redact("/%62%70%5f%5a"), WITHHELD);
    }

    #[test]
    fn nested_percent_encoding_withholds_the_text() {
        for text in [
            "/v1/x?k=bp%255FZm9vYmFy",
            "/v1/x?k=%2562p_Zm9vYmFy",
            "/v1/x?k=bp%25255FZm9vYmFy",
            "/v1/x?k=bp%2525255FZm9vYmFy",
            "/v1/x?u=%2Fx%3Ftoken%3D%252565yJh%252EeyJz%252Ec2ln",
            // No client encodes a text this often.
            "/v1/x?k=%2525252525255F",
        ] {
            assert_eq!(redact(text), WITHHELD, "{text}");
        }
        for text in ["/a%252Fb", "/a%25252Fb", "/100%", "/100%25", "/%zz%"] {
            assert_eq!(redact(text), text);
        }
        let deep = format!("/%{}", "25".repeat(30_000));
        assert_eq!(redact(&deep), WITHHELD);
    }

    #[test]
    fn tokens_with_white_space_in_their_json_are_replaced() {
        for header in [
            r#"{"alg":"RS256"}"#,
            r#"{ "alg": "RS256" }"#,
            "{\n  \"alg\": \"RS256\"}",
            "{\r\n\t\"alg\": \"RS256\"}",
            " {\"alg\": \"RS256\"}",
            "\n\n {\"alg\": \"RS256\"}",
            r#"          {          "alg": "RS256"}"#,
            r#"{"1": 2}"#,
            r#"{"ä": 2}"#,
        ] {
            let token = [header, "{ \"sub\": \"a\"}", "signature"]
                .map(|part| URL_SAFE_NO_PAD.encode(part))
                .join(".");
            assert_eq!(
                redact(&format!("/x?token={token}&a=b")),
                "/x?token=eyJ***&a=b",
                "{header}"
            );
            assert_eq!(
                redact(&format!("Bearer_{token} ü {token}")),
                "Bearer_eyJ*** ü eyJ***",
                "{header}"
            );
            let encoded = token.replace('.', "%2E");
            assert_eq!(redact(&format!("/x?token={encoded}")), "/x?token=eyJ***", "{header}");
        }
        for other in [
            "/v1/x.y/z.w",
            "/v1/audit?since=2026-11-27T00:00:00.000000Z",
            "1.2.3",
            "ICAg.ICAg",
        ] {
            assert_eq!(redact(other), other);
        }
        let white = format!("/{}.a", "ICAg".repeat(16_000));
        assert_eq!(redact(&white), white);
        let cursors = format!("/a.b?cursor={}", "eyJh".repeat(16_000));
        assert_eq!(redact(&cursors), cursors);
        let many = "eyJh.".repeat(13_000);
        assert_eq!(redact(&many), "eyJ***");
    }
}
