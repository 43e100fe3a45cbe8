//! One consistent look at rollups and events: how far the rollups go, and where the events beyond them lie.

use slipstream_domain::analytics::HOUR;
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::macros::datetime;

use super::{Fault, Query, Standing};
use crate::number::{signed, unsigned};
use crate::stoppable::Stoppable;
use crate::{Error, Scope, Store, limits};

/// A transaction in which all statements see the same. Who goes away leaves no statement behind.
pub(super) struct Snapshot<'a> {
    tx: Stoppable,
    pub(super) scope: &'a Scope,
    pub(super) query: &'a Query,
    pub(super) standing: Standing,
    /// Between which times the events lie that are read one by one.
    pub(super) tail: Option<(OffsetDateTime, OffsetDateTime)>,
    /// Whether hours of UTC are fine enough; else quarters of them.
    pub(super) by_hours: bool,
}

impl<'a> Snapshot<'a> {
    /// Begins one for a query, and looks whether the zone can be answered.
    pub(super) async fn begin(store: &Store, scope: &'a Scope, query: &'a Query) -> Result<Self, Fault> {
        let mut held = store.begin_stoppable(scope).await?;
        match look(held.connection()?, scope, query).await {
            Ok((standing, tail, by_hours)) => Ok(Self { tx: held, scope, query, standing, tail, by_hours }),
            // A zone that nobody knows must not cost a connection, as who goes away does.
            Err(fault) => {
                held.end().await?;
                Err(fault)
            }
        }
    }

    /// Where its statements go.
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        self.tx.connection()
    }

    /// Ends it.
    pub(super) async fn end(self) -> Result<Standing, Fault> {
        self.tx.end().await?;
        Ok(self.standing)
    }
}

/// How far the counts go, where the events beyond them lie, and whether hours are fine enough.
async fn look(connection: &mut PgConnection, scope: &Scope, query: &Query) -> Result<(Standing, Option<(OffsetDateTime, OffsetDateTime)>, bool), Fault> {
    let limit = sqlx::query("select set_config('statement_timeout', $1, true)").bind(limits::ANALYTICS_TIMEOUT.as_millis().to_string());
    limit.execute(&mut *connection).await.map_err(Error::from)?;
    let standing = standing(connection, scope).await?;
    let has_hours = query.zone.is_utc() || has_whole_hours(connection, query).await?;
    let tail = tail(connection, scope, &standing).await?;
    Ok((standing, tail, has_hours && query.range.is_whole(HOUR)))
}

/// How far the counts of a scope go.
pub(super) async fn standing(connection: &mut PgConnection, scope: &Scope) -> Result<Standing, Error> {
    let (head, size, folded): (i64, i64, i64) = match scope.account() {
        Some(tenant) => sqlx::query_as(include_str!("../../queries/analytics/standing.sql")).bind(tenant.as_str()).fetch_one(connection).await?,
        None => sqlx::query_as(include_str!("../../queries/analytics/standing_of_all.sql")).fetch_one(connection).await?,
    };
    let (size, folded) = (unsigned(size), unsigned(folded));
    let has_tail = scope.account().is_some() && size.saturating_sub(folded) <= limits::ANALYTICS_TAIL_MAX;
    Ok(Standing { head: unsigned(head), size, folded, through: if has_tail { size } else { folded } })
}

/// Between which times the events lie that are read one by one.
async fn tail(connection: &mut PgConnection, scope: &Scope, standing: &Standing) -> Result<Option<(OffsetDateTime, OffsetDateTime)>, Error> {
    let Some(tenant) = scope.account().filter(|_| standing.through > standing.folded) else { return Ok(None) };
    let statement = sqlx::query_as::<_, (Option<OffsetDateTime>, Option<OffsetDateTime>)>(include_str!("../../queries/activity/times.sql"));
    let (from, to) = statement.bind(tenant.as_str()).bind(signed(standing.folded)).bind(signed(standing.through)).fetch_one(connection).await?;
    // Without a word of the ledger: any time.
    Ok(Some(from.zip(to).unwrap_or((datetime!(0001-01-01 00:00 UTC), datetime!(9999-12-31 23:59 UTC)))))
}

/// Whether the hours of the zone are hours of UTC in the time that is asked for.
async fn has_whole_hours(connection: &mut PgConnection, query: &Query) -> Result<bool, Fault> {
    let statement = sqlx::query_as::<_, (bool, bool)>(include_str!("../../queries/analytics/offsets.sql")).bind(query.zone.postgres());
    let asked = statement.bind(query.range.from.datetime()).bind(query.range.to.datetime()).fetch_one(connection).await;
    match asked {
        Ok((hours, true)) => Ok(hours),
        Ok((_, false)) => Err(Fault::ZoneTooFine),
        // "time zone … not recognized"
        Err(error) if code_of(&error).as_deref() == Some("22023") => Err(Fault::ZoneUnknown),
        Err(error) => Err(slow(error)),
    }
}

/// Why a statement failed that has a time limit of its own.
pub(super) fn slow(error: sqlx::Error) -> Fault {
    if code_of(&error).as_deref() == Some("57014") { Fault::TooSlow } else { Fault::Store(error.into()) }
}

fn code_of(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(std::borrow::Cow::into_owned)
}
