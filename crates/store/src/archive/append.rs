//! The archive's transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;
use time::Date;

use super::copy::Rows;
use super::fresh::{Look, fresh};
use super::ledger::Entries;
use super::{Appended, Batch, Error, Row, columns, heads, partitions, watermark};
use crate::number::signed;
use crate::{Store, limits};

/// Rows on their way into a partition.
type Copying<'c> = PgCopyIn<&'c mut PgConnection>;

/// Lock the watermark, insert, add to the ledgers, move the watermark: together or not at all. `past_before` is where partitions of single months begin.
pub(super) async fn append(store: &Store, batch: &Batch, past_before: Date, look: Look) -> Result<Appended, Error> {
    let mut tx = store.pool.begin().await?;
    let have = watermark::lock(&mut tx, batch.shard).await?;
    if have.is_none_or(|have| (have.epoch, have.seq) != (batch.epoch, batch.expected_seq)) {
        return Err(Error::Fenced { have });
    }
    let inserted = insert(&mut tx, batch, past_before, look).await?;
    quarantine(&mut tx, batch).await?;
    watermark::advance(&mut tx, batch.shard, batch.epoch, batch.through_seq).await?;
    tx.commit().await?;
    Ok(Appended { inserted, duplicates: (batch.rows.len() as u64).saturating_sub(inserted) })
}

async fn insert(connection: &mut PgConnection, batch: &Batch, past_before: Date, look: Look) -> Result<u64, Error> {
    if batch.rows.is_empty() {
        return Ok(0);
    }
    let tenants: BTreeSet<&str> = batch.rows.iter().map(|row| row.event.tenant_id.as_str()).collect();
    let heads = heads::read(connection, &tenants.into_iter().collect::<Vec<_>>()).await?;
    let rows = fresh(connection, batch, &heads, look).await?;
    let mut entries = Entries::after(heads);
    let mut by_partition: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        by_partition.entry(partitions::name(row.event.timestamp.datetime(), past_before)).or_default().push(row);
    }
    if by_partition.len() == 1 {
        // The rows are in their order, so the ledger grows while Postgres stores.
        for (partition, rows) in by_partition {
            let copying = copy(connection, &partition, batch, &rows, |row| entries.add(row)).await?;
            entries.seal();
            stored(copying).await?;
        }
    } else {
        let numbers: HashMap<u64, u64> = rows.iter().map(|row| (row.seq, entries.add(row))).collect();
        entries.seal();
        for (partition, rows) in by_partition {
            stored(copy(connection, &partition, batch, &rows, |row| numbers.get(&row.seq).copied().unwrap_or_default()).await?).await?;
        }
    }
    entries.write(connection, batch).await?;
    Ok(rows.len() as u64)
}

/// Sends rows to a partition. They get their numbers while Postgres stores those before them; the last of them it may still store when this returns: [`stored`] waits for it.
async fn copy<'c, 'a>(
    connection: &'c mut PgConnection,
    partition: &str,
    batch: &Batch,
    rows: &[&'a Row],
    mut number: impl FnMut(&'a Row) -> u64,
) -> Result<Copying<'c>, Error> {
    // The name of a partition is made of digits.
    let statement = format!("copy slipstream.{partition} ({}) from stdin (format binary)", columns::NAMES);
    let mut copying = connection.copy_in_raw(&statement).await.map_err(no_partition)?;
    let mut encoded = Rows::new(columns::COUNT);
    for row in rows {
        columns::push(&mut encoded, batch, row, number(row));
        if encoded.len() >= limits::COPY_BYTES {
            copying.send(encoded.take()).await.map_err(Error::poison)?;
        }
    }
    copying.send(encoded.finish()).await.map_err(Error::poison)?;
    Ok(copying)
}

/// Waits until the rows are stored.
async fn stored(copying: Copying<'_>) -> Result<(), Error> {
    copying.finish().await.map_err(Error::poison)?;
    Ok(())
}

/// A partition that was just seen to and is not there: the event's time is one for which none is made.
fn no_partition(error: sqlx::Error) -> Error {
    match crate::Error::from(error) {
        crate::Error::Setup(what) => Error::Poison { reason: format!("there is no partition for its time: {what}") },
        other => Error::Store(other),
    }
}

async fn quarantine(connection: &mut PgConnection, batch: &Batch) -> Result<(), Error> {
    if batch.quarantined.is_empty() {
        return Ok(());
    }
    // The subject and the reason may be the very thing that Postgres refused.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query(include_str!("../../queries/quarantine/add.sql"))
        .bind(i32::from(batch.shard))
        .bind(signed(batch.epoch))
        .bind(batch.quarantined.iter().map(|message| signed(message.seq)).collect::<Vec<_>>())
        .bind(batch.quarantined.iter().map(|message| clean(&message.subject)).collect::<Vec<_>>())
        .bind(batch.quarantined.iter().map(|message| clean(&message.reason)).collect::<Vec<_>>())
        .bind(batch.quarantined.iter().map(|message| message.payload.as_ref()).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
