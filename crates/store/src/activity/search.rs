//! Free text by the filters of the ledger's batches, as history does it, but in the order of the numbers: which is that of the batches themselves.

use std::time::{Duration, Instant};

use slipstream_event::Tenant;
use sqlx::PgConnection;

use super::page::{Item, Query, item};
use super::{Fault, Shown, predicate};
use crate::archive::terms;
use crate::history::search::{Candidate, limit_statements_to};
use crate::number::{signed, unsigned};
use crate::{Error, limits};

/// A search among the numbers above `after` and up to `through`.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) shown: &'a Shown,
    pub(super) query: &'a Query,
    pub(super) bits: &'a [i32],
    pub(super) after: u64,
    pub(super) through: u64,
    /// Longest time that it may take.
    pub(super) within: Duration,
}

/// The bits of the query's text; empty when it has none, or one that is too short to tell batches apart.
pub(super) fn bits(query: &Query) -> Vec<i32> {
    query.text.as_deref().map(terms::of_search).unwrap_or_default()
}

impl Search<'_> {
    /// The first `limit` items, newest first.
    pub(super) async fn items(&self, connection: &mut PgConnection, limit: usize) -> Result<Vec<Item>, Fault> {
        let begun = Instant::now();
        let mut found: Vec<Item> = Vec::new();
        let (mut below, mut at_once) = (None, limits::SEARCH_BATCHES_FIRST);
        while found.len() < limit {
            let batches = self.candidates(connection, begun, below, at_once).await?;
            let Some(last) = batches.last() else { break };
            below = Some(last.start);
            limit_statements_to(connection, begun, self.within).await.map_err(too_slow)?;
            let mut sql = predicate::of_batches("e.tenant_seq, e.payload", self.tenant, &batches);
            predicate::push_conditions(&mut sql, self.shown, self.query);
            predicate::push_numbers(&mut sql, (self.after, self.through), (None, None));
            sql.push(" order by e.tenant_seq desc limit ").push_bind(signed((limit - found.len()) as u64));
            for row in &sql.build().fetch_all(&mut *connection).await.map_err(|error| too_slow(Error::of_search(error)))? {
                found.push(item(row).map_err(Fault::Store)?);
            }
            at_once = (at_once * 2).min(limits::SEARCH_BATCHES_MAX);
        }
        Ok(found)
    }

    /// How many there are, counted up to `most`.
    pub(super) async fn count(&self, connection: &mut PgConnection, most: u64) -> Result<u64, Fault> {
        let begun = Instant::now();
        let (mut below, mut counted) = (None, 0);
        while counted < most {
            let batches = self.candidates(connection, begun, below, limits::SEARCH_BATCHES_MAX).await?;
            let Some(last) = batches.last() else { break };
            below = Some(last.start);
            limit_statements_to(connection, begun, self.within).await.map_err(too_slow)?;
            let mut sql = predicate::of_batches("count(*)", self.tenant, &batches);
            predicate::push_conditions(&mut sql, self.shown, self.query);
            predicate::push_numbers(&mut sql, (self.after, self.through), (None, None));
            let more: i64 = sql.build_query_scalar().fetch_one(&mut *connection).await.map_err(|error| too_slow(Error::of_search(error)))?;
            counted += unsigned(more);
        }
        Ok(counted.min(most))
    }

    async fn candidates(&self, connection: &mut PgConnection, begun: Instant, below: Option<i64>, at_once: usize) -> Result<Vec<Candidate>, Fault> {
        limit_statements_to(connection, begun, self.within).await.map_err(too_slow)?;
        let rows = sqlx::query_as(include_str!("../../queries/activity/may_hold.sql"))
            .bind(self.tenant.as_str())
            .bind(self.bits)
            .bind(signed(self.after))
            .bind(signed(self.through))
            .bind(below)
            .bind(signed(at_once as u64));
        rows.fetch_all(connection).await.map_err(|error| too_slow(Error::of_search(error)))
    }
}

fn too_slow(error: Error) -> Fault {
    match error {
        Error::SearchTimeout => Fault::TooSlow,
        other => Fault::Store(other),
    }
}
