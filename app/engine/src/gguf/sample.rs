//! Builds small GGUF files in memory for tests: valid as they come, and bent in one place when asked.

/// A GGUF file in the making. `Sample::valid().bytes()` is a file that the reader accepts.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) entry_count: Option<u64>,
    pub(crate) entries: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) data_bytes: usize,
}

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
}

impl Sample {
    pub(crate) fn valid() -> Self {
        let tensor = |name: &str, shape: &[u64], offset| Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            kind: 3,
            offset,
        };
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            entry_count: None,
            entries: entries(),
            tensors: vec![tensor("token_embd.weight", &[64, 4], 0), tensor("output.weight", &[64, 4], 160)],
            data_bytes: 320,
        }
    }

    /// Replaces or adds one metadata value.
    pub(crate) fn with(mut self, key: &str, value: Vec<u8>) -> Self {
        self.entries.retain(|(name, _)| name != key.as_bytes());
        self.entries.push((key.into(), value));
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.entries.retain(|(name, _)| name != key.as_bytes());
        self
    }

    pub(crate) fn tensor(mut self, bend: impl FnOnce(&mut Tensor)) -> Self {
        bend(&mut self.tensors[1]);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        out.resize(out.len().next_multiple_of(32), 0);
        out.resize(out.len() + self.data_bytes, 7);
        out
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.magic);
        out.extend(self.version.to_le_bytes());
        out.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend(self.entry_count.unwrap_or(self.entries.len() as u64).to_le_bytes());
        for (key, value) in &self.entries {
            push_text(&mut out, key);
            out.extend(value);
        }
        for tensor in &self.tensors {
            push_text(&mut out, tensor.name.as_bytes());
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            tensor.shape.iter().for_each(|length| out.extend(length.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.to_le_bytes());
        }
        out
    }
}

fn entries() -> Vec<(Vec<u8>, Vec<u8>)> {
    let tokens = texts(&["<unk>", "<s>", "a", "b"]);
    [
        ("general.architecture", text("llama")),
        ("general.name", text("sample")),
        ("general.file_type", u32_value(3)),
        ("llama.block_count", u32_value(2)),
        ("llama.context_length", u32_value(128)),
        ("llama.embedding_length", u32_value(64)),
        ("llama.feed_forward_length", u32_value(96)),
        ("llama.attention.head_count", u32_value(4)),
        ("llama.attention.head_count_kv", u32_value(2)),
        ("llama.attention.layer_norm_rms_epsilon", f32_value(1e-5)),
        ("llama.rope.freq_base", f32_value(10_000.0)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.tokens", tokens),
        ("tokenizer.ggml.merges", texts(&["a b"])),
        ("tokenizer.ggml.bos_token_id", u32_value(1)),
        ("tokenizer.chat_template", text("{{ messages }}")),
    ]
    .into_iter()
    .map(|(key, value)| (key.into(), value))
    .collect()
}

pub(crate) fn u32_value(number: u32) -> Vec<u8> {
    [4_u32.to_le_bytes(), number.to_le_bytes()].concat()
}

pub(crate) fn f32_value(number: f32) -> Vec<u8> {
    [6_u32.to_le_bytes(), number.to_le_bytes()].concat()
}

pub(crate) fn text(value: &str) -> Vec<u8> {
    let mut out = 8_u32.to_le_bytes().to_vec();
    push_text(&mut out, value.as_bytes());
    out
}

pub(crate) fn texts(values: &[&str]) -> Vec<u8> {
    let mut out = list(8, values.len() as u64);
    values.iter().for_each(|value| push_text(&mut out, value.as_bytes()));
    out
}

/// The beginning of a list: its values are for the caller to add.
pub(crate) fn list(kind: u32, count: u64) -> Vec<u8> {
    let mut out = 9_u32.to_le_bytes().to_vec();
    out.extend(kind.to_le_bytes());
    out.extend(count.to_le_bytes());
    out
}

fn push_text(out: &mut Vec<u8>, value: &[u8]) {
    out.extend((value.len() as u64).to_le_bytes());
    out.extend(value);
}
