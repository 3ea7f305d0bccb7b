//! What is made of a file once, before it is served; large files while the service is built, the others at its start.

use blake2::{Blake2s256, Digest};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};

pub(super) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// As many digits as tell one version of a file from another.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest = Blake2s256::digest(bytes);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
