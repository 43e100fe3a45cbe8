//! Retention of the archive: which events a tenant no longer keeps, and taking them away.
//!
//! A run applies a tenant's rules once. It goes in turns, each a transaction of its own ([`turn`]), which examines a bounded number of events and removes those that are due: rows, a note of
//! their ids ([`removed`]), the tenant's head and the event that tells of it together. How far a run has come is in the same transaction, so a run that was killed is gone on with. Months that are due as
//! a whole, for all their tenants, go at once ([`month`]).
//!
//! What is never removed, whatever a rule says: what a legal hold covers; events of the types `archive.…`, by which a ledger tells a removal or a redaction from tampering; what was archived
//! only just ([`Settings::keep`]); and what the tenant's activity log still shows, while that is on.
//!
//! No turn looks at everything: what is too old is found in the order of time after what was found before, what was archived since although it is old by its number, and the count of
//! what is stored is carried on. Only new rules and new holds make a run look from the beginning.

mod context;
mod examine;
pub mod month;
pub mod preview;
mod progress;
mod remove;
pub mod removed;
pub mod rules;
pub mod runs;

use std::time::Duration;

use slipstream_domain::retention;
use slipstream_event::{Tenant, Timestamp};

use crate::{Error, Store, Tx, limits};
use context::Context;
use progress::Step;
pub use runs::Run;

/// How retention works, for all tenants.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Events are removed no earlier than this after they were archived.
    pub keep: Duration,
    /// How often a tenant's rules are applied.
    pub every: Duration,
    /// How many days events are kept for which no rule of their tenant holds; `None`: for ever.
    pub max_days: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep: Duration::from_secs(24 * 60 * 60), every: Duration::from_secs(60 * 60), max_days: None }
    }
}

/// What a turn did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Somebody else works on the tenant.
    Busy,
    /// The run goes on: there is more to look at.
    More {
        /// Events removed by this turn.
        removed: u64,
    },
    /// The run has ended.
    Done(Run),
}

/// Notes all tenants that retention has to do with: those with rules, and with a limit for all of them every tenant.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn enrol(store: &Store, settings: &Settings) -> Result<(), Error> {
    sqlx::query(include_str!("../queries/retention/enrol.sql")).bind(settings.max_days.is_some()).execute(&store.pool).await?;
    Ok(())
}

/// Tenants whose next run may begin, or goes on: at most [`limits::RETENTION_TENANTS`]. `store` is a pool of [`Role::Retention`](crate::Role::Retention).
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn due(store: &Store) -> Result<Vec<Tenant>, Error> {
    let names: Vec<String> = sqlx::query_scalar(include_str!("../queries/retention/due.sql")).bind(limits::RETENTION_TENANTS).fetch_all(&store.pool).await?;
    Ok(names.iter().filter_map(|name| Tenant::new(name).ok()).collect())
}

/// For how long the tenant that waits longest has been due; zero when none is.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn lag(store: &Store) -> Result<Duration, Error> {
    let lag =
        "select coalesce(extract(epoch from clock_timestamp() - min(due_at)), 0)::float8 from slipstream.retention_state where due_at <= clock_timestamp()";
    let seconds: f64 = sqlx::query_scalar(lag).fetch_one(&store.pool).await?;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Tenants that retention has to do with, in order, after `after`: at most [`limits::RETENTION_TENANTS`].
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn tenants(store: &Store, after: Option<&Tenant>) -> Result<Vec<Tenant>, Error> {
    let list = sqlx::query_scalar("select tenant_id from slipstream.retention_state where tenant_id > $1 order by tenant_id limit $2");
    let names: Vec<String> = list.bind(after.map_or("", Tenant::as_str)).bind(limits::RETENTION_TENANTS).fetch_all(&store.pool).await?;
    Ok(names.iter().filter_map(|name| Tenant::new(name).ok()).collect())
}

/// One turn of a tenant's run, in a write of [`Role::Retention`](crate::Role::Retention): begins a run when none goes on.
///
/// # Errors
/// [`Error::Contended`] when somebody else changed the same rows: nothing happened. [`Error::Unavailable`] and the like.
pub async fn turn(tx: &mut Tx, settings: &Settings, now: Timestamp) -> Result<Turn, Error> {
    let Some(tenant) = tx.scope().account().cloned() else { return Err(Error::Bug("retention works on one tenant".to_owned())) };
    // In a statement of its own: who places a hold now is waited for, or waits.
    sqlx::query("select slipstream.heed_holds($1)").bind(tenant.as_str()).execute(tx.connection()).await?;
    let Some(mut progress) = runs::lock(tx.connection(), &tenant).await? else { return Ok(Turn::Busy) };
    let context = Context::read(tx.connection(), &tenant, settings).await?;
    progress.heed(&context, settings, now);
    let mut examined = 0;
    while examined < limits::RETENTION_ROWS {
        let Some((place, step)) = progress.next() else {
            let run = progress.end(now);
            runs::end(tx.connection(), &tenant, &progress, &run, settings.every).await?;
            return Ok(Turn::Done(run));
        };
        if let Step::Count { after_seq, through_seq } = step {
            let counted = examine::count(tx, &tenant, progress.group(place), after_seq, through_seq).await?;
            progress.counted(place, through_seq, counted);
            examined += through_seq - after_seq;
            continue;
        }
        let seen = examine::look(tx, &tenant, &step).await?;
        examined += seen.len() as u64;
        let choice = progress.choose(place, &step, &seen);
        if !choice.rows.is_empty() {
            let removal = remove::remove(tx, &tenant, &choice).await?;
            retention::completed(&tenant, &removal).map_err(|broken| Error::Bug(broken.to_string()))?.into_iter().for_each(|event| tx.emit(event));
            progress.removed(&removal);
            runs::save(tx.connection(), &tenant, &progress).await?;
            return Ok(Turn::More { removed: choice.rows.len() as u64 });
        }
    }
    runs::save(tx.connection(), &tenant, &progress).await?;
    Ok(Turn::More { removed: 0 })
}
