#![no_main]

#[path = "../targets.rs"]
mod targets;

// Without libFuzzer's own panic hook, which aborts: the target catches what the loader catches, and that is no finding.
// Any other panic still ends the run.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| targets::run("parquet", data));
