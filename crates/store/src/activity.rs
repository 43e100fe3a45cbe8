//! The activity log: a tenant's archive as people read it, newest first by number.
//!
//! It is a view and holds no event itself. An entry's number is the event's number in the tenant's archive: it strictly grows, in the order of the log, which within
//! a tenant is the order of commits, so pages neither overlap nor leave a gap while new entries come in. What the log shows is decided by four things ([`Shown`]): the last clearing, the
//! two limits, and the silences: what lies in the log between the event that tells that it was turned off and the one that tells that it was turned on. The archive itself is never touched.
//!
//! Who may see an entry is decided in the query, by the same rules as on the stream and in history, for totals too.

mod page;
pub mod place;
mod predicate;
pub mod prune;
mod search;
pub mod settings;
mod silence;

use slipstream_domain::activity::Settings;
use slipstream_event::{Tenant, Timestamp, activity};
use sqlx::{PgConnection, Row as _};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::number::unsigned;
use crate::{Error, Store};
pub use page::{Item, Page, Query, Range, Total, page, total};
pub use silence::Silence;

/// Which part of a tenant's archive its activity log shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The settings.
    pub settings: Settings,
    /// A number that changes whenever the tenant's archive does.
    pub head: u64,
    /// The largest number in the archive.
    pub size: u64,
    /// Entries up to this number are not shown.
    pub after_seq: u64,
    /// Entries older than this are not shown: to the minute, so that a page stays the same for a while.
    pub oldest: Timestamp,
    /// The last clearing: what happened before it and was archived only after it is not shown either.
    pub cleared: Option<Cleared>,
    /// Numbers that are not shown, the least first.
    pub silences: Vec<Silence>,
    /// When the settings were changed or the log was cleared, if ever.
    pub changed_at: Option<Timestamp>,
}

/// What a clearing hides beside the entries that the archive had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// When it was.
    pub at: Timestamp,
    /// The number of its event, once that is archived. What comes after it in the log is new, however old: somebody brought it in since.
    pub seq: Option<u64>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The search did not end in its time. The same search would not either: it has to ask for less.
    #[error("the search took too long")]
    TooSlow,
    /// Anything else.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What a tenant's activity log shows now.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn shown(store: &Store, tenant: &Tenant, now: Timestamp) -> Result<Shown, Error> {
    store.read_stoppable(tenant, async |connection: &mut PgConnection| read(connection, tenant, now).await).await
}

async fn read(tx: &mut PgConnection, tenant: &Tenant, now: Timestamp) -> Result<Shown, Error> {
    let row = sqlx::query(include_str!("../queries/activity/shown.sql")).bind(tenant.as_str()).fetch_one(&mut *tx).await?;
    let number = |name: &str| row.try_get::<Option<i64>, _>(name).map(|number| number.map_or(0, unsigned));
    let settings = settings::of_row(&row)?;
    let after_seq = number("cleared_seq")?.max(number("pruned_seq")?);
    Ok(Shown {
        settings,
        head: number("version")?,
        size: number("ledger_size")?,
        after_seq,
        cleared: match row.try_get::<Option<OffsetDateTime>, _>("cleared_at")? {
            Some(at) => Some(Cleared { at: at.into(), seq: row.try_get::<Option<i64>, _>("clearing_seq")?.map(unsigned) }),
            None => None,
        },
        oldest: activity::oldest(settings.max_days, now),
        silences: silence::read(tx, tenant, after_seq).await?,
        changed_at: row.try_get::<Option<OffsetDateTime>, _>("updated_at")?.map(Timestamp::from),
    })
}

/// The event of a clearing, and when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// Its id.
    pub event_id: Uuid,
    /// Its time, exactly.
    pub at: Timestamp,
    /// The archive's largest number then: entries up to it are cleared. So are those that happened before `at` and are archived before the event.
    pub through_seq: u64,
}
