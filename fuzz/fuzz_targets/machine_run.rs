#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| npy_object_fuzz_bodies::targets::machine_run(bytes));
