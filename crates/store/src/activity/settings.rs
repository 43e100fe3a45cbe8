//! A tenant's settings of its activity log, and what changes them. All within the write transaction of [`Store::write`](crate::Store::write).

use slipstream_domain::activity::Settings;
use slipstream_event::{Tenant, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::Clearing;
use crate::number::signed;
use crate::{Error, Store, Tx, limits};

/// Of a row that may have nulls where the tenant has set nothing.
pub(crate) fn of_row(row: &PgRow) -> Result<Settings, Error> {
    let default = Settings::default();
    let number = |name: &str| -> Result<Option<u32>, Error> { Ok(row.try_get::<Option<i32>, _>(name)?.and_then(|number| u32::try_from(number).ok())) };
    Ok(Settings {
        enabled: row.try_get::<Option<bool>, _>("enabled")?.unwrap_or(default.enabled),
        max_days: number("max_days")?.unwrap_or(default.max_days),
        max_entries: number("max_entries")?.unwrap_or(default.max_entries),
    })
}

/// Reads the settings and locks them, and tells the time of this change on the database's clock: later than that of every change before.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn lock(tx: &mut Tx) -> Result<(Settings, Timestamp), Error> {
    let (tenant, statement) = (tx.account(), sqlx::query(include_str!("../../queries/activity/lock.sql")));
    let row = statement.bind(tenant).fetch_one(tx.connection()).await?;
    Ok((of_row(&row)?, row.try_get::<OffsetDateTime, _>("updated_at")?.into()))
}

/// Keeps new settings. When they turn the log off or on, what comes into the log after the event that tells of it, which happens at `at`, is not shown, or is shown again.
///
/// # Errors
/// [`Error::Refused`] for values out of bounds, and when the log was turned off more often than is kept ([`limits::SILENCES_MAX`]).
pub async fn save(tx: &mut Tx, before: &Settings, after: &Settings, at: Timestamp) -> Result<(), Error> {
    let tenant = tx.account();
    let bounded = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let save = sqlx::query(include_str!("../../queries/activity/save.sql")).bind(&tenant).bind(after.enabled);
    save.bind(bounded(after.max_days)).bind(bounded(after.max_entries)).execute(tx.connection()).await?;
    match (before.enabled, after.enabled) {
        (true, false) => {
            let begin = sqlx::query(include_str!("../../queries/activity/fall_silent.sql")).bind(&tenant).bind(at.datetime()).bind(limits::SILENCES_MAX);
            if begin.execute(tx.connection()).await?.rows_affected() == 0 {
                return Err(Error::Refused { what: "too many silences".to_owned() });
            }
        }
        (false, true) => {
            let end = sqlx::query(include_str!("../../queries/activity/speak.sql")).bind(&tenant).bind(at.datetime());
            end.execute(tx.connection()).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Waits until the event of a change that was committed is in the log: from then on the change holds for all that comes in. At most [`limits::ACTIVITY_SETTLED`]; then it holds as soon as
/// the log tells of it. Through a pool of [`Role::Api`](crate::Role::Api).
pub async fn settle(store: &Store, tenant: &Tenant, event_id: Uuid) {
    let looks = async {
        let mut pause = limits::ACTIVITY_SETTLE_PAUSE;
        while !matches!(is_in_log(store, tenant, event_id).await, Ok(true)) {
            sleep(pause).await;
            pause *= 2;
        }
    };
    if timeout(limits::ACTIVITY_SETTLED, looks).await.is_err() {
        tracing::warn!(%tenant, "the settings of an activity log hold later than they were answered: their event is not in the log yet");
    }
}

async fn is_in_log(store: &Store, tenant: &Tenant, event_id: Uuid) -> Result<bool, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let is_published = sqlx::query_scalar("select slipstream.is_published($1)").bind(event_id).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(is_published)
}

/// Clears the log: what the archive had, and what happened before and was on its way, is not shown any more.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn clear(tx: &mut Tx, clearing: &Clearing) -> Result<(), Error> {
    let (tenant, statement) = (tx.account(), sqlx::query(include_str!("../../queries/activity/clear.sql")));
    let statement = statement.bind(tenant).bind(signed(clearing.through_seq)).bind(clearing.event_id).bind(clearing.at.datetime());
    statement.execute(tx.connection()).await?;
    Ok(())
}
