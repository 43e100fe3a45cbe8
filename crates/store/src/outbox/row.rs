//! What the outbox tells of.

use slipstream_event::{EventType, Tenant, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::number::unsigned;

/// A committed event that waits to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its place: rows of one tenant are in the order of their commits.
    pub id: i64,
    /// Whose event.
    pub tenant: Tenant,
    /// Id of the event.
    pub event_id: Uuid,
    /// Type of the event.
    pub event_type: EventType,
    /// Canonical JSON: publish these bytes.
    pub payload: String,
    /// W3C trace context of the write.
    pub traceparent: Option<String>,
    /// When the write appended it.
    pub created_at: Timestamp,
    /// How often publishing failed so far.
    pub attempts: u32,
}

/// How much waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Depth {
    /// Rows that wait to be published.
    pub pending: u64,
    /// When the oldest of them was appended.
    pub oldest: Option<Timestamp>,
    /// Rows that were set aside.
    pub set_aside: u64,
}

/// What was acknowledged in one epoch of a shard, as far as the outbox still knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acked {
    /// Epoch of the stream.
    pub epoch: u64,
    /// Highest acknowledged sequence.
    pub last_seq: u64,
    /// Number of rows.
    pub rows: u64,
}

/// A row that was set aside.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    /// The row.
    pub row: Row,
    /// Why.
    pub reason: String,
    /// When.
    pub set_aside_at: Timestamp,
}

impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        // The table's checks hold the grammars of both: a fault here is a fault of the schema.
        let decode = |fault: slipstream_event::Fault| sqlx::Error::Decode(fault.into());
        Ok(Self {
            id: row.try_get("id")?,
            tenant: Tenant::new(row.try_get("tenant_id")?).map_err(decode)?,
            event_id: row.try_get("event_id")?,
            event_type: EventType::new(row.try_get("type")?).map_err(decode)?,
            payload: row.try_get("payload")?,
            traceparent: row.try_get("traceparent")?,
            created_at: row.try_get::<OffsetDateTime, _>("created_at")?.into(),
            attempts: u32::try_from(row.try_get::<i32, _>("attempts")?).unwrap_or_default(),
        })
    }
}

impl FromRow<'_, PgRow> for SetAside {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { row: Row::from_row(row)?, reason: row.try_get("last_error")?, set_aside_at: row.try_get::<OffsetDateTime, _>("set_aside_at")?.into() })
    }
}

impl FromRow<'_, PgRow> for Acked {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { epoch: unsigned(row.try_get("epoch")?), last_seq: unsigned(row.try_get("last_seq")?), rows: unsigned(row.try_get("rows")?) })
    }
}

impl FromRow<'_, PgRow> for Depth {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let oldest: Option<OffsetDateTime> = row.try_get("oldest")?;
        Ok(Self { pending: unsigned(row.try_get("pending")?), oldest: oldest.map(Timestamp::from), set_aside: unsigned(row.try_get("set_aside")?) })
    }
}
