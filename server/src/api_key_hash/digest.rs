//! Keyed digests of plaintexts. They need no slow hash, because a plaintext has 128 random bits: without the key of the
//! deployment, a digest cannot be checked against guesses at all, and with it, guessing is as hopeless as before.

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, Tag};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::fmt;
use subtle::ConstantTimeEq;
use tenant_registry_contract::types::{ApiKeyId, ApiKeyPlaintext};
use thiserror::Error;
use uuid::Uuid;

/// The tag of a stored digest. It names the algorithm, so that it can change.
const TAG: &str = "hmac-sha256";

/// The length of a key.
const KEY_BYTES: usize = 32;

/// The maximum length of a key's ID.
const KEY_ID_CHARACTERS: usize = 64;

/// A digest as it is stored: `hmac-sha256|<key ID>|<digest>`, the digest in unpadded standard base64.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredDigest(String);

impl StoredDigest {
    /// Wraps the text from a store. It is parsed when a key is checked against it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store. Use it for nothing else.
    pub fn to_stored(&self) -> &str {
        &self.0
    }

    /// The ID of the key, and the digest. `None` if the digest was made in a way that this build does not support.
    fn parts(&self) -> Option<(&str, Vec<u8>)> {
        let (key_id, digest) = self.0.strip_prefix(TAG)?.strip_prefix('|')?.split_once('|')?;
        Some((key_id, STANDARD_NO_PAD.decode(digest).ok()?))
    }
}

impl fmt::Debug for StoredDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredDigest(***)")
    }
}

/// Why the keys cannot be read. The message does not quote them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DigestKeysError {
    /// There is no key.
    #[error("it has no keys; write a line `<key ID> <32 random bytes in base64>` for each")]
    Empty,
    /// A line is not a key.
    #[error("line {0} is not a key ID of up to 64 letters, digits, `.`, `_` and `-`, a space, and 32 bytes in base64")]
    Line(usize),
    /// Two keys have the same ID.
    #[error("line {0} has the key ID of an earlier line")]
    Duplicate(usize),
}

/// The keys of a deployment. The first one makes new digests, and all of them check stored ones.
#[derive(Clone, Default)]
pub struct DigestKeys(Vec<DigestKey>);

#[derive(Clone)]
struct DigestKey {
    id: String,
    key: Key,
}

impl fmt::Debug for DigestKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DigestKeys(***)")
    }
}

impl DigestKeys {
    /// Reads a key from each line: its ID, a space, and 32 bytes in base64.
    ///
    /// # Errors
    /// Fails if there is no key, or if a line is not a key with an ID of its own.
    pub fn read(text: &str) -> Result<Self, DigestKeysError> {
        let mut keys: Vec<DigestKey> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let key = DigestKey::read(line).ok_or(DigestKeysError::Line(number))?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(DigestKeysError::Duplicate(number));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(DigestKeysError::Empty);
        }
        Ok(Self(keys))
    }

    /// Whether there is no key. Then every key is checked against its slow hash.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes the digest of a new key. `None` without keys.
    pub fn digest(&self, id: ApiKeyId, plaintext: &ApiKeyPlaintext) -> Option<StoredDigest> {
        let key = self.0.first()?;
        let digest = key.digest(id, plaintext);
        Some(StoredDigest(format!(
            "{TAG}|{}|{}",
            key.id,
            STANDARD_NO_PAD.encode(digest)
        )))
    }

    /// Returns whether the stored digest of this key is that of this plaintext, in constant time. `None` means unknown: the
    /// digest was made with another key.
    pub(super) fn matches(&self, id: ApiKeyId, stored: &StoredDigest, plaintext: &ApiKeyPlaintext) -> Option<bool> {
        let (key_id, digest) = stored.parts()?;
        let key = self.0.iter().find(|key| key.id == key_id)?;
        Some(key.digest(id, plaintext).as_ref().ct_eq(&digest).into())
    }

    /// Whether the digest was made with the first key.
    pub(super) fn is_current(&self, stored: &StoredDigest) -> bool {
        let key_id = stored.parts().map(|(key_id, _)| key_id);
        key_id.is_some() && key_id == self.0.first().map(|key| key.id.as_str())
    }
}

