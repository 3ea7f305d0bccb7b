//! Identifies the text of a spec, so that generated code can be checked against the spec that it was generated from.

/// The 64-bit FNV-1a hash. It is short enough to be repeated in the client, which computes it at compile time, and it
/// need not resist forgery.
pub(crate) fn fnv_1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
