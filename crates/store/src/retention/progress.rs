//! How far rules were applied, and what is to be looked at next. Pure: what is seen comes in, what goes comes out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slipstream_domain::retention::{Group, Removal};
use slipstream_event::{Category, Timestamp};
use uuid::Uuid;

use super::context::Context;
use super::{Run, Settings};
use crate::limits;

/// Where retention stands with a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// For which rules and holds the rest holds.
    #[serde(default)]
    rules: String,
    #[serde(default)]
    swept: BTreeMap<String, Swept>,
    #[serde(default)]
    going: Option<Going>,
    /// What the last run did.
    #[serde(default)]
    pub(super) last: Option<Run>,
}

/// What was looked at of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Swept {
    /// Whatever happened before this and has a number up to `late_seq` was looked at.
    aged_to: Option<Timestamp>,
    late_seq: u64,
    /// Within the present run: after this one of those that happened since `aged_to`.
    at: Option<(Timestamp, Uuid)>,
    /// Events up to this number were let go of by the limit on their number, or are kept in spite of it.
    trimmed_seq: u64,
    /// Events up to this number were counted.
    counted_seq: u64,
    /// How many of them are stored and have numbers above `trimmed_seq`.
    above: u64,
}

/// The run that goes on, with what it goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Going {
    began_at: Timestamp,
    size: u64,
    settled: u64,
    trim_to: u64,
    groups: Vec<Group>,
    removed: BTreeMap<String, u64>,
    held: u64,
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Old events that were archived since.
    Late { after_seq: u64, through_seq: u64, before: Timestamp },
    /// Events that became too old.
    Aged { after: (Timestamp, Uuid), before: Timestamp },
    /// How many there are.
    Count { after_seq: u64, through_seq: u64 },
    /// The oldest beyond the limit on their number.
    Trim { after_seq: u64, through_seq: u64, surplus: u64 },
}

/// An event, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) id: Uuid,
    pub(super) category: Option<Category>,
    /// It tells of the archive itself.
    pub(super) kept: bool,
    pub(super) held: bool,
}

/// What goes, and what stays only because it is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) rows: Vec<Seen>,
    pub(super) held: u64,
}

impl Progress {
    /// Begins a run unless one goes on; other rules or holds begin anew.
    pub(super) fn heed(&mut self, context: &Context, settings: &Settings, now: Timestamp) {
        let rules = context.fingerprint(settings);
        if self.rules != rules {
            *self = Self { rules, going: self.going.take(), last: self.last.take(), ..Self::default() };
        } else if self.going.is_some() {
            return;
        }
        let groups = context.groups(settings, now);
        self.swept.retain(|name, _| groups.iter().any(|group| group.name == *name));
        let before = self.going.take();
        let (began_at, removed, held) = before.map_or_else(|| (now, BTreeMap::new(), 0), |going| (going.began_at, going.removed, going.held));
        self.going = Some(Going { began_at, size: context.size, settled: context.settled, trim_to: context.trim_to(), groups, removed, held });
    }

    /// The group at a place, and what to look at of it; `None` when all was.
    pub(super) fn next(&mut self) -> Option<(usize, Step)> {
        let going = self.going.as_ref()?;
        for (place, group) in going.groups.iter().enumerate() {
            let swept = self.swept.entry(group.name.clone()).or_default();
            if let Some(step) = swept.next(group, going) {
                return Some((place, step));
            }
        }
        None
    }

    /// The group at a place.
    pub(super) fn group(&self, place: usize) -> &[Category] {
        self.going.as_ref().and_then(|going| going.groups.get(place)).map(|group| group.categories.as_slice()).unwrap_or_default()
    }

    /// Takes a count.
    pub(super) fn counted(&mut self, place: usize, through_seq: u64, count: u64) {
        if let Some((_, swept)) = self.at(place) {
            swept.counted_seq = through_seq;
            swept.above += count;
        }
    }

