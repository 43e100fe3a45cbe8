//! The query of a page, as SQL. Only conditions that are asked for are in it, so that Postgres plans for them.

use slipstream_event::{Tenant, Timestamp, Viewer};
use sqlx::{Postgres, QueryBuilder};
use time::{Duration, OffsetDateTime};

use super::Query;
use super::search::Candidate;
use crate::limits;

/// A part of time that one statement reads: from `from` (inclusive), below `below`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) from: Option<OffsetDateTime>,
    pub(crate) below: Option<OffsetDateTime>,
}

/// How a page is read: first the months in which its items most likely are, then, when they do not suffice, all that is older.
///
/// The first statement touches a few partitions instead of all of them. What is read from its oldest end on is read at once.
pub(super) fn legs(query: &Query, now: Timestamp) -> Vec<Leg> {
    if query.oldest_first {
        return vec![Leg { from: None, below: None }];
    }
    let newest = [query.after.map(|keyset| keyset.timestamp), query.until].into_iter().flatten().min().unwrap_or(now).min(now);
    let border = month_before(newest.datetime());
    vec![Leg { from: Some(border), below: None }, Leg { from: None, below: Some(border) }]
}

/// The statement for one leg of a page.
pub(super) fn statement(tenant: &Tenant, query: &Query, leg: Leg, limit: usize) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select e.occurred_at, e.event_id, e.payload, e.has_changes from slipstream.event as e where e.tenant_id = ");
    sql.push_bind(tenant.as_str().to_owned());
    push_conditions(&mut sql, query, leg);
    push_order(&mut sql, query, limit);
    sql
}

/// The statement for the events of some batches that are not older than `oldest`.
pub(super) fn of_batches(tenant: &Tenant, query: &Query, batches: &[Candidate], oldest: Option<Timestamp>, limit: usize) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select e.occurred_at, e.event_id, e.payload, e.has_changes from ");
    push_batches(&mut sql, tenant, batches);
    push_conditions(&mut sql, query, Leg { from: oldest.map(|oldest| oldest.datetime()), below: None });
    push_order(&mut sql, query, limit);
    sql
}

/// The statement that counts what matches in some batches.
pub(super) fn count_in(tenant: &Tenant, query: &Query, batches: &[Candidate]) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select count(*) from ");
    push_batches(&mut sql, tenant, batches);
    push_conditions(&mut sql, query, Leg { from: None, below: None });
    sql
}

/// The events of some batches, as `e`.
///
/// Each batch is read by the numbers of its events, in their order: that leads every plan to the index over numbers, and the times leave partitions out.
pub(crate) fn push_batches(sql: &mut QueryBuilder<Postgres>, tenant: &Tenant, batches: &[Candidate]) {
    sql.push("unnest(");
    sql.push_bind(batches.iter().map(|batch| batch.start).collect::<Vec<_>>()).push(", ");
    sql.push_bind(batches.iter().map(|batch| batch.size).collect::<Vec<_>>()).push(", ");
    sql.push_bind(batches.iter().map(|batch| batch.occurred_from).collect::<Vec<_>>()).push(", ");
    sql.push_bind(batches.iter().map(|batch| batch.occurred_to).collect::<Vec<_>>());
    sql.push(
        ") as b (start, size, occurred_from, occurred_to) cross join lateral (\
         select * from slipstream.event as e where e.tenant_seq > b.start and e.tenant_seq <= b.start + b.size \
         and e.occurred_at >= b.occurred_from and e.occurred_at <= b.occurred_to and e.tenant_id = ",
    );
    sql.push_bind(tenant.as_str().to_owned()).push(" order by e.tenant_seq limit b.size) as e where true");
}

/// The statement that counts what matches, up to `most`.
pub(super) fn count(tenant: &Tenant, query: &Query, most: u32) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select count(*) from (select from slipstream.event as e where e.tenant_id = ");
    sql.push_bind(tenant.as_str().to_owned());
    push_conditions(&mut sql, query, Leg { from: None, below: None });
    sql.push(" limit ").push_bind(i64::from(most)).push(") as matching");
    sql
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, query: &Query, leg: Leg) {
    push_time(sql, query, leg);
    push_viewer(sql, &query.viewer);
    push_filter(sql, query);
    push_text(sql, query.text.as_deref());
}

