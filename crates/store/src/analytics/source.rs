//! Where counts come from, as SQL: rollups, and the events that are not in them yet, under one name.
//!
//! It is called `e` and has a row for each key with its count `n`; so history's conditions on what a viewer may see and wants to see hold for it as they are.

use slipstream_domain::analytics::HOUR;
use slipstream_event::Timestamp;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::Dimension;
use super::snapshot::Snapshot;
use crate::history;
use crate::history::predicate::{push_filter, push_viewer};
use crate::number::signed;

/// Which rollups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// By hour and type.
    Hours,
    /// By day and actor.
    Actors,
    /// By day and entity.
    Entities,
}

impl Dimension {
    /// Where it is kept.
    pub(super) fn table(self) -> Table {
        if self == Self::Actor { Table::Actors } else { Table::Hours }
    }

    /// Of a row of [`push`].
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Type => "e.type",
            Self::Category => "e.category",
            Self::Severity => "e.severity",
            Self::Module => "e.module",
            Self::Action => "split_part(e.type, '.', -1)",
            Self::EntityType => "left(e.type, -1 - length(split_part(e.type, '.', -1)))",
            Self::Actor => "e.id",
            Self::Tenant => "e.tenant_id",
        }
    }
}

/// Adds `from (…) as e where …`: all that the query of the snapshot counts, from `from` on instead of the range's begin when that is given.
pub(super) fn push(sql: &mut QueryBuilder<Postgres>, snapshot: &Snapshot<'_>, table: Table, from: Option<Timestamp>) {
    let query = snapshot.query;
    let from = from.unwrap_or(query.range.from);
    sql.push(" from (");
    match table {
        Table::Hours => push_hours(sql, snapshot, from),
        Table::Actors | Table::Entities => push_days(sql, snapshot, table, from),
    }
    if let Some(times) = snapshot.tail {
        sql.push(" union all ");
        push_tail(sql, snapshot, table, from, times);
    }
    sql.push(") as e where e.at >= ").push_bind(from.datetime()).push(" and e.at < ").push_bind(query.range.to.datetime());
    push_viewer(sql, &query.viewer);
    push_filter(sql, &history::Query { filter: query.filter.clone(), categories: query.categories.clone(), ..history::Query::default() });
}

fn push_hours(sql: &mut QueryBuilder<Postgres>, snapshot: &Snapshot<'_>, from: Timestamp) {
    let (at, n) = if snapshot.by_hours { ("a.hour", "a.q0 + a.q1 + a.q2 + a.q3") } else { ("q.at", "q.n") };
    sql.push("select a.tenant_id, ").push(at).push(" as at, a.type, split_part(a.type, '.', 1) as module, ");
    sql.push("a.category, a.severity, a.visibility, a.concerned, ").push(n).push(" as n from slipstream.analytics_hour as a");
    if !snapshot.by_hours {
        sql.push(
            " cross join lateral (values (a.hour, a.q0), (a.hour + interval '15 minutes', a.q1), (a.hour + interval '30 minutes', a.q2), \
             (a.hour + interval '45 minutes', a.q3)) as q (at, n)",
        );
    }
    let hour = Timestamp::from_micros(from.micros().div_euclid(HOUR) * HOUR).unwrap_or(from);
    sql.push(" where a.hour >= ").push_bind(hour.datetime()).push(" and a.hour < ").push_bind(snapshot.query.range.to.datetime());
    push_account(sql, snapshot);
    if !snapshot.by_hours {
        sql.push(" and q.n > 0");
    }
}

fn push_days(sql: &mut QueryBuilder<Postgres>, snapshot: &Snapshot<'_>, table: Table, from: Timestamp) {
    sql.push(
        "select a.tenant_id, a.day::timestamp at time zone 'UTC' as at, a.id, a.entity_type, a.module, a.category, a.severity, a.visibility, a.concerned, ",
    );
    sql.push("a.count as n from slipstream.analytics_day as a where a.kind = ").push(if table == Table::Actors { "'actor'" } else { "'entity'" });
    sql.push(" and a.day >= ").push_bind(from.datetime().date()).push(" and a.day < ").push_bind(snapshot.query.range.to.datetime().date());
    push_account(sql, snapshot);
}

/// One account, or all: row-level security says the same.
fn push_account(sql: &mut QueryBuilder<Postgres>, snapshot: &Snapshot<'_>) {
    if let Some(tenant) = snapshot.scope.account() {
        sql.push(" and a.tenant_id = ").push_bind(tenant.as_str().to_owned());
    }
}

/// The events beyond the rollups, in the same columns and collations.
fn push_tail(sql: &mut QueryBuilder<Postgres>, snapshot: &Snapshot<'_>, table: Table, from: Timestamp, (earliest, latest): (OffsetDateTime, OffsetDateTime)) {
    let Some(tenant) = snapshot.scope.account() else { return };
    sql.push("select ").push_bind(tenant.as_str().to_owned()).push("::text collate \"C\", ");
    sql.push(match table {
        Table::Hours => "f.quarter, f.type collate \"C\", split_part(f.type collate \"C\", '.', 1), ",
        Table::Actors => "f.day, f.actor_id collate \"C\", '' collate \"C\", f.module collate \"C\", ",
        Table::Entities => "f.day, f.entity_id collate \"C\", f.entity_type collate \"C\", f.module collate \"C\", ",
    });
    sql.push("f.category collate \"C\", f.severity collate \"C\", f.visibility collate \"C\", f.concerned collate \"C\", 1::bigint");
    sql.push(" from slipstream.analytics_facts(").push_bind(tenant.as_str().to_owned()).push(") as f where f.number > ");
    sql.push_bind(signed(snapshot.standing.folded)).push(" and f.number <= ").push_bind(signed(snapshot.standing.through));
    sql.push(" and f.occurred_at >= ").push_bind(from.datetime().max(earliest));
    sql.push(" and f.occurred_at <= ").push_bind(snapshot.query.range.to.datetime().min(latest));
}
