//! Runs over lists of events, compared with what rules say of the lists.

use std::collections::BTreeMap;

use slipstream_domain::activity::Settings as Log;
use slipstream_domain::retention::Rule;
use slipstream_event::{Category, Timestamp};
use uuid::Uuid;

use super::*;

const DAY: i64 = 86_400_000_000;
const NOW: &str = "2026-11-20T00:00:00Z";

/// A small generator, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// An archive as a list, and what was removed of it.
#[derive(Default)]
struct World {
    rows: Vec<Seen>,
    size: u64,
    progress: Progress,
    told: BTreeMap<u64, u64>,
}

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_micros(now().micros() - days * DAY).unwrap()
}

fn rule(category: Option<Category>, max_days: Option<u32>, max_entries: Option<u64>) -> Rule {
    Rule { category, enabled: true, max_days, max_entries }
}

fn context(rules: &[Rule], size: u64, settled: u64) -> Context {
    Context { rules: rules.to_vec(), holds: String::new(), size, settled, log: Log { enabled: false, ..Log::default() }, log_after: 0 }
}

impl World {
    fn add(&mut self, dice: &mut Dice, count: u64) {
        for _ in 0..count {
            self.size += 1;
            let category = Category::ALL[usize::try_from(dice.roll(3)).unwrap()];
            let at = Timestamp::from_micros(days_ago(i64::try_from(dice.roll(60)).unwrap()).micros() - i64::try_from(dice.roll(1_000)).unwrap()).unwrap();
            let (kept, held) = (dice.roll(12) == 0, dice.roll(9) == 0);
            self.rows.push(Seen { number: self.size, at, id: Uuid::from_u128(u128::from(dice.roll(u64::MAX))), category: Some(category), kept, held });
        }
    }

    fn run(&mut self, rules: &[Rule], settled: u64, at: Timestamp) {
        self.progress.heed(&context(rules, self.size, settled), &Settings::default(), at);
        for turn in 0.. {
            assert!(turn < 10_000, "it does not end");
            let Some((place, step)) = self.progress.next() else { break };
            // A kill between two turns: what is kept is all there is.
            self.progress = serde_json::from_str(&serde_json::to_string(&self.progress).unwrap()).unwrap();
            self.step(place, &step);
        }
        self.progress.end(at);
    }

    fn step(&mut self, place: usize, step: &Step) {
        let mut seen: Vec<Seen> = match step {
            Step::Count { after_seq, through_seq } => {
                let group = self.progress.group(place).to_vec();
                let ours = |row: &&Seen| row.number > *after_seq && row.number <= *through_seq && group.contains(&row.category.unwrap());
                let count = self.rows.iter().filter(ours).count() as u64;
                return self.progress.counted(place, *through_seq, count);
            }
            Step::Late { after_seq, through_seq, before } => {
                self.rows.iter().filter(|row| row.number > *after_seq && row.number <= *through_seq && row.at < *before).copied().collect()
            }
            Step::Trim { after_seq, through_seq, .. } => {
                self.rows.iter().filter(|row| row.number > *after_seq && row.number <= *through_seq).copied().collect()
            }
            Step::Aged { after, before } => self.rows.iter().filter(|row| row.at < *before && (row.at, row.id) > *after).copied().collect(),
        };
        match step {
            Step::Aged { .. } => seen.sort_by_key(|row| (row.at, row.id)),
            _ => seen.sort_by_key(|row| row.number),
        }
        seen.truncate(usize::try_from(limits::RETENTION_ROWS).unwrap());
        for row in self.progress.choose(place, step, &seen).rows {
            self.rows.retain(|other| other.number != row.number);
            *self.told.entry(row.number).or_default() += 1;
        }
    }
}

/// What rules leave of a list whose first events are settled.
fn left(rows: &[Seen], rules: &[Rule], settled: u64, at: Timestamp) -> Vec<u64> {
    let groups = context(rules, 0, 0).groups(&Settings::default(), at);
    let goes = |row: &Seen| {
        let Some(group) = groups.iter().find(|group| group.has(row.category.unwrap())) else { return false };
        let above = rows.iter().filter(|other| group.has(other.category.unwrap()) && other.number > row.number).count() as u64;
        group.before.is_some_and(|before| row.at < before) || group.max_entries.is_some_and(|most| above >= most)
    };
    rows.iter().filter(|row| row.kept || row.held || row.number > settled || !goes(row)).map(|row| row.number).collect()
}

#[test]
fn runs_leave_what_the_rules_leave_whatever_comes_when() {
    let all = [
        vec![rule(None, Some(30), None)],
        vec![rule(None, None, Some(40))],
        vec![rule(Some(Category::Auth), Some(10), Some(20)), rule(None, Some(50), None)],
        vec![rule(Some(Category::Auth), None, Some(1)), rule(Some(Category::Device), Some(1), None)],
    ];
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let mut world = World::default();
        let rules = &all[usize::try_from(dice.roll(4)).unwrap()];
        for round in 0..5 {
            let more = dice.roll(150);
            world.add(&mut dice, more);
            let settled = world.size - dice.roll(world.size.min(20) + 1);
            // Held and kept events that stay count, and those that are too old go first: what is left is the same as of the whole list.
            let at = Timestamp::from_micros(now().micros() + round * 5 * DAY).unwrap();
            let want = left(&world.rows, rules, settled, at);
            world.run(rules, settled, at);
            let is: Vec<u64> = world.rows.iter().map(|row| row.number).collect();
            // A limit of number counts what age has left.
            assert!(want.iter().all(|number| is.contains(number)), "seed {seed}, round {round}: too much went");
            let again = left(&world.rows, rules, settled, at);
            assert_eq!(is, again, "seed {seed}, round {round}: too little went");
        }
        assert!(world.told.values().all(|times| *times == 1), "seed {seed}: an event went twice");
    }
}

#[test]
fn nothing_is_looked_at_twice_while_rules_stay() {
    let (mut dice, mut world, rules) = (Dice(7), World::default(), [rule(None, Some(30), Some(1_000))]);
    world.add(&mut dice, 500);
    world.run(&rules, 500, now());
    world.progress.heed(&context(&rules, 500, 500), &Settings::default(), now());
    assert_eq!(world.progress.next(), None);
    world.progress.heed(&context(&[rule(None, Some(29), None)], 500, 500), &Settings::default(), now());
    assert!(matches!(world.progress.next(), Some((0, Step::Aged { .. }))), "new rules begin anew, in the run at hand");
}
