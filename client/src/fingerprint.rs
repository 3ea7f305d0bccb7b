//! Holds the generated code against the spec, while the crate is compiled.
//!
//! This crate has no build script that could generate it anew: the contract's has, and it may run after this crate was
//! compiled. Then the code here is yesterday's, and must not compile.

use crate::generated::SPEC_FINGERPRINT;

const SPEC: &[u8] = include_bytes!("../openapi.yaml");

const _: () = assert!(
    of(SPEC) == SPEC_FINGERPRINT,
    "src/generated was generated from another spec than openapi.yaml; build the contract crate, then this one again"
);

/// FNV-1a, 64 bits, as the generator computes it.
const fn of(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}
