//! Pages of the log, and how many entries there are.

use std::time::{Duration, Instant};

use slipstream_event::activity::Selection;
use slipstream_event::{Event, Tenant, Timestamp, Viewer};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use time::OffsetDateTime;

use super::search::{self, Search};
use super::{Fault, Shown, predicate};
use crate::number::{signed, unsigned};
use crate::{Error, Store, limits, metrics};

/// What a reader asks for. The default asks for nothing: its viewer sees no event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What the reader may see.
    pub viewer: Viewer,
    /// Categories and severities.
    pub selection: Selection,
    /// The actor's id, or the beginning of its name in any case.
    pub actor: Option<String>,
    /// The entity's type; the name that older clients use counts too.
    pub entity_type: Option<String>,
    /// The entity's id.
    pub entity_id: Option<String>,
    /// Earliest time, inclusive.
    pub since: Option<Timestamp>,
    /// Latest time, exclusive.
    pub until: Option<Timestamp>,
    /// Free text, in any case: a part of the message, of the entity's name or id, of the action, or of the actor's id or name. Bounds the time of the search
    /// ([`limits::SEARCH_TIMEOUT`]).
    pub text: Option<String>,
}

/// Which entries of those that match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Numbers below this only.
    pub before_seq: Option<u64>,
    /// Numbers above this only, and the oldest first.
    pub after_seq: Option<u64>,
    /// Most entries; 0 and more than [`limits::ACTIVITY_LIMIT_MAX`] are cut to the bounds.
    pub limit: u32,
}

/// A part of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Newest first; oldest first after a number.
    pub items: Vec<Item>,
    /// Whether there are more in the same direction.
    pub has_more: bool,
}

/// One event of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its number.
    pub seq: u64,
    /// The event.
    pub event: Event,
    /// How large it is in the archive, in bytes of JSON.
    pub bytes: usize,
}

/// How many entries match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// At least so many.
    pub count: u64,
    /// Whether there may be more.
    pub is_estimate: bool,
}

/// One page of a tenant's activity log.
///
/// # Errors
/// [`Fault::TooSlow`] for a search by text that took longer than [`limits::SEARCH_TIMEOUT`]; else [`Error::Unavailable`] and the like.
pub async fn page(store: &Store, tenant: &Tenant, shown: &Shown, query: &Query, range: Range) -> Result<Page, Fault> {
    let begun = Instant::now();
    let limit = range.limit.clamp(1, limits::ACTIVITY_LIMIT_MAX) as usize;
    // One more than asked for tells whether there is a next page.
    let read = async |connection: &mut PgConnection| items(connection, tenant, shown, query, range, limit + 1).await;
    let mut items = store.read_stoppable(tenant, read).await?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    ::metrics::histogram!(metrics::ACTIVITY_SECONDS).record(begun.elapsed().as_secs_f64());
    Ok(Page { items, has_more })
}

/// The first `limit` items of a range.
async fn items(connection: &mut PgConnection, tenant: &Tenant, shown: &Shown, query: &Query, range: Range, limit: usize) -> Result<Vec<Item>, Fault> {
    if query.text.is_some() {
        bound(connection, limits::SEARCH_TIMEOUT).await?;
    }
    let (bits, [near, far]) = (search::bits(query), legs(shown, range));
    if !bits.is_empty() && !near.ascending {
        let search = Search { tenant, shown, query, bits: &bits, after: far.after, through: near.through, within: limits::SEARCH_TIMEOUT };
        return search.items(connection, limit).await;
    }
    let mut items = read(connection, tenant, shown, query, near, limit).await?;
    if items.len() < limit {
        items.extend(read(connection, tenant, shown, query, far, limit - items.len()).await?);
    }
    Ok(items)
}

/// How many entries match, whatever the page, at the moment of `shown`; counted up to [`limits::ACTIVITY_COUNT_MAX`] and for [`limits::COUNT_TIMEOUT`] at most. `known` is what the caller has seen of them.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn total(store: &Store, tenant: &Tenant, shown: &Shown, query: &Query, known: u64) -> Result<Total, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let bits = search::bits(query);
    if !bits.is_empty() {
        let search = Search { tenant, shown, query, bits: &bits, after: shown.after_seq, through: shown.size, within: limits::COUNT_TIMEOUT };
        return match search.count(&mut tx, limits::ACTIVITY_COUNT_MAX + 1).await {
            Ok(count) => Ok(Total { count: count.min(limits::ACTIVITY_COUNT_MAX), is_estimate: count > limits::ACTIVITY_COUNT_MAX }),
            Err(Fault::TooSlow) => Ok(Total { count: known, is_estimate: true }),
            Err(Fault::Store(error)) => Err(error),
        };
    }
    bound(&mut tx, limits::COUNT_TIMEOUT).await?;
    // Of the moment of the page: what is archived since is in neither.
    let mut sql = predicate::total(tenant, shown, query, signed(limits::ACTIVITY_COUNT_MAX + 1));
    match sql.build_query_scalar::<i64>().fetch_one(&mut *tx).await {
        Ok(count) => {
            tx.commit().await?;
            let count = unsigned(count);
            Ok(Total { count: count.min(limits::ACTIVITY_COUNT_MAX), is_estimate: count > limits::ACTIVITY_COUNT_MAX })
        }
        Err(error) if is_cancelled(&error) => Ok(Total { count: known, is_estimate: true }),
        Err(error) => Err(error.into()),
    }
}

