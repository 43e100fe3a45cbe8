//! The database alone: the archived rows once more, by one binary COPY into a table of the same shape.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, PgPool};

use crate::machine::Cpu;

/// Columns, constraints, indexes and partitioning of the archive, in one partition.
const TABLE: [&str; 2] = [
    "create table slipstream.bench_event (like slipstream.event including all) partition by range (occurred_at)",
    "create table slipstream.bench_event_all partition of slipstream.bench_event default",
];

/// What was done in which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Rows.
    pub(crate) rows: u64,
    /// From the first to the commit.
    pub(crate) took: Duration,
    /// Processor seconds of the database.
    pub(crate) database_seconds: f64,
}

/// Copies all rows of the archive. `postgres` is the server's process.
pub(crate) async fn copy(database_url: &str, postgres: u32) -> Done {
    let pool = PgPool::connect(database_url).await.unwrap();
    for statement in TABLE {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    }
    let rows: Vec<_> = pool.copy_out_raw("copy (select * from slipstream.event) to stdout (format binary)").await.unwrap().try_collect().await.unwrap();
    let cpu = Cpu::of([postgres]);
    let begun = Instant::now();
    let mut copy = pool.copy_in_raw("copy slipstream.bench_event from stdin (format binary)").await.unwrap();
    // As large as a client would send them: a message per row is not what is to be measured.
    for chunk in rows.chunks(256) {
        copy.send(chunk.concat()).await.unwrap();
    }
    let rows = copy.finish().await.unwrap();
    let took = begun.elapsed();
    let database_seconds = cpu.seconds()[0];
    sqlx::raw_sql(AssertSqlSafe("drop table slipstream.bench_event")).execute(&pool).await.unwrap();
    pool.close().await;
    Done { rows, took, database_seconds }
}
