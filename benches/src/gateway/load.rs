//! A client on one kept connection. It reads to the end of each answer and refuses to count one that is not whole.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::peers::Peer;

/// How the answer is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Streamed,
    Whole,
}

#[derive(Debug)]
pub(super) struct Caller {
    line: TcpStream,
    request: Vec<u8>,
    read: Vec<u8>,
    answer: Answer,
}

impl Caller {
    /// `from` is the last part of the local address: one address has ports for some 28,000 connections.
    pub(super) async fn connect(peer: &Peer, model: &str, answer: Answer, from: u8) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, from.max(1)], 0)))?;
        let line = socket.connect(peer.address).await?;
        line.set_nodelay(true)?;
        let streams = answer == Answer::Streamed;
        let body = format!(
            "{{\"model\":\"{}{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Tell me about the lighthouse at the end of the long pier, and what its keeper does at night.\"}}],\"stream\":{streams}}}",
            peer.prefix
        );
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
            peer.address,
            body.len()
        );
        Ok(Self { line, request: request.into_bytes(), read: Vec::with_capacity(4 << 10), answer })
    }

    /// One question and its whole answer.
    pub(super) async fn ask(&mut self) -> io::Result<()> {
        self.line.write_all(&self.request).await?;
        self.read.clear();
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        if !self.read.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(String::from_utf8_lossy(&self.read).into_owned()));
        }
        let length = body_length(&self.read[..head]);
        if length > 0 {
            while self.read.len() < head + length {
                self.more().await?;
            }
        } else {
            while !self.read.ends_with(b"0\r\n\r\n") {
                self.more().await?;
            }
        }
        let says = match self.answer {
            Answer::Streamed => &b"[DONE]"[..],
            Answer::Whole => b"lighthouse",
        };
        let whole = self.read.windows(says.len()).any(|window| window == says);
        if whole { Ok(()) } else { Err(io::Error::other("the answer is not whole")) }
    }

    /// Asks, and comes back at the first word.
    pub(super) async fn begin(&mut self) -> io::Result<()> {
        self.line.write_all(&self.request).await?;
        self.read.clear();
        while !self.read.windows(11).any(|window| window == b"lighthouse ") {
            self.more().await?;
            if !self.read.starts_with(b"HTTP/1.1 200") {
                return Err(io::Error::other(String::from_utf8_lossy(&self.read).into_owned()));
            }
        }
        Ok(())
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.line.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// What every request shows. LiteLLM insists on one that cannot be guessed; nobody else looks.
pub(super) const KEY: &str = "sk-7c1f0b9e4d2a48c6b5e3910fa7d86e52";

/// The value of `content-length`, 0 without one.
pub(super) fn body_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}
