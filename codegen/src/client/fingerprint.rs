//! Tells one text of a spec from another.

/// FNV-1a, 64 bits: short enough to be written again where the client checks it while it is compiled, and nobody forges
/// a spec.
pub(crate) fn fnv_1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
