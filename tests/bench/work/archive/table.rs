//! A table like the archive's, and rows for it that the archive holds.

use std::time::Instant;

use bytes::Bytes;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnection, PgPoolCopyExt};
use sqlx::{AssertSqlSafe, Connection, PgPool};

use crate::filled::Filled;
use crate::machine::Cpu;

/// Rows of one transaction, as many as an archiver takes that is behind.
pub(super) const BATCH: usize = 4_000;
/// Rows that are sent at once.
const CHUNK: usize = 256;
/// What a stream of rows in COPY's binary form begins and ends with.
const HEAD: usize = 19;
const END: usize = 2;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One COPY of all, one commit.
    Floor,
    /// COPY into the table, batch by batch: rows that are known to be new.
    Copy,
    /// COPY into a table of the session, and from there what is new.
    Staged,
    /// Arrays of all columns, and of them what is new.
    Unnest,
}

/// The table is made for each writing, and its rows are kept beside it.
pub(super) struct Table {
    pool: PgPool,
    names: String,
    arrays: String,
    /// The rows as COPY has them, batch by batch, each as it is sent.
    batches: Vec<Vec<Bytes>>,
    rows: usize,
    postgres: u32,
}

impl Table {
    /// Takes the first rows of the archive.
    pub(super) async fn new(filled: &Filled, rows: usize) -> Self {
        let pool = PgPool::connect(&filled.stack.database_url).await.unwrap();
        let columns = "select attname::text, format_type(atttypid, null) from pg_attribute \
                       where attrelid = 'slipstream.event'::regclass and attnum > 0 and not attisdropped order by attnum";
        let columns: Vec<(String, String)> = sqlx::query_as(columns).fetch_all(&pool).await.unwrap();
        let names = columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let arrays = columns.iter().map(|(name, of)| format!("array_agg({name})::{of}[] as {name}")).collect::<Vec<_>>().join(", ");
        let source = format!(
            "create table slipstream.bench_source as select row_number() over () as n, {names} from (select * from slipstream.event limit {rows}) as e; \
             create index on slipstream.bench_source (n); analyze slipstream.bench_source"
        );
        sqlx::raw_sql(AssertSqlSafe(source)).execute(&pool).await.unwrap();
        let mut batches = Vec::new();
        for from in (0..rows).step_by(BATCH) {
            let one = format!("copy (select {names} {}) to stdout (format binary)", source_of(from));
            let parts: Vec<Bytes> = pool.copy_out_raw(&one).await.unwrap().try_collect().await.unwrap();
            batches.push(parts.chunks(CHUNK).map(|parts| parts.concat().into()).collect());
        }
        Self { pool, names, arrays, batches, rows, postgres: filled.stack.cluster.server.pid() }
    }

    /// Leaves nothing behind.
    pub(super) async fn drop(self) {
        sqlx::raw_sql("drop table slipstream.bench_source").execute(&self.pool).await.unwrap();
        self.pool.close().await;
    }

    /// Writes all rows into a new table, which `change` may change before: seconds, and those of the database's processor.
    pub(super) async fn write(&self, way: Way, change: Option<&str>) -> (f64, f64) {
        let make = "create table slipstream.bench_event (like slipstream.event including all) partition by range (occurred_at); \
                    create table slipstream.bench_event_all partition of slipstream.bench_event default; \
                    create temp table if not exists staged (like slipstream.event including defaults)";
        let mut connection = self.pool.acquire().await.unwrap();
        sqlx::raw_sql(make).execute(&mut *connection).await.unwrap();
        if let Some(statement) = change {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *connection).await.unwrap();
        }
        // What others have left to be written is not this one's.
        sqlx::raw_sql("checkpoint").execute(&mut *connection).await.unwrap();
        let cpu = Cpu::of([self.postgres]);
        let begun = Instant::now();
        match way {
            Way::Floor => self.at_once(&mut connection).await,
            _ => self.by_batches(way, &mut connection).await,
        }
        let took = (begun.elapsed().as_secs_f64(), cpu.seconds()[0]);
        let count: i64 = sqlx::query_scalar("select count(*) from slipstream.bench_event").fetch_one(&mut *connection).await.unwrap();
        assert_eq!(count.unsigned_abs() as usize, self.rows, "{way:?}");
        sqlx::raw_sql("drop table slipstream.bench_event").execute(&mut *connection).await.unwrap();
        took
    }

    /// The indexes of a new table, as `(statement that drops it, columns)`.
    pub(super) async fn indexes(&self) -> Vec<(String, String)> {
        let made = "create table slipstream.bench_event (like slipstream.event including all) partition by range (occurred_at)";
        sqlx::raw_sql(made).execute(&self.pool).await.unwrap();
        let indexes = "select case when c.oid is null then format('drop index slipstream.%I', i.relname) \
                              else format('alter table slipstream.bench_event drop constraint %I', c.conname) end, \
                              substring(pg_get_indexdef(x.indexrelid) from '\\(.*') \
                         from pg_index as x join pg_class as i on i.oid = x.indexrelid left join pg_constraint as c on c.conindid = x.indexrelid \
                        where x.indrelid = 'slipstream.bench_event'::regclass order by x.indisprimary desc, i.relname";
        let indexes = sqlx::query_as(indexes).fetch_all(&self.pool).await.unwrap();
        sqlx::raw_sql("drop table slipstream.bench_event").execute(&self.pool).await.unwrap();
        indexes
    }

    async fn at_once(&self, connection: &mut PgConnection) {
        let mut copy = connection.copy_in_raw("copy slipstream.bench_event from stdin (format binary)").await.unwrap();
        for (place, batch) in self.batches.iter().enumerate() {
            for (part, bytes) in batch.iter().enumerate() {
                // One stream has one head and one end.
                let from = if place > 0 && part == 0 { HEAD } else { 0 };
                let below = if part + 1 == batch.len() && place + 1 < self.batches.len() { bytes.len() - END } else { bytes.len() };
                copy.send(bytes.slice(from..below)).await.unwrap();
            }
        }
        copy.finish().await.unwrap();
    }

    async fn by_batches(&self, way: Way, connection: &mut PgConnection) {
        let Self { names, arrays, .. } = self;
        for (place, batch) in self.batches.iter().enumerate() {
            let mut tx = connection.begin().await.unwrap();
            let then = match way {
                Way::Floor | Way::Copy => {
                    copy(&mut tx, "slipstream.bench_event", batch).await;
                    None
                }
                Way::Staged => {
                    copy(&mut tx, "staged", batch).await;
                    Some(format!("insert into slipstream.bench_event ({names}) select {names} from staged on conflict do nothing; truncate staged"))
                }
                Way::Unnest => {
                    let each = names.split(", ").map(|name| format!("given.{name}")).collect::<Vec<_>>().join(", ");
                    let source = source_of(place * BATCH);
                    Some(format!(
                        "with given as materialized (select {arrays} {source}) insert into slipstream.bench_event ({names}) \
                         select rows.* from given, unnest({each}) as rows on conflict do nothing"
                    ))
                }
            };
            if let Some(statement) = then {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
    }
}

fn source_of(from: usize) -> String {
    format!("from slipstream.bench_source where n > {from} and n <= {}", from + BATCH)
}

async fn copy(connection: &mut PgConnection, table: &str, batch: &[Bytes]) {
    let mut copy = connection.copy_in_raw(&format!("copy {table} from stdin (format binary)")).await.unwrap();
    for bytes in batch {
        copy.send(bytes.clone()).await.unwrap();
    }
    copy.finish().await.unwrap();
}
