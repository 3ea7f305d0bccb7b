//! `tenant_registry_fuzz::database_url` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenant_registry_fuzz::database_url(data));
