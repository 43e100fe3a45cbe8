//! What the archiver hands over.

use std::collections::BTreeSet;

use bytes::Bytes;
use slipstream_event::Event;
use slipstream_event::ledger::Hash;
use time::Date;

use super::copy::Values;
use super::{columns, partitions};

/// One event, at its place in the log, with the bytes as published.
#[derive(Clone, Debug)]
pub struct Row {
    /// Sequence in the stream.
    pub seq: u64,
    /// The event that `payload` holds.
    pub event: Event,
    /// The bytes as published: what is kept.
    pub payload: Bytes,
    /// The hash of these bytes, as the ledger's leaf.
    pub leaf: Hash,
    /// Its columns as they are copied, made here and not in the transaction, which has better to do.
    pub(super) columns: Values,
}

/// Bytes that hold no event: they go to quarantine.
#[derive(Debug, thiserror::Error)]
#[error("not an event: {0}")]
pub struct Unreadable(pub String);

impl Row {
    /// Reads the event.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn parse(seq: u64, payload: Bytes) -> Result<Self, Unreadable> {
        let event = Event::from_json(&payload).map_err(|e| Unreadable(e.to_string()))?;
        Self::new(seq, event, payload)
    }

    /// Of an event, and the bytes that were read as this event.
    ///
    /// # Errors
    /// [`Unreadable`] when they are no text.
    pub fn new(seq: u64, event: Event, payload: Bytes) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(&payload).map_err(|e| Unreadable(e.to_string()))?;
        let (leaf, columns) = (Hash::leaf(&payload), columns::of_event(&event, text));
        Ok(Self { seq, event, payload, leaf, columns })
    }
}

/// A message that cannot be archived as an event: kept as it came, so that nothing vanishes.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// Sequence in the stream.
    pub seq: u64,
    /// Subject under which it was stored.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// As it came.
    pub payload: Bytes,
}

/// A part of a shard's log without holes: all messages after `expected_seq` up to and with `through_seq`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Shard.
    pub shard: u16,
    /// Epoch of the stream.
    pub epoch: u64,
    /// Where the watermark must be.
    pub expected_seq: u64,
    /// Where it will be.
    pub through_seq: u64,
    /// The events, by rising sequence.
    pub rows: Vec<Row>,
    /// The messages that are no events, or that Postgres refuses.
    pub quarantined: Vec<Quarantined>,
}

impl Batch {
    /// Two batches that follow each other, of half the rows each; `Err` with the batch itself when it has fewer than two rows.
    ///
    /// # Errors
    /// The batch, unchanged.
    pub fn split(self) -> Result<(Self, Self), Box<Self>> {
        if self.rows.len() < 2 {
            return Err(Box::new(self));
        }
        let Self { shard, epoch, expected_seq, through_seq, mut rows, quarantined } = self;
        let second = rows.split_off(rows.len() / 2);
        let middle = rows.last().map_or(expected_seq, |row| row.seq);
        let (early, late) = quarantined.into_iter().partition(|message| message.seq <= middle);
        Ok((
            Self { shard, epoch, expected_seq, through_seq: middle, rows, quarantined: early },
            Self { shard, epoch, expected_seq: middle, through_seq, rows: second, quarantined: late },
        ))
    }

    /// The same batch with its only row in quarantine; `None` when it has not exactly one row.
    pub fn quarantine_only_row(mut self, subject: String, reason: String) -> Option<Self> {
        let row = self.rows.pop().filter(|_| self.rows.is_empty())?;
        self.quarantined.push(Quarantined { seq: row.seq, subject, reason, payload: row.payload });
        Some(self)
    }

    /// The months that its events need partitions for.
    pub(super) fn months(&self) -> BTreeSet<Date> {
        self.rows.iter().map(|row| partitions::month(row.event.timestamp.datetime())).collect()
    }

    /// Refuses a batch whose sequences lie outside of it or do not rise: the watermark would promise what is not there.
    pub(super) fn check(&self) -> Result<(), crate::Error> {
        let inside = |seq: u64| seq > self.expected_seq && seq <= self.through_seq;
        let rows = self.rows.iter().all(|row| inside(row.seq)) && self.rows.is_sorted_by(|a, b| a.seq < b.seq);
        if rows && self.quarantined.iter().all(|message| inside(message.seq)) && self.through_seq >= self.expected_seq {
            return Ok(());
        }
        Err(crate::Error::Bug(format!("a batch of shard {} does not hold the sequences {}..={}", self.shard, self.expected_seq + 1, self.through_seq)))
    }
}

#[cfg(test)]
mod tests {
    use slipstream_event::{Actor, EventType, Tenant};

    use super::*;

    fn batch(seqs: &[u64], quarantined: &[u64], through_seq: u64) -> Batch {
        let event = Event::new(&Tenant::new("t").unwrap(), &EventType::new("a.b.c").unwrap(), "1", Actor::system());
        let rows =
            seqs.iter().map(|seq| Row { seq: *seq, event: event.clone(), payload: Bytes::new(), leaf: Hash::leaf(b""), columns: Values::default() }).collect();
        let aside = |seq: &u64| Quarantined { seq: *seq, subject: String::new(), reason: String::new(), payload: Bytes::new() };
        Batch { shard: 0, epoch: 1, expected_seq: 10, through_seq, rows, quarantined: quarantined.iter().map(aside).collect() }
    }

    #[test]
    fn halves_follow_each_other_and_keep_everything() {
        let (first, second) = batch(&[11, 13, 14, 17], &[12, 16], 18).split().unwrap();
        assert_eq!((first.expected_seq, first.through_seq, first.rows.len(), first.quarantined.len()), (10, 13, 2, 1));
        assert_eq!((second.expected_seq, second.through_seq, second.rows.len(), second.quarantined.len()), (13, 18, 2, 1));
        assert!(first.check().is_ok() && second.check().is_ok());
        assert!(batch(&[11], &[], 11).split().is_err());
    }

    #[test]
    fn only_a_single_row_is_quarantined() {
        let one = batch(&[11], &[12], 12).quarantine_only_row("s".into(), "r".into()).unwrap();
        assert_eq!((one.rows.len(), one.quarantined.len(), one.through_seq), (0, 2, 12));
        assert!(batch(&[11, 12], &[], 12).quarantine_only_row("s".into(), "r".into()).is_none());
    }

    #[test]
    fn refuses_sequences_outside_of_it() {
        for (seqs, quarantined, through) in
            [(vec![10], vec![], 12), (vec![13], vec![], 12), (vec![12, 11], vec![], 12), (vec![], vec![13], 12), (vec![], vec![], 9)]
        {
            assert!(batch(&seqs, &quarantined, through).check().is_err(), "{seqs:?} {quarantined:?}");
        }
        assert!(batch(&[], &[], 12).check().is_ok(), "a part of the log that holds nothing");
    }
}
