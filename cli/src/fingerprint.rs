//! Holds the generated commands against the client, while the crate is compiled; the client holds itself against the spec.

const _: () = assert!(
    crate::generated::SPEC_FINGERPRINT == tenant_registry_client::SPEC_FINGERPRINT,
    "src/generated was generated from another spec than the client; build the contract crate, then this one again"
);
