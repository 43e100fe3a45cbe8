//! What there is most of.

use sqlx::{FromRow, PgConnection, QueryBuilder};

use super::snapshot::{Snapshot, slow};
use super::source::{self, Table};
use super::{Dimension, Fault, Query, Standing};
use crate::number::unsigned;
use crate::{Error, Scope, Store, limits};

/// What is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Actors, by user id.
    Actors,
    /// Actions: last tokens of types.
    Actions,
    /// Entities, by type and id.
    Entities,
    /// Tenants: for super-admins.
    Tenants,
}

impl Of {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Actors, Self::Actions, Self::Entities, Self::Tenants];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Actors => "actors",
            Self::Actions => "actions",
            Self::Entities => "entities",
            Self::Tenants => "tenants",
        }
    }

    /// Whether it is counted by days of UTC, and not by type.
    pub fn is_by_day(self) -> bool {
        matches!(self, Self::Actors | Self::Entities)
    }

    fn table(self) -> Table {
        match self {
            Self::Actors => Table::Actors,
            Self::Entities => Table::Entities,
            Self::Actions | Self::Tenants => Table::Hours,
        }
    }
}

/// The first of a ranking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranking {
    /// Most events first; equal ones by their keys.
    pub items: Vec<Ranked>,
    /// Events of all, those that are not listed too.
    pub total: u64,
    /// How many there are, listed or not.
    pub distinct: u64,
}

/// One of a ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// Whose actor or entity it is, over all tenants; `None` else.
    pub tenant: Option<String>,
    /// The type of an entity; `None` else.
    pub entity_type: Option<String>,
    /// User id, action, id of the entity, or tenant.
    pub key: String,
    /// Its events.
    pub count: u64,
    /// Those of them with the severities `error` and `critical`.
    pub errors: u64,
}

#[derive(FromRow)]
struct Row {
    tenant: Option<String>,
    entity_type: Option<String>,
    key: String,
    n: i64,
    errors: i64,
    total: i64,
    distinct_keys: i64,
}

/// The first `limit` of a ranking.
///
/// # Errors
/// [`Fault`].
pub async fn top(store: &Store, scope: &Scope, query: &Query, of: Of, limit: u32) -> Result<(Ranking, Standing), Fault> {
    let mut snapshot = Snapshot::begin(store, scope, query).await?;
    if of == Of::Entities {
        plan_for_many(snapshot.connection()?).await?;
    }
    let tenant = if scope.account().is_none() && of.is_by_day() { "e.tenant_id" } else { "null::text" };
    let (entity_type, key) = match of {
        Of::Actors => ("null::text", Dimension::Actor.column()),
        Of::Entities => ("e.entity_type", "e.id"),
        Of::Actions => ("null::text", Dimension::Action.column()),
        Of::Tenants => ("null::text", Dimension::Tenant.column()),
    };
    let mut sql = QueryBuilder::new("select *, (sum(n) over ())::bigint as total, count(*) over () as distinct_keys from (select ");
    sql.push(tenant).push(" as tenant, ").push(entity_type).push(" as entity_type, ").push(key).push(" as key, sum(e.n)::bigint as n, ");
    sql.push("coalesce(sum(e.n) filter (where e.severity in ('error', 'critical')), 0)::bigint as errors");
    source::push(&mut sql, &snapshot, of.table(), None);
    sql.push(" group by 1, 2, 3) as ranked order by n desc, key, entity_type, tenant limit ").push_bind(i64::from(limit));
    let rows: Vec<Row> = sql.build_query_as().fetch_all(snapshot.connection()?).await.map_err(slow)?;
    let (total, distinct) = rows.first().map_or((0, 0), |row| (unsigned(row.total), unsigned(row.distinct_keys)));
    let ranked = |row: Row| Ranked { tenant: row.tenant, entity_type: row.entity_type, key: row.key, count: unsigned(row.n), errors: unsigned(row.errors) };
    Ok((Ranking { items: rows.into_iter().map(ranked).collect(), total, distinct }, snapshot.end().await?))
}

/// There may be as many things as events, or nearly so: Postgres would sort the counts of a year on disk to group them, which takes twice as long as to keep the groups in memory.
async fn plan_for_many(connection: &mut PgConnection) -> Result<(), Error> {
    let settings = [
        ("statement_timeout", limits::ANALYTICS_ENTITIES_TIMEOUT.as_millis().to_string()),
        ("work_mem", limits::ANALYTICS_ENTITIES_MEMORY.to_owned()),
        ("enable_sort", "off".to_owned()),
    ];
    for (name, value) in settings {
        sqlx::query("select set_config($1, $2, true)").bind(name).bind(value).execute(&mut *connection).await?;
    }
    Ok(())
}
