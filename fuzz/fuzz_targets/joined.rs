//! Two captures of the same connections, joined.

#![no_main]

use libfuzzer_sys::fuzz_target;
use whyreset_fuzz::joined;

fuzz_target!(|data: &[u8]| joined::read(joined::files(data)));
