//! Months that go as a whole: faster than one by one, because nothing is done for each row but noting its id and number.
//!
//! A month goes when everything in it is too old, for all tenants that have events in it, and nothing of it is held. What tells of the archive itself stays: in the same transaction it moves
//! into a new partition. Noting takes its time and keeps nobody waiting; then readers are locked out for the moment in which the partition goes, the heads move, and the
//! events that tell of it are added to the outbox, all in one transaction. Who reads for longer than that lock waits makes retention try again later.

use std::collections::BTreeMap;

use slipstream_domain::retention::{self, Group, Removal};
use slipstream_event::{Category, Tenant, Timestamp};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Transaction};
use time::{Date, OffsetDateTime};

use super::context::Context;
use super::{Run, Settings, runs};
use crate::analytics::correct;
use crate::number::{signed, unsigned};
use crate::scope::Scope;
use crate::{Error, Store, limits, outbox};

/// Only one takes months away at a time.
const LOCK: &str = "select pg_try_advisory_xact_lock(1819045997, 1)";

/// What became of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something in it is to stay, or too little is in it: it goes one by one.
    Stays,
    /// Somebody else was at it, or read for too long. Worth a try later.
    Busy,
    /// It is gone, with so many events of each tenant.
    Gone(Vec<(Tenant, u64)>),
}

/// A month and whose it is.
struct Month {
    first: Date,
    from: OffsetDateTime,
    to: OffsetDateTime,
    tenants: BTreeMap<String, Holder>,
}

/// A tenant with events in a month.
struct Holder {
    tenant: Tenant,
    context: Context,
    groups: Vec<Group>,
    last_number: u64,
}

/// Months that are over and have a partition of their own, the oldest first. `store` is a pool of [`Role::Retention`](crate::Role::Retention).
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn months(store: &Store) -> Result<Vec<Date>, Error> {
    Ok(sqlx::query_scalar(include_str!("../../queries/retention/months.sql")).fetch_all(&store.pool).await?)
}

/// Takes a month away if it may go as a whole; `first` is its first day. Reads all of it only when each tenant has a rule by which something of it is too old.
///
/// # Errors
/// [`Error::Unavailable`] and the like; whether the month is gone is not known then, and asking again is right in any case.
pub async fn remove(store: &Store, settings: &Settings, first: Date, now: Timestamp) -> Result<Outcome, Error> {
    let Some(mut month) = read(store, settings, first, now).await? else { return Ok(Outcome::Stays) };
    if !month.tenants.is_empty() && !is_due(store, &mut month).await? {
        return Ok(Outcome::Stays);
    }
    let mut tx = store.pool.begin().await?;
    let timeout = format!("set local statement_timeout = {}", limits::MONTH_STATEMENT_TIMEOUT.as_millis());
    sqlx::query(AssertSqlSafe(timeout)).execute(&mut *tx).await?;
    let is_ours: bool = sqlx::query_scalar(LOCK).fetch_one(&mut *tx).await?;
    let noted = if is_ours { note(&mut tx, settings, &month).await? } else { None };
    let Some(noted) = noted else { return Ok(Outcome::Busy) };
    match take(&mut tx, &month).await? {
        Outcome::Gone(_) => {}
        other => return Ok(other),
    }
    let gone = tell(&mut tx, &month, &noted, now).await?;
    tx.commit().await?;
    outbox::wake(store).await;
    Ok(Outcome::Gone(gone))
}

