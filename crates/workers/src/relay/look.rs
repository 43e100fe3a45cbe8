//! Looking for rows in the log itself.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use slipstream_broker::{Error as BrokerError, Message};
use slipstream_event::{Position, Tenant, Timestamp};
use slipstream_store::archive::Watermark;
use slipstream_store::outbox::Row;
use slipstream_store::{cold, history};
use uuid::Uuid;

use super::context::Context;
use super::outcome::Trouble;
use crate::limits;

/// Which of the rows the log holds, and where: in the archive, or in the part of the stream that is not archived yet.
///
/// `end` is where the stream ended when nothing of the tenant was under way any more. Nothing escapes between the two: first comes how far the archive reaches, then the archive, and
/// last the stream from there to its end. Where the archive has caught up, the broker is not asked.
pub(super) async fn find(context: &Context, end: Position, tenant: &Tenant, rows: &[Row]) -> Result<HashMap<Uuid, Position>, Trouble> {
    let archived = history::archived_through(&context.archive, end.shard).await?;
    // A row without a readable time is no event, and in no archive.
    let keys: Vec<(Uuid, Timestamp)> = rows.iter().filter_map(|row| Some((row.event_id, key(row.payload.as_bytes())?.timestamp))).collect();
    let places = cold::known(&context.archive, tenant, &keys).await?;
    let mut found: HashMap<Uuid, Position> = keys.into_iter().zip(places).filter_map(|((id, _), place)| Some((id, place?))).collect();
    let wanted: HashSet<Uuid> = rows.iter().map(|row| row.event_id).collect();
    let mut after = unarchived(end, archived.as_ref());
    while after < end.seq && found.len() < wanted.len() {
        let page = match context.broker.replay(tenant, after, end.seq, limits::LOOK_MESSAGES, limits::LOOK_BYTES).await {
            Ok(page) => page,
            // What has left the broker meanwhile is not there to be found.
            Err(BrokerError::Expired { first_seq }) if first_seq > after + 1 => {
                after = first_seq - 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for message in &page.messages {
            if let Some(id) = event_id(message).filter(|id| wanted.contains(id)) {
                found.entry(id).or_insert_with(|| message.position());
            }
        }
        after = page.through_seq;
    }
    Ok(found)
}

/// The sequence after which the stream may hold what the archive does not.
fn unarchived(end: Position, archived: Option<&Watermark>) -> u64 {
    archived.filter(|watermark| watermark.epoch == end.epoch).map_or(0, |watermark| watermark.seq)
}

/// The id of the event that a message holds.
pub(super) fn event_id(message: &Message) -> Option<Uuid> {
    key(&message.payload).map(|key| key.id)
}

/// By what the archive tells events of a tenant apart.
#[derive(Deserialize)]
struct Key {
    id: Uuid,
    timestamp: Timestamp,
}

fn key(payload: &[u8]) -> Option<Key> {
    serde_json::from_slice(payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_where_the_archive_ends_in_the_same_epoch() {
        let end = Position::new(0, 7, 90);
        let at = |epoch, seq| Watermark { epoch, seq, updated_at: Timestamp::now() };
        assert_eq!(unarchived(end, None), 0);
        assert_eq!(unarchived(end, Some(&at(7, 50))), 50);
        assert_eq!(unarchived(end, Some(&at(6, 50))), 0, "numbers of another epoch say nothing");
    }
}
