//! What of a tenant's log its activity log shows, for streams that show entries. Pure: no clock, no socket.
//!
//! The list and the streams decide by the same rules, in the order of the log: what was cleared, what is beyond the limits, and the silences, which lie between the events that tell that the
//! activity log was turned off and on. The archive says all that up to where it stands ([`crate::cold::ColdReplay::shown`]); the events behind, which every gateway sees, say the rest ([`Turn`]).

pub mod record;

use std::sync::Arc;

use slipstream_event::{Event, Timestamp, activity};

use crate::frame::Frame;

/// A change of an activity log, as its event tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When. A tenant's changes come one after the other, so it tells them apart.
    pub at: Timestamp,
    /// To what.
    pub change: Change,
}

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is turned off: what follows is not shown.
    Off,
    /// It is turned on.
    On,
    /// All before is cleared.
    Cleared,
    /// Entries of so many days are shown.
    Days(u32),
}

impl Turn {
    /// What an event says of its tenant's activity log; most say nothing.
    pub fn of(event: &Event) -> Option<Self> {
        let change = match event.event_type.as_str() {
            "activity.log.disabled" => Change::Off,
            "activity.log.enabled" => Change::On,
            "activity.log.cleared" => Change::Cleared,
            "activity.settings.updated" => Change::Days(days(event)?),
            _ => return None,
        };
        Some(Self { at: event.timestamp, change })
    }
}

fn days(event: &Event) -> Option<u32> {
    let after: serde_json::Value = serde_json::from_str(event.metadata.get("after")?).ok()?;
    after.get("maxDays")?.as_u64()?.try_into().ok()
}

/// What an activity log shows, by sequences of one epoch of its tenant's stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Through here all turns are known.
    pub through_seq: u64,
    /// Events up to this sequence are not shown.
    pub after_seq: u64,
    /// The time of the last clearing, and where its event lies, if that is known: what happened before and lies before it is not shown.
    pub cleared: Option<(Timestamp, Option<u64>)>,
    /// What lies between is not shown, the earliest first; the last may have no end.
    pub silences: Vec<(u64, Option<u64>)>,
    /// When the last known silence began, or ended.
    pub turned_at: Option<Timestamp>,
    /// Older entries are not shown, in days.
    pub max_days: u32,
    /// When the settings were last changed, as far as is known: what the log says of before is old.
    pub changed_at: Option<Timestamp>,
}

impl Shown {
    /// Takes the log's next turn. One that is known changes nothing: the log may hold its event a second time.
    pub fn learn(&mut self, seq: u64, turn: Turn) {
        let is_new = |known: Option<Timestamp>| known.is_none_or(|known| turn.at > known);
        match (turn.change, self.silences.last_mut()) {
            (Change::Off, last) if is_new(self.turned_at) && last.as_ref().is_none_or(|last| last.1.is_some()) => {
                self.silences.push((seq, None));
                self.turned_at = Some(turn.at);
            }
            (Change::On, Some((_, ended @ None))) if is_new(self.turned_at) => {
                *ended = Some(seq);
                self.turned_at = Some(turn.at);
            }
            (Change::Cleared, _) => match &mut self.cleared {
                Some((at, place)) if *at == turn.at => *place = place.or(Some(seq)),
                cleared if cleared.is_none_or(|(at, _)| turn.at > at) => *cleared = Some((turn.at, Some(seq))),
                _ => {}
            },
            (Change::Days(days), _) if is_new(self.changed_at) => {
                self.max_days = days;
                self.changed_at = Some(turn.at);
            }
            _ => {}
        }
        self.through_seq = self.through_seq.max(seq);
    }

