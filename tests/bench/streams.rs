//! Many open streams on plain sockets, read by one thread of their own.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::machine::now_ns;

/// Longest time that opening one stream may take.
const OPEN: Duration = Duration::from_secs(20);
/// Bytes that are read at once.
const READ: usize = 4 * 1024;
/// What stands before a serial number.
const MARK: &[u8] = br#""entityId":"n-"#;
/// Digits of a serial number.
const DIGITS: usize = 6;

/// An open stream, past its `ready`.
pub(crate) struct Stream {
    socket: TcpStream,
    scan: Scan,
}

/// When a stream showed an event.
pub(crate) struct Seen {
    /// The event.
    pub(crate) serial: usize,
    /// Nanoseconds since 1970.
    pub(crate) at_ns: u64,
}

/// What a thread of readers saw.
pub(crate) struct Read {
    /// Every event on every stream.
    pub(crate) seen: Vec<Seen>,
    /// All bytes that came while the events came.
    pub(crate) bytes: u64,
}

/// A thread that reads streams.
pub(crate) struct Readers(std::thread::JoinHandle<Read>);

impl Stream {
    /// Opens a stream with these bytes and reads until `until` came.
    pub(crate) async fn open(address: &str, request: &[u8], until: &[u8]) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request).await.unwrap();
        let mut head = Vec::new();
        let opened = async {
            while memchr::memmem::find(&head, until).is_none() {
                assert!(socket.read_buf(&mut head).await.unwrap() > 0, "the stream ended: {}", String::from_utf8_lossy(&head));
            }
        };
        timeout(OPEN, opened).await.unwrap_or_else(|_| panic!("a stream was not ready in time"));
        Self { socket, scan: Scan::default() }
    }

    /// Opens one stream for each request.
    pub(crate) async fn open_all(address: &str, requests: &[Vec<u8>], until: &[u8]) -> Vec<Self> {
        let mut streams = Vec::with_capacity(requests.len());
        for request in requests {
            streams.push(Self::open(address, request, until).await);
        }
        streams
    }

    /// Reads until the event with the last serial number came, or the stream ended.
    async fn read(mut self, last: usize, read: &mut Read) {
        let mut chunk = [0; READ];
        loop {
            let length = self.socket.read(&mut chunk).await.unwrap_or(0);
            let at_ns = now_ns();
            let mut highest = None;
            self.scan.push(&chunk[..length], |serial| {
                highest = Some(serial);
                read.seen.push(Seen { serial, at_ns });
            });
            read.bytes += length as u64;
            if length == 0 || highest == Some(last) {
                return;
            }
        }
    }
}

impl Readers {
    /// Opens the streams on a thread of their own, and returns when all are open. They are read until each has shown the event `last`, or `within` is over.
    pub(crate) async fn start(address: String, requests: Vec<Vec<u8>>, until: &'static [u8], last: usize, within: Duration) -> Self {
        let (opened, is_open) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let streams = Stream::open_all(&address, &requests, until).await;
                opened.send(()).unwrap_or_default();
                read_all(streams, last, within).await
            })
        });
        is_open.await.unwrap_or_else(|_| panic!("the streams could not be opened"));
        Self(thread)
    }

    /// Waits for their end.
    pub(crate) async fn finish(self) -> Read {
        tokio::task::spawn_blocking(|| self.0.join().unwrap()).await.unwrap()
    }
}

async fn read_all(streams: Vec<Stream>, last: usize, within: Duration) -> Read {
    let mut tasks = JoinSet::new();
    for stream in streams {
        tasks.spawn(async move {
            let mut read = Read { seen: Vec::with_capacity(last + 1), bytes: 0 };
            // What did not come in time is missing from the count.
            drop(timeout(within, stream.read(last, &mut read)).await);
            read
        });
    }
    let mut all = Read { seen: Vec::new(), bytes: 0 };
    while let Some(read) = tasks.join_next().await {
        let read = read.unwrap();
        all.seen.extend(read.seen);
        all.bytes += read.bytes;
    }
    all
}

/// Finds serial numbers in a sequence of chunks that are cut anywhere.
#[derive(Default)]
struct Scan {
    rest: Vec<u8>,
}

impl Scan {
    fn push(&mut self, chunk: &[u8], mut found: impl FnMut(usize)) {
        self.rest.extend_from_slice(chunk);
        let mut from = 0;
        while let Some(at) = memchr::memmem::find(&self.rest[from..], MARK) {
            let digits = from + at + MARK.len();
            let Some(serial) = self.rest.get(digits..digits + DIGITS) else { break };
            from = digits + DIGITS;
            if let Some(serial) = std::str::from_utf8(serial).ok().and_then(|text| text.parse().ok()) {
                found(serial);
            }
        }
        // The longest beginning of a mark that the next chunk may complete.
        let keep = self.rest.len().saturating_sub(MARK.len() + DIGITS).max(from);
        self.rest.drain(..keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_found_wherever_the_chunks_are_cut() {
        let text = br#"id: x\ndata: {"entityId":"n-000041","action":"updated"}\n\ndata: {"entityId":"n-000042"}"#;
        for cut in 0..text.len() {
            let (mut scan, mut found) = (Scan::default(), Vec::new());
            scan.push(&text[..cut], |serial| found.push(serial));
            scan.push(&text[cut..], |serial| found.push(serial));
            assert_eq!(found, [41, 42], "cut at {cut}");
        }
    }
}
