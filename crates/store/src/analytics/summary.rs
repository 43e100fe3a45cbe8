//! Totals of a time, beside those of the time before.

use std::collections::BTreeMap;

use slipstream_domain::analytics::Range;
use sqlx::QueryBuilder;

use super::snapshot::{Snapshot, slow};
use super::source::{self, Table};
use super::{Fault, Query, Standing};
use crate::number::unsigned;
use crate::{Scope, Store};

/// How many events there are of each severity and category, by their words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// By severity; those without events are not in it.
    pub severities: BTreeMap<String, u64>,
    /// By category; those without events are not in it.
    pub categories: BTreeMap<String, u64>,
}

impl Totals {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.severities.values().sum()
    }

    /// Those of the severities `error` and `critical`.
    pub fn errors(&self) -> u64 {
        ["error", "critical"].iter().filter_map(|severity| self.severities.get(*severity)).sum()
    }
}

/// Totals of the query's range, and of the range `previous`, which must end where that begins.
///
/// # Errors
/// [`Fault`].
pub async fn summary(store: &Store, scope: &Scope, query: &Query, previous: Range) -> Result<(Totals, Totals, Standing), Fault> {
    let mut snapshot = Snapshot::begin(store, scope, query).await?;
    let mut sql = QueryBuilder::new("select e.at >= ");
    sql.push_bind(query.range.from.datetime()).push(", e.severity, e.category, sum(e.n)::bigint");
    source::push(&mut sql, &snapshot, Table::Hours, Some(previous.from));
    sql.push(" group by 1, 2, 3");
    let rows: Vec<(bool, String, String, i64)> = sql.build_query_as().fetch_all(snapshot.connection()?).await.map_err(slow)?;
    let (mut now, mut before) = (Totals::default(), Totals::default());
    for (is_now, severity, category, n) in rows {
        let totals = if is_now { &mut now } else { &mut before };
        *totals.severities.entry(severity).or_default() += unsigned(n);
        *totals.categories.entry(category).or_default() += unsigned(n);
    }
    Ok((now, before, snapshot.end().await?))
}