    /// Whether an event is shown that lies at `seq` and happened `at`; `oldest` is the time before which entries are too old.
    pub fn takes(&self, seq: u64, at: Timestamp, oldest: Timestamp) -> bool {
        let is_cleared = || self.cleared.is_some_and(|(time, place)| at < time && place.is_none_or(|place| seq < place));
        let is_silent = || {
            let later = self.silences.partition_point(|(began, _)| *began < seq);
            later.checked_sub(1).and_then(|last| self.silences.get(last)).is_some_and(|(_, ended)| ended.is_none_or(|ended| seq < ended))
        };
        seq > self.after_seq && at >= oldest && !is_cleared() && !is_silent()
    }
}

/// Which events of the log a stream shows before it is asked who may see them.
#[derive(Clone, Debug)]
pub enum View {
    /// All.
    Events,
    /// Those that the activity log shows, none of before this time.
    Entries(Arc<Shown>, Timestamp),
}

impl View {
    /// The view of an activity log at this time.
    pub fn entries(shown: Arc<Shown>, now: Timestamp) -> Self {
        let oldest = activity::oldest(shown.max_days, now);
        Self::Entries(shown, oldest)
    }

    /// Whether the event is in it.
    pub fn takes(&self, frame: &Frame) -> bool {
        match self {
            Self::Events => true,
            Self::Entries(shown, oldest) => shown.takes(frame.seq(), frame.at(), *oldest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_790_000_000_000_000 + seconds * 1_000_000).unwrap()
    }

    fn taken(shown: &Shown, seqs: std::ops::Range<u64>) -> Vec<u64> {
        seqs.filter(|seq| shown.takes(*seq, at(*seq as i64), at(0))).collect()
    }

    #[test]
    fn a_silence_lies_between_its_events_and_these_are_shown() {
        let mut shown = Shown::default();
        shown.learn(3, Turn { at: at(3), change: Change::Off });
        assert_eq!(taken(&shown, 1..7), [1, 2, 3]);
        // The log may hold an event twice.
        shown.learn(4, Turn { at: at(3), change: Change::Off });
        shown.learn(6, Turn { at: at(6), change: Change::On });
        assert_eq!(taken(&shown, 1..9), [1, 2, 3, 6, 7, 8]);
        shown.learn(7, Turn { at: at(3), change: Change::Off });
        shown.learn(8, Turn { at: at(6), change: Change::On });
        assert_eq!(taken(&shown, 1..9), [1, 2, 3, 6, 7, 8]);
        shown.learn(10, Turn { at: at(10), change: Change::Off });
        assert_eq!((taken(&shown, 1..13), shown.silences.len()), (vec![1, 2, 3, 6, 7, 8, 9, 10], 2));
    }

    #[test]
    fn a_clearing_hides_what_happened_before_it_and_lies_before_its_event() {
        let mut shown = Shown { after_seq: 2, cleared: Some((at(6), None)), ..Shown::default() };
        assert_eq!(taken(&shown, 1..9), [6, 7, 8], "its event is on its way");
        assert!(shown.takes(5, at(6), at(0)), "what happened after it overtook its event");
        shown.learn(8, Turn { at: at(6), change: Change::Cleared });
        shown.learn(9, Turn { at: at(6), change: Change::Cleared });
        assert!(shown.takes(8, at(6), at(0)) && shown.takes(9, at(1), at(0)) && !shown.takes(7, at(5), at(0)));
        shown.learn(11, Turn { at: at(11), change: Change::Cleared });
        assert_eq!(taken(&shown, 1..14), [11, 12, 13]);
    }

    #[test]
    fn too_old_is_what_the_latest_settings_say() {
        let mut shown = Shown { max_days: 90, changed_at: Some(at(5)), ..Shown::default() };
        shown.learn(3, Turn { at: at(5), change: Change::Days(1) });
        assert_eq!(shown.max_days, 90, "known already");
        shown.learn(4, Turn { at: at(6), change: Change::Days(7) });
        assert_eq!(shown.max_days, 7);
        assert!(shown.takes(9, at(1), at(1)) && !shown.takes(9, at(0), at(1)));
    }
}
