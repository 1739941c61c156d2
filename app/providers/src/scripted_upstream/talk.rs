//! One line to one client: reads requests, writes answers, and notices at once when the client has left.

use std::{io, time::Duration};

use steadfast::Clock;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::request::{Request, content_length};

#[derive(Debug)]
pub(super) struct Talk {
    socket: TcpStream,
    clock: Clock,
    /// Read and not yet used.
    read: Vec<u8>,
    words_sent: usize,
}

impl Talk {
    pub(super) fn new(socket: TcpStream, clock: Clock) -> Self {
        Self { socket, clock, read: Vec::new(), words_sent: 0 }
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

    pub(super) async fn begin_stream(&mut self) -> io::Result<()> {
        self.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await
    }

    /// One `data:` line as one chunk.
    pub(super) async fn event(&mut self, data: &str) -> io::Result<()> {
        let event = format!("data: {data}\n\n");
        self.write(&format!("{:x}\r\n{event}\r\n", event.len())).await
    }

    pub(super) async fn word(&mut self, data: &str) -> io::Result<()> {
        self.event(data).await?;
        self.words_sent += 1;
        Ok(())
    }

    /// The clean end of a stream, as HTTP sees it.
    pub(super) async fn end_stream(&mut self) -> io::Result<()> {
        self.write("0\r\n\r\n").await
    }

    /// Waits, and fails when the client leaves meanwhile.
    pub(super) async fn wait(&mut self, time: Duration) -> io::Result<()> {
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

    pub(super) fn take_words_sent(&mut self) -> usize {
        std::mem::take(&mut self.words_sent)
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
