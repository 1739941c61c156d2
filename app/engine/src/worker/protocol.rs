//! What server and worker say to each other: frames of at most 1 MiB over a socket pair, length first.
//!
//! Decoding trusts nothing: a bad frame is a [`BadFrame`], never a panic. Both ends are the same program, but a
//! server may outlive the file it was started from, so the worker's first words are its version.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::generate::{
    sampling::{Sampler, Token},
    template::Turn,
};

/// Raised whenever a message changes.
pub(crate) const VERSION: u32 = 1;
pub(crate) const LARGEST_FRAME: usize = 1 << 20;

/// From the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Request {
    Load(Load),
    Generate(Generate),
    Cancel { id: u64 },
    Exit,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) path: PathBuf,
    pub(crate) slots: u32,
    pub(crate) context: u32,
    pub(crate) threads: u32,
    /// How many of the best CPU variants to pass over, because they were refused by this processor.
    pub(crate) skip_variants: u32,
    pub(crate) heartbeat: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generate {
    pub(crate) id: u64,
    pub(crate) prompt: Prompt,
    /// What the answer already holds, when it is being resumed.
    pub(crate) answer: Vec<Token>,
    pub(crate) sampler: Sampler,
    pub(crate) max_tokens: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Prompt {
    Turns(Vec<Turn>),
    /// A resumed answer must see the very same prompt, so the template does not run again.
    Tokens(Vec<Token>),
}

/// From the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// Always the first.
    Hello {
        version: u32,
    },
    /// The processor's kernels, before any of them ran.
    Chose {
        rank: u32,
        name: String,
    },
    Loading {
        fraction: f32,
    },
    WarmingUp,
    Loaded(Facts),
    /// The model could not be made ready; the worker ends.
    LoadFailed(Fault),
    /// The prompt was understood: these tokens, of which so many need not be read again.
    Accepted {
        id: u64,
        prompt: Vec<Token>,
        cached: u32,
    },
    Reading {
        id: u64,
        done: u32,
        total: u32,
    },
    Wrote {
        id: u64,
        position: u32,
        token: Token,
        bytes: Vec<u8>,
    },
    Finished {
        id: u64,
        end: End,
    },
    Failed {
        id: u64,
        fault: Fault,
    },
    /// From a thread of its own: `steps` stands still while there is work only when the engine hangs.
    Heartbeat {
        steps: u64,
        working: bool,
    },
}

/// What is known of a loaded model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Tokens that one conversation can hold here.
    pub context: u32,
    /// Tokens that the model was trained to read.
    pub trained_context: u32,
    pub slots: u32,
    pub threads: u32,
    /// The processor's instruction set that was chosen: "cascadelake", "haswell", "x64", …
    pub variant: String,
    pub has_template: bool,
    pub parameters: u64,
    /// Memory that the worker holds, in bytes.
    pub resident_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    Stop,
    Length,
}

/// What the worker could not do; the server makes an `Error` of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Fault {
    InvalidModelFile(String),
    OutOfMemory(String),
    ContextTooLong {
        tokens: u64,
        limit: u64,
    },
    /// The template refused the conversation.
    Refused(String),
    Internal(String),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BadFrame {
    #[error("a frame of {0} bytes was announced; at most {LARGEST_FRAME} are accepted")]
    TooLong(usize),
    #[error("a frame could not be read: {0}")]
    Malformed(postcard::Error),
    #[error("a frame had {0} bytes too many")]
    Trailing(usize),
}

/// The message as the body of one frame.
pub(crate) fn encode(message: &impl Serialize) -> Result<Vec<u8>, BadFrame> {
    let body = postcard::to_stdvec(message).map_err(BadFrame::Malformed)?;
    if body.len() > LARGEST_FRAME { Err(BadFrame::TooLong(body.len())) } else { Ok(body) }
}

pub(crate) fn decode<M: DeserializeOwned>(body: &[u8]) -> Result<M, BadFrame> {
    match postcard::take_from_bytes(body).map_err(BadFrame::Malformed)? {
        (message, []) => Ok(message),
        (_, rest) => Err(BadFrame::Trailing(rest.len())),
    }
}

/// Sends one frame, whole, from a thread that may block.
pub(crate) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = encode(message).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    to.write_all(&[&length.to_be_bytes(), body.as_slice()].concat())
}

/// Waits for one frame on a thread that may block; `None` when the other side is gone.
pub(crate) fn receive<M: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > LARGEST_FRAME {
        return Err(io::Error::other(BadFrame::TooLong(length)));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    decode(&body).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn generate() -> Request {
        Request::Generate(Generate {
            id: 7,
            prompt: Prompt::Turns(vec![Turn { role: "user".into(), content: "♥".into() }]),
            answer: vec![1, -1, i32::MAX],
            sampler: Sampler::new(&steadfast_contract::chat::Sampling::default(), 3).unwrap(),
            max_tokens: Some(5),
        })
    }

    #[test]
    fn a_message_arrives_as_it_was_sent() {
        let mut wire = Vec::new();
        send(&mut wire, &generate()).unwrap();
        send(&mut wire, &Request::Exit).unwrap();
        let mut wire = wire.as_slice();
        assert_eq!(receive::<Request>(&mut wire).unwrap(), Some(generate()));
        assert_eq!(receive::<Request>(&mut wire).unwrap(), Some(Request::Exit));
        assert_eq!(receive::<Request>(&mut wire).unwrap(), None);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
        let announced = u32::try_from(LARGEST_FRAME + 1).unwrap().to_be_bytes();
        assert!(receive::<Request>(&mut announced.as_slice()).is_err());
        assert!(matches!(encode(&vec![0_u8; LARGEST_FRAME]), Err(BadFrame::TooLong(_))));
    }

    #[test]
    fn a_frame_that_was_cut_is_an_error_and_not_an_end() {
        let mut wire = Vec::new();
        send(&mut wire, &generate()).unwrap();
        wire.pop();
        assert!(receive::<Request>(&mut wire.as_slice()).is_err());
    }

    #[test]
    fn bytes_left_over_are_an_error() {
        let mut body = encode(&Request::Exit).unwrap();
        body.push(0);
        assert!(matches!(decode::<Request>(&body), Err(BadFrame::Trailing(1))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<Request>(&bytes);
            let _ = decode::<Reply>(&bytes);
            let _ = receive::<Reply>(&mut bytes.as_slice());
        }

        #[test]
        fn a_flipped_byte_never_panics(at in 0usize..60, to in any::<u8>()) {
            let mut body = encode(&generate()).unwrap();
            let at = at % body.len();
            body[at] = to;
            let _ = decode::<Request>(&body);
        }
    }
}
