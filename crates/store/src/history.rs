//! History: a tenant's events, newest first.
//!
//! Order is by time and then id, which no two events of a tenant share, so a page begins exactly after the last item of the page before, also when
//! many events have the same time or new ones come in meanwhile. What a reader may see is decided here, in the query, by the same rules as on the stream.

pub(crate) mod predicate;
pub(crate) mod search;

use std::time::Instant;

use slipstream_event::{Category, Event, Filter, Keyset, Tenant, Timestamp, Viewer};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use time::OffsetDateTime;

use crate::archive::Watermark;
use crate::{Error, Store, archive, limits, metrics};

/// What a reader asks for. The default asks for nothing: its viewer sees no event.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What the reader may see.
    pub viewer: Viewer,
    /// What the reader wants.
    pub filter: Filter,
    /// Actions; empty for all.
    pub actions: Vec<String>,
    /// Categories; empty for all.
    pub categories: Vec<Category>,
    /// Correlation id.
    pub correlation_id: Option<String>,
    /// Earliest time, inclusive.
    pub from: Option<Timestamp>,
    /// Latest time, inclusive.
    pub until: Option<Timestamp>,
    /// Free text: a part of the message, of the entity's name or id, of the action, or of the actor's id or name. Case is ignored
    /// (of ids only that of A to Z).
    pub text: Option<String>,
    /// The last item of the page before.
    pub after: Option<Keyset>,
    /// Whether the order is turned round: oldest first.
    pub oldest_first: bool,
    /// Most items; 0 and more than [`HISTORY_LIMIT_MAX`](limits::HISTORY_LIMIT_MAX) are cut to the bounds.
    pub limit: u32,
    /// Whether items keep their `changes`: for readers that audit.
    pub with_changes: bool,
    /// Whether all that matches is counted, not only what is on the page.
    pub with_total: bool,
}

/// A part of history.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Newest first, by time and then id, unless the query turns the order round.
    pub items: Vec<Item>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Keyset>,
    /// How many events match, when the query asks for it.
    pub total: Option<Total>,
}

/// How many events match a query, on whatever page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Exactly so many.
    Exact(u64),
    /// So many at least: counting ends at [`HISTORY_COUNT_MAX`](limits::HISTORY_COUNT_MAX).
    AtLeast(u64),
    /// Counting took longer than [`SEARCH_TIMEOUT`](limits::SEARCH_TIMEOUT).
    Unknown,
}

/// One event of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its place.
    pub keyset: Keyset,
    /// Its JSON: canonical, and without `changes` unless they were asked for.
    pub payload: String,
}

/// One page of a tenant's history. Events that are archived meanwhile neither repeat nor hide those of later pages.
///
/// # Errors
/// [`Error::SearchTimeout`] for a search for free text that takes too long; [`Error::Unavailable`] and the like.
pub async fn page(store: &Store, tenant: &Tenant, query: &Query) -> Result<Page, Error> {
    let begun = Instant::now();
    let limit = query.limit.clamp(1, limits::HISTORY_LIMIT_MAX) as usize;
    let mut tx = store.begin_read(tenant).await?;
    // One more than asked for tells whether there is a next page.
    let mut items = items(&mut tx, tenant, query, limit + 1).await?;
    // Of the same moment: a total that counts what came since would tell of events that no page holds.
    let total = if query.with_total { Some(total(&mut tx, tenant, query).await?) } else { None };
    tx.commit().await?;
    let has_next = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_next).map(|item| item.keyset);
    ::metrics::histogram!(metrics::HISTORY_SECONDS).record(begun.elapsed().as_secs_f64());
    Ok(Page { items, next, total })
}

/// A number that changes whenever the tenant's archive does: one look-up by primary key. 0 for a tenant without events.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn head(store: &Store, tenant: &Tenant) -> Result<u64, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let statement = sqlx::query_scalar::<_, i64>("select version from slipstream.tenant_head where tenant_id = $1");
    let version = statement.bind(tenant.as_str()).fetch_optional(&mut *tx).await?;
    tx.commit().await?;
    Ok(version.map_or(0, crate::number::unsigned))
}

/// How far the archive of a shard is complete; `None` when it never began.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn archived_through(store: &Store, shard: u16) -> Result<Option<Watermark>, Error> {
    archive::read_watermark(store, shard).await
}

/// How far the archive of a shard is complete, and whether it is late ([`limits::LATE_AFTER`](crate::limits::LATE_AFTER)); `None` when it never began.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn progress(store: &Store, shard: u16) -> Result<Option<(Watermark, bool)>, Error> {
    archive::read_progress(store, shard).await
}

/// The first `limit` items: of a search by the batches that may hold what it asks for, else by time.
async fn items(connection: &mut PgConnection, tenant: &Tenant, query: &Query, limit: usize) -> Result<Vec<Item>, Error> {
    let bits = search::bits(query);
    if !bits.is_empty() && !query.oldest_first {
        return search::items(connection, tenant, query, &bits, limit).await;
    }
    if query.text.is_some() {
        search::limit_statements(connection, Instant::now()).await?;
    }
    let mut items = Vec::new();
    for leg in predicate::legs(query, Timestamp::now()) {
        let mut statement = predicate::statement(tenant, query, leg, limit - items.len());
        let rows = statement.build().fetch_all(&mut *connection).await.map_err(if query.text.is_some() { Error::of_search } else { Error::from })?;
        for row in &rows {
            items.push(item(row, query.with_changes)?);
        }
        if items.len() >= limit {
            break;
        }
    }
    Ok(items)
}

/// How many events match, wherever the page begins.
async fn total(connection: &mut PgConnection, tenant: &Tenant, query: &Query) -> Result<Total, Error> {
    let query = Query { after: None, ..query.clone() };
    let counted = match counted(connection, tenant, &query).await {
        Err(Error::SearchTimeout) => return Ok(Total::Unknown),
        counted => counted?,
    };
    Ok(if counted < u64::from(limits::HISTORY_COUNT_MAX) { Total::Exact(counted) } else { Total::AtLeast(counted) })
}

async fn counted(connection: &mut PgConnection, tenant: &Tenant, query: &Query) -> Result<u64, Error> {
    let bits = search::bits(query);
    if !bits.is_empty() {
        return search::count(connection, tenant, query, &bits, u64::from(limits::HISTORY_COUNT_MAX)).await;
    }
    search::limit_statements(connection, Instant::now()).await?;
    let mut statement = predicate::count(tenant, query, limits::HISTORY_COUNT_MAX);
    Ok(crate::number::unsigned(statement.build_query_scalar().fetch_one(connection).await.map_err(Error::of_search)?))
}

pub(crate) fn item(row: &PgRow, with_changes: bool) -> Result<Item, Error> {
    let keyset = Keyset { timestamp: row.try_get::<OffsetDateTime, _>("occurred_at")?.into(), id: row.try_get("event_id")? };
    let payload: String = row.try_get("payload")?;
    let has_changes: bool = row.try_get("has_changes")?;
    let payload = if has_changes && !with_changes {
        let event = Event::from_json(payload.as_bytes()).map_err(|error| Error::Bug(format!("an archived event cannot be read: {error}")))?;
        event.to_public_json()
    } else {
        payload
    };
    Ok(Item { keyset, payload })
}
