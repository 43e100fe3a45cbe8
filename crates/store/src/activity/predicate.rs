//! The conditions of a page and of a total, as SQL. Only those that are asked for are in it, so that Postgres plans for them.

use slipstream_event::Tenant;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::{Query, Shown};
use crate::history::predicate::{concerned, has_classes, push_any, push_batches, push_classes, push_own, push_viewer};
use crate::history::search::Candidate;
use crate::like;
use crate::number::signed;

/// Begins a statement on the entries of a tenant that a reader may see and asked for.
pub(super) fn entries(columns: &'static str, tenant: &Tenant, shown: &Shown, query: &Query) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select ");
    sql.push(columns).push(" from slipstream.event as e where e.tenant_id = ").push_bind(tenant.as_str().to_owned());
    push_conditions(&mut sql, shown, query);
    sql
}

/// Begins a statement on the events of some batches. The times leave partitions out, and reading each batch by its numbers leads every plan to the index over numbers.
pub(super) fn of_batches(columns: &'static str, tenant: &Tenant, batches: &[Candidate]) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select ");
    sql.push(columns).push(" from ");
    push_batches(&mut sql, tenant, batches);
    sql
}

/// The conditions of what a reader may see and asked for.
pub(super) fn push_conditions(sql: &mut QueryBuilder<Postgres>, shown: &Shown, query: &Query) {
    push_shown(sql, shown, query);
    push_viewer(sql, &query.viewer);
    push_selection(sql, query);
    push_any(sql, "e.entity_id", query.entity_id.as_slice());
    if let Some(entity_type) = &query.entity_type {
        sql.push(" and (e.entity_type = ").push_bind(entity_type.clone()).push(" or e.legacy_entity_type = ").push_bind(entity_type.clone()).push(")");
    }
    if let Some(actor) = &query.actor {
        sql.push(" and (e.actor_id = ").push_bind(actor.clone()).push(" or e.actor_name ilike ").push_bind(like::begins(actor)).push(")");
    }
    push_text(sql, query.text.as_deref());
}

/// Counts the entries up to the moment of `shown`, up to `most` of them.
pub(super) fn total(tenant: &Tenant, shown: &Shown, query: &Query, most: i64) -> QueryBuilder<Postgres> {
    let through = signed(shown.size);
    let person = concerned(&query.viewer).filter(|_| has_classes(&query.viewer) && is_in_index(query));
    let Some(person) = person else {
        let mut sql = entries("count(*) from (select", tenant, shown, query);
        sql.push(" and e.tenant_seq <= ").push_bind(through).push(" limit ").push_bind(most).push(") as counted");
        return sql;
    };
    // What a person sees by class is counted from the index over numbers alone, what concerns it and is of no such class from the index over that. As one condition, all events would be read.
    let mut sql = QueryBuilder::new("select count(*) from (");
    let push_leg = |sql: &mut QueryBuilder<Postgres>| {
        sql.push("(select 1 from slipstream.event as e where e.tenant_id = ").push_bind(tenant.as_str().to_owned());
        push_shown(sql, shown, query);
        push_selection(sql, query);
        sql.push(" and e.tenant_seq <= ").push_bind(through);
    };
    push_leg(&mut sql);
    sql.push(" and (");
    push_classes(&mut sql, &query.viewer);
    sql.push(") limit ").push_bind(most).push(") union all ");
    push_leg(&mut sql);
    sql.push(" and not (");
    push_classes(&mut sql, &query.viewer);
    sql.push(") and ");
    push_own(&mut sql, &person);
    sql.push(" limit ").push_bind(most).push(") limit ").push_bind(most).push(") as counted");
    sql
}

/// Whether the index over numbers holds all that the entries are chosen by, but for whom they concern.
fn is_in_index(query: &Query) -> bool {
    query.entity_id.is_none() && query.entity_type.is_none() && query.actor.is_none() && query.text.is_none()
}

/// Categories and severities.
fn push_selection(sql: &mut QueryBuilder<Postgres>, query: &Query) {
    push_any(sql, "e.category", &query.selection.categories().map(|category| category.as_str().to_owned()).collect::<Vec<_>>());
    push_any(sql, "e.severity", &query.selection.severities().map(|severity| severity.as_str().to_owned()).collect::<Vec<_>>());
}

/// Narrows a statement to numbers above `after` and up to `through`, which lie between these times.
pub(super) fn push_numbers(sql: &mut QueryBuilder<Postgres>, (after, through): (u64, u64), (from, to): (Option<OffsetDateTime>, Option<OffsetDateTime>)) {
    sql.push(" and e.tenant_seq > ").push_bind(signed(after)).push(" and e.tenant_seq <= ").push_bind(signed(through));
    // For Postgres, to leave partitions out.
    if let (Some(from), Some(to)) = (from, to) {
        sql.push(" and e.occurred_at >= ").push_bind(from).push(" and e.occurred_at <= ").push_bind(to);
    }
}

fn push_shown(sql: &mut QueryBuilder<Postgres>, shown: &Shown, query: &Query) {
    let since = query.since.map_or(shown.oldest, |since| since.max(shown.oldest));
    sql.push(" and e.occurred_at >= ").push_bind(since.datetime());
    if let Some(until) = query.until {
        sql.push(" and e.occurred_at < ").push_bind(until.datetime());
    }
    if shown.after_seq > 0 {
        sql.push(" and e.tenant_seq > ").push_bind(signed(shown.after_seq));
    }
    if let Some(cleared) = shown.cleared {
        sql.push(" and (e.occurred_at >= ").push_bind(cleared.at.datetime());
        if let Some(seq) = cleared.seq {
            sql.push(" or e.tenant_seq > ").push_bind(signed(seq));
        }
        sql.push(")");
    }
    if !shown.silences.is_empty() {
        let (began, ended): (Vec<i64>, Vec<Option<i64>>) =
            shown.silences.iter().map(|silence| (signed(silence.began_seq), silence.ended_seq.map(signed))).unzip();
        sql.push(" and not exists (select from unnest(").push_bind(began).push("::bigint[], ").push_bind(ended);
        sql.push("::bigint[]) as silence (began_seq, ended_seq) where e.tenant_seq > began_seq and (ended_seq is null or e.tenant_seq < ended_seq))");
    }
}

fn push_text(sql: &mut QueryBuilder<Postgres>, text: Option<&str>) {
    let Some(text) = text else { return };
    let pattern = like::contains(text);
    let columns = ["e.message", "e.entity_name", "e.action", "e.actor_name", "e.actor_id", "e.entity_id"];
    for (i, column) in columns.into_iter().enumerate() {
        sql.push(if i == 0 { " and (" } else { " or " }).push(column).push(" ilike ").push_bind(pattern.clone());
    }
    sql.push(")");
}
