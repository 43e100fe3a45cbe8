//! When in the week things happen.

use sqlx::QueryBuilder;

use super::snapshot::{Snapshot, slow};
use super::source::{self, Table};
use super::{Fault, Query, Standing};
use crate::number::unsigned;
use crate::{Scope, Store};

/// A number for each hour of the zone's clocks, of each day of the week from Monday on. An hour that clocks leave out has no events; of an hour that they show twice both are in one number.
pub type Week = [[u64; 24]; 7];

/// Counts by weekday and hour.
///
/// # Errors
/// [`Fault`].
pub async fn heatmap(store: &Store, scope: &Scope, query: &Query) -> Result<(Week, Standing), Fault> {
    let mut snapshot = Snapshot::begin(store, scope, query).await?;
    let zone = query.zone.postgres();
    let mut sql = QueryBuilder::new("select extract(isodow from e.at at time zone ");
    sql.push_bind(zone.to_owned()).push(")::integer, extract(hour from e.at at time zone ").push_bind(zone.to_owned()).push(")::integer, sum(e.n)::bigint");
    source::push(&mut sql, &snapshot, Table::Hours, None);
    sql.push(" group by 1, 2");
    let rows: Vec<(i32, i32, i64)> = sql.build_query_as().fetch_all(snapshot.connection()?).await.map_err(slow)?;
    let mut week = Week::default();
    for (day, hour, n) in rows {
        let place = usize::try_from(day - 1).ok().zip(usize::try_from(hour).ok());
        if let Some(cell) = place.and_then(|(day, hour)| week.get_mut(day)?.get_mut(hour)) {
            *cell = unsigned(n);
        }
    }
    Ok((week, snapshot.end().await?))
}
