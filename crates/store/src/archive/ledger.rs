//! What a batch adds to the ledgers of its tenants.

use std::collections::HashMap;

use slipstream_event::ledger::Hash;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::heads::{self, Head, Moved};
use super::terms::{Asked, Terms};
use super::{Batch, Error, Row};
use crate::number::signed;

/// The least level of nodes that are kept: what lies below is computed from 256 leaves at most.
pub(crate) const LEVEL_MIN: u8 = 8;

/// The part of a batch that belongs to one tenant.
#[derive(Debug)]
struct Part<'a> {
    moved: Moved<'a>,
    first_seq: u64,
    last_seq: u64,
    occurred_from: OffsetDateTime,
    occurred_to: OffsetDateTime,
    leaves: Vec<u8>,
    rows: Vec<&'a Row>,
    filter: Vec<u8>,
}

/// What a batch adds to the ledgers.
#[derive(Debug, Default)]
pub(super) struct Entries<'a> {
    parts: Vec<Part<'a>>,
    places: HashMap<&'a str, usize>,
    heads: HashMap<&'a str, Head>,
    nodes: Nodes,
}

impl<'a> Entries<'a> {
    /// Nothing yet, after these heads.
    pub(super) fn after(heads: HashMap<&'a str, Head>) -> Self {
        Self { heads, ..Self::default() }
    }

    /// Adds the next event of its tenant. Returns its number.
    pub(super) fn add(&mut self, row: &'a Row) -> u64 {
        let tenant = row.event.tenant_id.as_str();
        let at = row.event.timestamp.datetime();
        let Self { parts, places, heads, nodes } = self;
        let place = *places.entry(tenant).or_insert_with(|| {
            let head = heads.remove(tenant).unwrap_or_else(Head::new);
            let moved = Moved { tenant, was: head.tree.size(), head };
            parts.push(Part {
                moved,
                first_seq: row.seq,
                last_seq: row.seq,
                occurred_from: at,
                occurred_to: at,
                leaves: Vec::new(),
                rows: Vec::new(),
                filter: Vec::new(),
            });
            parts.len() - 1
        });
        let part = &mut parts[place];
        part.last_seq = row.seq;
        (part.occurred_from, part.occurred_to) = (part.occurred_from.min(at), part.occurred_to.max(at));
        part.leaves.extend_from_slice(row.leaf.as_bytes());
        part.rows.push(row);
        let head = &mut part.moved.head;
        head.latest_at = head.latest_at.max(Some(at));
        head.tree.push(row.leaf, |level, index, hash| nodes.add(tenant, level, index, hash));
        head.tree.size()
    }

    /// Nothing more is added. Makes the filters: there is time for it while Postgres stores the rows that were sent last.
    pub(super) fn seal(&mut self) {
        for part in &mut self.parts {
            let mut terms = Terms::default();
            part.rows.iter().for_each(|row| terms.add_event(&Asked::of(&row.event)));
            part.filter = terms.filter();
        }
    }

    /// Writes batches, nodes and heads, once sealed.
    pub(super) async fn write(self, connection: &mut PgConnection, batch: &Batch) -> Result<(), Error> {
        if self.parts.is_empty() {
            return Ok(());
        }
        add_batches(connection, batch, &self.parts).await?;
        self.nodes.write(connection).await?;
        let moved: Vec<Moved<'_>> = self.parts.into_iter().map(|part| part.moved).collect();
        heads::write(connection, batch.shard, &moved).await
    }
}

async fn add_batches(connection: &mut PgConnection, batch: &Batch, parts: &[Part<'_>]) -> Result<(), Error> {
    sqlx::query(include_str!("../../queries/ledger/add_batches.sql"))
        .bind(i32::from(batch.shard))
        .bind(signed(batch.epoch))
        .bind(parts.iter().map(|part| part.moved.tenant).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| signed(part.moved.was)).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| i32::try_from(part.leaves.len() / 32).unwrap_or(i32::MAX)).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| signed(part.first_seq)).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| signed(part.last_seq)).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.occurred_from).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.occurred_to).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.leaves.as_slice()).collect::<Vec<_>>())
        .bind(parts.iter().map(|part| part.filter.as_slice()).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Nodes of trees that are to be kept.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    tenants: Vec<String>,
    levels: Vec<i16>,
    indexes: Vec<i64>,
    hashes: Vec<Vec<u8>>,
}

impl Nodes {
    /// Adds a node, when it is one that is kept.
    pub(super) fn add(&mut self, tenant: &str, level: u8, index: u64, hash: Hash) {
        if level < LEVEL_MIN {
            return;
        }
        self.tenants.push(tenant.to_owned());
        self.levels.push(i16::from(level));
        self.indexes.push(signed(index));
        self.hashes.push(hash.as_bytes().to_vec());
    }

    pub(super) async fn write(self, connection: &mut PgConnection) -> Result<(), Error> {
        if self.tenants.is_empty() {
            return Ok(());
        }
        let statement = sqlx::query(include_str!("../../queries/ledger/add_nodes.sql"));
        statement.bind(self.tenants).bind(self.levels).bind(self.indexes).bind(self.hashes).execute(connection).await?;
        Ok(())
    }
}
