//! Compares the generated code with the spec at compile time.
//!
//! The contract crate's build script regenerates the code, but it may run after this crate was compiled. In that case the
//! code here is outdated and must not compile. The published package contains no spec, and nothing is compared.

use crate::generated::SPEC_FINGERPRINT;

const _: () = assert!(
    is_up_to_date(option_env!("SPEC_FINGERPRINT")),
    "src/generated does not match the spec; build the contract crate, then build this crate again"
);

const fn is_up_to_date(spec: Option<&str>) -> bool {
    match spec {
        None => true,
        Some(spec) => matches!(u64::from_str_radix(spec, 10), Ok(fingerprint) if fingerprint == SPEC_FINGERPRINT),
    }
}
