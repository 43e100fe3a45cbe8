//! Silences: what comes into the log while it is off.
//!
//! A silence lies between two events of the log, and so between two numbers: which entries it hides is decided by their order and by no clock, here as in the live view. The events are found by
//! their times, which are those of the changes; their numbers are noted by the pruner, so that retention may take the events away.

use slipstream_event::{Tenant, Timestamp};
use sqlx::{PgConnection, Row as _};
use time::OffsetDateTime;

use crate::number::{signed, unsigned};
use crate::{Error, Store};

/// Numbers that are not shown. It is known from the moment at which the event that begins it is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The change that turned the log off.
    pub began_at: Timestamp,
    /// The number of its event: what follows is not shown.
    pub began_seq: u64,
    /// The number of the event that ended it: from it on all is shown. `None` before it is archived.
    pub ended_seq: Option<u64>,
    /// The latest change of both that is archived.
    pub turned_at: Timestamp,
    is_news: bool,
}

/// The silences that reach above this number, the earliest first.
pub(super) async fn read(tx: &mut PgConnection, tenant: &Tenant, after_seq: u64) -> Result<Vec<Silence>, Error> {
    let statement = sqlx::query(include_str!("../../queries/activity/silences.sql"));
    let rows = statement.bind(tenant.as_str()).bind(signed(after_seq)).fetch_all(tx).await?;
    let silence = |row: &sqlx::postgres::PgRow| {
        Ok(Silence {
            began_at: row.try_get::<OffsetDateTime, _>("began_at")?.into(),
            began_seq: unsigned(row.try_get("began_seq")?),
            ended_seq: row.try_get::<Option<i64>, _>("ended_seq")?.map(unsigned),
            turned_at: row.try_get::<OffsetDateTime, _>("turned_at")?.into(),
            is_news: row.try_get("is_news")?,
        })
    };
    rows.iter().map(silence).collect()
}

/// Notes the numbers that are not noted yet.
pub(super) async fn settle(archiver: &Store, tenant: &Tenant, silences: &[Silence]) -> Result<(), Error> {
    for silence in silences.iter().filter(|silence| silence.is_news) {
        let settle = sqlx::query(include_str!("../../queries/activity/settle.sql")).bind(tenant.as_str()).bind(silence.began_at.datetime());
        settle.bind(signed(silence.began_seq)).bind(silence.ended_seq.map(signed)).execute(&archiver.pool).await?;
    }
    Ok(())
}

/// How many numbers above `floor` and up to `size` are silent.
pub(super) fn count(silences: &[Silence], floor: u64, size: u64) -> u64 {
    let of = |silence: &Silence| silence.ended_seq.map_or(size, |ended| ended - 1).min(size).saturating_sub(silence.began_seq.max(floor));
    silences.iter().map(of).sum()
}
