//! What the header says about the model, after every number was held against its range.

use super::{
    Invalid, limits,
    metadata::{CHAT_TEMPLATE, Entry, Metadata, Value},
    tensors::Tensors,
};

/// What a model file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `llama`, `qwen2`, …
    pub architecture: String,
    pub name: Option<String>,
    /// Tokens that the model was trained to read.
    pub context_tokens: u64,
    pub embedding: u64,
    pub layers: u64,
    pub vocabulary: u64,
    pub has_chat_template: bool,
    /// `Q4_1`, `Q4_K_M`, …; `unknown` when the file does not say.
    pub quantisation: &'static str,
    pub parameters: u64,
}

pub(super) fn gather(metadata: &Metadata, tensors: &Tensors) -> Result<Facts, Invalid> {
    let architecture = architecture(metadata)?;
    let key = |name: &str| format!("{architecture}.{name}");
    whole_model(metadata)?;
    let layers = metadata.required(&key("block_count"), &limits::LAYERS)?;
    let embedding = metadata.required(&key("embedding_length"), &limits::EMBEDDING)?;
    let context_tokens = metadata.required(&key("context_length"), &limits::CONTEXT)?;
    check_attention(metadata, &architecture, embedding)?;
    check_numbers(metadata, &architecture)?;
    let vocabulary = check_vocabulary(metadata, &architecture, tensors)?;
    Ok(Facts {
        name: metadata.text("general.name")?.map(str::to_owned),
        context_tokens,
        embedding,
        layers,
        vocabulary,
        has_chat_template: metadata.text(CHAT_TEMPLATE)?.is_some(),
        quantisation: quantisation(metadata)?,
        parameters: tensors.parameters,
        architecture,
    })
}

fn architecture(metadata: &Metadata) -> Result<String, Invalid> {
    const KEY: &str = "general.architecture";
    let name =
        metadata.text(KEY)?.ok_or_else(|| Invalid::new("missing key", 0, format!("its key {KEY:?} is missing")))?;
    let plain = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if plain {
        Ok(name.to_owned())
    } else {
        Err(Invalid::new("hyperparameter", 0, format!("its {KEY} is not a plain name")))
    }
}

fn whole_model(metadata: &Metadata) -> Result<(), Invalid> {
    match metadata.whole("split.count", &(0..=u64::from(u16::MAX)))? {
        Some(parts @ 2..) => {
            Err(Invalid::new("split", 0, format!("it is one of {parts} parts; join them into one file first")))
        }
        _ => Ok(()),
    }
}

/// Heads divide the embedding; a zero among them would be a division by zero in the engine.
fn check_attention(metadata: &Metadata, architecture: &str, embedding: u64) -> Result<(), Invalid> {
    let heads = head_count(metadata, &format!("{architecture}.attention.head_count"))?;
    let shared = head_count(metadata, &format!("{architecture}.attention.head_count_kv"))?;
    let key_length = metadata.whole(&format!("{architecture}.attention.key_length"), &limits::EMBEDDING)?;
    metadata.whole(&format!("{architecture}.attention.value_length"), &limits::EMBEDDING)?;
    if let Some(heads) = heads {
        if key_length.is_none() && embedding / heads == 0 {
            return Err(Invalid::new(
                "hyperparameter",
                0,
                format!("it has {heads} heads for an embedding of {embedding}"),
            ));
        }
        if let Some(shared) = shared
            && heads % shared != 0
        {
            return Err(Invalid::new(
                "hyperparameter",
                0,
                format!("its {heads} heads cannot share {shared} key heads"),
            ));
        }
    }
    Ok(())
}

/// One number for all layers, or `None` when each layer has its own (then each was checked).
fn head_count(metadata: &Metadata, key: &str) -> Result<Option<u64>, Invalid> {
    match metadata.get(key) {
        Some(entry @ Entry { value: Value::List { .. }, .. }) => per_layer(entry, key).map(|()| None),
        _ => metadata.whole(key, &limits::HEADS),
    }
}

/// Layers without attention have 0 heads; that is a layer's own matter, unless all of them are such.
fn per_layer(entry: &Entry, key: &str) -> Result<(), Invalid> {
    let Value::List { count, numbers } = &entry.value else { return Ok(()) };
    let complete = numbers.len() as u64 == *count && limits::LAYERS.contains(count);
    let in_range =
        numbers.iter().all(|number| number <= limits::HEADS.end()) && numbers.iter().any(|number| *number > 0);
    if complete && in_range { Ok(()) } else { Err(entry.refuse(key, "a list with impossible numbers")) }
}

