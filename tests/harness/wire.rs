//! HTTP/1 on a bare socket, for what ordinary clients do not do, and for very many streams.

use std::collections::VecDeque;
use std::io;

use slipstream_fuzz::sse::{Block, Parser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Bytes that are read at once.
const READ_BYTES: usize = 8 * 1024;

/// A connection that sends what it is told.
#[derive(Debug)]
pub struct Wire {
    socket: TcpStream,
    /// What came and was not looked at yet.
    unread: Vec<u8>,
}

/// The status line and headers of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// Status.
    pub status: u16,
    /// All of it.
    pub text: String,
}

/// The body of an open stream.
#[derive(Debug)]
pub struct WireStream {
    wire: Wire,
    body: Body,
    parser: Parser,
    blocks: VecDeque<Block>,
}

impl Wire {
    /// Connects to `http://host:port`.
    ///
    /// # Errors
    /// When nobody is there.
    pub async fn connect(url: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(url.trim_start_matches("http://")).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, unread: Vec::new() })
    }

    /// Connects with so small a receive buffer that the server notices soon when nobody reads.
    pub async fn connect_narrow(url: &str, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(bytes).unwrap();
        Self { socket: socket.connect(url.trim_start_matches("http://").parse().unwrap()).await.unwrap(), unread: Vec::new() }
    }

    /// Sends these bytes.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref()).await
    }

    /// Asks for the stream, and reads the head of the answer. `version` is `1.0` or `1.1`; `query` begins with `?` or is empty.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn open(mut self, version: &str, query: &str, token: &str, last_id: Option<&str>) -> io::Result<(Head, WireStream)> {
        let place = last_id.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        self.send(format!("GET /api/events{query} HTTP/{version}\r\nhost: x\r\nauthorization: Bearer {token}\r\n{place}\r\n")).await?;
        let head = self.head().await?;
        let stream = self.into_stream(&head);
        Ok((head, stream))
    }

    /// Reads the head of the next answer.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn head(&mut self) -> io::Result<Head> {
        loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.unread.drain(..at + 4).collect::<Vec<_>>()).into_owned();
                let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
                return Ok(Head { status: status.ok_or_else(|| io::Error::other(text.clone()))?, text });
            }
            self.read().await?;
        }
    }

    /// Reads the body of an answer that says how long it is.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn body(&mut self, head: &Head) -> io::Result<String> {
        let length: usize = head.header("content-length").unwrap_or_else(|| panic!("no length in {head:?}")).parse().unwrap();
        while self.unread.len() < length {
            self.read().await?;
        }
        Ok(String::from_utf8_lossy(&self.unread.drain(..length).collect::<Vec<_>>()).into_owned())
    }

    /// Reads what comes until the server closes, and gives all of it.
    pub async fn to_end(mut self) -> String {
        while self.read().await.is_ok() {}
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// What follows as a stream.
    pub fn into_stream(self, head: &Head) -> WireStream {
        let is_chunked = head.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let body = if is_chunked { Body::Chunked { left: 0, line: Vec::new() } } else { Body::Plain };
        WireStream { wire: self, body, parser: Parser::default(), blocks: VecDeque::new() }
    }

    async fn read(&mut self) -> io::Result<()> {
        self.unread.reserve(READ_BYTES);
        match self.socket.read_buf(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Head {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.text.lines().filter_map(|line| line.split_once(": ")).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

impl WireStream {
    /// The next block; `None` when the stream has ended, or its connection broke.
    pub async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some(block) = self.blocks.pop_front() {
                return Some(block);
            }
            let text = self.body.feed(&std::mem::take(&mut self.wire.unread));
            self.blocks.extend(self.parser.feed(&text));
            if self.blocks.is_empty() {
                self.wire.read().await.ok()?;
            }
        }
    }

    /// Reads on to a block for which this holds.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Block) -> bool) -> Block {
        let found = async {
            while let Some(block) = self.next().await {
                if holds(&block) {
                    return block;
                }
            }
            panic!("the stream ended before {what}")
        };
        tokio::time::timeout(crate::PATIENCE, found).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
    }

    /// Reads on to the block of this name.
    pub async fn until_control(&mut self, name: &str) -> Block {
        self.until(name, |block| block.event.as_deref() == Some(name)).await
    }

    /// Sends further bytes on the connection.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.wire.send(bytes).await
    }
}

/// How a body is framed.
#[derive(Debug)]
enum Body {
    /// It ends with the connection.
    Plain,
    /// In pieces, each after a line with its length.
    Chunked { left: usize, line: Vec<u8> },
}

impl Body {
    /// The content in these bytes. What stands behind a chunk, before the next length, is passed over.
    fn feed(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let Self::Chunked { left, line } = self else { return bytes.to_vec() };
        let mut content = Vec::with_capacity(bytes.len());
        while let Some(&byte) = bytes.first() {
            if *left > 0 {
                let (now, later) = bytes.split_at(bytes.len().min(*left));
                content.extend_from_slice(now);
                *left -= now.len();
                bytes = later;
                continue;
            }
            bytes = &bytes[1..];
            match byte {
                b'\r' => {}
                b'\n' if line.is_empty() => {}
                b'\n' => *left = usize::from_str_radix(&String::from_utf8_lossy(&std::mem::take(line)), 16).unwrap_or_default(),
                _ => line.push(byte),
            }
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_wherever_the_bytes_are_cut() {
        let text = b"5\r\nhello\r\n1\r\n,\r\nA\r\n big\nworld\r\n0\r\n\r\n";
        for cut in 0..text.len() {
            let mut body = Body::Chunked { left: 0, line: Vec::new() };
            let content = [body.feed(&text[..cut]), body.feed(&text[cut..])].concat();
            assert_eq!(String::from_utf8_lossy(&content), "hello, big\nworld", "cut at {cut}");
        }
    }
}
