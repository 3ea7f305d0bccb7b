//! The issuer of the tokens: one in this process. The target `certified_issuer` has a published one in its place.

pub(crate) use test_support::issuer::{AUDIENCE, TestIssuer, TokenRequest};
