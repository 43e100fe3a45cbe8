//! A deployment whose archive is filled, by the archiver's own transaction: what is measured on millions of events is measured on these.

use std::time::{Duration, Instant};

use bytes::Bytes;
use slipstream_store::archive::{Archive, Batch, Row};
use slipstream_store::{Config, Role, Store};
use slipstream_tests::Stack;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::corpus::Corpus;
use crate::report::progress;

/// Events of one batch: as many as an archiver takes that is behind.
const BATCH: u64 = 4_000;
/// Batches that are made ahead.
const AHEAD: usize = 2;
/// A stream that is no more: the broker holds nothing of what is archived.
const EPOCH: u64 = 1_600_000_000_000;
/// Parts of the filling that are told of.
const PARTS: u64 = 10;

/// The deployment, and how its archive was filled.
pub(crate) struct Filled {
    pub(crate) stack: Stack,
    pub(crate) corpus: Corpus,
    pub(crate) tenants: u16,
    /// Events of each part and how long it took, in order.
    pub(crate) parts: Vec<(u64, Duration)>,
    /// Bytes of payload in all.
    pub(crate) payload_bytes: u64,
}

impl Filled {
    /// Fills the archive of a new deployment.
    pub(crate) async fn new(stack: Stack, events: u64, tenants: u16) -> Self {
        let corpus = Corpus::new(events, tenants, OffsetDateTime::now_utc());
        let archive = archive(&stack.database_url).await;
        let mut filled = Self { stack, corpus, tenants, parts: Vec::new(), payload_bytes: 0 };
        filled.fill(&archive).await;
        progress("vacuum");
        let mut connection = PgConnection::connect(&filled.stack.database_url).await.unwrap();
        sqlx::raw_sql("vacuum (analyze)").execute(&mut connection).await.unwrap();
        filled
    }

    async fn fill(&mut self, archive: &Archive) {
        let (corpus, events) = (self.corpus.clone(), self.corpus.events());
        let (made, mut batches) = mpsc::channel(AHEAD);
        let making = tokio::task::spawn_blocking(move || {
            for from in (0..events).step_by(BATCH as usize) {
                if made.blocking_send(batch(&corpus, from..(from + BATCH).min(events))).is_err() {
                    return;
                }
            }
        });
        let (mut begun, mut done, part) = (Instant::now(), 0, (events / PARTS).max(1));
        while let Some(batch) = batches.recv().await {
            let (through, bytes) = (batch.through_seq, batch.rows.iter().map(|row| row.payload.len() as u64).sum::<u64>());
            let appended = archive.append(&batch).await.unwrap();
            assert_eq!(appended.inserted, batch.rows.len() as u64, "an event is not new");
            self.payload_bytes += bytes;
            if through - done >= part || through == events {
                self.parts.push((through - done, begun.elapsed()));
                progress(format_args!("{through} of {events} events are archived, {:.0}/s", (through - done) as f64 / begun.elapsed().as_secs_f64()));
                (begun, done) = (Instant::now(), through);
            }
        }
        making.await.unwrap();
    }

    /// A connection as the owner of the database.
    pub(crate) async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.stack.database_url).await.unwrap()
    }
}

/// The archive of a database, which nothing was archived in before.
pub(crate) async fn archive(database_url: &str) -> Archive {
    let archive = Archive::new(Store::connect(Config::new(database_url, Role::Archiver)).await.unwrap());
    archive.init_watermark(0, EPOCH, 0).await.unwrap();
    archive
}

/// The events `range` as the archiver's next batch.
pub(crate) fn batch(corpus: &Corpus, range: std::ops::Range<u64>) -> Batch {
    let row = |n: u64| {
        let event = corpus.event(n);
        let payload = Bytes::from(event.to_json());
        Row::new(n + 1, event, payload).unwrap()
    };
    let (expected_seq, through_seq) = (range.start, range.end);
    Batch { shard: 0, epoch: EPOCH, expected_seq, through_seq, rows: range.map(row).collect(), quarantined: Vec::new() }
}
