//! A stream that keeps the cursors that it is given, for others to resume from.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http;

/// Longest time between two lines.
const SILENCE: Duration = Duration::from_secs(60);

/// Such a stream.
pub(crate) struct Probe {
    lines: BufReader<TcpStream>,
    cursors: Vec<String>,
}

impl Probe {
    /// Opens it and waits until it is ready.
    pub(crate) async fn open(address: &str, token: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(&http::stream(token, None)).await.unwrap();
        let mut probe = Self { lines: BufReader::with_capacity(256 * 1024, socket), cursors: Vec::new() };
        while probe.line().await.trim_end() != "event: ready" {}
        probe
    }

    /// Waits for so many events; the cursor before the first of them, and the one after each.
    pub(crate) async fn cursors(mut self, events: usize) -> Vec<String> {
        while self.cursors.len() < events + 1 {
            self.line().await;
        }
        self.cursors
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let length =
            timeout(SILENCE, self.lines.read_line(&mut line)).await.unwrap_or_else(|_| panic!("nothing came after {} ids", self.cursors.len())).unwrap();
        assert!(length > 0, "the stream ended after {} ids", self.cursors.len());
        if let Some(cursor) = line.strip_prefix("id: ") {
            self.cursors.push(cursor.trim_end().to_owned());
        }
        line
    }
}
