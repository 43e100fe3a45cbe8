//! The archive's transaction.

use sha2::{Digest, Sha256};
use slipstream_event::Severity;
use sqlx::{PgConnection, Postgres};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Appended, Batch, Error, watermark};
use crate::Store;
use crate::number::signed;

/// Lock the watermark, insert, count, move the watermark: together or not at all.
pub(super) async fn append(store: &Store, batch: &Batch) -> Result<Appended, Error> {
    let mut tx = store.pool.begin().await?;
    let have = watermark::lock(&mut tx, batch.shard).await?;
    if have.is_none_or(|have| (have.epoch, have.seq) != (batch.epoch, batch.expected_seq)) {
        return Err(Error::Fenced { have });
    }
    let inserted = insert(&mut tx, batch).await?;
    quarantine(&mut tx, batch).await?;
    watermark::advance(&mut tx, batch.shard, batch.epoch, batch.through_seq).await?;
    tx.commit().await?;
    Ok(Appended { inserted, duplicates: (batch.rows.len() as u64).saturating_sub(inserted) })
}

async fn insert(connection: &mut PgConnection, batch: &Batch) -> Result<u64, Error> {
    if batch.rows.is_empty() {
        return Ok(0);
    }
    let columns = Columns::of(batch)?;
    let inserted: i64 = columns.bind(batch).fetch_one(connection).await.map_err(Error::poison)?;
    Ok(u64::try_from(inserted).unwrap_or_default())
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

/// The rows of a batch, column by column, in the order of the statement's parameters.
#[derive(Default)]
struct Columns<'a> {
    seqs: Vec<i64>,
    tenants: Vec<&'a str>,
    times: Vec<OffsetDateTime>,
    ids: Vec<Uuid>,
    types: Vec<&'a str>,
    entity_types: Vec<&'a str>,
    entity_ids: Vec<&'a str>,
    actions: Vec<&'a str>,
    modules: Vec<&'a str>,
    severities: Vec<&'static str>,
    categories: Vec<&'static str>,
    visibilities: Vec<String>,
    concerned: Vec<Option<String>>,
    actor_ids: Vec<&'a str>,
    actor_names: Vec<Option<&'a str>>,
    entity_names: Vec<Option<&'a str>>,
    messages: Vec<Option<&'a str>>,
    correlation_ids: Vec<Option<&'a str>>,
    legacy_entity_types: Vec<Option<&'a str>>,
    with_changes: Vec<bool>,
    payloads: Vec<&'a str>,
    leaf_hashes: Vec<Vec<u8>>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a Batch) -> Result<Self, Error> {
        let mut columns = Self::default();
        for row in &batch.rows {
            let payload = std::str::from_utf8(&row.payload).map_err(|error| Error::Poison { reason: error.to_string() })?;
            let event = &row.event;
            columns.seqs.push(signed(row.seq));
            columns.tenants.push(event.tenant_id.as_str());
            columns.times.push(event.timestamp.datetime());
            columns.ids.push(event.id);
            columns.types.push(event.event_type.as_str());
            columns.entity_types.push(&event.entity_type);
            columns.entity_ids.push(&event.entity_id);
            columns.actions.push(&event.action);
            columns.modules.push(&event.module);
            columns.severities.push(Severity::as_str(event.severity));
            columns.categories.push(event.category.as_str());
            columns.visibilities.push(event.visibility.to_string());
            columns.concerned.push(event.concerned());
            columns.actor_ids.push(&event.actor.user_id);
            columns.actor_names.push(event.actor.name.as_deref());
            columns.entity_names.push(event.entity_name.as_deref());
            columns.messages.push(event.message.as_deref());
            columns.correlation_ids.push(event.correlation_id.as_deref());
            columns.legacy_entity_types.push(event.legacy.as_ref().map(|legacy| legacy.entity_type.as_str()));
            columns.with_changes.push(event.changes.is_some());
            columns.payloads.push(payload);
            columns.leaf_hashes.push(Sha256::digest(&row.payload).to_vec());
        }
        Ok(columns)
    }

    fn bind(self, batch: &Batch) -> sqlx::query::QueryScalar<'a, Postgres, i64, sqlx::postgres::PgArguments> {
        sqlx::query_scalar(include_str!("../../queries/event/append.sql"))
            .bind(i32::from(batch.shard))
            .bind(signed(batch.epoch))
            .bind(self.seqs)
            .bind(self.tenants)
            .bind(self.times)
            .bind(self.ids)
            .bind(self.types)
            .bind(self.entity_types)
            .bind(self.entity_ids)
            .bind(self.actions)
            .bind(self.modules)
            .bind(self.severities)
            .bind(self.categories)
            .bind(self.visibilities)
            .bind(self.concerned)
            .bind(self.actor_ids)
            .bind(self.actor_names)
            .bind(self.entity_names)
            .bind(self.messages)
            .bind(self.correlation_ids)
            .bind(self.legacy_entity_types)
            .bind(self.with_changes)
            .bind(self.payloads)
            .bind(self.leaf_hashes)
    }
}
