//! What letters the texts of a batch hold, and which values its events have: by that a search knows which batches it need not read.
//!
//! A Bloom filter of all runs of three, five and eight ASCII characters (small letters) of the texts that are searched. A text that holds a search holds all its
//! runs, so what is not in the filter is not in the batch; what is may be. Characters beyond ASCII break a run: searches for them read more. Values by which events are
//! filtered are in it whole: a rare one is found without reading all that lies between.
//!
//! Its length is a power of two, so that a bit is found by masking; eight bits for each run and four probes let one run in forty through that is not there.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

use slipstream_event::{Event, Severity};

/// Lengths of the runs: short ones for short searches, long ones because in identifiers all short ones occur. At most eight.
const RUNS: [usize; 3] = [3, 5, 8];
/// Bits that a run sets.
const PROBES: u64 = 4;
/// Bits of the filter for each run.
const BITS_PER_RUN: usize = 8;
/// Largest filter, in bytes.
const BYTES_MAX: usize = 1 << 20;

/// A value by which events are filtered, by equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exact {
    Actor,
    Category,
    Correlation,
    Severity,
    /// A type, or one or more of its first parts.
    Type,
}

impl Exact {
    /// What its hash begins with, which no text holds. It is stored: it may never change.
    fn mark(self) -> [u8; 2] {
        [
            0xff,
            match self {
                Self::Actor => b'a',
                Self::Category => b'g',
                Self::Correlation => b'c',
                Self::Severity => b's',
                Self::Type => b't',
            },
        ]
    }

    /// Several, because a search for a value has no other runs: so one value in 100,000 is let through that is not there.
    fn hashes(self, value: &str) -> [u64; 3] {
        let marked: Vec<u8> = self.mark().into_iter().chain(value.bytes()).collect();
        let hash = hash(&marked);
        [hash, mixed(hash.wrapping_add(1)), mixed(hash.wrapping_add(2))]
    }
}

/// What is asked of an event: the texts that free text is searched in (those of `history/predicate.rs`), and the values that it is filtered by.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Asked<'a> {
    pub(crate) entity_id: &'a str,
    pub(crate) entity_name: Option<&'a str>,
    pub(crate) action: &'a str,
    pub(crate) message: Option<&'a str>,
    pub(crate) actor_id: &'a str,
    pub(crate) actor_name: Option<&'a str>,
    #[sqlx(rename = "type")]
    pub(crate) event_type: &'a str,
    pub(crate) category: &'a str,
    pub(crate) severity: &'a str,
    pub(crate) correlation_id: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Of an event.
    pub(crate) fn of(event: &'a Event) -> Self {
        Self {
            entity_id: &event.entity_id,
            entity_name: event.entity_name.as_deref(),
            action: &event.action,
            message: event.message.as_deref(),
            actor_id: &event.actor.user_id,
            actor_name: event.actor.name.as_deref(),
            event_type: event.event_type.as_str(),
            category: event.category.as_str(),
            severity: Severity::as_str(event.severity),
            correlation_id: event.correlation_id.as_deref(),
        }
    }
}

/// The runs and values of a batch.
#[derive(Debug, Default)]
pub(crate) struct Terms(HashSet<u64, Hashed>);

impl Terms {
    /// Adds what is asked of an event.
    pub(crate) fn add_event(&mut self, asked: &Asked<'_>) {
        for text in [asked.entity_id, asked.action, asked.actor_id] {
            self.add(text);
        }
        for text in [asked.message, asked.entity_name, asked.actor_name].into_iter().flatten() {
            self.add(text);
        }
        let name = asked.event_type;
        let parts = name.match_indices('.').map(|(at, _)| &name[..at]).chain([name]);
        parts.for_each(|part| self.add_exact(Exact::Type, part));
        self.add_exact(Exact::Actor, asked.actor_id);
        self.add_exact(Exact::Category, asked.category);
        self.add_exact(Exact::Severity, asked.severity);
        asked.correlation_id.iter().for_each(|id| self.add_exact(Exact::Correlation, id));
    }

