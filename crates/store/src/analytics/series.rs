//! Counts over time.

use slipstream_domain::analytics::Step;
use slipstream_event::Timestamp;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::snapshot::{Snapshot, slow};
use super::{Dimension, Fault, Query, Standing, source};
use crate::number::unsigned;
use crate::{Scope, Store};

/// Counts in steps of time, split by something or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The begins of the steps, all of them; the first and the last may lie partly outside of what was asked for, and count what lies inside.
    pub begins: Vec<Timestamp>,
    /// Of everything, a number for each step.
    pub counts: Vec<u64>,
    /// The largest groups, largest first; equal ones by their keys.
    pub groups: Vec<Group>,
    /// What is in none of these groups; `None` when nothing is.
    pub other: Option<Vec<u64>>,
}

/// One of the groups that counts are split into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What its events have in common.
    pub key: String,
    /// A number for each step.
    pub counts: Vec<u64>,
}

/// Begin of the step, the group's key and its place among the largest, and how many.
type Row = (OffsetDateTime, Option<String>, Option<i64>, i64);

/// Counts in steps, split by `by` into at most `groups` groups and the others.
///
/// # Errors
/// [`Fault`].
pub async fn series(store: &Store, scope: &Scope, query: &Query, step: Step, by: Option<Dimension>, groups: u32) -> Result<(Series, Standing), Fault> {
    let mut snapshot = Snapshot::begin(store, scope, query).await?;
    let begins = begins(&mut snapshot, step).await?;
    let mut sql = statement(&snapshot, step, by, groups);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(snapshot.connection()?).await.map_err(slow)?;
    Ok((fill(begins, rows, by.is_some()), snapshot.end().await?))
}

fn statement(snapshot: &Snapshot<'_>, step: Step, by: Option<Dimension>, groups: u32) -> QueryBuilder<Postgres> {
    let zone = snapshot.query.zone.postgres().to_owned();
    let mut sql = QueryBuilder::new("with counted as materialized (select ");
    match step {
        Step::Hour => sql.push("e.at - make_interval(mins => extract(minute from e.at at time zone ").push_bind(zone).push(")::integer)"),
        _ => sql.push("date_trunc(").push_bind(step.as_str()).push(", e.at, ").push_bind(zone).push(")"),
    };
    sql.push(" as begin, ").push(by.map_or("null::text", Dimension::column)).push(" as key, sum(e.n)::bigint as n");
    source::push(&mut sql, snapshot, by.map_or(source::Table::Hours, Dimension::table), None);
    sql.push(" group by 1, 2), top as (select key, row_number() over (order by sum(n) desc, key) as place from counted");
    sql.push(" where key is not null group by key order by place limit ").push_bind(i64::from(groups));
    sql.push(") select c.begin, t.key, t.place, sum(c.n)::bigint from counted as c left join top as t using (key) group by 1, 2, 3");
    sql
}

async fn begins(snapshot: &mut Snapshot<'_>, step: Step) -> Result<Vec<Timestamp>, Fault> {
    let (range, zone) = (snapshot.query.range, snapshot.query.zone.postgres().to_owned());
    let statement = sqlx::query_scalar::<_, OffsetDateTime>(include_str!("../../queries/analytics/buckets.sql")).bind(range.from.datetime());
    let begins = statement.bind(range.to.datetime()).bind(zone).bind(step.as_str()).fetch_all(snapshot.connection()?).await.map_err(slow)?;
    Ok(begins.into_iter().map(Timestamp::from).collect())
}

/// A number for each step, also where nothing happened.
fn fill(begins: Vec<Timestamp>, rows: Vec<Row>, is_split: bool) -> Series {
    let zeros = vec![0; begins.len()];
    let places = rows.iter().filter_map(|(_, _, place, _)| *place).max().unwrap_or_default();
    let groups = (0..places).map(|_| Group { key: String::new(), counts: zeros.clone() }).collect();
    let mut series = Series { counts: zeros.clone(), groups, other: None, begins };
    for (begin, key, place, n) in rows {
        // The step in which it lies: where a clock is changed by half an hour, hours of its old rule are not hours of its new one.
        let at = series.begins.partition_point(|known| *known <= Timestamp::from(begin)).saturating_sub(1);
        let group = place.and_then(|place| usize::try_from(place - 1).ok()).and_then(|place| series.groups.get_mut(place));
        let counts = match (group, key) {
            (Some(group), Some(key)) => {
                group.key = key;
                Some(&mut group.counts)
            }
            _ if is_split => Some(series.other.get_or_insert_with(|| zeros.clone())),
            _ => None,
        };
        for count in counts.into_iter().chain([&mut series.counts]).filter_map(|counts| counts.get_mut(at)) {
            *count += unsigned(n);
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_falls_into_one_step() {
        let at = |hour: i64| Timestamp::from_micros(hour * 3_600_000_000).unwrap();
        let row = |hour: i64, key: Option<&str>, place: Option<i64>, n: i64| (at(hour).datetime(), key.map(str::to_owned), place, n);
        let rows = vec![row(0, Some("b"), Some(2), 1), row(2, Some("a"), Some(1), 5), row(2, None, None, 3)];
        let series = fill(vec![at(0), at(1), at(2)], rows, true);
        assert_eq!(series.counts, [1, 0, 8]);
        assert_eq!(series.groups, [Group { key: "a".into(), counts: vec![0, 0, 5] }, Group { key: "b".into(), counts: vec![1, 0, 0] }]);
        assert_eq!(series.other, Some(vec![0, 0, 3]));
        assert_eq!(fill(vec![at(0)], vec![row(0, None, None, 7)], false), Series { begins: vec![at(0)], counts: vec![7], groups: vec![], other: None });
    }
}