fn push_order(sql: &mut QueryBuilder<Postgres>, query: &Query, limit: usize) {
    let direction = if query.oldest_first { " asc" } else { " desc" };
    sql.push(" order by e.occurred_at").push(direction).push(", e.event_id").push(direction);
    sql.push(" limit ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
}

pub(crate) fn push_time(sql: &mut QueryBuilder<Postgres>, query: &Query, leg: Leg) {
    if let Some(from) = query.from.map(|from| from.datetime()).max(leg.from) {
        sql.push(" and e.occurred_at >= ").push_bind(from);
    }
    if let Some(below) = leg.below {
        sql.push(" and e.occurred_at < ").push_bind(below);
    }
    if let Some(until) = query.until {
        sql.push(" and e.occurred_at <= ").push_bind(until.datetime());
    }
    if let Some(after) = query.after {
        let beyond = if query.oldest_first { ">" } else { "<" };
        // The first condition lets Postgres leave partitions out; a comparison of pairs does not.
        sql.push(" and e.occurred_at ").push(beyond).push("= ").push_bind(after.timestamp.datetime());
        sql.push(" and (e.occurred_at, e.event_id) ").push(beyond).push(" (").push_bind(after.timestamp.datetime()).push(", ").push_bind(after.id).push(")");
    }
}

/// What the viewer may see: the same as [`Viewer::sees`].
pub(crate) fn push_viewer(sql: &mut QueryBuilder<Postgres>, viewer: &Viewer) {
    if viewer.platform {
        return;
    }
    match concerned(viewer) {
        // The index over whom events concern answers it alone.
        Some(user) if !has_classes(viewer) => {
            sql.push(" and ");
            push_own(sql, &user);
        }
        Some(user) => {
            sql.push(" and (");
            push_classes(sql, viewer);
            sql.push(" or (");
            push_own(sql, &user);
            sql.push("))");
        }
        None => {
            sql.push(" and (");
            push_classes(sql, viewer);
            sql.push(")");
        }
    }
}

/// Whose own events a viewer sees beside those of its classes. Admins see these events anyway, and without the condition the index over numbers answers a count alone.
pub(crate) fn concerned(viewer: &Viewer) -> Option<String> {
    viewer.user_id.as_ref().filter(|_| !viewer.admin && !viewer.platform).map(ToString::to_string)
}

/// What concerns a user, as the index over it has it.
pub(crate) fn push_own(sql: &mut QueryBuilder<Postgres>, user: &str) {
    sql.push("e.visibility in ('subject', 'external') and e.concerned = ").push_bind(user.to_owned());
    if user.len() <= limits::CONCERNED_INDEXED_BYTES {
        // Nothing else by what is asked, but the index is of these alone.
        sql.push(" and octet_length(e.concerned) <= ").push(limits::CONCERNED_INDEXED_BYTES);
    }
}

/// Whether it sees events that do not concern itself.
pub(crate) fn has_classes(viewer: &Viewer) -> bool {
    viewer.member || viewer.quality || viewer.admin
}

/// What the viewer sees whomever it concerns.
pub(crate) fn push_classes(sql: &mut QueryBuilder<Postgres>, viewer: &Viewer) {
    let mut classes: Vec<String> = Vec::new();
    let mut add = |seen: bool, class: &str| classes.extend(seen.then(|| class.to_owned()));
    add(viewer.member || viewer.admin, "tenant");
    add(viewer.quality || viewer.admin, "quality");
    add(viewer.quality || viewer.admin, "external");
    add(viewer.admin, "subject");
    add(viewer.admin, "admin");
    classes.extend(viewer.department.as_ref().filter(|_| viewer.member).map(|name| format!("department:{name}")));
    sql.push("e.visibility = any(").push_bind(classes).push(")");
    if viewer.admin {
        sql.push(" or starts_with(e.visibility, 'department:')");
    }
}

/// What the reader wants: the same as [`Filter::takes`](slipstream_event::Filter::takes), and what history has beyond it.
pub(crate) fn push_filter(sql: &mut QueryBuilder<Postgres>, query: &Query) {
    let filter = &query.filter;
    if !filter.types.is_empty() {
        let prefixes: Vec<String> = filter.types.iter().map(|prefix| type_of(prefix).to_owned()).collect();
        sql.push(" and exists (select from unnest(").push_bind(prefixes);
        sql.push(") as wanted (prefix) where e.type = wanted.prefix or starts_with(e.type, wanted.prefix || '.'))");
    }
    push_any(sql, "e.module", &filter.modules);
    if !filter.entity_types.is_empty() {
        sql.push(" and (e.entity_type = any(").push_bind(filter.entity_types.clone());
        sql.push(") or e.legacy_entity_type = any(").push_bind(filter.entity_types.clone()).push("))");
    }
    push_any(sql, "e.entity_id", &filter.entity_ids);
    push_any(sql, "e.actor_id", &filter.actors);
    push_any(sql, "e.severity", &filter.severities.iter().map(|severity| severity.as_str().to_owned()).collect::<Vec<_>>());
    push_any(sql, "e.action", &query.actions);
    push_any(sql, "e.category", &query.categories.iter().map(|category| category.as_str().to_owned()).collect::<Vec<_>>());
    push_any(sql, "e.correlation_id", query.correlation_id.as_slice());
}

/// The first parts of a type that a filter asks for.
pub(super) fn type_of(prefix: &str) -> &str {
    prefix.trim_end_matches(".*").trim_end_matches('.')
}

/// One of some values; none asks for all.
pub(crate) fn push_any(sql: &mut QueryBuilder<Postgres>, column: &'static str, wanted: &[String]) {
    match wanted {
        [] => {}
        // An equality keeps the order of an index that begins with the column.
        [one] => {
            sql.push(" and ").push(column).push(" = ").push_bind(one.clone());
        }
        many => {
            sql.push(" and ").push(column).push(" = any(").push_bind(many.to_vec()).push(")");
        }
    }
}

pub(crate) fn push_text(sql: &mut QueryBuilder<Postgres>, text: Option<&str>) {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return };
    let pattern = crate::like::contains(text);
    let columns = ["e.message", "e.entity_name", "e.entity_id", "e.action", "e.actor_id", "e.actor_name"];
    for (i, column) in columns.into_iter().enumerate() {
        sql.push(if i == 0 { " and (" } else { " or " }).push(column).push(" ilike ").push_bind(pattern.clone());
    }
    sql.push(")");
}