/// A stretch of numbers that one statement reads: above `after`, up to `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leg {
    after: u64,
    through: u64,
    ascending: bool,
    /// Whether it is worth asking in which months it lies.
    is_short: bool,
}

/// How a page is read: first the numbers in which its items most likely are, which lie in few months, then, when they do not suffice, all that is beyond.
fn legs(shown: &Shown, range: Range) -> [Leg; 2] {
    let lowest = shown.after_seq.max(range.after_seq.unwrap_or(0));
    // What is archived after the look at the head has larger numbers; it belongs to the next look.
    let highest = range.before_seq.map_or(u64::MAX, |before| before.saturating_sub(1)).min(shown.size);
    let leg = |after: u64, through: u64, is_short| Leg { after, through, ascending: range.after_seq.is_some(), is_short };
    if range.after_seq.is_some() {
        let border = lowest.saturating_add(limits::ACTIVITY_NEAR).min(highest);
        return [leg(lowest, border, true), leg(border, highest, false)];
    }
    let border = highest.saturating_sub(limits::ACTIVITY_NEAR).max(lowest);
    [leg(border, highest, true), leg(lowest, border, false)]
}

async fn read(tx: &mut PgConnection, tenant: &Tenant, shown: &Shown, query: &Query, leg: Leg, limit: usize) -> Result<Vec<Item>, Fault> {
    if leg.after >= leg.through {
        return Ok(Vec::new());
    }
    let times = if leg.is_short { times(tx, tenant, leg).await? } else { (None, None) };
    let mut sql = predicate::entries("e.tenant_seq, e.payload", tenant, shown, query);
    predicate::push_numbers(&mut sql, (leg.after, leg.through), times);
    sql.push(if leg.ascending { " order by e.tenant_seq limit " } else { " order by e.tenant_seq desc limit " }).push_bind(limit as i64);
    let rows = sql.build().fetch_all(tx).await.map_err(|error| slow(error, query))?;
    rows.iter().map(item).collect::<Result<_, _>>().map_err(Fault::Store)
}

/// Between which times the events of a leg lie, where the ledger tells.
async fn times(tx: &mut PgConnection, tenant: &Tenant, leg: Leg) -> Result<(Option<OffsetDateTime>, Option<OffsetDateTime>), Error> {
    let statement = sqlx::query_as(include_str!("../../queries/activity/times.sql"));
    Ok(statement.bind(tenant.as_str()).bind(signed(leg.after)).bind(signed(leg.through)).fetch_one(tx).await?)
}

pub(super) fn item(row: &PgRow) -> Result<Item, Error> {
    let payload: &str = row.try_get("payload")?;
    let event = Event::from_json(payload.as_bytes()).map_err(|error| Error::Bug(format!("an archived event cannot be read: {error}")))?;
    Ok(Item { seq: unsigned(row.try_get("tenant_seq")?), event, bytes: payload.len() })
}

async fn bound(tx: &mut PgConnection, longest: Duration) -> Result<(), Error> {
    sqlx::query(AssertSqlSafe(format!("set local statement_timeout = {}", longest.as_millis()))).execute(tx).await?;
    Ok(())
}

fn slow(error: sqlx::Error, query: &Query) -> Fault {
    if query.text.is_some() && is_cancelled(&error) { Fault::TooSlow } else { Fault::Store(error.into()) }
}

/// By `statement_timeout`.
fn is_cancelled(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "57014")
}

#[cfg(test)]
mod tests {
    use slipstream_domain::activity::Settings;

    use super::*;

    fn of(size: u64, after_seq: u64, range: Range) -> Vec<(u64, u64)> {
        let shown =
            Shown { settings: Settings::default(), head: 1, size, after_seq, oldest: Timestamp::now(), cleared: None, silences: Vec::new(), changed_at: None };
        legs(&shown, range).into_iter().filter(|leg| leg.after < leg.through).map(|leg| (leg.after, leg.through)).collect()
    }

    #[test]
    fn legs_cover_all_numbers_once_and_in_order() {
        let (near, plain) = (limits::ACTIVITY_NEAR, Range::default());
        assert_eq!(of(10, 0, plain), [(0, 10)]);
        assert_eq!(of(near * 3, 7, plain), [(near * 2, near * 3), (7, near * 2)]);
        assert_eq!(of(near * 3, 7, Range { before_seq: Some(5), ..plain }), []);
        assert_eq!(of(10, 0, Range { before_seq: Some(1), ..plain }), []);
        assert_eq!(of(10, 0, Range { before_seq: Some(u64::MAX), ..plain }), [(0, 10)]);
        let ascending = of(near * 3, 7, Range { after_seq: Some(3), before_seq: Some(near * 2), ..plain });
        assert_eq!(ascending, [(7, near + 7), (near + 7, near * 2 - 1)]);
        assert_eq!(of(10, 10, plain), []);
    }
}
