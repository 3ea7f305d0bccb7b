//! Settings that are secrets. Each can also be read from a file, so that it is neither in the environment nor among the
//! arguments, which other programs can see.

use super::value::{self, ValueError};
use crate::api_key_hash::{DigestKeys, DigestKeysError};
use crate::store::postgres::{EtcdAuthorities, EtcdCertificateError, EtcdIdentity};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use thiserror::Error;

/// The maximum size of a file. A file that never ends, such as `/dev/zero`, must not fill the memory.
const MAX_BYTES: u64 = 64 * 1024;

/// A secret as it was given. `Debug` hides it. It is parsed only after clap has finished, because clap quotes invalid values.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

/// Why no secret can be read from a file. The message does not contain the content.
#[derive(Debug, Error)]
pub(super) enum SecretFileError {
    #[error("cannot read the file: {0}")]
    Unreadable(#[from] io::Error),
    #[error("the file is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the file is empty")]
    Empty,
    #[error("the content of the file {0}")]
    Value(#[from] ValueError),
    #[error("the content of the file is wrong: {0}")]
    DigestKeys(#[from] DigestKeysError),
    #[error("the content of the file is wrong: {0}")]
    EtcdCertificate(#[from] EtcdCertificateError),
}

/// Reads the content of a file, without a line break at its end, which editors add.
fn read(path: &str) -> Result<String, SecretFileError> {
    let mut content = Vec::new();
    File::open(Path::new(path))?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(SecretFileError::TooLong);
    }
    let content = String::from_utf8(content).map_err(|_| ValueError::NotUtf8)?;
    let content = content.strip_suffix('\n').unwrap_or(&content);
    let content = content.strip_suffix('\r').unwrap_or(content);
    if content.is_empty() {
        return Err(SecretFileError::Empty);
    }
    Ok(content.to_owned())
}

/// Reads the keys for the digests of API keys from a file.
pub(super) fn read_digest_keys(path: &str) -> Result<DigestKeys, SecretFileError> {
    Ok(DigestKeys::read(&read(path)?)?)
}

/// Reads the certificates of the authorities that sign those of etcd from a file.
pub(super) fn read_etcd_authorities(path: &str) -> Result<EtcdAuthorities, SecretFileError> {
    Ok(EtcdAuthorities::from_pem(&read(path)?)?)
}

/// Reads the service's certificate for etcd and its private key from a file.
pub(super) fn read_etcd_identity(path: &str) -> Result<EtcdIdentity, SecretFileError> {
    Ok(EtcdIdentity::from_pem(&read(path)?)?)
}

impl Secret {
    /// The secret as text.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a secret of one line from a file.
    pub(super) fn read_file(path: &str) -> Result<Self, SecretFileError> {
        let content = read(path)?;
        value::check(&content)?;
        Ok(Self(content))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, Secret, read_digest_keys};
    use std::io::Write;
    use tempfile::NamedTempFile;

    fn read(content: &[u8]) -> Result<String, String> {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        match Secret::read_file(file.path().to_str().unwrap()) {
            Ok(secret) => Ok(secret.expose().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_line_break_at_the_end_of_a_file_is_not_a_part_of_the_secret() {
        for content in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            assert_eq!(read(content.as_bytes()).unwrap(), "correct horse");
        }
    }

    #[test]
    fn a_file_without_a_clean_secret_is_an_error_that_does_not_quote_it() {
        let long = vec![b'a'; usize::try_from(MAX_BYTES).unwrap() + 1];
        let cases: &[(&[u8], &str)] = &[
            (b"", "the file is empty"),
            (b"\n", "the file is empty"),
            (b" \n", "begins or ends with white space"),
            (b"correct\n\n", "begins or ends with white space"),
            (b"correct \n", "begins or ends with white space"),
            (b"correct\nhorse", "contains the invisible character U+000A"),
            (b"correct\0horse", "contains the invisible character U+0000"),
            (b"correct\xff", "is not valid UTF-8"),
            (&long, "longer than"),
        ];
        for (content, expected) in cases {
            let error = read(content).unwrap_err();
            assert!(error.contains(expected) && !error.contains("correct"), "{error}");
        }
        for path in ["/no/such/file", "/"] {
            let error = Secret::read_file(path).unwrap_err().to_string();
            assert!(error.contains("cannot read the file"), "{error}");
        }
    }

    #[test]
    fn keys_for_digests_are_read_from_lines_and_never_quoted() {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let read = |content: String| {
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(content.as_bytes()).unwrap();
            read_digest_keys(file.path().to_str().unwrap())
        };
        assert!(!read(format!("2026-07 {key}\r\n2026-01 {key}\r\n")).unwrap().is_empty());
        let error = read(format!("2026-07 {key}\n2026-01 {key}x\n"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("line 2") && !error.contains("AAEC"), "{error}");
    }
}
