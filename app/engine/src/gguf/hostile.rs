//! Files that were made to hurt, and files that were merely broken. Each must be refused by the check that names it.

use proptest::prelude::*;

use super::{
    Facts, Invalid, inspect, read_header,
    sample::{Sample, f32_value, list, text, texts, u32_value},
};

fn read(bytes: &[u8]) -> Result<Facts, Invalid> {
    read_header(&bytes.to_vec(), bytes.len() as u64)
}

#[test]
fn a_valid_header_gives_its_facts() {
    let facts = read(&Sample::valid().bytes()).unwrap();
    assert_eq!(facts.architecture, "llama");
    assert_eq!(facts.name.as_deref(), Some("sample"));
    assert_eq!((facts.context_tokens, facts.embedding, facts.layers, facts.vocabulary), (128, 64, 2, 4));
    assert_eq!((facts.quantisation, facts.parameters, facts.has_chat_template), ("Q4_1", 512, true));
}

#[test]
fn a_header_cut_at_any_byte_is_refused() {
    let whole = Sample::valid().bytes();
    for length in 0..whole.len() {
        let refused = read(&whole[..length]);
        assert!(refused.is_err(), "a file of {length} of {} bytes was accepted", whole.len());
    }
}

#[test]
fn every_hostile_file_is_refused_by_the_right_check() {
    let big = 1_u64 << 62;
    let nested = {
        let mut value = list(9, 1);
        (0..8).for_each(|_| value.extend(&list(9, 1)[4..]));
        value
    };
    let not_text = {
        let mut value = 8_u32.to_le_bytes().to_vec();
        value.extend(2_u64.to_le_bytes());
        value.extend([0xff, 0xfe]);
        value
    };
    let long_text = {
        let mut value = 8_u32.to_le_bytes().to_vec();
        value.extend((1_u64 << 63).to_le_bytes());
        value
    };
    let valid = Sample::valid;
    let table: Vec<(&str, Sample, &str)> = vec![
        ("wrong magic", Sample { magic: *b"GGML", ..valid() }, "magic"),
        ("version 1", Sample { version: 1, ..valid() }, "version"),
        ("version 99", Sample { version: 99, ..valid() }, "version"),
        ("big endian", Sample { version: 3_u32.swap_bytes(), ..valid() }, "version"),
        ("2^64-1 tensors", Sample { tensor_count: Some(u64::MAX), ..valid() }, "limits"),
        ("2^64-1 entries", Sample { entry_count: Some(u64::MAX), ..valid() }, "limits"),
        ("70,000 entries", Sample { entry_count: Some(70_000), ..valid() }, "limits"),
        ("more entries than there are", Sample { entry_count: Some(17), ..valid() }, "limits"),
        ("key longer than allowed", valid().with(&"k".repeat(1025), u32_value(1)), "limits"),
        ("value of unknown type", valid().with("x", 13_u32.to_le_bytes().to_vec()), "metadata type"),
        ("flag that is 2", valid().with("x", [&7_u32.to_le_bytes()[..], &[2]].concat()), "metadata value"),
        ("text of 2^63 bytes", valid().with("x", long_text), "limits"),
        ("text that is not UTF-8", valid().with("x", not_text), "text"),
        ("list of 2^62 values", valid().with("x", list(4, big)), "limits"),
        ("list longer than the file", valid().with("x", list(4, 100_000)), "limits"),
        ("list whose bytes do not fit", valid().with("x", list(10, 300)), "length"),
        ("lists in lists in lists", valid().with("x", nested), "limits"),
        ("list of unknown type", valid().with("x", list(77, 1)), "metadata type"),
        ("the same key twice", twice(valid()), "duplicate key"),
        ("alignment 0", valid().with("general.alignment", u32_value(0)), "hyperparameter"),
        ("alignment 3", valid().with("general.alignment", u32_value(3)), "hyperparameter"),
        ("alignment 24", valid().with("general.alignment", u32_value(24)), "hyperparameter"),
        ("alignment 2^31", valid().with("general.alignment", u32_value(1 << 31)), "hyperparameter"),
        ("no dimensions", valid().tensor(|tensor| tensor.shape.clear()), "dimensions"),
        ("five dimensions", valid().tensor(|tensor| tensor.shape = vec![32, 1, 1, 1, 1]), "dimensions"),
        ("a dimension of 0", valid().tensor(|tensor| tensor.shape = vec![32, 0]), "shape"),
        ("shape that overflows", valid().tensor(|tensor| tensor.shape = vec![big, big]), "shape"),
        ("half a block", valid().tensor(|tensor| tensor.shape = vec![33]), "shape"),
        ("size that overflows", valid().tensor(|tensor| (tensor.shape, tensor.kind) = (vec![big], 28)), "overflow"),
        ("unknown tensor type", valid().tensor(|tensor| tensor.kind = 4), "tensor type"),
        ("tensor off its boundary", valid().tensor(|tensor| tensor.offset = 161), "alignment"),
        ("tensor past the end", valid().tensor(|tensor| tensor.offset = 192), "length"),
        ("offset that overflows", valid().tensor(|tensor| tensor.offset = u64::MAX - 31), "length"),
        ("tensors that overlap", valid().tensor(|tensor| tensor.offset = 128), "overlap"),
        (
            "two tensors of one name",
            valid().tensor(|tensor| tensor.name = "token_embd.weight".into()),
            "duplicate tensor",
        ),
        ("data cut short", Sample { data_bytes: 319, ..valid() }, "length"),
        ("no architecture", valid().without("general.architecture"), "missing key"),
        ("architecture of the wrong type", valid().with("general.architecture", u32_value(1)), "hyperparameter"),
        ("architecture with a path", valid().with("general.architecture", text("../llama")), "hyperparameter"),
        ("no layers key", valid().without("llama.block_count"), "missing key"),
        ("a billion layers", valid().with("llama.block_count", u32_value(1_000_000_000)), "hyperparameter"),
        ("layers as text", valid().with("llama.block_count", text("2")), "hyperparameter"),
        ("context of 0", valid().with("llama.context_length", u32_value(0)), "hyperparameter"),
        ("no heads", valid().with("llama.attention.head_count", u32_value(0)), "hyperparameter"),
        ("more heads than width", valid().with("llama.attention.head_count", u32_value(65)), "hyperparameter"),
        ("heads that do not divide", valid().with("llama.attention.head_count_kv", u32_value(3)), "hyperparameter"),
        ("rope of NaN", valid().with("llama.rope.freq_base", f32_value(f32::NAN)), "hyperparameter"),
        ("rope of 0", valid().with("llama.rope.freq_base", f32_value(0.0)), "hyperparameter"),
        ("no tokens", valid().without("tokenizer.ggml.tokens"), "missing key"),
        ("empty tokens", valid().with("tokenizer.ggml.tokens", texts(&[])), "vocabulary"),
        ("tokens that the table does not have", valid().with("tokenizer.ggml.tokens", texts(&["a"; 5])), "vocabulary"),
        ("vocabulary that lies", valid().with("llama.vocab_size", u32_value(5)), "vocabulary"),
        ("token id out of range", valid().with("tokenizer.ggml.eos_token_id", u32_value(4)), "hyperparameter"),
        ("merges missing", valid().without("tokenizer.ggml.merges"), "missing key"),
        ("template too long", valid().with("tokenizer.chat_template", text(&"x".repeat(300_000))), "hyperparameter"),
        ("one part of several", valid().with("split.count", u32_value(3)), "split"),
    ];
    for (what, sample, check) in table {
        let refused = read(&sample.bytes()).expect_err(what);
        assert_eq!(refused.check, check, "{what}: {refused}");
    }
}

