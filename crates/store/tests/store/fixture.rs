//! Events and rows to test with.

use bytes::Bytes;
use slipstream_domain::holds::Hold;
use slipstream_event::{Actor, Event, EventType, Tenant, Timestamp, Viewer};
use slipstream_store::archive::{Archive, Batch, Row};
use slipstream_store::history::{self, Query};
use slipstream_store::holds;
use slipstream_store::{Error, Role, Store, Tx};
use uuid::Uuid;

use crate::cluster::Db;

/// Epoch of the tests' streams.
pub(crate) const EPOCH: u64 = 1_700_000_000_000;

pub(crate) fn tenant(id: &str) -> Tenant {
    Tenant::new(id).unwrap()
}

/// An event of a type and tenant, about the entity `entity`.
pub(crate) fn event(of: &str, event_type: &str, entity: &str) -> Event {
    Event::new(&tenant(of), &EventType::new(event_type).unwrap(), entity, Actor::user("u1"))
}

/// The same event at another time.
pub(crate) fn at(time: &str, event: Event) -> Event {
    Event { timestamp: Timestamp::parse(time).unwrap(), ..event }
}

/// Writes one event and nothing else.
pub(crate) async fn emit(store: &Store, event: Event) -> Result<(), Error> {
    let of = event.tenant_id.clone();
    let work = async |tx: &mut Tx| {
        tx.emit(event);
        Ok(())
    };
    store.write(&of, work).await
}

/// A row of the archive as the archiver makes it.
pub(crate) fn row(seq: u64, event: &Event) -> Row {
    Row::parse(seq, Bytes::from(event.to_json())).unwrap()
}

/// An archive that writes itself: events go in one after the other.
pub(crate) struct Log {
    pub(crate) archive: Archive,
    pub(crate) reader: Store,
    seq: u64,
}

impl Log {
    pub(crate) async fn new(db: &Db) -> Self {
        let archive = Archive::new(db.store(Role::Archiver));
        archive.init_watermark(0, EPOCH, 0).await.unwrap();
        Self { archive, reader: db.store(Role::Reader), seq: 0 }
    }

    /// Archives events as one batch, at the next sequences.
    pub(crate) async fn add(&mut self, events: &[Event]) {
        let rows: Vec<Row> = events.iter().zip(self.seq + 1..).map(|(event, seq)| row(seq, event)).collect();
        let through_seq = self.seq + rows.len() as u64;
        let batch = Batch { shard: 0, epoch: EPOCH, expected_seq: self.seq, through_seq, rows, quarantined: Vec::new() };
        self.archive.append(&batch).await.unwrap();
        self.seq = through_seq;
    }

    /// Ids of entities of a tenant's whole history, page by page.
    pub(crate) async fn entities(&self, of: &str, query: &Query) -> Vec<String> {
        let mut query = query.clone();
        let mut found = Vec::new();
        loop {
            let page = history::page(&self.reader, &tenant(of), &query).await.unwrap();
            assert!(page.items.len() <= query.limit.max(1) as usize);
            found.extend(page.items.iter().map(|item| Event::from_json(item.payload.as_bytes()).unwrap().entity_id));
            query.after = page.next;
            if query.after.is_none() {
                return found;
            }
        }
    }
}

/// A query for all events, in pages of `limit`.
pub(crate) fn everything(limit: u32) -> Query {
    Query { viewer: Viewer::everything(), limit, ..Query::default() }
}

/// A hold as `u1` places it now.
pub(crate) fn hold(hold: Hold) -> holds::Row {
    holds::Row { id: Uuid::now_v7(), hold, placed_at: Timestamp::now(), placed_by: "u1".to_owned(), released: None }
}
