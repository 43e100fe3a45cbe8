//! What a storm asks of the servers behind the gateway.

use std::time::Duration;

use async_nats::Subscriber;
use futures_util::StreamExt;
use slipstream_tests::{Http, Node, Stack};
use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::nats;

/// By when a session of Postgres that does nothing has told what it did: ten seconds, and some.
const TOLD: Duration = Duration::from_secs(12);
/// By when the broker has told of a consumer.
const ADVISED: Duration = Duration::from_millis(500);
/// The gateway's counter of pages that were read for replays.
const PAGES: &str = "slipstream_broker_replay_pages_total";

/// What the database of a deployment did, as its server counts. Asked over another database, so that the question does not count.
pub(super) struct Reads {
    connection: PgConnection,
    database: String,
    before: (f64, f64),
}

impl Reads {
    pub(super) async fn open(stack: &Stack) -> Self {
        let mut url = Url::parse(&stack.database_url).unwrap();
        let database = url.path().trim_start_matches('/').to_owned();
        url.set_path("/postgres");
        let connection = PgConnection::connect(url.as_str()).await.unwrap();
        let mut reads = Self { connection, database, before: (0.0, 0.0) };
        // Nothing counted means something only where a statement is.
        reads.before = reads.now().await;
        stack.sql("select count(*) from slipstream.event").await;
        let counted = async {
            while reads.now().await.0 <= reads.before.0 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(TOLD, counted).await.unwrap_or_else(|_| panic!("Postgres does not count statements"));
        reads
    }

    /// Counts from here on, once nobody uses the database: who has gone has told everything.
    pub(super) async fn begin(&mut self) {
        let users = "select count(*) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()";
        let gone = async {
            while sqlx::query_scalar::<_, i64>(users).bind(&self.database).fetch_one(&mut self.connection).await.unwrap() > 0 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(TOLD, gone).await.unwrap_or_else(|_| panic!("somebody still uses the database"));
        self.before = self.now().await;
    }

    /// Commits and rows since then, once everybody has told.
    pub(super) async fn since_begin(&mut self) -> (f64, f64) {
        sleep(TOLD).await;
        let now = self.now().await;
        (now.0 - self.before.0, now.1 - self.before.1)
    }

    async fn now(&mut self) -> (f64, f64) {
        let counts = "select xact_commit::float8, (tup_returned + tup_fetched)::float8 from pg_stat_database where datname = $1";
        sqlx::query_as(counts).bind(&self.database).fetch_one(&mut self.connection).await.unwrap()
    }
}

/// The consumers that are made on the broker, by its advisories.
pub(super) struct Consumers(Subscriber);

impl Consumers {
    pub(super) async fn watch(stack: &Stack) -> Self {
        let client = nats::client(&stack.nats).await;
        let advisories = client.subscribe("$JS.EVENT.ADVISORY.CONSUMER.CREATED.>").await.unwrap();
        client.flush().await.unwrap();
        Self(advisories)
    }

    pub(super) async fn begin(&mut self) {
        self.since_begin().await;
    }

    /// How many were made since this was last asked.
    pub(super) async fn since_begin(&mut self) -> f64 {
        let mut made = 0.0;
        while let Ok(Some(_)) = timeout(ADVISED, self.0.next()).await {
            made += 1.0;
        }
        made
    }
}

/// Pages that a gateway has read for replays since it started.
pub(super) async fn pages(gateway: &Node) -> f64 {
    let answer = Http::new(gateway.url(), None).get("/metrics").await;
    let lines = answer.text.lines().filter(|line| line.starts_with(PAGES));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(0.0, |all, pages| all + pages)
}