    /// Takes what was seen, all that there is of the step up to [`limits::RETENTION_ROWS`]: moves on behind it, and says what goes.
    pub(super) fn choose(&mut self, place: usize, step: &Step, seen: &[Seen]) -> Choice {
        let settled = self.going.as_ref().map_or(0, |going| going.settled);
        let Some((group, swept)) = self.at(place) else { return Choice::default() };
        let mut choice = Choice::default();
        let is_all = (seen.len() as u64) < limits::RETENTION_ROWS;
        let mut surplus = if let Step::Trim { surplus, .. } = step { *surplus } else { u64::MAX };
        let mut last = None;
        for row in seen {
            let is_ours = row.category.is_some_and(|category| group.has(category)) && row.number <= settled;
            if is_ours && surplus == 0 {
                break;
            }
            last = Some(row);
            if !is_ours {
                continue;
            }
            surplus -= 1;
            let is_trimmed = matches!(step, Step::Trim { .. });
            let goes = !row.kept && !row.held;
            let was_above = row.number > swept.trimmed_seq && row.number <= swept.counted_seq;
            if was_above && (is_trimmed || goes) {
                swept.above = swept.above.saturating_sub(1);
            }
            choice.held += u64::from(row.held && !row.kept);
            choice.rows.extend(goes.then_some(*row));
        }
        swept.moved(step, last, is_all && surplus > 0, settled);
        if let Some(going) = &mut self.going {
            going.held += choice.held;
        }
        choice
    }

    /// Takes what was removed.
    pub(super) fn removed(&mut self, removal: &Removal) {
        if let Some(going) = &mut self.going {
            removal.categories.iter().for_each(|(name, count)| *going.removed.entry(name.clone()).or_default() += count);
        }
    }

    /// Ends the run.
    pub(super) fn end(&mut self, now: Timestamp) -> Run {
        let going = self.going.take();
        let (began_at, categories, held) = going.map_or_else(|| (now, BTreeMap::new(), 0), |going| (going.began_at, going.removed, going.held));
        let run = Run { began_at, ended_at: now, removed: categories.values().sum(), held, categories };
        self.last = Some(run.clone());
        run
    }

    /// When the run that goes on began.
    pub(super) fn began_at(&self) -> Option<Timestamp> {
        self.going.as_ref().map(|going| going.began_at)
    }

    /// Counts again, because events went that were not chosen here.
    pub(super) fn recount(&mut self) {
        self.swept.values_mut().for_each(|swept| (swept.counted_seq, swept.above) = (swept.trimmed_seq, 0));
    }

    fn at(&mut self, place: usize) -> Option<(&Group, &mut Swept)> {
        let group = self.going.as_ref()?.groups.get(place)?;
        Some((group, self.swept.get_mut(&group.name)?))
    }
}

impl Swept {
    fn next(&self, group: &Group, going: &Going) -> Option<Step> {
        if let Some(before) = group.before {
            if let Some(aged_to) = self.aged_to.filter(|_| self.late_seq < going.settled) {
                return Some(Step::Late { after_seq: self.late_seq, through_seq: going.settled, before: aged_to });
            }
            if self.aged_to.is_none_or(|aged_to| aged_to < before) {
                let beginning = Timestamp::parse("0001-01-01T00:00:00Z").unwrap_or(before);
                let after = self.at.unwrap_or((self.aged_to.unwrap_or(beginning), Uuid::nil()));
                return Some(Step::Aged { after, before });
            }
        }
        let most = group.max_entries?;
        if self.counted_seq < going.size {
            let through_seq = going.size.min(self.counted_seq + limits::RETENTION_COUNTED);
            return Some(Step::Count { after_seq: self.counted_seq, through_seq });
        }
        let surplus = self.above.saturating_sub(most);
        (surplus > 0 && self.trimmed_seq < going.trim_to).then_some(Step::Trim { after_seq: self.trimmed_seq, through_seq: going.trim_to, surplus })
    }

    /// Moves on behind what was looked at: `last`, or all that the step asked for.
    fn moved(&mut self, step: &Step, last: Option<&Seen>, is_all: bool, settled: u64) {
        match step {
            Step::Late { through_seq, .. } => self.late_seq = last.filter(|_| !is_all).map_or(*through_seq, |row| row.number),
            // Later ones were looked at before, or there was no earlier run.
            Step::Aged { before, .. } if is_all => (self.aged_to, self.at, self.late_seq) = (Some(*before), None, settled),
            Step::Aged { .. } => self.at = last.map(|row| (row.at, row.id)),
            Step::Trim { through_seq, .. } => self.trimmed_seq = last.filter(|_| !is_all).map_or(*through_seq, |row| row.number),
            Step::Count { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
