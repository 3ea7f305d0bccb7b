//! `tenant_registry_fuzz::paths` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenant_registry_fuzz::paths(data));
