//! Turns: one transaction of a request or a rule each.

use std::time::Duration;

use slipstream_domain::limits::REDACTION_EVENTS_MAX;
use slipstream_event::{Actor, Tenant, Timestamp};
use uuid::Uuid;

use super::apply::{Task, apply, heed_holds};
use super::choose::{self, Chosen};
use super::{Counts, Events, job, rule};
use crate::number::unsigned;
use crate::{Error, Store, Tx, limits};

/// The workers' side of redaction. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Redactor {
    store: Store,
}

/// What one turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What became of its events.
    pub counts: Counts,
    /// Whether there is more to do at once.
    pub more: bool,
    /// Whether it only counted.
    pub dry_run: bool,
    /// How long the oldest events that a rule has not looked at have been due.
    pub lag: Duration,
}

impl Redactor {
    /// The redactions behind a pool of [`Role::Redactor`](crate::Role::Redactor).
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The request that waited longest for its turn.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn next_job(&self) -> Result<Option<(Tenant, Uuid)>, Error> {
        self.next("select tenant_id, job_id from slipstream.redaction_job where state in ('queued', 'running') order by turn_at limit 1").await
    }

    /// The rule that is due for the longest time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn next_rule(&self) -> Result<Option<(Tenant, Uuid)>, Error> {
        self.next("select tenant_id, id from slipstream.redaction_rule where enabled and turn_at <= clock_timestamp() order by turn_at limit 1").await
    }

    async fn next(&self, sql: &'static str) -> Result<Option<(Tenant, Uuid)>, Error> {
        let found: Option<(String, Uuid)> = sqlx::query_as(sql).fetch_optional(&self.store.pool).await?;
        let known = |(name, id): (String, Uuid)| match Tenant::new(&name) {
            Ok(tenant) => Ok((tenant, id)),
            Err(fault) => Err(Error::Bug(format!("the database names a tenant that is none: {fault}"))),
        };
        found.map(known).transpose()
    }

    /// One transaction of a request. `None` when it is done, or another worker is at it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like; what is not retriable ends the request ([`Redactor::fail`]).
    pub async fn job(&self, tenant: &Tenant, id: Uuid) -> Result<Option<Outcome>, Error> {
        self.store.write(tenant, async |tx: &mut Tx| job_turn(tx, tenant, id).await).await
    }

    /// One transaction of a rule. `None` when it is not due, or another worker is at it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like; after what is not retriable it must be put off ([`Redactor::put_off`]).
    pub async fn rule(&self, tenant: &Tenant, id: Uuid, now: Timestamp) -> Result<Option<Outcome>, Error> {
        self.store.write(tenant, async |tx: &mut Tx| rule_turn(tx, tenant, id, now).await).await
    }

    /// Gives a request up. What was done of it stays.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn fail(&self, id: Uuid, reason: &str) -> Result<(), Error> {
        let reason: String = reason.chars().take(limits::REASON_LEN_MAX).collect();
        sqlx::query(include_str!("../../queries/redaction_job/fail.sql")).bind(id).bind(reason).execute(&self.store.pool).await?;
        Ok(())
    }

    /// Lets a rule wait for its next turn.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn put_off(&self, tenant: &Tenant, id: Uuid) -> Result<(), Error> {
        let statement =
            sqlx::query("update slipstream.redaction_rule set turn_at = clock_timestamp() + make_interval(secs => $3) where tenant_id = $1 and id = $2");
        statement.bind(tenant.as_str()).bind(id).bind(limits::REDACTION_RULE_EVERY.as_secs_f64()).execute(&self.store.pool).await?;
        Ok(())
    }

    /// Deletes requests that were done [`limits::REDACTION_JOBS_KEPT`] ago: they name what was to be forgotten.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn clean(&self) -> Result<(), Error> {
        let statement = sqlx::query("delete from slipstream.redaction_job where finished_at < clock_timestamp() - make_interval(secs => $1)");
        statement.bind(limits::REDACTION_JOBS_KEPT.as_secs_f64()).execute(&self.store.pool).await?;
        Ok(())
    }
}

