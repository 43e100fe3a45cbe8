//! What a run would remove now, without removing it.

use serde::Serialize;
use slipstream_domain::retention::{Group, Rule};
use slipstream_event::{Tenant, Timestamp};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Settings;
use super::context::Context;
use crate::number::{signed, unsigned};
use crate::{Error, Store};

/// What a run would do to one category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Due {
    /// The category.
    pub category: String,
    /// How many events would be removed.
    pub events: u64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// When the newest of them happened.
    pub newest: Option<Timestamp>,
    /// How many more would be, if they were not held.
    pub held: u64,
}

/// What is stored of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How many events.
    pub events: u64,
    /// How many retention removed.
    pub removed: u64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
}

/// What is stored, through a pool of [`Role::Reader`](crate::Role::Reader).
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn stored(reader: &Store, tenant: &Tenant) -> Result<Stored, Error> {
    let mut tx = reader.begin_read(tenant).await?;
    let statement = sqlx::query_as::<_, (i64, i64, Option<OffsetDateTime>)>(include_str!("../../queries/retention/stored.sql"));
    let (events, removed, oldest) = statement.bind(tenant.as_str()).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(Stored { events: unsigned(events), removed: unsigned(removed), oldest: oldest.map(Timestamp::from) })
}

/// What a run that begins at `now` would remove under these rules, by category, through a pool of [`Role::Reader`](crate::Role::Reader). It counts one by one: with much that is due, it takes its time.
///
/// # Errors
/// [`Error::Unavailable`], also when it takes too long, and the like.
pub async fn preview(reader: &Store, tenant: &Tenant, rules: Vec<Rule>, settings: &Settings, now: Timestamp) -> Result<Vec<Due>, Error> {
    let mut tx = reader.begin_read(tenant).await?;
    let context = Context::with_rules(&mut tx, tenant, rules, settings).await?;
    let (mut categories, mut befores, mut throughs) = (Vec::new(), Vec::new(), Vec::new());
    for group in context.groups(settings, now) {
        let through = surplus(&mut tx, tenant, &group).await?.map(|through| through.min(context.trim_to()));
        for category in &group.categories {
            categories.push(category.as_str());
            befores.push(group.before.map(|before| before.datetime()));
            throughs.push(through.map(signed));
        }
    }
    type Columns = (String, i64, Option<OffsetDateTime>, Option<OffsetDateTime>, i64);
    let statement = sqlx::query_as::<_, Columns>(include_str!("../../queries/retention/preview.sql")).bind(tenant.as_str());
    let rows = statement.bind(categories).bind(befores).bind(throughs).bind(signed(context.settled)).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    let due = |(category, events, oldest, newest, held): Columns| Due {
        category,
        events: unsigned(events),
        oldest: oldest.map(Timestamp::from),
        newest: newest.map(Timestamp::from),
        held: unsigned(held),
    };
    Ok(rows.into_iter().map(due).collect())
}

/// Up to which number events of a group are beyond its limit.
async fn surplus(connection: &mut PgConnection, tenant: &Tenant, group: &Group) -> Result<Option<u64>, Error> {
    let Some(most) = group.max_entries else { return Ok(None) };
    let categories: Vec<&str> = group.categories.iter().map(|category| category.as_str()).collect();
    let statement = sqlx::query_scalar::<_, i64>(include_str!("../../queries/retention/surplus.sql")).bind(tenant.as_str()).bind(categories);
    Ok(statement.bind(signed(most)).fetch_optional(connection).await?.map(unsigned))
}
