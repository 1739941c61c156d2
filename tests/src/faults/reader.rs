//! A client that reads an answer off the bare socket, because a library would hide what matters here: whether the
//! body ended as HTTP says it must, was cut, or was reset.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use steadfast::Clock;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::received::{End, Received};

/// What is asked, and for how long its answer is awaited.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub path: &'static str,
    pub body: Value,
    /// Whole header lines.
    pub headers: String,
    pub patience: Duration,
    pub leave: Leave,
}

/// When the client leaves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Never,
    AfterWords(usize),
    After(Duration),
}

impl Question {
    /// Asks and reads to the end, whatever that is.
    pub(super) async fn ask(&self, house: SocketAddr) -> Received {
        let clock = Clock::real();
        let mut reading = Reading { received: Received::default(), begun: clock.now(), body: Body::Head, raw: vec![] };
        let limit = match self.leave {
            Leave::After(time) => time,
            Leave::Never | Leave::AfterWords(_) => self.patience,
        };
        let end = match tokio::time::timeout(limit, self.exchange(house, &mut reading, &clock)).await {
            Ok(end) => end,
            Err(_) if matches!(self.leave, Leave::After(_)) => End::Left,
            Err(_) => End::GaveUp,
        };
        // The socket fell with the future above: this is the moment of leaving.
        reading.received.ended_ms = clock.unix_ms();
        reading.received.took = clock.now() - reading.begun;
        reading.received.end = end;
        reading.received
    }

    async fn exchange(&self, house: SocketAddr, reading: &mut Reading, clock: &Clock) -> End {
        let Ok(mut socket) = TcpStream::connect(house).await else { return End::Refused };
        let body = self.body.to_string();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {house}\r\ncontent-type: application/json\r\n{}content-length: {}\r\n\r\n",
            self.path,
            self.headers,
            body.len()
        );
        if socket.write_all((head + &body).as_bytes()).await.is_err() {
            return End::Reset;
        }
        let mut buffer = vec![0; 16 << 10];
        loop {
            match socket.read(&mut buffer).await {
                Ok(0) => return if reading.ends_with_the_line() { End::Clean } else { End::Cut },
                Ok(count) => reading.take(&buffer[..count], clock),
                Err(_) => return End::Reset,
            }
            if reading.body == Body::Over {
                return End::Clean;
            }
            if let Leave::AfterWords(words) = self.leave
                && reading.received.words() >= words
            {
                return End::Left;
            }
        }
    }
}

struct Reading {
    received: Received,
    begun: Instant,
    body: Body,
    raw: Vec<u8>,
}

/// Where in the reply the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Head,
    /// So many bytes are left.
    Sized(usize),
    Chunked,
    UntilClose,
    Over,
}

impl Reading {
    fn ends_with_the_line(&self) -> bool {
        matches!(self.body, Body::UntilClose | Body::Over)
    }

    fn take(&mut self, bytes: &[u8], clock: &Clock) {
        let at = clock.now() - self.begun;
        self.raw.extend_from_slice(bytes);
        if self.body == Body::Head && !self.take_head() {
            return;
        }
        match self.body {
            Body::Head | Body::Over => {}
            Body::UntilClose => {
                let rest = std::mem::take(&mut self.raw);
                self.received.take(&rest, at);
            }
            Body::Sized(left) => {
                let rest = std::mem::take(&mut self.raw);
                self.received.take(&rest, at);
                let left = left.saturating_sub(rest.len());
                self.body = if left == 0 { Body::Over } else { Body::Sized(left) };
            }
            Body::Chunked => while self.take_chunk(at) {},
        }
    }

    /// `false` while the head is not whole.
    fn take_head(&mut self) -> bool {
        let Some(end) = self.raw.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(&self.raw[..end]).to_ascii_lowercase();
        self.raw.drain(..end + 4);
        self.received.take_head(&head);
        let length = self.received.header("content-length").and_then(|length| length.parse().ok());
        self.body = match length {
            Some(0) => Body::Over,
            Some(length) => Body::Sized(length),
            None if self.received.header("transfer-encoding") == Some("chunked") => Body::Chunked,
            None => Body::UntilClose,
        };
        true
    }

    /// `false` when no whole chunk is left.
    fn take_chunk(&mut self, at: Duration) -> bool {
        let Some(line) = self.raw.windows(2).position(|two| two == b"\r\n") else { return false };
        let size =
            std::str::from_utf8(&self.raw[..line]).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let Some(size) = size else {
            self.body = Body::UntilClose;
            return false;
        };
        if self.raw.len() < line + 2 + size + 2 {
            return false;
        }
        let chunk: Vec<u8> = self.raw.drain(..line + 2 + size + 2).skip(line + 2).take(size).collect();
        if size == 0 {
            self.body = Body::Over;
            return false;
        }
        self.received.take(&chunk, at);
        true
    }
}
