//! Checking a ledger, line by line: what holds, and the first row that does not.
//!
//! Every entry's bytes are hashed and compared with its leaf, the tree over all leaves is compared with every checkpoint, and every checkpoint with the keys that are
//! trusted. What does not fit its leaf is judged at the end: a redaction and a retention are told by events of this very ledger, so only those that verify count.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::export::{Entry, Head, Line, VERSION};
use crate::ledger::{Hash, Tree, Verifiers};
use crate::{Event, Tenant, limits};

/// The type of the events that tell of redactions, whose `events` are pairs of number and SHA-256 of what is left.
pub const REDACTED: &str = "archive.redaction.applied";
/// The type of the events that tell what retention removed, whose `report.numbers` are pairs of first and last number.
pub const REMOVED: &str = "archive.retention.completed";

/// What is wrong with a row, or with the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Its bytes are not those that were archived.
    Changed,
    /// Its columns do not say what its bytes say.
    ColumnsDiffer,
    /// Another event of the ledger stands in its place.
    Reordered,
    /// It belongs to another tenant.
    TenantSwapped,
    /// It is gone, and no retention tells of it.
    Removed,
    /// It was never archived.
    Added,
    /// Leaf hashes were rewritten: the tree does not have the root that was signed.
    Rewritten,
    /// A checkpoint is not signed by a trusted key, or is no checkpoint of this ledger.
    Checkpoint,
    /// The file is not what an export writes, or was cut.
    Form,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The row's number; for [`Kind::Rewritten`] and [`Kind::Checkpoint`] the first that it can be.
    pub number: u64,
    /// What is wrong.
    pub kind: Kind,
    /// A sentence.
    pub what: String,
}

/// What was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whose ledger.
    pub tenant: Option<Tenant>,
    /// Events of the ledger.
    pub entries: u64,
    /// Of these: as they were archived.
    pub kept: u64,
    /// Of these: redacted, which the ledger itself tells of.
    pub redacted: u64,
    /// Of these: removed by retention, which the ledger itself tells of.
    pub removed: u64,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Through which number a checkpoint covers it.
    pub signed_through: u64,
    /// The root of the tree over all entries.
    pub root: Hash,
    /// What is wrong, by rising number; at most [`limits::FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// A check that is going on. Memory grows with what is wrong and with what was redacted or removed, not with the ledger.
#[derive(Debug)]
pub struct Verification {
    trusted: Verifiers,
    head: Option<Head>,
    tree: Tree,
    report: Report,
    ended: bool,
    suspects: BTreeMap<u64, Suspect>,
    missing: Vec<(u64, u64)>,
    redactions: HashMap<u64, String>,
    removals: Vec<(u64, u64)>,
}

/// A row whose bytes are not those of its leaf.
#[derive(Debug)]
struct Suspect {
    leaf: Hash,
    is: Hash,
    sha256: String,
    tenant: Option<Tenant>,
}

impl Verification {
    /// A check that trusts these keys.
    pub fn new(trusted: Verifiers) -> Self {
        let report =
            Report { tenant: None, entries: 0, kept: 0, redacted: 0, removed: 0, checkpoints: 0, signed_through: 0, root: Hash::empty(), findings: Vec::new() };
        Self {
            trusted,
            head: None,
            tree: Tree::new(),
            report,
            ended: false,
            suspects: BTreeMap::new(),
            missing: Vec::new(),
            redactions: HashMap::new(),
            removals: Vec::new(),
        }
    }

    /// How many entries were taken.
    pub fn entries(&self) -> u64 {
        self.report.entries
    }

    /// Whether rows are gone of which nothing that was taken so far tells.
    pub fn is_untold(&self) -> bool {
        let mut removals = self.removals.clone();
        removals.sort_unstable();
        self.missing.iter().any(|missing| !untold(*missing, &removals).is_empty())
    }

