//! Compares the generated code with the spec at compile time.
//!
//! This crate has no build script that could regenerate the code. The contract crate's build script does, but it may run
//! after this crate was compiled. In that case the code here is outdated and must not compile.

use crate::generated::SPEC_FINGERPRINT;

const SPEC: &[u8] = include_bytes!("../../spec/openapi.yaml");

const _: () = assert!(
    fnv_1a(SPEC) == SPEC_FINGERPRINT,
    "src/generated does not match the spec; build the contract crate, then build this crate again"
);

/// 64-bit FNV-1a, as in the generator.
const fn fnv_1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}
