//! Looking for rows in the log itself.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use slipstream_broker::{Error as BrokerError, Message, StreamState};
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
/// Nothing escapes between the two: the end of the stream is read first, then how far the archive reaches, then the archive, and last the stream between both.
pub(super) async fn find(context: &Context, shard: u16, tenant: &Tenant, rows: &[Row]) -> Result<HashMap<Uuid, Position>, Trouble> {
    let state = context.broker.stream_state(shard).await?;
    let archived = history::archived_through(&context.archive, shard).await?;
    // A row without a readable time is no event, and in no archive.
    let keys: Vec<(Uuid, Timestamp)> = rows.iter().filter_map(|row| Some((row.event_id, key(row.payload.as_bytes())?.timestamp))).collect();
    let places = cold::known(&context.archive, tenant, &keys).await?;
    let mut found: HashMap<Uuid, Position> = keys.into_iter().zip(places).filter_map(|((id, _), place)| Some((id, place?))).collect();
    let wanted: HashSet<Uuid> = rows.iter().map(|row| row.event_id).collect();
    let mut after = unarchived(&state, archived.as_ref());
    while after < state.last_seq && found.len() < wanted.len() {
        let page = match context.broker.replay(tenant, after, state.last_seq, limits::LOOK_MESSAGES, limits::LOOK_BYTES).await {
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
fn unarchived(state: &StreamState, archived: Option<&Watermark>) -> u64 {
    let archived = archived.filter(|watermark| watermark.epoch == state.epoch).map_or(0, |watermark| watermark.seq);
    archived.max(state.first_seq.saturating_sub(1))
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
        let state = StreamState { shard: 0, epoch: 7, first_seq: 11, last_seq: 90, messages: 80, bytes: 0 };
        let at = |epoch, seq| Watermark { epoch, seq, updated_at: Timestamp::now() };
        assert_eq!(unarchived(&state, None), 10);
        assert_eq!(unarchived(&state, Some(&at(7, 5))), 10);
        assert_eq!(unarchived(&state, Some(&at(7, 50))), 50);
        assert_eq!(unarchived(&state, Some(&at(6, 50))), 10, "numbers of another epoch say nothing");
    }
}
