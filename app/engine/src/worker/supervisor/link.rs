//! The server's end of the socket: frames to and from the child.

use std::{io, os::unix::net::UnixStream as StdUnixStream};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use steadfast::CancelToken;
use tokio::{
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::super::protocol::{BadFrame, LARGEST_FRAME, Reply, Request, decode, encode};

#[derive(Debug)]
pub(super) struct Link {
    replies: FramedRead<OwnedReadHalf, LengthDelimitedCodec>,
    requests: mpsc::Sender<Bytes>,
}

#[derive(Debug)]
pub(super) enum Unsent {
    /// The request is larger than a frame may be; the child never saw it.
    TooLarge,
    /// The child does not read any more.
    Stuck,
}

impl Link {
    pub(super) fn new(socket: StdUnixStream, token: &CancelToken) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(socket)?.into_split();
        let (requests, to_send) = mpsc::channel(REQUESTS_AHEAD);
        let _writer = token.spawn("write to the engine", write_all(write, to_send));
        Ok(Self { replies: FramedRead::new(read, codec()), requests })
    }

    /// Never waits.
    pub(super) fn send(&self, request: &Request) -> Result<(), Unsent> {
        let body = encode(request).map_err(|bad| match bad {
            BadFrame::TooLong(_) | BadFrame::Malformed(_) | BadFrame::Trailing(_) => Unsent::TooLarge,
        })?;
        self.requests.try_send(body.into()).map_err(|_| Unsent::Stuck)
    }

    /// The next reply, or `None` when the child is gone or talks nonsense. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Reply> {
        let body = self.replies.next().await?.ok()?;
        decode(&body).ok()
    }
}

/// Ends when the link is dropped or the child is gone.
async fn write_all(half: OwnedWriteHalf, mut to_send: mpsc::Receiver<Bytes>) {
    let mut frames = FramedWrite::new(half, codec());
    while let Some(body) = to_send.recv().await {
        if frames.send(body).await.is_err() {
            break;
        }
    }
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(LARGEST_FRAME).new_codec()
}

/// A stopped child does not read; what is meant for it waits here until that is noticed.
const REQUESTS_AHEAD: usize = 64;
