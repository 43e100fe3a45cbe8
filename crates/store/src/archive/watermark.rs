//! The watermark: how far a shard is archived.

use slipstream_event::Timestamp;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Error;
use crate::number::{signed, unsigned};
use crate::{Store, limits};

/// How far the archive of a shard is complete: it holds, or deliberately left out, every message of `epoch` up to and with `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// Epoch of the stream.
    pub epoch: u64,
    /// Last archived sequence; 0 before the first.
    pub seq: u64,
    /// When it was moved last.
    pub updated_at: Timestamp,
}

type Columns = (i64, i64, OffsetDateTime);

fn of((epoch, seq, updated_at): Columns) -> Watermark {
    Watermark { epoch: unsigned(epoch), seq: unsigned(seq), updated_at: updated_at.into() }
}

pub(crate) async fn read(store: &Store, shard: u16) -> Result<Option<Watermark>, crate::Error> {
    let statement = sqlx::query_as("select epoch, seq, updated_at from slipstream.archive_watermark where shard = $1");
    Ok(statement.bind(i32::from(shard)).fetch_optional(&store.pool).await?.map(of))
}

/// How far a shard is archived, and whether that is late.
pub(crate) async fn progress(store: &Store, shard: u16) -> Result<Option<(Watermark, bool)>, crate::Error> {
    let statement = sqlx::query_as::<_, (i64, i64, OffsetDateTime, bool)>(include_str!("../../queries/watermark/progress.sql")).bind(i32::from(shard));
    let statement = statement.bind(limits::LATE_AFTER.as_secs_f64()).bind(limits::LOOKED_WITHIN.as_secs_f64());
    Ok(statement.fetch_optional(&store.pool).await?.map(|(epoch, seq, at, is_late)| (of((epoch, seq, at)), is_late)))
}

/// Notes where a shard's stream ends.
pub(super) async fn note_end(store: &Store, shard: u16, epoch: u64, seq: u64) -> Result<(), crate::Error> {
    let note = sqlx::query(include_str!("../../queries/watermark/note_end.sql")).bind(i32::from(shard));
    note.bind(signed(epoch)).bind(signed(seq)).execute(&store.pool).await?;
    Ok(())
}

pub(super) async fn init(store: &Store, shard: u16, epoch: u64, seq: u64) -> Result<Watermark, crate::Error> {
    let mut tx = store.pool.begin().await?;
    let begin = sqlx::query(include_str!("../../queries/watermark/init.sql"));
    begin.bind(i32::from(shard)).bind(signed(epoch)).bind(signed(seq)).execute(&mut *tx).await?;
    let have = lock(&mut tx, shard).await?;
    tx.commit().await?;
    have.ok_or_else(|| crate::Error::Bug("a watermark vanished".to_owned()))
}

pub(super) async fn change_epoch(store: &Store, shard: u16, from: Watermark, epoch: u64, seq: u64, reason: &str) -> Result<Watermark, Error> {
    let mut tx = store.pool.begin().await?;
    let have = lock(&mut tx, shard).await?;
    if have.is_none_or(|have| (have.epoch, have.seq) != (from.epoch, from.seq)) {
        return Err(Error::Fenced { have });
    }
    let close = sqlx::query("update slipstream.stream_epoch set closed_at = clock_timestamp(), closed_seq = $3 where shard = $1 and epoch = $2");
    close.bind(i32::from(shard)).bind(signed(from.epoch)).bind(signed(from.seq)).execute(&mut *tx).await?;
    let reason: String = reason.chars().take(limits::REASON_LEN_MAX).collect();
    let open = sqlx::query("insert into slipstream.stream_epoch (shard, epoch, began_seq, reason) values ($1, $2, $3, $4)");
    open.bind(i32::from(shard)).bind(signed(epoch)).bind(signed(seq)).bind(reason).execute(&mut *tx).await?;
    let at = advance(&mut tx, shard, epoch, seq).await?;
    tx.commit().await?;
    Ok(at)
}

/// Reads and locks the watermark, so that nobody else moves it before the transaction ends.
pub(super) async fn lock(connection: &mut PgConnection, shard: u16) -> Result<Option<Watermark>, crate::Error> {
    let statement = sqlx::query_as("select epoch, seq, updated_at from slipstream.archive_watermark where shard = $1 for update");
    Ok(statement.bind(i32::from(shard)).fetch_optional(connection).await?.map(of))
}

/// Moves the watermark that the caller has locked.
pub(super) async fn advance(connection: &mut PgConnection, shard: u16, epoch: u64, seq: u64) -> Result<Watermark, crate::Error> {
    let statement = sqlx::query_as(include_str!("../../queries/watermark/advance.sql"));
    Ok(of(statement.bind(i32::from(shard)).bind(signed(epoch)).bind(signed(seq)).fetch_one(connection).await?))
}
