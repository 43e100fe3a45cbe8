//! What decides about a tenant's events beside what they are.

use slipstream_domain::activity::Settings as Log;
use slipstream_domain::retention::{Group, Rule, groups};
use slipstream_event::{Tenant, Timestamp};
use sqlx::{PgConnection, Row as _};

use super::{Settings, rules};
use crate::Error;
use crate::number::unsigned;

/// What holds for a tenant now.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Its rules.
    pub(super) rules: Vec<Rule>,
    /// Changes with what is held.
    pub(super) holds: String,
    /// How many events its ledger has.
    pub(super) size: u64,
    /// Events up to this number were archived long enough ago.
    pub(super) settled: u64,
    pub(super) log: Log,
    /// What the activity log does not show any more, because there is too much of it or it was cleared.
    pub(super) log_after: u64,
}

impl Context {
    /// Reads it, in a transaction of the tenant.
    pub(super) async fn read(connection: &mut PgConnection, tenant: &Tenant, settings: &Settings) -> Result<Self, Error> {
        let rules = rules::of(connection, tenant).await?;
        Self::with_rules(connection, tenant, rules, settings).await
    }

    /// Reads the rest.
    pub(super) async fn with_rules(connection: &mut PgConnection, tenant: &Tenant, rules: Vec<Rule>, settings: &Settings) -> Result<Self, Error> {
        let holds = sqlx::query_scalar("select coalesce(md5(string_agg(hold.id::text, ' ' order by hold.id)), '') from slipstream.open_holds($1) as hold");
        let holds: String = holds.bind(tenant.as_str()).fetch_one(&mut *connection).await?;
        let statement = sqlx::query(include_str!("../../queries/retention/context.sql"));
        let row = statement.bind(tenant.as_str()).bind(settings.keep.as_secs_f64()).fetch_one(connection).await?;
        Ok(Self {
            rules,
            holds,
            size: unsigned(row.try_get("size")?),
            settled: unsigned(row.try_get("settled")?),
            log: crate::activity::settings::of_row(&row)?,
            log_after: row.try_get::<Option<i64>, _>("log_after")?.map_or(0, unsigned),
        })
    }

    /// What the rules mean at `now`.
    pub(super) fn groups(&self, settings: &Settings, now: Timestamp) -> Vec<Group> {
        groups(&self.rules, settings.max_days, &self.log, now)
    }

    /// Up to which number a limit on the number of events may remove.
    pub(super) fn trim_to(&self) -> u64 {
        if self.log.enabled { self.settled.min(self.log_after) } else { self.settled }
    }

    /// A text that changes with what makes a run look from the beginning.
    pub(super) fn fingerprint(&self, settings: &Settings) -> String {
        let rules = serde_json::to_string(&self.rules).unwrap_or_default();
        format!("{rules} {:?} {}", settings.max_days, self.holds)
    }
}
