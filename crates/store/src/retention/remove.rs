//! The one place where events are removed one by one: all of it happens in the transaction of the turn.

use std::collections::BTreeMap;

use slipstream_domain::retention::{Removal, ranges};
use slipstream_event::Tenant;
use time::OffsetDateTime;

use super::progress::{Choice, Seen};
use crate::analytics::correct;
use crate::number::signed;
use crate::{Error, Tx};

/// Removes what was chosen, notes it, and moves the tenant's head. Rows come before the head, as they do where they are added.
pub(super) async fn remove(tx: &mut Tx, tenant: &Tenant, choice: &Choice) -> Result<Removal, Error> {
    let mut numbers: Vec<u64> = choice.rows.iter().map(|row| row.number).collect();
    numbers.sort_unstable();
    correct::forget(tx, tenant, &numbers).await?;
    let times: Vec<OffsetDateTime> = choice.rows.iter().map(|row| row.at.datetime()).collect();
    let statement = sqlx::query_as::<_, (i64, Option<OffsetDateTime>)>(include_str!("../../queries/retention/remove.sql"));
    let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
    let statement = statement.bind(tenant.as_str()).bind(times).bind(choice.rows.iter().map(|row| row.id).collect::<Vec<_>>()).bind(first).bind(last);
    let (removed, latest) = statement.fetch_one(tx.connection()).await?;
    if usize::try_from(removed).ok() != Some(numbers.len()) {
        return Err(Error::Contended("events that were to be removed are gone, or others".to_owned()));
    }
    let head = sqlx::query(include_str!("../../queries/retention/head.sql")).bind(tenant.as_str());
    head.bind(signed(numbers.len() as u64)).bind(latest).execute(tx.connection()).await?;
    Ok(Removal { numbers: ranges(numbers), categories: categories(&choice.rows), held: choice.held })
}

fn categories(rows: &[Seen]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for category in rows.iter().filter_map(|row| row.category) {
        *counts.entry(category.as_str().to_owned()).or_default() += 1;
    }
    counts
}