    fn add_exact(&mut self, of: Exact, value: &str) {
        self.0.extend(of.hashes(value));
    }

    /// Adds a text.
    pub(super) fn add(&mut self, text: &str) {
        runs(text, |hash| {
            self.0.insert(hash);
        });
    }

    /// The filter. Empty texts give one that holds nothing.
    pub(crate) fn filter(&self) -> Vec<u8> {
        let bytes = (self.0.len() * BITS_PER_RUN / 8).next_power_of_two().clamp(8, BYTES_MAX);
        let mut filter = vec![0_u8; bytes];
        for hash in &self.0 {
            for bit in probes(*hash, bytes) {
                filter[(bit / 8) as usize] |= 1 << (bit % 8);
            }
        }
        filter
    }
}

/// The bits of a search in a filter of [`BYTES_MAX`], those that tell most first: a batch can only hold the search when its filter has all of them, each
/// masked to the filter's length. Empty for a search that is too short to tell.
pub(crate) fn of_search(text: &str) -> Vec<i32> {
    let mut bits = Vec::new();
    // A character beyond ASCII breaks a run, also one whose small letter is ASCII: whether the two are the same is for the database to say.
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c.to_ascii_lowercase()).ok().filter(u8::is_ascii).unwrap_or(0xff)).collect();
    // The long runs tell more, so they are looked up first.
    for length in RUNS.into_iter().rev() {
        runs_of(&bytes, length, |hash| bits.extend(probes(hash, BYTES_MAX).filter_map(|bit| i32::try_from(bit).ok())));
    }
    let mut seen = HashSet::new();
    bits.retain(|bit| seen.insert(*bit));
    bits
}

/// The bits of a value in a filter of [`BYTES_MAX`], as those of [`of_search`].
pub(crate) fn of_exact(of: Exact, value: &str) -> Vec<i32> {
    of.hashes(value).into_iter().flat_map(|hash| probes(hash, BYTES_MAX)).filter_map(|bit| i32::try_from(bit).ok()).collect()
}

/// The bits of a run in a filter of so many bytes. The statement `ledger/may_hold.sql` finds them in a shorter filter by masking.
fn probes(hash: u64, bytes: usize) -> impl Iterator<Item = u64> {
    let mask = bytes as u64 * 8 - 1;
    let (first, step) = (hash & 0xffff_ffff, (hash >> 32) | 1);
    (0..PROBES).map(move |i| first.wrapping_add(i * step) & mask)
}

fn runs(text: &str, mut found: impl FnMut(u64)) {
    let bytes: Vec<u8> = letters(text).collect();
    for length in RUNS {
        runs_of(&bytes, length, &mut found);
    }
}

/// The hashes of all runs of a length, as they come.
fn runs_of(bytes: &[u8], length: usize, mut found: impl FnMut(u64)) {
    for run in bytes.windows(length) {
        if run.iter().all(u8::is_ascii) {
            found(hash_of_run(run));
        }
    }
}

/// Small letters; a byte beyond ASCII for every character that is none. The few characters whose small letter is ASCII, or begins so, are that letter.
fn letters(text: &str) -> impl Iterator<Item = u8> {
    let small = |c: char| c.to_lowercase().next().unwrap_or(c);
    text.chars().map(move |c| u8::try_from(small(c)).ok().filter(u8::is_ascii).unwrap_or(0xff))
}

/// A run as a number, mixed. It is stored: it may never change.
fn hash_of_run(run: &[u8]) -> u64 {
    mixed(run.iter().fold(run.len() as u64, |number, byte| (number << 8) ^ u64::from(*byte) ^ (number >> 56)))
}

