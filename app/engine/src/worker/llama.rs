//! The one place that speaks to llama.cpp: a small safe face for what the worker needs, and nothing else.
//!
//! Written on the raw bindings because the safe crate above them hides the abort callback and the loading of one
//! chosen CPU variant. All of it stays on the thread that loaded the model.
#![expect(unsafe_code, reason = "llama.cpp is C++; every block says why it is sound")]

use std::{
    ffi::{CStr, CString, c_char, c_void},
    io::Write as _,
    ops::ControlFlow,
    path::Path,
    ptr::{self, NonNull},
    rc::Rc,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use llama_cpp_sys_2 as sys;

use crate::generate::sampling::Token;

/// What other threads see of the computing one, and how they stop it.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Counts on with every piece of work, however small.
    pub(super) steps: AtomicU64,
    /// There is something to compute, load or read.
    pub(super) working: AtomicBool,
    /// Ends the running computation at the next opportunity.
    pub(super) abort: AtomicBool,
    /// The server is gone or wants us gone.
    pub(super) exit: AtomicBool,
}

/// Loads llama.cpp's kernels for one kind of processor; false when this processor cannot run them.
pub(super) fn load_backend(library: &Path) -> bool {
    let Some(path) = c_path(library) else { return false };
    // SAFETY: the path is a C string; loading runs the library's constructors, and the library is our own build.
    unsafe {
        sys::llama_log_set(Some(log), ptr::null_mut());
        !sys::ggml_backend_load(path.as_ptr()).is_null()
    }
}

/// A model in memory.
#[derive(Debug)]
pub(super) struct Model {
    pointer: NonNull<sys::llama_model>,
    vocabulary: NonNull<sys::llama_vocab>,
}

impl Model {
    /// `progress` is called with 0 to 1 and may break the load off. `None`: llama.cpp said why on stderr.
    pub(super) fn load(path: &Path, mut progress: impl FnMut(f32) -> ControlFlow<()>) -> Option<Self> {
        let path = c_path(path)?;
        let mut progress: &mut dyn FnMut(f32) -> ControlFlow<()> = &mut progress;
        // SAFETY: `progress` outlives the load, which is the only time the callback is called, on this thread.
        let pointer = unsafe {
            sys::llama_backend_init();
            let mut params = sys::llama_model_default_params();
            params.progress_callback = Some(on_progress);
            params.progress_callback_user_data = (&raw mut progress).cast();
            NonNull::new(sys::llama_model_load_from_file(path.as_ptr(), params))?
        };
        // SAFETY: the model is valid and owns its vocabulary.
        let vocabulary = NonNull::new(unsafe { sys::llama_model_get_vocab(pointer.as_ptr()) }.cast_mut())?;
        Some(Self { pointer, vocabulary })
    }

    pub(super) fn trained_context(&self) -> u32 {
        // SAFETY: the model is valid as long as `self`.
        u32::try_from(unsafe { sys::llama_model_n_ctx_train(self.pointer.as_ptr()) }).unwrap_or(0)
    }

    pub(super) fn parameters(&self) -> u64 {
        // SAFETY: as above.
        unsafe { sys::llama_model_n_params(self.pointer.as_ptr()) }
    }

    /// Only a model with a decoder can chat.
    pub(super) fn can_generate(&self) -> bool {
        // SAFETY: as above.
        unsafe {
            sys::llama_model_has_decoder(self.pointer.as_ptr()) && !sys::llama_model_has_encoder(self.pointer.as_ptr())
        }
    }

    pub(super) fn chat_template(&self) -> Option<String> {
        // SAFETY: as above; the string belongs to the model and is copied at once.
        unsafe { text_at(sys::llama_model_chat_template(self.pointer.as_ptr(), ptr::null())) }
    }

    pub(super) fn begin_word(&self) -> String {
        // SAFETY: the vocabulary belongs to the model.
        self.word(unsafe { sys::llama_vocab_bos(self.vocabulary.as_ptr()) })
    }

    pub(super) fn end_word(&self) -> String {
        // SAFETY: as above.
        self.word(unsafe { sys::llama_vocab_eos(self.vocabulary.as_ptr()) })
    }

    /// The tokens that steer the model (ends of turns and the like), as they are written.
    pub(super) fn control_words(&self) -> Vec<String> {
        (0..self.vocabulary_size())
            // SAFETY: every number below the size is a token.
            .filter(|token| unsafe { sys::llama_vocab_is_control(self.vocabulary.as_ptr(), *token) })
            .map(|token| self.word(token))
            .filter(|word| word.len() > 1)
            .collect()
    }

