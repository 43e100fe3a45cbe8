//! Whether anything is missing between two numbers of a ledger.
//!
//! A tenant's numbers have no holes, so whatever is not there was removed; and what retention removed is noted. What never got a number, because it never reached the archive, is noted too.

use slipstream_event::{Tenant, Timestamp};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::head;
use crate::number::{signed, unsigned};
use crate::{Error, Store, limits};

/// Which part of a ledger is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From one number through another, both included; `None`: through the last.
    Numbers(u64, Option<u64>),
    /// All numbers among which the events lie that happened between these times, both included.
    Times(Option<Timestamp>, Option<Timestamp>),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The ledger ends at this number.
    BeyondEnd(u64),
    /// It is about so many numbers, which is more than [`limits::COMPLETENESS_MAX`].
    TooMany(u64),
}

/// What is there, and what is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// The first number.
    pub from: u64,
    /// The last; one less than `from` when there is none.
    pub through: u64,
    /// Events that are there.
    pub present: u64,
    /// Of these: redacted.
    pub redacted: u64,
    /// Events that retention removed.
    pub removed: u64,
    /// Numbers of which there is nothing, as ranges: at most [`limits::GAPS_MAX`].
    pub missing: Vec<(u64, u64)>,
    /// What never got a number.
    pub losses: Vec<Loss>,
}

/// A message, or several, that the archive never held as events.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Loss {
    /// Epoch of the stream.
    pub epoch: i64,
    /// Sequence of the (last) message.
    pub seq: i64,
    /// Whether the broker had lost them: they were of any tenant of the shard.
    pub is_hole: bool,
    /// What is known.
    pub reason: String,
}

impl Completeness {
    /// Whether nothing is missing: what is not there was removed by retention, and nothing was lost on the way.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.losses.is_empty() && self.present + self.removed == (self.through + 1).saturating_sub(self.from)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Extent {
    occurred_from: Option<OffsetDateTime>,
    occurred_to: Option<OffsetDateTime>,
    shard: Option<i32>,
    from_epoch: Option<i64>,
    from_seq: Option<i64>,
    to_epoch: Option<i64>,
    to_seq: Option<i64>,
}

/// What is there of a part of the tenant's ledger.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn completeness(store: &Store, tenant: &Tenant, part: Part) -> Result<Result<Completeness, Refused>, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let size = head(&mut tx, tenant).await?.0;
    let (after, through) = match part {
        Part::Numbers(from, through) => (from.saturating_sub(1), through.unwrap_or(size)),
        Part::Times(from, until) => numbers(&mut tx, tenant, from, until).await?,
    };
    if through > size || after > size {
        return Ok(Err(Refused::BeyondEnd(size)));
    }
    let count = through.saturating_sub(after);
    if count > limits::COMPLETENESS_MAX {
        return Ok(Err(Refused::TooMany(count)));
    }
    let mut found = Completeness { from: after + 1, through: through.max(after), present: 0, redacted: 0, removed: 0, missing: Vec::new(), losses: Vec::new() };
    if count > 0 {
        look(&mut tx, tenant, &mut found, through == size).await?;
    }
    tx.commit().await?;
    Ok(Ok(found))
}

async fn numbers(connection: &mut PgConnection, tenant: &Tenant, from: Option<Timestamp>, until: Option<Timestamp>) -> Result<(u64, u64), Error> {
    let statement = sqlx::query_as::<_, (Option<i64>, Option<i64>)>(include_str!("../../queries/ledger/numbers_of_times.sql")).bind(tenant.as_str());
    let (after, through) = statement.bind(from.map(|from| from.datetime())).bind(until.map(|until| until.datetime())).fetch_one(connection).await?;
    Ok((after.map_or(0, unsigned), through.map_or(0, unsigned)))
}

async fn look(connection: &mut PgConnection, tenant: &Tenant, found: &mut Completeness, is_last: bool) -> Result<(), Error> {
    let (after, through) = (signed(found.from - 1), signed(found.through));
    let extent = sqlx::query_as::<_, Extent>(include_str!("../../queries/ledger/extent.sql")).bind(tenant.as_str()).bind(after).bind(through).bind(is_last);
    let extent = extent.fetch_one(&mut *connection).await?;
    let present = sqlx::query_as::<_, (i64, i64, i64)>(include_str!("../../queries/ledger/present.sql")).bind(tenant.as_str()).bind(after).bind(through);
    let (present, redacted, removed) = present.bind(extent.occurred_from).bind(extent.occurred_to).fetch_one(&mut *connection).await?;
    (found.present, found.redacted, found.removed) = (unsigned(present), unsigned(redacted), unsigned(removed));
    let gaps = sqlx::query_as::<_, (i64, i64)>(include_str!("../../queries/ledger/gaps.sql")).bind(tenant.as_str()).bind(after).bind(through);
    if present + removed != through - after {
        let gaps = gaps.bind(extent.occurred_from).bind(extent.occurred_to).bind(limits::GAPS_MAX).fetch_all(&mut *connection).await?;
        found.missing = gaps.into_iter().map(|(first, last)| (unsigned(first), unsigned(last))).collect();
    }
    let losses = sqlx::query_as("select * from slipstream.archive_losses($1, $2, $3, $4, $5)").bind(extent.shard);
    found.losses = losses.bind(extent.from_epoch).bind(extent.from_seq).bind(extent.to_epoch).bind(extent.to_seq).fetch_all(connection).await?;
    Ok(())
}
