//! HTTP/1.1 as cheap as it can be, so that what is measured is the server: requests are bytes made before, answers are looked at no more than needed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept.
pub(crate) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// The bytes of a `POST` of JSON.
pub(crate) fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The bytes of a request for a stream, from a cursor on when there is one.
pub(crate) fn stream(token: &str, cursor: Option<&str>) -> Vec<u8> {
    let resume = cursor.map(|cursor| format!("last-event-id: {cursor}\r\n")).unwrap_or_default();
    format!("GET /api/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n{resume}\r\n").into_bytes()
}

/// The part of `http://host:port` that one connects to.
pub(crate) fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: &str) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, buffer: Vec::with_capacity(64 * 1024) }
    }

    /// Sends a request and reads its answer, which must be 202.
    pub(crate) async fn accepted(&mut self, request: &[u8]) {
        self.socket.write_all(request).await.unwrap();
        self.buffer.clear();
        let length = loop {
            assert!(self.socket.read_buf(&mut self.buffer).await.unwrap() > 0, "the server closed the connection");
            if let Some(length) = answer_length(&self.buffer) {
                break length;
            }
        };
        while self.buffer.len() < length {
            assert!(self.socket.read_buf(&mut self.buffer).await.unwrap() > 0, "the server closed the connection");
        }
        assert!(self.buffer.starts_with(b"HTTP/1.1 202 "), "{}", String::from_utf8_lossy(&self.buffer));
    }
}

/// The length of head and body, once the head is whole. Panics on an answer without a length: ours have one.
fn answer_length(bytes: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).unwrap().to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    Some(head + 4 + length.unwrap_or_else(|| panic!("an answer without a length: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body() {
        assert_eq!(answer_length(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r"), None);
        assert_eq!(answer_length(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\n12"), Some(49));
    }
}
