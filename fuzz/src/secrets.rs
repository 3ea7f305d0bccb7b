//! The code that reads API keys: the parsers of a plaintext and of a stored hash, and the redaction of log texts.

use percent_encoding::percent_decode;
use std::str;
use tenant_registry_contract::types::ApiKeyPlaintext;
use tenant_registry_server::api_key_hash::{Argon2idHash, StoredHash, prefix};
use tenant_registry_server::telemetry::redaction::redact;

use crate::report::expect;

/// A valid key.
const KEY: &str = "bp_Zm9vYmFyYmF6cXV4MTIzNA";

/// A token in its compact form (RFC 7515, section 3.1).
const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_";

/// The same token, with white space in the JSON of its header: `{ "alg": "EdDSA"}`.
const SPACED_TOKEN: &str = "eyAiYWxnIjogIkVkRFNBIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl-_";

/// A text, parsed as a plaintext and as a stored hash.
///
/// A plaintext is kept unchanged and starts with its prefix. A stored hash has only one text form.
pub fn api_key(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(plaintext) = ApiKeyPlaintext::try_from(text) {
        assert_eq!(plaintext.expose_secret(), text);
        let prefix = expect(prefix(&plaintext), "a key has a prefix");
        assert!(text.starts_with(prefix.as_str()), "`{prefix}`");
        assert!(!format!("{plaintext:?}").contains(text));
    }
    if let Ok(hash) = Argon2idHash::read(&StoredHash::from_stored(text.to_owned())) {
        assert_eq!(hash.to_stored_hash().to_stored(), text);
    }
}

/// A text for the log. After redaction it contains no key and no token, plain or percent-encoded. Also with a key or
/// a token inserted at the first U+0000.
pub fn redaction(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    check_redaction(text);
    if let Some((before, after)) = text.split_once('\0') {
        for secret in [KEY, TOKEN, SPACED_TOKEN] {
            check_redaction(&format!("{before}{secret}{after}"));
        }
    }
}

fn check_redaction(text: &str) {
    let redacted = redact(text);
    let mut shown = redacted.as_bytes().to_vec();
    // As it is, and decoded once and twice.
    for _ in 0..3 {
        let found = shown
            .windows(KEY.len())
            .find_map(|window| str::from_utf8(window).ok().filter(|it| is_key(it)));
        assert_eq!(found, None, "in the log, of {text:?}: {redacted:?}");
        let starts = shown.windows(3).enumerate().filter(|(_, window)| window == b"eyJ");
        for (start, _) in starts {
            let rest = shown.iter().skip(start);
            let mut run = rest.take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
            assert!(!run.any(|byte| *byte == b'.'), "in the log, of {text:?}: {redacted:?}");
        }
        shown = percent_decode(&shown).collect();
    }
    if !text.contains("bp_") && !text.contains(['.', '%']) {
        assert_eq!(redacted, text, "a text without a secret is not changed");
    }
}

fn is_key(text: &str) -> bool {
    text.strip_prefix("bp_").is_some_and(|rest| {
        rest.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}
