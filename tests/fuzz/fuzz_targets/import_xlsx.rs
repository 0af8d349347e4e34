//! The program of cargo-fuzz for the target of this name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gongdan_fuzz::targets::import_xlsx::run(data));
