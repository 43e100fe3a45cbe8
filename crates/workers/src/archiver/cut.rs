//! From messages to a batch: which are events, which are not, and what is missing between them. Pure.

use bytes::Bytes;
use slipstream_broker::Message;
use slipstream_event::{Position, subject};
use slipstream_store::archive::{Batch, Quarantined, Row};

/// Messages of a stream, made into a batch.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) batch: Batch,
    /// The messages, by rising sequence.
    pub(super) messages: Vec<Message>,
    /// Those that are no events: part of the batch's quarantine, and to go to the dead letters.
    pub(super) bad: Vec<Bad>,
    /// How many sequences between them the stream does not hold, and the last of these.
    pub(super) missing: u64,
    pub(super) missing_through: u64,
}

/// A message that cannot be archived as an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) seq: u64,
    pub(super) kind: Kind,
    /// For the quarantine and the dead letter. It may quote the message: not for logs.
    pub(super) reason: String,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its subject is outside the grammar.
    Subject,
    /// Its bytes are no event.
    Unreadable,
    /// Its event belongs to another tenant, or is of another type, than its subject says.
    Misplaced,
    /// Postgres refuses a value of its event.
    Refused,
}

impl Kind {
    /// For metrics and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Unreadable => "unreadable",
            Self::Misplaced => "misplaced",
            Self::Refused => "refused",
        }
    }
}

/// Makes a batch of the messages that follow `after`. `None` when there are none, or when they do not follow: another stream's, or in a wrong order.
pub(super) fn cut(after: Position, messages: Vec<Message>) -> Option<Cut> {
    let through_seq = messages.last()?.seq;
    let batch = Batch {
        shard: after.shard,
        epoch: after.epoch,
        expected_seq: after.seq,
        through_seq,
        rows: Vec::with_capacity(messages.len()),
        quarantined: Vec::new(),
    };
    let mut cut = Cut { batch, messages: Vec::new(), bad: Vec::new(), missing: 0, missing_through: 0 };
    let mut last = after;
    for message in &messages {
        if !message.position().same_log(&last) || message.seq <= last.seq {
            return None;
        }
        if message.seq > last.seq + 1 {
            cut.missing += message.seq - last.seq - 1;
            cut.missing_through = message.seq - 1;
            cut.batch.quarantined.push(hole(last.seq + 1, message.seq - 1));
        }
        last = last.at(message.seq);
        match judge(message) {
            Ok(row) => cut.batch.rows.push(row),
            Err(bad) => {
                cut.batch.quarantined.push(quarantined(message, &bad.reason));
                cut.bad.push(bad);
            }
        }
    }
    cut.messages = messages;
    Some(cut)
}

/// A batch without a message, over sequences that the stream no longer holds.
pub(super) fn over_hole(after: Position, through_seq: u64) -> Batch {
    let quarantined = vec![hole(after.seq + 1, through_seq)];
    Batch { shard: after.shard, epoch: after.epoch, expected_seq: after.seq, through_seq, rows: Vec::new(), quarantined }
}

/// The record of messages that were never archived, at the place of the last of them.
fn hole(first: u64, last: u64) -> Quarantined {
    let reason = format!("the messages {first} to {last} left the broker before they were archived");
    Quarantined { seq: last, subject: String::new(), reason, payload: Bytes::new() }
}

fn judge(message: &Message) -> Result<Row, Bad> {
    let bad = |kind, reason: String| Bad { seq: message.seq, kind, reason };
    let Some((tenant, event_type)) = message.tenant_and_type() else {
        return Err(bad(Kind::Subject, "the subject is not that of an event".to_owned()));
    };
    let row = Row::parse(message.seq, message.payload.clone()).map_err(|error| bad(Kind::Unreadable, error.to_string()))?;
    if row.event.tenant_id != tenant || row.event.event_type != event_type {
        let belongs = subject::stored(&row.event.tenant_id, &row.event.event_type);
        return Err(bad(Kind::Misplaced, format!("the event belongs to the subject {belongs}")));
    }
    Ok(row)
}

fn quarantined(message: &Message, reason: &str) -> Quarantined {
    Quarantined { seq: message.seq, subject: message.subject.clone(), reason: reason.to_owned(), payload: message.payload.clone() }
}

#[cfg(test)]
mod tests {
    use slipstream_event::{Actor, Event, EventType, Tenant};

    use super::*;

    const AFTER: Position = Position { shard: 1, epoch: 7, seq: 10 };

    fn message(seq: u64, subject: &str, payload: impl Into<Bytes>) -> Message {
        let payload = payload.into();
        Message { shard: 1, epoch: 7, seq, subject: subject.to_owned(), payload, stored_at: None, traceparent: None, redriven: None }
    }

    fn event(seq: u64) -> Message {
        let (tenant, event_type) = (Tenant::new("t").unwrap(), EventType::new("a.b.c").unwrap());
        message(seq, "events.t.a.b.c", Event::new(&tenant, &event_type, "1", Actor::system()).to_json())
    }

    #[test]
    fn keeps_events_and_sets_the_others_apart() {
        let misplaced = Message { subject: "events.u.a.b.c".to_owned(), ..event(14) };
        let cut = cut(AFTER, vec![event(11), message(12, "events.t.a.b.c", "{"), message(13, "events.t", "{}"), misplaced, event(15)]).unwrap();
        assert_eq!(cut.batch.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [11, 15]);
        assert_eq!(cut.bad.iter().map(|bad| (bad.seq, bad.kind)).collect::<Vec<_>>(), [(12, Kind::Unreadable), (13, Kind::Subject), (14, Kind::Misplaced)]);
        assert_eq!(cut.batch.quarantined.iter().map(|q| q.seq).collect::<Vec<_>>(), [12, 13, 14]);
        assert_eq!((cut.batch.shard, cut.batch.epoch, cut.batch.expected_seq, cut.batch.through_seq, cut.missing), (1, 7, 10, 15, 0));
        assert!(cut.bad[2].reason.contains("events.t.a.b.c"));
    }

    #[test]
    fn records_what_the_stream_no_longer_holds() {
        let cut = cut(AFTER, vec![event(13), event(14), event(16)]).unwrap();
        assert_eq!((cut.missing, cut.missing_through), (3, 15));
        let holes: Vec<_> = cut.batch.quarantined.iter().map(|q| (q.seq, q.reason.as_str())).collect();
        assert_eq!(holes[0], (12, "the messages 11 to 12 left the broker before they were archived"));
        assert_eq!((holes[1].0, holes.len()), (15, 2));
        let over = over_hole(AFTER, 20);
        assert_eq!((over.expected_seq, over.through_seq, over.quarantined[0].seq), (10, 20, 20));
    }

    #[test]
    fn takes_only_what_follows() {
        assert!(cut(AFTER, vec![]).is_none());
        for wrong in [vec![event(10)], vec![event(12), event(12)], vec![event(13), event(12)]] {
            assert!(cut(AFTER, wrong).is_none());
        }
        assert!(cut(AFTER, vec![Message { epoch: 8, ..event(11) }]).is_none());
    }
}
