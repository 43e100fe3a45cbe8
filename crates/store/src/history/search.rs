//! Free text and single values by the filters of the ledger's batches: only the events of batches that may hold them are read.
//!
//! Batches are in the order of the archive and history is in that of time, and an import may bring old events late. So batches are taken by the time of
//! their newest event, newest first, until no batch that is left can hold an event newer than the last of the page.

use std::time::{Duration, Instant};

use slipstream_event::{Tenant, Timestamp};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Item, Query, predicate};
use crate::archive::terms::{self, Exact};
use crate::{Error, limits};

/// A batch that may hold the text.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Candidate {
    pub(crate) start: i64,
    pub(crate) size: i32,
    pub(crate) occurred_from: OffsetDateTime,
    pub(crate) occurred_to: OffsetDateTime,
}

/// The bits of what every event of the query holds: of its text, unless that is too short to tell batches apart, and of each filter that asks for a single value.
pub(crate) fn bits(query: &Query) -> Vec<i32> {
    let filter = &query.filter;
    let mut bits = query.text.as_deref().map(terms::of_search).unwrap_or_default();
    let mut add = |of, value: &str| bits.extend(terms::of_exact(of, value));
    if let Some(id) = &query.correlation_id {
        add(Exact::Correlation, id);
    }
    if let [actor] = filter.actors.as_slice() {
        add(Exact::Actor, actor);
    }
    if let [prefix] = filter.types.as_slice() {
        add(Exact::Type, predicate::type_of(prefix));
    }
    if let [severity] = filter.severities.as_slice() {
        add(Exact::Severity, severity.as_str());
    }
    if let [category] = query.categories.as_slice() {
        add(Exact::Category, category.as_str());
    }
    bits
}

/// The first `limit` items of a search, in the order of history.
pub(super) async fn items(connection: &mut PgConnection, tenant: &Tenant, query: &Query, bits: &[i32], limit: usize) -> Result<Vec<Item>, Error> {
    let begun = Instant::now();
    let mut found: Vec<Item> = Vec::new();
    // Most filters are answered by the newest batch; few texts are.
    let (mut after, mut at_once) = (None, if query.text.is_some() { limits::SEARCH_BATCHES_FIRST } else { 1 });
    loop {
        // What is as old as the last item may still come before it, by its id.
        let oldest = found.last().filter(|_| found.len() >= limit).map(|item| item.keyset.timestamp);
        limit_statements(connection, begun).await?;
        let batches = candidates(connection, tenant, query, bits, oldest, after, at_once).await?;
        if batches.is_empty() {
            return Ok(found);
        }
        limit_statements(connection, begun).await?;
        found.extend(read(connection, tenant, query, &batches, oldest, limit).await?);
        found.sort_by_key(|item| std::cmp::Reverse(item.keyset));
        found.truncate(limit);
        if batches.len() < at_once {
            return Ok(found);
        }
        after = batches.last().copied();
        at_once = (at_once * 2).min(limits::SEARCH_BATCHES_MAX);
    }
}

/// How many events match, counted up to `most`.
pub(super) async fn count(connection: &mut PgConnection, tenant: &Tenant, query: &Query, bits: &[i32], most: u64) -> Result<u64, Error> {
    let begun = Instant::now();
    let (mut after, mut counted) = (None, 0);
    while counted < most {
        limit_statements(connection, begun).await?;
        let batches = candidates(connection, tenant, query, bits, None, after, limits::SEARCH_BATCHES_MAX).await?;
        after = batches.last().copied();
        if after.is_none() {
            break;
        }
        limit_statements(connection, begun).await?;
        let more: i64 = predicate::count_in(tenant, query, &batches).build_query_scalar().fetch_one(&mut *connection).await.map_err(Error::of_search)?;
        counted += crate::number::unsigned(more);
    }
    Ok(counted.min(most))
}

/// Bounds the statements that follow in this transaction by what is left of a search that began at `begun`.
pub(crate) async fn limit_statements(connection: &mut PgConnection, begun: Instant) -> Result<(), Error> {
    limit_statements_to(connection, begun, limits::SEARCH_TIMEOUT).await
}

/// The same for what may take as long as `within`.
pub(crate) async fn limit_statements_to(connection: &mut PgConnection, begun: Instant, within: Duration) -> Result<(), Error> {
    let left = within.saturating_sub(begun.elapsed());
    if left.as_millis() == 0 {
        return Err(Error::SearchTimeout);
    }
    let statement = sqlx::query("select set_config('statement_timeout', $1, true)").bind(left.as_millis().to_string());
    statement.execute(connection).await?;
    Ok(())
}

/// The next batches, newest end first, that may hold events of the query not older than `oldest`.
async fn candidates(
    connection: &mut PgConnection,
    tenant: &Tenant,
    query: &Query,
    bits: &[i32],
    oldest: Option<Timestamp>,
    after: Option<Candidate>,
    at_once: usize,
) -> Result<Vec<Candidate>, Error> {
    let newest = [query.after.map(|keyset| keyset.timestamp), query.until].into_iter().flatten().min();
    let rows = sqlx::query_as(include_str!("../../queries/ledger/may_hold.sql"))
        .bind(tenant.as_str())
        .bind(bits)
        .bind(query.from.max(oldest).map(|from| from.datetime()))
        .bind(newest.map(|newest| newest.datetime()))
        .bind(after.map(|batch| batch.occurred_to))
        .bind(after.map(|batch| batch.start))
        .bind(i64::try_from(at_once).unwrap_or(i64::MAX));
    rows.fetch_all(connection).await.map_err(Error::of_search)
}

async fn read(
    connection: &mut PgConnection,
    tenant: &Tenant,
    query: &Query,
    batches: &[Candidate],
    oldest: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<Item>, Error> {
    let mut statement = predicate::of_batches(tenant, query, batches, oldest, limit);
    let rows = statement.build().fetch_all(connection).await.map_err(Error::of_search)?;
    rows.iter().map(|row| super::item(row, query.with_changes)).collect()
}