    /// Takes over what another check found that retention removed: one of the same ledger as it was later, of which nothing is wrong but rows that are gone. For a removal is told of
    /// by an event behind it, which an export that began before does not hold.
    pub fn tell(&mut self, later: Self) {
        let removals = later.removals.clone();
        if later.finish().findings.iter().all(|finding| finding.kind == Kind::Removed) {
            self.removals.extend(removals);
        }
    }

    /// Takes the next line of an export. What is wrong with it is in the report.
    pub fn take(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Line::Ledger(head)) if self.head.is_none() && head.version == VERSION => {
                self.report.tenant = Some(head.tenant.clone());
                self.head = Some(head);
            }
            Ok(Line::Entry(entry)) if self.head.is_some() && !self.ended => self.entry(entry),
            Ok(Line::Checkpoint(note)) if self.head.is_some() && !self.ended => self.checkpoint(&note),
            Ok(Line::End(entries)) if self.head.is_some() && !self.ended => {
                self.ended = true;
                if entries != self.report.entries {
                    self.find(self.report.entries, Kind::Form, format!("the last line tells of {entries} entries, and there are {}", self.report.entries));
                }
            }
            Ok(_) => self.find(self.report.entries, Kind::Form, "a line stands where it does not belong".to_owned()),
            Err(error) => self.find(self.report.entries, Kind::Form, format!("a line cannot be read: {error}")),
        }
    }

    /// Judges what is left, and reports.
    pub fn finish(mut self) -> Report {
        if !self.ended {
            self.find(self.report.entries, Kind::Form, "the export was cut: its last line is missing".to_owned());
        }
        self.judge_suspects();
        self.judge_missing();
        self.report.root = self.tree.root();
        let stated = self.head.as_ref().map(|head| (head.size, head.root));
        if stated.is_some_and(|stated| self.ended && stated != (self.tree.size(), self.tree.root())) {
            self.find(
                self.report.signed_through + 1,
                Kind::Rewritten,
                "the tree over all entries does not have the size and root that the ledger's head says".to_owned(),
            );
        }
        self.report.findings.sort_by_key(|finding| (finding.number, finding.kind));
        self.report.findings.truncate(limits::FINDINGS_MAX);
        self.report
    }

    fn entry(&mut self, entry: Entry) {
        let number = entry.number;
        let Some(leaf) = entry.leaf else {
            let kind = if self.is_foreign(&entry) { Kind::TenantSwapped } else { Kind::Added };
            let what =
                if kind == Kind::Added { "a row is in the archive that was never archived" } else { "a row of another tenant is in the archive of this one" };
            return self.find(number, kind, what.to_owned());
        };
        if number != self.report.entries + 1 {
            self.find(number, Kind::Form, format!("number {number} comes where {} is due", self.report.entries + 1));
        }
        self.report.entries += 1;
        self.tree.push(leaf, |_, _, _| {});
        let Some(payload) = entry.payload else {
            match self.missing.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => self.missing.push((number, number)),
            }
            return;
        };
        if !entry.differs.is_empty() {
            self.find(number, Kind::ColumnsDiffer, format!("its columns do not say what its bytes say: {}", entry.differs.join(", ")));
        }
        let is = Hash::leaf(payload.as_bytes());
        let event = Event::from_json(payload.as_bytes()).ok();
        if is == leaf {
            self.report.kept += 1;
            return self.proven(event);
        }
        let sha256 = Sha256::digest(payload.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.suspects.insert(number, Suspect { leaf, is, sha256, tenant: event.map(|event| event.tenant_id) });
    }

    fn is_foreign(&self, entry: &Entry) -> bool {
        let of = entry.payload.as_deref().and_then(|payload| Event::from_json(payload.as_bytes()).ok()).map(|event| event.tenant_id);
        of.is_some() && of != self.report.tenant
    }

    /// An event that is as it was archived may tell of redactions and removals.
    fn proven(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        match event.event_type.as_str() {
            REDACTED => {
                let pairs: Vec<(u64, String)> = event.metadata.get("events").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
                self.redactions.extend(pairs);
            }
            REMOVED => {
                #[derive(Deserialize)]
                struct Removals {
                    numbers: Vec<(u64, u64)>,
                }
                let told: Option<Removals> = event.metadata.get("report").and_then(|json| serde_json::from_str(json).ok());
                self.removals.extend(told.map(|told| told.numbers).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn checkpoint(&mut self, note: &str) {
        let Some(tenant) = self.report.tenant.clone() else { return };
        let next = self.report.signed_through + 1;
        match self.trusted.open_of(&tenant, note) {
            Err(refused) => self.find(next, Kind::Checkpoint, format!("a checkpoint does not hold: {refused}")),
            Ok(checkpoint) if checkpoint.size > self.tree.size() => {
                let what = format!("a checkpoint covers {} events, and the ledger holds {}: its end is gone", checkpoint.size, self.tree.size());
                self.find(self.tree.size() + 1, Kind::Removed, what);
            }
            Ok(checkpoint) if checkpoint.size < self.tree.size() => {
                self.find(next, Kind::Form, format!("the checkpoint of {} events does not stand behind them", checkpoint.size));
            }
            Ok(checkpoint) if checkpoint.root == self.tree.root() => {
                self.report.checkpoints += 1;
                self.report.signed_through = checkpoint.size;
            }
            Ok(checkpoint) => {
                let what = format!("of the rows {next} to {} leaf hashes were rewritten: their root is not the one that was signed", checkpoint.size);
                self.find(next, Kind::Rewritten, what);
            }
        }
    }

    fn judge_suspects(&mut self) {
        let suspects = std::mem::take(&mut self.suspects);
        let places: HashMap<Hash, u64> = suspects.iter().map(|(number, suspect)| (suspect.leaf, *number)).collect();
        for (number, suspect) in suspects {
            let (kind, what) = if self.redactions.get(&number) == Some(&suspect.sha256) {
                self.report.redacted += 1;
                continue;
            } else if suspect.tenant.is_some() && suspect.tenant != self.report.tenant {
                (Kind::TenantSwapped, "it belongs to another tenant".to_owned())
            } else if let Some(place) = places.get(&suspect.is) {
                (Kind::Reordered, format!("the event of number {place} stands in its place"))
            } else {
                (Kind::Changed, "its bytes are not those that were archived, and no redaction tells of it".to_owned())
            };
            self.find(number, kind, what);
        }
    }

    fn judge_missing(&mut self) {
        self.removals.sort_unstable();
        for (first, last) in std::mem::take(&mut self.missing) {
            let gaps = untold((first, last), &self.removals);
            let gone: u64 = gaps.iter().map(|(from, to)| to - from + 1).sum();
            self.report.removed += last - first + 1 - gone;
            gaps.into_iter().for_each(|(from, to)| self.gone(from, to));
        }
    }

    fn gone(&mut self, first: u64, last: u64) {
        let which = if first == last { "it is".to_owned() } else { format!("the rows {first} to {last} are") };
        self.find(first, Kind::Removed, format!("{which} gone, and no retention tells of it"));
    }

    fn find(&mut self, number: u64, kind: Kind, what: String) {
        // Sorted and cut at the end; here only bounded, so that a ruined file does not fill the memory.
        if self.report.findings.len() < 10 * limits::FINDINGS_MAX {
            self.report.findings.push(Finding { number, kind, what });
        }
    }
}

/// The parts of a range of missing rows that no removal tells of. `removals` are sorted.
fn untold((first, last): (u64, u64), removals: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let (mut gaps, mut at) = (Vec::new(), first);
    for (from, to) in removals.iter().copied().filter(|(from, to)| *to >= first && *from <= last) {
        if from > at {
            gaps.push((at, from - 1));
        }
        at = at.max(to.saturating_add(1));
    }
    if at <= last {
        gaps.push((at, last));
    }
    gaps
}

impl Report {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

#[cfg(test)]
mod tests;