/// The month, if every tenant in it has a rule that may let it go.
async fn read(store: &Store, settings: &Settings, first: Date, now: Timestamp) -> Result<Option<Month>, Error> {
    let from = first.midnight().assume_utc();
    let next = if first.month() == time::Month::December {
        Date::from_calendar_date(first.year() + 1, time::Month::January, 1)
    } else {
        Date::from_calendar_date(first.year(), first.month().next(), 1)
    };
    let to = next.unwrap_or(first).midnight().assume_utc();
    let most = i32::try_from(limits::MONTH_TENANTS_MAX).unwrap_or(i32::MAX);
    let statement = sqlx::query_scalar("select slipstream.event_month_tenants($1, $2)").bind(first).bind(most + 1);
    let names: Vec<String> = statement.fetch_all(&store.pool).await?;
    if names.len() > limits::MONTH_TENANTS_MAX {
        return Ok(None);
    }
    let mut tenants = BTreeMap::new();
    for name in names {
        let Ok(tenant) = Tenant::new(&name) else { return Ok(None) };
        let mut tx = store.begin_read(&tenant).await?;
        let context = Context::read(&mut tx, &tenant, settings).await?;
        tx.commit().await?;
        let groups = context.groups(settings, now);
        if !groups.iter().any(|group| is_too_old(group, to)) {
            return Ok(None);
        }
        tenants.insert(name, Holder { tenant, context, groups, last_number: 0 });
    }
    Ok(Some(Month { first, from, to, tenants }))
}

fn is_too_old(group: &Group, to: OffsetDateTime) -> bool {
    group.before.is_some_and(|before| before.datetime() >= to)
}

/// Reads what the month holds: whether all of it may go, and is worth it.
async fn is_due(store: &Store, month: &mut Month) -> Result<bool, Error> {
    type Columns = (String, String, i64, i64, i64, i64);
    let mut tx = store.pool.begin().await?;
    let timeout = format!("set local statement_timeout = {}", limits::MONTH_STATEMENT_TIMEOUT.as_millis());
    sqlx::query(AssertSqlSafe(timeout)).execute(&mut *tx).await?;
    let rows: Vec<Columns> = sqlx::query_as("select * from slipstream.event_month($1)").bind(month.first).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    let (mut all, mut all_kept) = (0, 0);
    for (tenant, category, events, last_number, kept, held) in rows {
        let Some(holder) = month.tenants.get_mut(&tenant) else { return Ok(false) };
        let group = Category::parse(&category).and_then(|category| holder.groups.iter().find(|group| group.has(category)));
        let is_old = group.is_some_and(|group| is_too_old(group, month.to)) || events == kept;
        if !is_old || held > 0 || unsigned(last_number) > holder.context.settled {
            return Ok(false);
        }
        holder.last_number = holder.last_number.max(unsigned(last_number));
        (all, all_kept) = (all + unsigned(events), all_kept + unsigned(kept));
    }
    Ok(all_kept <= limits::MONTH_KEPT_MAX && all - all_kept >= limits::MONTH_EVENTS_MIN)
}

/// Notes all that goes, and makes sure that rules and holds are what they were. `None` when they are not, or somebody works on one of the tenants.
async fn note(tx: &mut Transaction<'_, Postgres>, settings: &Settings, month: &Month) -> Result<Option<Vec<(Removal, Option<OffsetDateTime>)>>, Error> {
    for holder in month.tenants.values() {
        belong(tx, &holder.tenant).await?;
        let Some(mut progress) = runs::lock(tx, &holder.tenant).await? else { return Ok(None) };
        progress.recount();
        runs::save(tx, &holder.tenant, &progress).await?;
    }
    let mut noted = Vec::with_capacity(month.tenants.len());
    for holder in month.tenants.values() {
        belong(tx, &holder.tenant).await?;
        noted.push(note_one(tx, &holder.tenant, month).await?);
    }
    for holder in month.tenants.values() {
        belong(tx, &holder.tenant).await?;
        sqlx::query("select slipstream.heed_holds($1)").bind(holder.tenant.as_str()).execute(&mut **tx).await?;
        let context = Context::read(tx, &holder.tenant, settings).await?;
        if context.fingerprint(settings) != holder.context.fingerprint(settings) {
            return Ok(None);
        }
    }
    Ok(Some(noted))
}

