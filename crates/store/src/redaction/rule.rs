//! Rules of redaction, as rows.

use slipstream_domain::redaction::Rule;
use slipstream_event::{Category, Keyset, Tenant, Timestamp, Viewer};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Selection;
use crate::number::{signed, unsigned};
use crate::{Error, Tx, limits};

/// A rule, as it is kept, and how far it was applied.
#[derive(Clone, Debug)]
pub struct Row {
    /// Id.
    pub id: Uuid,
    /// What it says.
    pub rule: Rule,
    /// What its owner could see: nothing else is redacted.
    pub viewer: Viewer,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Who changed it last: the id of an actor.
    pub updated_by: String,
    /// Events that were redacted since it was changed.
    pub redacted: u64,
    /// Events that it passed over since then because they were held.
    pub held: u64,
    pub(super) progress: Progress,
}

/// How far a rule was applied: events up to `last` were looked at, as far as their numbers are not beyond `seen`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) last: Option<Keyset>,
    pub(super) seen: Option<u64>,
}

impl Row {
    /// What it is about, up to a time.
    pub(super) fn selection(&self, to: Timestamp) -> Selection {
        Selection { types: self.rule.types.clone(), category: self.rule.category, to: Some(to), ..Selection::default() }
    }
}

/// The rules of a tenant, by name.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn list(tx: &mut Tx, tenant: &Tenant) -> Result<Vec<Row>, Error> {
    let statement = sqlx::query_as("select * from slipstream.redaction_rule where tenant_id = $1 order by name, id");
    Ok(statement.bind(tenant.as_str()).fetch_all(tx.connection()).await?)
}

/// Makes a rule with an id of the caller's choice.
///
/// # Errors
/// [`Error::Refused`] with `too_many_rules` when the tenant has [`REDACTION_RULES_MAX`](limits::REDACTION_RULES_MAX).
pub async fn insert(tx: &mut Tx, tenant: &Tenant, id: Uuid, rule: &Rule, viewer: &Viewer, by: &str) -> Result<Row, Error> {
    // So that two requests at once do not both find room.
    let wait = sqlx::query("select pg_advisory_xact_lock(1819045998, hashtext($1))").bind(tenant.as_str());
    wait.execute(tx.connection()).await?;
    let count = sqlx::query_scalar("select count(*) from slipstream.redaction_rule where tenant_id = $1").bind(tenant.as_str());
    let rules: i64 = count.fetch_one(tx.connection()).await?;
    if rules >= limits::REDACTION_RULES_MAX {
        return Err(Error::Refused { what: "too_many_rules".to_owned() });
    }
    put(tx, include_str!("../../queries/redaction_rule/insert.sql"), tenant, id, rule, viewer, by)
        .await?
        .ok_or_else(|| Error::Bug("no rule was made".to_owned()))
}

/// Changes a rule, which begins anew. `None` for one that is not there.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn replace(tx: &mut Tx, tenant: &Tenant, id: Uuid, rule: &Rule, viewer: &Viewer, by: &str) -> Result<Option<Row>, Error> {
    put(tx, include_str!("../../queries/redaction_rule/replace.sql"), tenant, id, rule, viewer, by).await
}

async fn put(tx: &mut Tx, sql: &'static str, tenant: &Tenant, id: Uuid, rule: &Rule, viewer: &Viewer, by: &str) -> Result<Option<Row>, Error> {
    let statement = sqlx::query_as(sql).bind(tenant.as_str()).bind(id).bind(&rule.name).bind(&rule.types).bind(rule.category.map(Category::as_str));
    let statement = statement.bind(&rule.fields).bind(i64::from(rule.after_days)).bind(rule.enabled).bind(Json(viewer)).bind(by);
    Ok(statement.fetch_optional(tx.connection()).await?)
}

/// Deletes a rule. Returns its name; `None` for one that is not there.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn delete(tx: &mut Tx, tenant: &Tenant, id: Uuid) -> Result<Option<String>, Error> {
    let statement = sqlx::query_scalar("delete from slipstream.redaction_rule where tenant_id = $1 and id = $2 returning name");
    Ok(statement.bind(tenant.as_str()).bind(id).fetch_optional(tx.connection()).await?)
}

/// Lets the rules that passed over held events begin anew: to be called where a hold is released.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn restart(tx: &mut Tx, tenant: &Tenant) -> Result<(), Error> {
    sqlx::query(include_str!("../../queries/redaction_rule/restart.sql")).bind(tenant.as_str()).execute(tx.connection()).await?;
    Ok(())
}

/// One that is due, locked; `None` when it is not, or another worker is at it.
pub(super) async fn lock(tx: &mut Tx, tenant: &Tenant, id: Uuid) -> Result<Option<Row>, Error> {
    let statement = sqlx::query_as(
        "select * from slipstream.redaction_rule where tenant_id = $1 and id = $2 and enabled and turn_at <= clock_timestamp() for update skip locked",
    );
    Ok(statement.bind(tenant.as_str()).bind(id).fetch_optional(tx.connection()).await?)
}

/// Notes how far one that is locked was applied, what became of more events, and after how many seconds it is looked at again.
pub(super) async fn advance(tx: &mut Tx, tenant: &Tenant, id: Uuid, progress: Progress, counts: super::Counts, pause_seconds: f64) -> Result<(), Error> {
    let statement = sqlx::query(include_str!("../../queries/redaction_rule/advance.sql")).bind(tenant.as_str()).bind(id);
    let statement = statement.bind(progress.last.map(|last| last.timestamp.datetime())).bind(progress.last.map(|last| last.id)).bind(progress.seen.map(signed));
    statement.bind(signed(counts.redacted)).bind(signed(counts.held)).bind(pause_seconds).execute(tx.connection()).await?;
    Ok(())
}

impl<'r> FromRow<'r, PgRow> for Row {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let time = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<OffsetDateTime>, _>(column)?.map(Timestamp::from));
        let last = time("through_occurred_at")?.zip(row.try_get::<Option<Uuid>, _>("through_event_id")?);
        Ok(Self {
            id: row.try_get("id")?,
            rule: Rule {
                name: row.try_get("name")?,
                types: row.try_get("types")?,
                category: row.try_get::<Option<&str>, _>("category")?.and_then(Category::parse),
                fields: row.try_get("fields")?,
                after_days: u32::try_from(row.try_get::<i32, _>("after_days")?).unwrap_or_default(),
                enabled: row.try_get("enabled")?,
            },
            viewer: row.try_get::<Json<_>, _>("viewer")?.0,
            created_at: row.try_get::<OffsetDateTime, _>("created_at")?.into(),
            updated_at: row.try_get::<OffsetDateTime, _>("updated_at")?.into(),
            updated_by: row.try_get("updated_by")?,
            redacted: unsigned(row.try_get("redacted")?),
            held: unsigned(row.try_get("held")?),
            progress: Progress {
                last: last.map(|(timestamp, id)| Keyset { timestamp, id }),
                seen: row.try_get::<Option<i64>, _>("through_seq")?.map(unsigned),
            },
        })
    }
}