    pub(super) fn ends_answer(&self, token: Token) -> bool {
        // SAFETY: llama.cpp looks the token up in a set; any number is fine.
        unsafe { sys::llama_vocab_is_eog(self.vocabulary.as_ptr(), token) }
    }

    pub(super) fn knows(&self, token: Token) -> bool {
        (0..self.vocabulary_size()).contains(&token)
    }

    /// Control words in `text` become their tokens, and the model's own beginning is added.
    pub(super) fn tokenize(&self, text: &str) -> Option<Vec<Token>> {
        let length = i32::try_from(text.len()).ok()?;
        let mut tokens: Vec<Token> = vec![0; text.len() + 16];
        loop {
            let room = i32::try_from(tokens.len()).ok()?;
            // SAFETY: both buffers are given with their true lengths.
            let count = unsafe {
                sys::llama_tokenize(
                    self.vocabulary.as_ptr(),
                    text.as_ptr().cast(),
                    length,
                    tokens.as_mut_ptr(),
                    room,
                    true,
                    true,
                )
            };
            match usize::try_from(count) {
                Ok(count) => {
                    tokens.truncate(count);
                    return Some(tokens);
                }
                Err(_) if count == i32::MIN => return None,
                Err(_) => tokens.resize(count.unsigned_abs() as usize, 0),
            }
        }
    }

    /// The token's bytes; control words have none. May be a part of a character.
    pub(super) fn bytes_of(&self, token: Token) -> Vec<u8> {
        let mut bytes = vec![0_u8; 64];
        loop {
            let room = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
            // SAFETY: the buffer is given with its true length.
            let count = unsafe {
                sys::llama_token_to_piece(self.vocabulary.as_ptr(), token, bytes.as_mut_ptr().cast(), room, 0, false)
            };
            match usize::try_from(count) {
                Ok(count) => {
                    bytes.truncate(count);
                    return bytes;
                }
                Err(_) => bytes.resize(count.unsigned_abs() as usize, 0),
            }
        }
    }

    fn vocabulary_size(&self) -> i32 {
        // SAFETY: the vocabulary belongs to the model.
        unsafe { sys::llama_vocab_n_tokens(self.vocabulary.as_ptr()) }
    }

    fn word(&self, token: Token) -> String {
        if !self.knows(token) {
            return String::new();
        }
        // SAFETY: the token exists; the string belongs to the vocabulary and is copied at once.
        unsafe { text_at(sys::llama_vocab_get_text(self.vocabulary.as_ptr(), token)) }.unwrap_or_default()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: every context holds an `Rc` of the model, so none is left.
        unsafe { sys::llama_model_free(self.pointer.as_ptr()) }
    }
}

/// The memory of several conversations with one model, each with a number from 0.
#[derive(Debug)]
pub(super) struct Context {
    pointer: NonNull<sys::llama_context>,
    model: Rc<Model>,
    /// llama.cpp holds a pointer into it.
    _signals: Arc<Signals>,
}

/// How large a [`Context`] is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) slots: u32,
    pub(super) context: u32,
    pub(super) batch: u32,
    pub(super) threads: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undecoded {
    /// Somebody raised [`Signals::abort`]; nothing of this batch was kept.
    Aborted,
    Failed(i32),
}

