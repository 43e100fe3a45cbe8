//! The benches.

mod analytics;
mod archive;
mod burst;
mod edge;
mod export;
mod fanout;
mod growth;
mod history;
mod idle;
mod import;
mod ingest;
mod latency;
mod neighbour;
mod paced;
mod replay;
mod storm;

use std::time::Duration;

use slipstream_tests::{Setup, Stack};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::args::{Args, Bench};
use crate::filled::Filled;
use crate::report::{Section, progress};

/// The benches, and what they share.
#[derive(Default)]
pub(crate) struct Work {
    filled: Option<Filled>,
}

impl Work {
    /// Runs a bench; its tables.
    pub(crate) async fn run(&mut self, bench: Bench, args: &Args) -> Vec<Section> {
        match bench {
            Bench::Import => vec![import::run(args).await],
            Bench::Ingest => ingest::run(args).await,
            Bench::Latency => vec![latency::run(args).await],
            Bench::Fanout => fanout::run(args).await,
            Bench::Idle => vec![idle::run(args).await],
            Bench::Storm => vec![storm::run(args).await],
            Bench::Replay => vec![replay::run(args).await],
            Bench::Archive => archive::run(args, self.filled(args).await).await,
            Bench::History => history::run(args, self.filled(args).await).await,
            Bench::Analytics => analytics::run(args, self.filled(args).await).await,
            Bench::Export => vec![export::run(args, self.filled(args).await).await],
            Bench::All => Vec::new(),
        }
    }

    /// The large archive, filled when it is wanted first.
    async fn filled(&mut self, args: &Args) -> &Filled {
        if self.filled.is_none() {
            progress("filling the archive");
            self.filled = Some(Filled::new(stack(args, &[]).await, args.archive.archive_events, args.archive.archive_tenants).await);
        }
        self.filled.as_ref().unwrap()
    }
}

/// A deployment as it is shipped: a broker and a database that sync, and the default settings but for these.
async fn stack(args: &Args, settings: &[(&str, &str)]) -> Stack {
    let setup = Setup::default().own_postgres();
    let defaults = [("SLIPSTREAM_HEARTBEAT_MS", "15000"), ("SLIPSTREAM_DATABASE_CONNECTIONS_MAX", "10"), ("SLIPSTREAM_LOG", "warn")];
    let given = args.set.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let setup = defaults.into_iter().chain(settings.iter().copied()).chain(given).fold(setup, |setup, (name, value)| setup.env(name, value));
    let preload = args.preload.iter().map(|library| library.canonicalize().unwrap_or_else(|error| panic!("cannot preload {}: {error}", library.display())));
    preload.fold(setup, |setup, library| setup.env("LD_PRELOAD", library.to_str().unwrap())).start().await
}

/// The sequence at the end of the stream.
async fn end(stack: &Stack) -> u64 {
    stack.broker().await.stream_state(0).await.unwrap().last_seq
}

/// The archive's watermark, looked at directly.
struct Watermark(PgConnection);

impl Watermark {
    async fn open(stack: &Stack) -> Self {
        Self(PgConnection::connect(&stack.database_url).await.unwrap())
    }

    /// Through which sequence the archive is complete.
    async fn seq(&mut self) -> u64 {
        let seq: Option<i64> = sqlx::query_scalar("select max(seq) from slipstream.archive_watermark").fetch_one(&mut self.0).await.unwrap();
        seq.unwrap_or(0).unsigned_abs()
    }

    /// How many events the archive holds.
    async fn events(&mut self) -> u64 {
        let count: i64 = sqlx::query_scalar("select count(*) from slipstream.event").fetch_one(&mut self.0).await.unwrap();
        count.unsigned_abs()
    }

    /// In how many transactions the archive was written.
    async fn batches(&mut self) -> u64 {
        let count: i64 = sqlx::query_scalar("select count(distinct archived_at) from slipstream.ledger_batch").fetch_one(&mut self.0).await.unwrap();
        count.unsigned_abs()
    }

    /// Waits until the archive is complete through `seq`; when it was.
    async fn reach(&mut self, seq: u64, within: Duration) -> Instant {
        let deadline = Instant::now() + within;
        while self.seq().await < seq {
            assert!(Instant::now() < deadline, "the archive did not reach {seq} within {within:?}");
            sleep(Duration::from_millis(5)).await;
        }
        Instant::now()
    }
}

/// Events a second.
fn rate(events: usize, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}

/// Microseconds of processor time for each event.
fn per_event_us(seconds: f64, events: usize) -> f64 {
    seconds * 1e6 / events as f64
}
