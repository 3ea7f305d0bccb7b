//! `tenant_registry_fuzz::catalog_file` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tenant_registry_fuzz::catalog_file(data));
