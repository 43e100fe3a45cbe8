//! The loading itself: reads, maps, cuts batches, sends, and counts.

mod send;
mod source;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use slipstream_event::Fault;
use tokio::io::AsyncRead;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::lanes::{Cut, Key, Lanes, Waiting};
use super::records::Record;
use super::{Format, Progress, Refusal, Summary};
use crate::client::{Client, Error};
use send::{Sent, send};
use source::Source;

/// How long an event may wait for others to share a request with.
const LINGER: Duration = Duration::from_millis(200);
/// Most bytes of one request. A fuller batch is sent in several.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// How to load.
#[derive(Clone, Debug)]
pub struct Options {
    /// Events a second; as fast as it goes when `None`.
    pub rate: Option<f64>,
    /// Most events of one request.
    pub batch: usize,
    /// Most requests at the same time.
    pub concurrency: usize,
    /// Records to read; all when `None`.
    pub limit: Option<u64>,
    /// Whether to stop at the first refused record.
    pub strict: bool,
}

/// Loads all records of `input`. What was loaded is in the summary even when it ends with an error.
///
/// # Errors
/// When the input cannot be read, when the server does not answer in time or takes nothing from this caller, on `shutdown`, or with `strict` on a refused record.
pub async fn load(
    client: &Client,
    format: Format,
    input: impl AsyncRead + Unpin,
    options: &Options,
    progress: &Progress,
    shutdown: &CancellationToken,
) -> (Summary, anyhow::Result<()>) {
    let began = Instant::now();
    let mut loader = Loader::new(client, format, options, progress);
    let result = loader.run(Source::new(input, options.rate), shutdown).await;
    loader.summary.finish(began.elapsed());
    (loader.summary, result)
}

struct Loader<'a> {
    client: &'a Client,
    format: Format,
    options: &'a Options,
    progress: &'a Progress,
    lanes: Lanes,
    summary: Summary,
    has_ended: bool,
    /// Why it ends early.
    failed: Option<anyhow::Error>,
}

impl<'a> Loader<'a> {
    fn new(client: &'a Client, format: Format, options: &'a Options, progress: &'a Progress) -> Self {
        // Paced events are there to be watched: they go as soon as their tenant's last request is answered.
        let linger = if options.rate.is_some() { Duration::ZERO } else { LINGER };
        let lanes = Lanes::new(Cut { events: options.batch, bytes: REQUEST_BYTES_MAX, linger });
        Self { client, format, options, progress, lanes, summary: Summary::default(), has_ended: false, failed: None }
    }

    async fn run(&mut self, mut source: Source<impl AsyncRead + Unpin>, shutdown: &CancellationToken) -> anyhow::Result<()> {
        let mut under_way = FuturesUnordered::new();
        let waiting_max = self.options.batch * self.options.concurrency * 4;
        loop {
            let is_full = self.lanes.len() >= waiting_max;
            while under_way.len() < self.options.concurrency
                && let Some((key, batch)) = self.lanes.take(Instant::now(), self.has_ended || is_full)
            {
                under_way.push(send(self.client, key, batch, self.options.strict, shutdown));
            }
            if self.has_ended && under_way.is_empty() {
                break;
            }
            let has_room = under_way.len() < self.options.concurrency;
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !self.has_ended => self.fail(Error::Interrupted.into()),
                Some((key, sent)) = under_way.next() => self.sent(&key, sent),
                record = source.next(), if !self.has_ended && !is_full => self.read(record, source.is_lines()),
                () = until(self.lanes.due()), if !self.has_ended && has_room => {}
            }
            self.progress.at(source.bytes(), &self.summary);
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    fn read(&mut self, record: std::io::Result<Option<Record>>, is_lines: bool) {
        self.summary.is_lines = is_lines;
        let record = match record {
            Ok(Some(record)) => record,
            Ok(None) => return self.has_ended = true,
            Err(error) => return self.fail(anyhow::Error::new(error).context("cannot read the input")),
        };
        self.summary.read += 1;
        let too_long = || format!("longer than {} bytes", super::records::RECORD_BYTES_MAX);
        let mapped = record.bytes.ok_or_else(too_long).and_then(|bytes| self.format.map(&bytes).map_err(|fault| reason(&fault)));
        match mapped {
            Ok(mapped) => {
                let key = self.client.tenant().cloned().or(mapped.tenant);
                self.lanes.push(key, Waiting { line: record.number, draft: mapped.draft }, Instant::now());
            }
            Err(reason) => self.refuse(vec![Refusal { line: record.number, reasons: vec![reason] }]),
        }
        self.has_ended |= self.options.limit.is_some_and(|limit| self.summary.read >= limit);
    }

    fn sent(&mut self, key: &Key, sent: Sent) {
        self.lanes.done(key);
        self.summary.accepted += sent.accepted;
        self.summary.duplicates += sent.duplicates;
        self.refuse(sent.refusals);
        if let Some(error) = sent.failed {
            let whose = key.as_ref().map(|tenant| format!("tenant {tenant}"));
            let error = anyhow::Error::new(error);
            self.fail(whose.map_or_else(|| anyhow::anyhow!("{error}"), |whose| anyhow::anyhow!("{whose}: {error}")));
        }
    }

    fn refuse(&mut self, refusals: Vec<Refusal>) {
        for refusal in refusals {
            self.summary.refuse(refusal);
            if self.options.strict {
                self.fail(anyhow::anyhow!("stopped at the first refused record"));
            }
        }
    }

    /// Reads and sends no more; what is under way is waited for.
    fn fail(&mut self, error: anyhow::Error) {
        self.has_ended = true;
        self.lanes.clear();
        self.failed.get_or_insert(error);
    }
}

/// Where a text stops being JSON no field can be named.
fn reason(fault: &Fault) -> String {
    if fault.code == "json_invalid" { format!("no JSON: {}", fault.message) } else { fault.to_string() }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