fn twice(mut sample: Sample) -> Sample {
    let again = sample.entries[0].clone();
    sample.entries.push(again);
    sample
}

#[test]
fn a_pipe_a_link_and_a_folder_are_not_model_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.gguf");
    std::fs::write(&file, Sample::valid().bytes()).unwrap();
    let link = folder.path().join("link.gguf");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let device = folder.path().join("zero.gguf");
    std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
    let pipe = folder.path().join("pipe.gguf");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();

    assert!(inspect(&file).is_ok());
    for refused in [link.as_path(), &device, &pipe, folder.path(), &folder.path().join("absent")] {
        let error = inspect(refused).expect_err("only a regular file is a model file");
        assert_eq!(error.code().name(), "INVALID_MODEL_FILE");
    }
}

#[test]
fn a_refusal_says_which_check_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.gguf");
    std::fs::write(&file, Sample { data_bytes: 100, ..Sample::valid() }.bytes()).unwrap();
    let error = inspect(&file).unwrap_err();
    assert!(error.message().starts_with("broken.gguf cannot be used: the file ends too early"), "{}", error.message());
    let keys: Vec<_> = error.details().iter().map(|(key, _)| *key).collect();
    assert!(keys.contains(&"check") && keys.contains(&"at_byte"), "{keys:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_change_of_bytes_makes_the_reader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let mut bytes = Sample::valid().bytes();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if shorten {
            bytes.truncate(cut.index(bytes.len()));
        }
        // The verdict does not matter here; that there is one does.
        let verdict = read(&bytes);
        prop_assert!(verdict.is_ok() || verdict.is_err_and(|invalid| !invalid.message.is_empty()));
    }
}
