//! `tenant_registry_fuzz::redaction` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenant_registry_fuzz::redaction(data));
