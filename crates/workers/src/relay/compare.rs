//! Comparing a stream with what it acknowledged: a broker may come back older than it was.

use std::collections::HashSet;

use metrics::counter;
use slipstream_broker::{Error as BrokerError, StreamState};
use slipstream_event::Position;
use slipstream_store::outbox::Acked;

use super::context::Context;
use super::look::event_id;
use super::outcome::Trouble;
use crate::metrics as names;

/// What is remembered of a shard's stream between comparisons, as long as this relay leads.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Where the stream ended, by all that was seen and acknowledged.
    pub(super) end: Option<Position>,
    /// Epochs whose rows were all reopened once. Those that the archive holds keep their old positions, and are no news.
    settled: HashSet<u64>,
}

impl Memory {
    /// Takes note of new messages, which were sent when the stream was known to reach `floor`. Whether they can be what they seem: within one tenant's rows the broker gives rising
    /// sequences of one epoch, beyond all that it gave before.
    pub(super) fn admit(&mut self, floor: Position, lowest: Position, highest: Position) -> bool {
        let follows = floor.same_log(&lowest) && lowest.seq > floor.seq;
        if self.end.is_none_or(|end| !end.same_log(&highest) || end.seq < highest.seq) {
            self.end = Some(highest);
        }
        follows && lowest.same_log(&highest) && lowest.seq <= highest.seq
    }
}

/// What a comparison found.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) memory: Memory,
    /// Rows that are to be published again.
    pub(super) reopened: u64,
}

/// Compares, and reopens the rows that the stream may have lost: whether they are in the log all the same is seen before they are published.
pub(super) async fn compare(context: &Context, shard: u16, mut memory: Memory) -> Result<Compared, Trouble> {
    let state = context.broker.stream_state(shard).await?;
    let acked = context.outbox.acked(shard).await?;
    let mut lost = lost(&state, &acked, &memory);
    let current = acked.iter().find(|acked| acked.epoch == state.epoch);
    if let Some(current) = current.filter(|_| lost.is_empty() && !memory.settled.contains(&state.epoch))
        && !holds(context, &state, current.last_seq).await?
    {
        lost.push(Position::new(shard, state.epoch, 0));
    }
    let mut reopened = 0;
    for after in &lost {
        reopened += context.outbox.reopen_after(*after).await?;
        if after.seq == 0 {
            memory.settled.insert(after.epoch);
        }
    }
    if reopened > 0 {
        counter!(names::RELAY_REOPENED_TOTAL).increment(reopened);
        tracing::error!(
            shard,
            epoch = state.epoch,
            last_seq = state.last_seq,
            rows = reopened,
            "the stream is older than its acks; what it lost is published again"
        );
    }
    memory.end = Some(Position::new(shard, state.epoch, state.last_seq));
    Ok(Compared { memory, reopened })
}

/// After which positions rows have to be reopened.
fn lost(state: &StreamState, acked: &[Acked], memory: &Memory) -> Vec<Position> {
    let mut lost = Vec::new();
    for acked in acked {
        let at = |seq| Position::new(state.shard, acked.epoch, seq);
        if acked.epoch != state.epoch {
            if !memory.settled.contains(&acked.epoch) {
                lost.push(at(0));
            }
            continue;
        }
        // Once the stream's end was seen, it counts: rows beyond it that the archive holds were noted with positions that the stream no longer has.
        let end = memory.end.filter(|end| end.epoch == state.epoch).map_or(acked.last_seq, |end| end.seq);
        if state.last_seq < end {
            lost.push(at(state.last_seq));
        }
    }
    lost
}

/// Whether the stream holds the very row that it acknowledged last: one that lost its end and was written to since would hold another message there.
async fn holds(context: &Context, state: &StreamState, seq: u64) -> Result<bool, Trouble> {
    // Beyond the end stand only rows that the archive holds, at the places that they had before the stream lost its end.
    if seq < state.first_seq || seq > state.last_seq {
        return Ok(true);
    }
    let Some((tenant, event_id_acked)) = context.outbox.acked_at(Position::new(state.shard, state.epoch, seq)).await? else { return Ok(true) };
    match context.broker.replay(&tenant, seq - 1, seq, 1, 1).await {
        Ok(page) => Ok(page.messages.first().is_some_and(|message| event_id(message) == Some(event_id_acked))),
        Err(BrokerError::Expired { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(epoch: u64, last_seq: u64) -> StreamState {
        StreamState { shard: 2, epoch, first_seq: 1, last_seq, messages: last_seq, bytes: 0 }
    }

    fn acked(epoch: u64, last_seq: u64) -> Acked {
        Acked { epoch, last_seq, rows: 1 }
    }

    fn memory(epoch: u64, last_seq: u64) -> Memory {
        Memory { end: Some(Position::new(2, epoch, last_seq)), settled: HashSet::new() }
    }

    #[test]
    fn a_stream_that_grew_has_lost_nothing() {
        assert_eq!(lost(&state(7, 90), &[acked(7, 90)], &Memory::default()), []);
        assert_eq!(lost(&state(7, 90), &[acked(7, 50)], &memory(7, 60)), []);
        assert_eq!(lost(&state(7, 0), &[], &Memory::default()), []);
    }

    #[test]
    fn a_stream_that_ends_before_its_acks_has_lost_its_end() {
        assert_eq!(lost(&state(7, 40), &[acked(7, 50)], &Memory::default()), [Position::new(2, 7, 40)]);
        assert_eq!(lost(&state(7, 55), &[acked(7, 50)], &memory(7, 60)), [Position::new(2, 7, 55)], "also when others wrote what it lost");
        assert_eq!(lost(&state(7, 45), &[acked(7, 50)], &memory(7, 40)), [], "that was settled before");
    }

    #[test]
    fn rows_of_another_epoch_are_reopened_once() {
        let mut memory = Memory::default();
        assert_eq!(lost(&state(8, 3), &[acked(6, 9), acked(7, 50), acked(8, 3)], &memory), [Position::new(2, 6, 0), Position::new(2, 7, 0)]);
        memory.settled.extend([6, 7]);
        assert_eq!(lost(&state(8, 3), &[acked(6, 9), acked(7, 50), acked(8, 3)], &memory), []);
    }

    #[test]
    fn a_new_message_cannot_get_an_old_place() {
        let at = |epoch, seq| Position::new(2, epoch, seq);
        let floor = at(7, 60);
        let mut memory = memory(7, 60);
        assert!(memory.admit(floor, at(7, 71), at(7, 80)));
        assert!(memory.admit(floor, at(7, 61), at(7, 70)), "sent at the same time, stored before the others");
        assert_eq!(memory.end, Some(at(7, 80)));
        assert!(!memory.admit(at(7, 80), at(7, 80), at(7, 81)) && !memory.admit(at(7, 80), at(8, 90), at(8, 91)));
        assert!(!memory.admit(floor, at(7, 90), at(7, 85)) && !memory.admit(floor, at(7, 61), at(8, 9)));
    }
}
