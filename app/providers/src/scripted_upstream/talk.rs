//! One line to one client: reads requests, writes answers, and notices at once when the client has left.

use std::{io, time::Duration};

use steadfast::Clock;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    request::{Request, content_length},
    script::Framing,
    voice::Event,
};

#[derive(Debug)]
pub(super) struct Talk {
    socket: TcpStream,
    clock: Clock,
    /// Read and not yet used.
    read: Vec<u8>,
    framing: Framing,
    said: Said,
}

/// What a client was told.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) words: usize,
    pub(super) text: String,
    /// Up to and with the reason for the end: whoever shows less shows a part.
    pub(super) whole: bool,
}

impl Talk {
    pub(super) fn new(socket: TcpStream, clock: Clock) -> Self {
        Self { socket, clock, read: Vec::new(), framing: Framing::Chunked, said: Said::default() }
    }

    /// `None` when the client has closed between two requests.
    pub(super) async fn next_request(&mut self) -> io::Result<Option<Request>> {
        let end_of_head = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.socket.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end_of_head]).into_owned();
        let end = end_of_head + 4 + content_length(&head);
        while self.read.len() < end {
            if self.socket.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
        let request = Request::parse(&head, &self.read[end_of_head + 4..end]);
        self.read.drain(..end);
        request.map(Some).ok_or_else(|| io::Error::other("not a request"))
    }

    pub(super) async fn reply(&mut self, status: u16, json: &str) -> io::Result<()> {
        self.reply_with(status, "content-type: application/json\r\n", json).await
    }

    /// `headers`: whole lines.
    pub(super) async fn reply_with(&mut self, status: u16, headers: &str, body: &str) -> io::Result<()> {
        let head = format!("HTTP/1.1 {status} Scripted\r\n{headers}content-length: {}\r\n\r\n", body.len());
        self.write(&(head + body)).await
    }

    /// A body that claims to be longer than it is.
    pub(super) async fn body_cut(&mut self, body: &str, claimed: usize) -> io::Result<()> {
        self.write(&format!("{OK}content-type: application/json\r\ncontent-length: {claimed}\r\n\r\n{body}")).await
    }

    /// A body without a length: it ends with the connection.
    pub(super) async fn body_until_close(&mut self, body: &str) -> io::Result<()> {
        self.write(&format!("{OK}content-type: application/json\r\nconnection: close\r\n\r\n{body}")).await
    }

    pub(super) async fn begin_stream(&mut self, framing: Framing) -> io::Result<()> {
        self.framing = framing;
        let frames = match framing {
            Framing::Chunked | Framing::Dripping => "transfer-encoding: chunked",
            Framing::UntilClose => "connection: close",
        };
        self.write(&format!("{OK}content-type: text/event-stream\r\n{frames}\r\n\r\n")).await
    }

    pub(super) async fn event(&mut self, event: &Event) -> io::Result<()> {
        let name = event.name.map_or_else(String::new, |name| format!("event: {name}\n"));
        self.line(&format!("{name}data: {}\n\n", event.data)).await
    }

    /// An event that says a word.
    pub(super) async fn word(&mut self, event: &Event, word: &str) -> io::Result<()> {
        self.event(event).await?;
        self.note(word, 1);
        Ok(())
    }

    /// Whatever it is, as one chunk.
    pub(super) async fn line(&mut self, text: &str) -> io::Result<()> {
        match self.framing {
            Framing::Chunked => self.write(&format!("{:x}\r\n{text}\r\n", text.len())).await,
            Framing::UntilClose => self.write(text).await,
            Framing::Dripping => self.drip(text.as_bytes()).await,
        }
    }

    pub(super) async fn end_chunks(&mut self) -> io::Result<()> {
        self.write("0\r\n\r\n").await
    }

    /// Notes what was said.
    pub(super) fn note(&mut self, text: &str, words: usize) {
        self.said.words += words;
        self.said.text.push_str(text);
    }

    /// The answer has come to its own end.
    pub(super) fn note_end(&mut self) {
        self.said.whole = true;
    }

    /// How many words were said since the last [`Talk::take_said`].
    pub(super) fn words(&self) -> usize {
        self.said.words
    }

    pub(super) fn take_said(&mut self) -> Said {
        std::mem::take(&mut self.said)
    }

    /// Waits, and fails when the client leaves meanwhile.
    pub(super) async fn wait(&mut self, time: Duration) -> io::Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        let clock = self.clock.clone();
        tokio::select! {
            () = clock.sleep(time) => Ok(()),
            left = self.client_left() => left,
        }
    }

    /// Never answers; ends when the client has had enough.
    pub(super) async fn be_silent(&mut self) -> io::Result<()> {
        self.client_left().await
    }

    /// Ends the line as a crashed host does.
    pub(super) fn reset(&mut self) -> io::Result<()> {
        self.socket.set_zero_linger()
    }

    /// 200 chunks of one byte a second.
    async fn drip(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            self.socket.write_all(&[b'1', b'\r', b'\n', *byte, b'\r', b'\n']).await?;
            self.wait(Duration::from_millis(5)).await?;
        }
        Ok(())
    }

    /// Waits for the end of the line; what the client says before that is kept.
    async fn client_left(&mut self) -> io::Result<()> {
        while self.socket.read_buf(&mut self.read).await? > 0 {}
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.socket.write_all(text.as_bytes()).await
    }
}

const OK: &str = "HTTP/1.1 200 Scripted\r\n";