impl Context {
    /// `None`: there was not enough memory, or llama.cpp said why on stderr.
    pub(super) fn new(model: &Rc<Model>, size: Size, signals: &Arc<Signals>) -> Option<Self> {
        let threads = i32::try_from(size.threads).ok()?;
        // SAFETY: the model is valid; the callback's data is kept alive by `_signals`.
        let pointer = unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = size.context.checked_mul(size.slots)?;
            params.n_seq_max = size.slots;
            params.n_batch = size.batch;
            params.n_ubatch = size.batch;
            params.n_threads = threads;
            params.n_threads_batch = threads;
            params.kv_unified = false;
            params.swa_full = true; // otherwise a prompt's beginning cannot be kept for the next turn
            params.no_perf = true;
            // Its sums depend on how tokens are cut into batches, so a resumed answer could go another way.
            params.flash_attn_type = sys::LLAMA_FLASH_ATTN_TYPE_DISABLED;
            params.abort_callback = Some(on_step);
            params.abort_callback_data = Arc::as_ptr(signals).cast_mut().cast();
            NonNull::new(sys::llama_init_from_model(model.pointer.as_ptr(), params))?
        };
        Some(Self { pointer, model: Rc::clone(model), _signals: Arc::clone(signals) })
    }

    /// Tokens that each conversation can hold.
    pub(super) fn length(&self) -> u32 {
        // SAFETY: the context is valid as long as `self`.
        unsafe { sys::llama_n_ctx_seq(self.pointer.as_ptr()) }
    }

    /// Forgets all of a conversation after its first `keep` tokens; false when only all of it could be forgotten.
    pub(super) fn keep_first(&mut self, slot: i32, keep: usize) -> bool {
        let from = i32::try_from(keep).unwrap_or(i32::MAX);
        // SAFETY: the context is valid; numbers out of range are refused by llama.cpp.
        unsafe {
            let memory = sys::llama_get_memory(self.pointer.as_ptr());
            sys::llama_memory_seq_rm(memory, slot, from, -1) || {
                sys::llama_memory_seq_rm(memory, slot, -1, -1);
                false
            }
        }
    }

    pub(super) fn decode(&mut self, batch: &mut Batch) -> Result<(), Undecoded> {
        // SAFETY: the arrays of a batch have equal lengths and live through the call.
        match unsafe { sys::llama_decode(self.pointer.as_ptr(), batch.as_raw()) } {
            0 => Ok(()),
            2 => Err(Undecoded::Aborted),
            code => Err(Undecoded::Failed(code)),
        }
    }

    /// The logits of the batch's entry `row`, which must have asked for them.
    pub(super) fn logits(&self, row: usize) -> &[f32] {
        let row = i32::try_from(row).unwrap_or(i32::MAX);
        // SAFETY: llama.cpp answers null for a row without logits; the values live until the next decode, which
        // needs `&mut self`.
        unsafe {
            let logits = sys::llama_get_logits_ith(self.pointer.as_ptr(), row);
            let length = usize::try_from(self.model.vocabulary_size()).unwrap_or(0);
            if logits.is_null() { &[] } else { std::slice::from_raw_parts(logits, length) }
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: freed once, before the model whose `Rc` is a field.
        unsafe { sys::llama_free(self.pointer.as_ptr()) }
    }
}

/// Tokens to be read in one go, each with its conversation and its place in it.
#[derive(Debug, Default)]
pub(super) struct Batch {
    tokens: Vec<sys::llama_token>,
    positions: Vec<sys::llama_pos>,
    slots: Vec<sys::llama_seq_id>,
    wanted: Vec<i8>,
    one_each: Vec<i32>,
    slot_pointers: Vec<*mut sys::llama_seq_id>,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.slots.clear();
        self.wanted.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn add(&mut self, slot: i32, position: usize, token: Token, logits: Logits) {
        self.tokens.push(token);
        self.positions.push(i32::try_from(position).unwrap_or(i32::MAX));
        self.slots.push(slot);
        self.wanted.push(i8::from(logits == Logits::Wanted));
    }

    fn as_raw(&mut self) -> sys::llama_batch {
        self.one_each.clear();
        self.one_each.resize(self.slots.len(), 1);
        self.slot_pointers.clear();
        self.slot_pointers.extend(self.slots.iter_mut().map(ptr::from_mut));
        sys::llama_batch {
            n_tokens: i32::try_from(self.tokens.len()).unwrap_or(i32::MAX),
            token: self.tokens.as_mut_ptr(),
            embd: ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.one_each.as_mut_ptr(),
            seq_id: self.slot_pointers.as_mut_ptr(),
            logits: self.wanted.as_mut_ptr(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logits {
    Wanted,
    NotWanted,
}

fn c_path(path: &Path) -> Option<CString> {
    CString::new(path.as_os_str().as_encoded_bytes()).ok()
}

/// # Safety
/// `text` is null or a C string that lives through the call.
unsafe fn text_at(text: *const c_char) -> Option<String> {
    // SAFETY: as promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

unsafe extern "C" fn on_progress(fraction: f32, data: *mut c_void) -> bool {
    // SAFETY: `Model::load` passes a pointer to its `progress`, which outlives the load.
    let progress = unsafe { &mut *data.cast::<&mut dyn FnMut(f32) -> ControlFlow<()>>() };
    progress(fraction).is_continue()
}

/// Called between the nodes of a computation.
unsafe extern "C" fn on_step(data: *mut c_void) -> bool {
    // SAFETY: `Context::new` passes a pointer into the `Arc` that the context keeps.
    let signals = unsafe { &*data.cast::<Signals>() };
    signals.steps.fetch_add(1, Ordering::Relaxed);
    signals.abort.load(Ordering::Relaxed)
}

/// Warnings and errors go to stderr, where the server keeps the last lines for its error details.
unsafe extern "C" fn log(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if (sys::GGML_LOG_LEVEL_WARN..=sys::GGML_LOG_LEVEL_ERROR).contains(&level) {
        // SAFETY: llama.cpp passes a C string.
        let text = unsafe { text_at(text) }.unwrap_or_default();
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
