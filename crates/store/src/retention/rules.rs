//! The rules of a tenant.

use slipstream_domain::retention::Rule;
use slipstream_event::{Category, Tenant};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use crate::number::{signed, unsigned};
use crate::{Error, Tx};

/// The rules that a tenant has set, in the order of their categories; the one for the rest comes first.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn read(tx: &mut Tx, tenant: &Tenant) -> Result<Vec<Rule>, Error> {
    of(tx.connection(), tenant).await
}

/// The same over any connection that may read them.
pub(super) async fn of(connection: &mut PgConnection, tenant: &Tenant) -> Result<Vec<Rule>, Error> {
    let statement = sqlx::query("select category, enabled, max_days, max_entries from slipstream.retention_rule where tenant_id = $1 order by category");
    let rows = statement.bind(tenant.as_str()).fetch_all(connection).await?;
    rows.iter().map(rule).collect()
}

/// Sets a tenant's rules in the place of those there were, which it answers. The next run is due at once. Two changes of one tenant come one after the other.
///
/// # Errors
/// [`Error::Refused`] for values out of bounds, [`Error::Conflict`] for two rules of one category; [`Error::Unavailable`] and the like.
pub async fn replace(tx: &mut Tx, tenant: &Tenant, rules: &[Rule]) -> Result<Vec<Rule>, Error> {
    let due = "insert into slipstream.retention_state (tenant_id, due_at) values ($1, clock_timestamp()) on conflict (tenant_id) do update set due_at = excluded.due_at";
    sqlx::query(due).bind(tenant.as_str()).execute(tx.connection()).await?;
    let before = read(tx, tenant).await?;
    sqlx::query("delete from slipstream.retention_rule where tenant_id = $1").bind(tenant.as_str()).execute(tx.connection()).await?;
    for rule in rules {
        let add = sqlx::query("insert into slipstream.retention_rule (tenant_id, category, enabled, max_days, max_entries) values ($1, $2, $3, $4, $5)");
        let add = add
            .bind(tenant.as_str())
            .bind(rule.name())
            .bind(rule.enabled)
            .bind(rule.max_days.map(i64::from).map(|days| i32::try_from(days).unwrap_or(i32::MAX)));
        add.bind(rule.max_entries.map(signed)).execute(tx.connection()).await?;
    }
    Ok(before)
}

fn rule(row: &PgRow) -> Result<Rule, Error> {
    Ok(Rule {
        category: Category::parse(row.try_get("category")?),
        enabled: row.try_get("enabled")?,
        max_days: row.try_get::<Option<i32>, _>("max_days")?.and_then(|days| u32::try_from(days).ok()),
        max_entries: row.try_get::<Option<i64>, _>("max_entries")?.map(unsigned),
    })
}