async fn note_one(connection: &mut PgConnection, tenant: &Tenant, month: &Month) -> Result<(Removal, Option<OffsetDateTime>), Error> {
    type Columns = (Vec<i64>, Vec<i64>, Json<BTreeMap<String, u64>>, Option<OffsetDateTime>);
    let statement = sqlx::query_as::<_, Columns>(include_str!("../../queries/retention/month_note.sql")).bind(tenant.as_str());
    let statement = statement.bind(month.from).bind(month.to).bind(signed(limits::RETENTION_ROWS));
    let (firsts, lasts, Json(categories), latest) = statement.fetch_one(&mut *connection).await?;
    let numbers: Vec<(u64, u64)> = firsts.into_iter().map(unsigned).zip(lasts.into_iter().map(unsigned)).collect();
    let all: Vec<u64> = numbers.iter().flat_map(|(first, last)| *first..=*last).collect();
    for some in all.chunks(limits::ANALYTICS_NUMBERS_MAX) {
        correct::forget_in(connection, tenant, some).await?;
    }
    Ok((Removal { numbers, categories, held: 0 }, latest))
}

/// Takes the partition away, as soon as nobody reads for longer than the lock waits.
async fn take(tx: &mut Transaction<'_, Postgres>, month: &Month) -> Result<Outcome, Error> {
    let tenants: Vec<&str> = month.tenants.keys().map(String::as_str).collect();
    let last_numbers: Vec<i64> = month.tenants.values().map(|holder| signed(holder.last_number)).collect();
    let lock_timeout = |wait: std::time::Duration| AssertSqlSafe(format!("set local lock_timeout = {}", wait.as_millis()));
    for _ in 0..limits::MONTH_TRIES {
        let mut savepoint = tx.begin().await?;
        sqlx::query(lock_timeout(limits::MONTH_LOCK_TIMEOUT)).execute(&mut *savepoint).await?;
        let statement = sqlx::query_scalar("select slipstream.drop_event_month($1, $2, $3)").bind(month.first).bind(&tenants).bind(&last_numbers);
        match statement.fetch_one(&mut *savepoint).await.map_err(Error::from) {
            Ok(true) => {
                sqlx::query(lock_timeout(limits::LOCK_TIMEOUT)).execute(&mut *savepoint).await?;
                savepoint.commit().await?;
                return Ok(Outcome::Gone(Vec::new()));
            }
            // Something came in since it was looked at.
            Ok(false) => return Ok(Outcome::Busy),
            Err(Error::Contended(_)) => {
                savepoint.rollback().await?;
                tokio::time::sleep(limits::MONTH_TRY_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Outcome::Busy)
}

/// Moves the heads, and tells of what went.
async fn tell(
    tx: &mut Transaction<'_, Postgres>,
    month: &Month,
    noted: &[(Removal, Option<OffsetDateTime>)],
    now: Timestamp,
) -> Result<Vec<(Tenant, u64)>, Error> {
    let mut gone = Vec::new();
    let mut events = Vec::new();
    for (holder, (removal, latest)) in month.tenants.values().zip(noted) {
        let removed: u64 = removal.categories.values().sum();
        if removed == 0 {
            continue;
        }
        belong(tx, &holder.tenant).await?;
        let head = sqlx::query(include_str!("../../queries/retention/head.sql")).bind(holder.tenant.as_str());
        head.bind(signed(removed)).bind(latest).execute(&mut **tx).await?;
        let run = Run { began_at: now, ended_at: now, removed, held: 0, categories: removal.categories.clone() };
        runs::add(tx, &holder.tenant, &run).await?;
        events.extend(retention::completed(&holder.tenant, removal).map_err(|broken| Error::Bug(broken.to_string()))?);
        gone.push((holder.tenant.clone(), removed));
    }
    outbox::append(tx, &Scope::AllAccounts, &events, None).await?;
    Ok(gone)
}

/// From here on the transaction belongs to the tenant.
async fn belong(connection: &mut PgConnection, tenant: &Tenant) -> Result<(), Error> {
    sqlx::query("select set_config('slipstream.tenant', $1, true)").bind(tenant.as_str()).execute(connection).await?;
    Ok(())
}
