//! The input: read in chunks, given out record by record, at the pace that was asked for.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep_until};

use crate::commands::import::records::{Record, Splitter};

/// What is read at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// How late a record may be for the pace to be kept all the same: longer than a timer's grain.
const CATCH_UP: Duration = Duration::from_millis(100);

/// An input of records.
pub(super) struct Source<R> {
    input: R,
    splitter: Splitter,
    records: VecDeque<Record>,
    chunk: Vec<u8>,
    has_ended: bool,
    bytes: u64,
    pace: Option<Duration>,
    due: Instant,
}

impl<R: AsyncRead + Unpin> Source<R> {
    /// Gives out at most `rate` records a second.
    pub(super) fn new(input: R, rate: Option<f64>) -> Self {
        Self {
            input,
            splitter: Splitter::new(),
            records: VecDeque::new(),
            chunk: vec![0; CHUNK_BYTES],
            has_ended: false,
            bytes: 0,
            pace: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            due: Instant::now(),
        }
    }

    /// The next record; `None` at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> io::Result<Option<Record>> {
        if self.pace.is_some() {
            sleep_until(self.due).await;
        }
        while self.records.is_empty() && !self.has_ended {
            let read = self.input.read(&mut self.chunk).await?;
            self.bytes += read as u64;
            self.splitter.push(&self.chunk[..read], &mut self.records);
            if read == 0 {
                self.has_ended = true;
                self.splitter.end(&mut self.records);
            }
        }
        if let Some(pace) = self.pace {
            // The next is due a step later, not a step after we came round to this one; after a long stop the lost time is not made up.
            let now = Instant::now();
            self.due = (self.due + pace).max(now.checked_sub(CATCH_UP).unwrap_or(now));
        }
        Ok(self.records.pop_front())
    }

    /// How many bytes have been read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the records are lines.
    pub(super) fn is_lines(&self) -> bool {
        self.splitter.is_lines()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keeps_its_pace() {
        let input = b"1\n2\n3\n4\n5\n6\n".as_slice();
        let mut source = Source::new(input, Some(4.0));
        let began = Instant::now();
        let mut times = Vec::new();
        while let Some(record) = source.next().await.unwrap() {
            times.push((record.number, began.elapsed().as_millis()));
        }
        assert_eq!(times, [(1, 0), (2, 250), (3, 500), (4, 750), (5, 1_000), (6, 1_250)]);
        assert_eq!(source.bytes(), 12);
    }
}