fn check_numbers(metadata: &Metadata, architecture: &str) -> Result<(), Invalid> {
    let feed_forward = format!("{architecture}.feed_forward_length");
    if !matches!(metadata.get(&feed_forward).map(|entry| &entry.value), Some(Value::List { .. })) {
        metadata.whole(&feed_forward, &limits::FEED_FORWARD)?;
    }
    metadata.whole(&format!("{architecture}.rope.dimension_count"), &limits::EMBEDDING)?;
    for (name, positive) in REAL_NUMBERS {
        let key = format!("{architecture}.{name}");
        let Some(entry) = metadata.get(&key) else { continue };
        match entry.value {
            Value::Real(number) if number.is_finite() && (*positive == Sign::Any || number > 0.0) => {}
            Value::Real(number) => return Err(entry.refuse(&key, &format!("{number}"))),
            _ => return Err(entry.refuse(&key, "of the wrong type")),
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Sign {
    Positive,
    Any,
}

const REAL_NUMBERS: &[(&str, Sign)] = &[
    ("rope.freq_base", Sign::Positive),
    ("rope.scale_linear", Sign::Any),
    ("rope.scaling.factor", Sign::Any),
    ("rope.scaling.attn_factor", Sign::Any),
    ("attention.layer_norm_epsilon", Sign::Positive),
    ("attention.layer_norm_rms_epsilon", Sign::Positive),
    ("attention.scale", Sign::Any),
    ("logit_scale", Sign::Any),
];

fn check_vocabulary(metadata: &Metadata, architecture: &str, tensors: &Tensors) -> Result<u64, Invalid> {
    const TOKENS: &str = "tokenizer.ggml.tokens";
    let tokens = metadata
        .list_length(TOKENS)?
        .ok_or_else(|| Invalid::new("missing key", 0, format!("its key {TOKENS:?} is missing")))?;
    if !limits::VOCABULARY.contains(&tokens) {
        return Err(Invalid::new("vocabulary", 0, "its list of tokens is empty"));
    }
    let said = metadata.whole(&format!("{architecture}.vocab_size"), &limits::VOCABULARY)?;
    let scores = metadata.list_length("tokenizer.ggml.scores")?;
    let kinds = metadata.list_length("tokenizer.ggml.token_type")?;
    for (what, length) in
        [("vocab_size", said), ("scores", scores), ("token types", kinds), ("embedding table", tensors.embedding_rows)]
    {
        if let Some(length) = length.filter(|length| *length != tokens) {
            return Err(Invalid::new("vocabulary", 0, format!("it has {tokens} tokens, but its {what} says {length}")));
        }
    }
    check_token_ids(metadata, tokens)?;
    if metadata.text("tokenizer.ggml.model")? == Some("gpt2")
        && metadata.list_length("tokenizer.ggml.merges")?.is_none()
    {
        return Err(Invalid::new("missing key", 0, "its key \"tokenizer.ggml.merges\" is missing"));
    }
    Ok(tokens)
}

fn check_token_ids(metadata: &Metadata, tokens: u64) -> Result<(), Invalid> {
    for name in ["bos", "eos", "eot", "eom", "unknown", "seperator", "separator", "padding", "cls", "mask"] {
        metadata.whole(&format!("tokenizer.ggml.{name}_token_id"), &(0..=tokens - 1))?;
    }
    Ok(())
}

fn quantisation(metadata: &Metadata) -> Result<&'static str, Invalid> {
    let kind = metadata.whole("general.file_type", &(0..=u64::from(u32::MAX)))?;
    let name = kind.and_then(|kind| QUANTISATIONS.iter().find(|(number, _)| *number == kind));
    Ok(name.map_or("unknown", |(_, name)| name))
}

const QUANTISATIONS: &[(u64, &str)] = &[
    (0, "F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K"),
    (11, "Q3_K_S"),
    (12, "Q3_K_M"),
    (13, "Q3_K_L"),
    (14, "Q4_K_S"),
    (15, "Q4_K_M"),
    (16, "Q5_K_S"),
    (17, "Q5_K_M"),
    (18, "Q6_K"),
    (19, "IQ2_XXS"),
    (20, "IQ2_XS"),
    (21, "Q2_K_S"),
    (22, "IQ3_XS"),
    (23, "IQ3_XXS"),
    (24, "IQ1_S"),
    (25, "IQ4_NL"),
    (26, "IQ3_S"),
    (27, "IQ3_M"),
    (28, "IQ2_S"),
    (29, "IQ2_M"),
    (30, "IQ4_XS"),
    (31, "IQ1_M"),
    (32, "BF16"),
    (36, "TQ1_0"),
    (37, "TQ2_0"),
    (38, "MXFP4"),
    (39, "NVFP4"),
    (40, "Q1_0"),
    (41, "Q2_0"),
];