/// FNV-1a, mixed. It is stored: it may never change.
fn hash(value: &[u8]) -> u64 {
    mixed(value.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// The finaliser of MurmurHash3: all bits depend on all bits.
fn mixed(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// The hashes are hashes already.
#[derive(Clone, Debug, Default)]
struct Hashed(u64);

impl BuildHasher for Hashed {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use slipstream_event::{Actor, EventType, Tenant};

    use super::*;

    fn may_hold(filter: &[u8], search: &str) -> bool {
        let bits = of_search(search).into_iter().map(|bit| usize::try_from(bit).unwrap() & (filter.len() * 8 - 1));
        bits.into_iter().all(|bit| filter[bit / 8] & (1 << (bit % 8)) != 0)
    }

    proptest! {
        /// No search that a text holds is missed, whatever its case.
        #[test]
        fn holds_every_part_of_every_text(texts in prop::collection::vec("\\PC{0,40}", 1..20), pick: prop::sample::Index, from: prop::sample::Index, len in 0_usize..12) {
            let mut terms = Terms::default();
            texts.iter().for_each(|text| terms.add(text));
            let filter = terms.filter();
            let chars: Vec<char> = pick.get(&texts).chars().collect();
            let from = if chars.is_empty() { 0 } else { from.index(chars.len()) };
            let part: String = chars.iter().skip(from).take(len).collect();
            prop_assert!(may_hold(&filter, &part));
            prop_assert!(may_hold(&filter, &part.to_ascii_uppercase()));
        }
    }

    #[test]
    fn knows_what_is_not_there() {
        let mut terms = Terms::default();
        (0..1000).for_each(|n| terms.add(&format!("Support ticket {n:06} was moved by Ada Lovelace")));
        let filter = terms.filter();
        assert!(may_hold(&filter, "TICKET 000123") && !may_hold(&filter, "aeroplane") && !may_hold(&filter, "zzz"));
        assert!(filter.len() < 32 * 1024, "{}", filter.len());
        assert!(of_search("ab").is_empty() && of_search("äöü").is_empty() && may_hold(&filter, "ab"));
    }

    #[test]
    fn knows_which_values_are_not_there() {
        let event = |name: &str, actor: &str| Event::new(&Tenant::new("t").unwrap(), &EventType::new(name).unwrap(), "1", Actor::user(actor));
        let mut terms = Terms::default();
        terms.add_event(&Asked::of(&Event { correlation_id: Some("c-1".to_owned()), severity: Severity::Error, ..event("quality.car.escalated", "u-1") }));
        terms.add_event(&Asked::of(&event("fleet.order.made", "u-2")));
        let filter = terms.filter();
        let holds = |of, value: &str| of_exact(of, value).into_iter().all(|bit| filter[(bit as usize & (filter.len() * 8 - 1)) / 8] & (1 << (bit % 8)) != 0);
        for there in ["quality", "quality.car", "quality.car.escalated", "fleet.order.made"] {
            assert!(holds(Exact::Type, there), "{there}");
        }
        assert!(holds(Exact::Actor, "u-1") && holds(Exact::Correlation, "c-1") && holds(Exact::Severity, "error") && holds(Exact::Category, "entity"));
        for (of, value) in
            [(Exact::Type, "quality.ca"), (Exact::Type, "u-1"), (Exact::Actor, "u-3"), (Exact::Correlation, "c-2"), (Exact::Severity, "critical")]
        {
            assert!(!holds(of, value), "{of:?} {value}");
        }
    }

    #[test]
    fn hashes_are_what_was_stored() {
        assert_eq!((Exact::Actor.hashes("abc")[0], Exact::Type.hashes("a.b")[0]), (316_989_814_019_632_937, 10_203_015_377_127_461_820));
        let mut kelvin = Terms::default();
        kelvin.add("300 \u{212a}ELVIN \u{130}STANBUL");
        assert!(may_hold(&kelvin.filter(), "kelvin") && may_hold(&kelvin.filter(), "istanbul"), "what Postgres may take for the same");
        assert_eq!((hash_of_run(b"abc"), hash_of_run(b"hello wo")), (2_848_304_277_259_736_816, 9_685_273_595_834_218_275));
    }
}