/// The beginning of the month before the one of `moment`, in UTC.
fn month_before(moment: OffsetDateTime) -> OffsetDateTime {
    let first = moment.replace_day(1).unwrap_or(moment).replace_time(time::Time::MIDNIGHT);
    let before = first - Duration::days(1);
    before.replace_day(1).unwrap_or(before)
}

#[cfg(test)]
mod tests {
    use slipstream_event::Keyset;
    use uuid::Uuid;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn begins_near_the_newest_that_can_be_asked_for() {
        let now = at("2026-11-20T10:00:00Z");
        let border = |query: &Query| Timestamp::from(legs(query, now)[0].from.unwrap()).to_string();
        assert_eq!(border(&Query::default()), "2026-10-01T00:00:00.000000Z");
        let after = Keyset { timestamp: at("2024-01-31T23:59:59Z"), id: Uuid::nil() };
        assert_eq!(border(&Query { after: Some(after), until: Some(now), ..Query::default() }), "2023-12-01T00:00:00.000000Z");
        assert_eq!(border(&Query { until: Some(at("2199-01-01T00:00:00Z")), ..Query::default() }), "2026-10-01T00:00:00.000000Z");
        assert_eq!(legs(&Query::default(), now)[1].below, legs(&Query::default(), now)[0].from, "nothing lies between the legs");
    }

    #[test]
    fn a_viewer_of_nothing_names_no_class() {
        let sql = statement(&Tenant::new("t").unwrap(), &Query::default(), legs(&Query::default(), Timestamp::now())[1], 1);
        assert!(sql.sql().as_str().contains("and (e.visibility = any($3))"), "{}", sql.sql().as_str());
    }
}