impl DigestKey {
    fn read(line: &str) -> Option<Self> {
        let (id, key) = line.split_once(' ')?;
        let is_id = |character: char| character.is_ascii_alphanumeric() || ".-_".contains(character);
        if id.is_empty() || id.len() > KEY_ID_CHARACTERS || !id.chars().all(is_id) {
            return None;
        }
        let key: [u8; KEY_BYTES] = STANDARD
            .decode(key)
            .or_else(|_| STANDARD_NO_PAD.decode(key))
            .ok()?
            .try_into()
            .ok()?;
        Some(Self {
            id: id.to_owned(),
            key: Key::new(HMAC_SHA256, &key),
        })
    }

    /// Digests the id as well, so that the digest of a key is worth nothing in the row of another.
    fn digest(&self, id: ApiKeyId, plaintext: &ApiKeyPlaintext) -> Tag {
        let mut context = Context::with_key(&self.key);
        context.update(Uuid::from(id).as_bytes());
        context.update(plaintext.expose_secret().as_bytes());
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_key_hash::generate_plaintext;

    const OLD: &str = "2026-01 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "2026-07 ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";

    fn keys(lines: &[&str]) -> DigestKeys {
        DigestKeys::read(&lines.join("\n")).unwrap()
    }

    fn id() -> ApiKeyId {
        Uuid::now_v7().into()
    }

    /// The expected digest comes from Python's `hmac` module.
    #[test]
    fn a_digest_is_the_hmac_of_id_and_plaintext() {
        let id = Uuid::from_u128(0x0190_b8a5_9f4e_7000_8000_0000_0000_0001).into();
        let plaintext = ApiKeyPlaintext::try_from("bp_Zm9vYmFyYmF6cXV4MTIzNA").unwrap();
        let digest = keys(&[OLD]).digest(id, &plaintext).unwrap();
        assert_eq!(
            digest.to_stored(),
            "hmac-sha256|2026-01|lnDIDpU0xiHYg0Y5zPJn/6R0YIk6qm/GaBdTTO/Vv/M"
        );
    }

    #[test]
    fn a_digest_matches_only_its_plaintext_and_its_key() {
        let keys = keys(&[OLD]);
        let (one, plaintext) = (id(), generate_plaintext().unwrap());
        let digest = keys.digest(one, &plaintext).unwrap();
        assert_eq!(keys.matches(one, &digest, &plaintext), Some(true));
        assert_eq!(
            keys.matches(id(), &digest, &plaintext),
            Some(false),
            "the id of another key"
        );
        assert_eq!(keys.matches(one, &digest, &generate_plaintext().unwrap()), Some(false));
    }

    #[test]
    fn the_first_key_makes_digests_and_all_check_them() {
        let (one, plaintext) = (id(), generate_plaintext().unwrap());
        let old = keys(&[OLD]).digest(one, &plaintext).unwrap();
        let both = keys(&[NEW, OLD]);
        assert_eq!(both.matches(one, &old, &plaintext), Some(true));
        assert!(!both.is_current(&old));
        let new = both.digest(one, &plaintext).unwrap();
        assert!(both.is_current(&new));
        assert_eq!(keys(&[OLD]).matches(one, &new, &plaintext), None);
    }

    #[test]
    fn a_digest_of_an_unknown_kind_says_nothing() {
        let keys = keys(&[OLD]);
        for text in [
            "",
            "hmac-sha256",
            "hmac-sha256|2026-01",
            "hmac-sha256|2026-01|*",
            "blake3|2026-01|AAAA",
        ] {
            let digest = StoredDigest::from_stored(text.to_owned());
            assert_eq!(
                keys.matches(id(), &digest, &generate_plaintext().unwrap()),
                None,
                "{text}"
            );
            assert!(!keys.is_current(&digest), "{text}");
        }
    }

    #[test]
    fn an_invalid_file_is_rejected_by_its_line() {
        let cases = [
            (String::new(), DigestKeysError::Empty),
            (OLD.replace(' ', "\t"), DigestKeysError::Line(1)),
            (format!("{OLD}\n\n{NEW}"), DigestKeysError::Line(2)),
            (format!("{OLD}\n2026-07 AAAA"), DigestKeysError::Line(2)),
            (
                format!("{OLD}\n{}", NEW.replace("2026", "20|26")),
                DigestKeysError::Line(2),
            ),
            (format!("{NEW}\n{OLD}\n{OLD}"), DigestKeysError::Duplicate(3)),
        ];
        for (text, expected) in cases {
            assert_eq!(DigestKeys::read(&text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let keys = keys(&[OLD]);
        let digest = keys.digest(id(), &generate_plaintext().unwrap());
        assert_eq!(
            format!("{keys:?} {digest:?}"),
            "DigestKeys(***) Some(StoredDigest(***))"
        );
    }
}
