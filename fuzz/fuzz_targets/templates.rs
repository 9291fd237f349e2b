//! See `luavisor_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(init: luavisor_fuzz::begin(), |data: &[u8]| luavisor_fuzz::run("templates", data));