async fn job_turn(tx: &mut Tx, tenant: &Tenant, id: Uuid) -> Result<Option<Outcome>, Error> {
    let Some(job) = job::lock(tx, tenant, id).await? else { return Ok(None) };
    heed_holds(tx, tenant).await?;
    let (asked, mut progress) = (&job.asked, job.progress);
    let through = match progress.through {
        Some(through) => through,
        None => head(tx, tenant).await?,
    };
    progress.through = Some(through);
    let mut missing = 0;
    let (keys, more) = match &asked.events {
        Events::Ids(ids) => {
            let mut part: Vec<Uuid> = ids.iter().skip(progress.ids_done).take(REDACTION_EVENTS_MAX).copied().collect();
            progress.ids_done += part.len();
            let found = choose::by_id(tx, tenant, &asked.viewer, &part).await?;
            part.retain(|id| !found.iter().any(|key| key.id == *id));
            missing = part.len() as u64;
            (found, progress.ids_done < ids.len())
        }
        Events::Selection(selection) => {
            let Chosen { keys, last, more } = choose::by_time(tx, tenant, &asked.viewer, selection, progress.last, through).await?;
            progress.last = last.or(progress.last);
            (keys, more)
        }
    };
    let task = Task {
        id,
        fields: &asked.fields,
        rule: None,
        reason: Some(&asked.reason),
        actor: &asked.actor,
        correlation_id: asked.correlation_id.as_deref(),
        dry_run: asked.dry_run,
    };
    let counts = Counts { missing, ..apply(tx, tenant, &task, &keys).await? };
    job::advance(tx, id, progress, counts, more).await?;
    Ok(Some(Outcome { counts, more, dry_run: asked.dry_run, lag: Duration::ZERO }))
}

/// First what came late, then what has come of age.
async fn rule_turn(tx: &mut Tx, tenant: &Tenant, id: Uuid, now: Timestamp) -> Result<Option<Outcome>, Error> {
    let Some(row) = rule::lock(tx, tenant, id).await? else { return Ok(None) };
    heed_holds(tx, tenant).await?;
    let head = head(tx, tenant).await?;
    let mut progress = row.progress;
    let due: Timestamp = (now.datetime() - time::Duration::days(i64::from(row.rule.after_days))).into();
    let late = match (progress.last, progress.seen) {
        (Some(last), Some(seen)) if seen < head => choose::late(tx, tenant, &row.viewer, &row.selection(due), seen, last.timestamp).await?,
        _ => None,
    };
    let (keys, more, lag) = match late {
        Some(late) => {
            progress.seen = late.last;
            (late.keys, true, Duration::ZERO)
        }
        None => {
            progress.seen = Some(head);
            let Chosen { keys, last, more } = choose::by_time(tx, tenant, &row.viewer, &row.selection(due), progress.last, u64::MAX).await?;
            progress.last = last.or(progress.last);
            let behind = progress.last.filter(|_| more).map(|last| (due.datetime() - last.timestamp.datetime()).unsigned_abs());
            (keys, more, behind.unwrap_or_default())
        }
    };
    let actor = Actor::system();
    let task = Task { id, fields: &row.rule.fields, rule: Some(&row.rule.name), reason: None, actor: &actor, correlation_id: None, dry_run: false };
    let counts = apply(tx, tenant, &task, &keys).await?;
    let pause = if more { Duration::ZERO } else { limits::REDACTION_RULE_EVERY };
    rule::advance(tx, tenant, id, progress, counts, pause.as_secs_f64()).await?;
    Ok(Some(Outcome { counts, more, dry_run: false, lag }))
}

/// Where the tenant's ledger ends.
async fn head(tx: &mut Tx, tenant: &Tenant) -> Result<u64, Error> {
    let statement = sqlx::query_scalar("select ledger_size from slipstream.tenant_head where tenant_id = $1").bind(tenant.as_str());
    let size: Option<i64> = statement.fetch_optional(tx.connection()).await?;
    Ok(size.map_or(0, unsigned))
}
