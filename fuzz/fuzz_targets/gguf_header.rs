//! Any bytes at all as a model file: the header reader answers with facts or with a refusal, and never falls over.
//! Run it with `cargo +nightly fuzz run gguf_header fuzz/corpus/gguf_header fuzz/seeds/gguf_header`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast_engine::gguf::read_header;

fuzz_target!(|bytes: &[u8]| {
    let file = bytes.to_vec();
    if let Ok(facts) = read_header(&file, file.len() as u64) {
        assert!(facts.layers > 0 && facts.embedding > 0 && facts.vocabulary > 0 && facts.context_tokens > 0);
    }
});
