//! Compares the generated commands with the client at compile time. The client compares itself with the spec.

const _: () = assert!(
    crate::generated::SPEC_FINGERPRINT == tenant_registry_client::SPEC_FINGERPRINT,
    "src/generated does not match the client; build the contract crate, then build this crate again"
);
