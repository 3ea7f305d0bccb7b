//! Passes the fingerprint of the spec to `src/fingerprint.rs`. The published package contains neither this script nor the
//! spec.

use std::fs;

const SPEC: &str = "../spec/openapi.yaml";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={SPEC}");
    println!("cargo::rustc-env=SPEC_FINGERPRINT={}", fnv_1a(&fs::read(SPEC)?));
    Ok(())
}

/// The 64-bit FNV-1a hash, as in the generator.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
