//! Every way to tamper with a ledger, and that each is named at its row.

use super::*;
use crate::ledger::{Checkpoint, Signer, Signers};
use crate::{Actor, EventType, Object, Timestamp};

struct Ledger {
    signers: Signers,
    entries: Vec<Entry>,
    checkpoints: Vec<(u64, String)>,
}

fn tenant() -> Tenant {
    Tenant::new("acme").unwrap()
}

fn event(event_type: &str, metadata: &str) -> String {
    let mut event = Event::new(&tenant(), &EventType::new(event_type).unwrap(), "e", Actor::user("u"));
    event.metadata = Object::parse(metadata).unwrap();
    event.to_json()
}

fn entry(number: u64, payload: String) -> Entry {
    Entry { number, leaf: Some(Hash::leaf(payload.as_bytes())), payload: Some(payload), differs: Vec::new() }
}

impl Ledger {
    fn of(events: u64) -> Self {
        let signers = Signers::new(Signer::generate("ledger-1").unwrap(), Vec::new());
        let mut ledger = Self { signers, entries: Vec::new(), checkpoints: Vec::new() };
        (0..events).for_each(|n| ledger.add(event("shop.order.placed", &format!("{{\"n\":{n}}}"))));
        ledger
    }

    fn add(&mut self, payload: String) {
        self.entries.push(entry(self.entries.len() as u64 + 1, payload));
    }

    fn root(&self) -> (u64, Hash) {
        let mut tree = Tree::new();
        self.entries.iter().filter_map(|entry| entry.leaf).for_each(|leaf| tree.push(leaf, |_, _, _| {}));
        (tree.size(), tree.root())
    }

    fn sign(mut self) -> Self {
        let (size, root) = self.root();
        let note = self.signers.sign(&Checkpoint { tenant: tenant(), size, root, at: Timestamp::now() });
        self.checkpoints.push((size, note));
        self
    }

    fn lines(&self) -> Vec<String> {
        let (size, root) = self.root();
        let mut lines = vec![Line::Ledger(Head { version: VERSION, tenant: tenant(), size, root, keys: Vec::new() })];
        let mut entries = 0;
        for entry in &self.entries {
            entries += u64::from(entry.leaf.is_some());
            lines.push(Line::Entry(entry.clone()));
            lines.extend(self.checkpoints.iter().filter(|(at, _)| entry.leaf.is_some() && *at == entries).map(|(_, note)| Line::Checkpoint(note.clone())));
        }
        lines.extend(self.checkpoints.iter().filter(|(at, _)| *at > entries).map(|(_, note)| Line::Checkpoint(note.clone())));
        lines.push(Line::End(entries));
        lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect()
    }

    fn report(&self) -> Report {
        let mut check = Verification::new(Verifiers(self.signers.verifiers()));
        self.lines().iter().for_each(|line| check.take(line));
        check.finish()
    }

    fn first(&self) -> Option<(u64, Kind)> {
        self.report().findings.first().map(|finding| (finding.number, finding.kind))
    }
}

#[test]
fn what_is_whole_holds() {
    let report = Ledger::of(20).sign().report();
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.entries, report.kept, report.checkpoints, report.signed_through), (20, 20, 1, 20));
    assert!(Ledger::of(0).report().holds());
}

#[test]
fn names_the_row_and_what_was_done_to_it() {
    let whole = || Ledger::of(20).sign();
    let tampered = |change: fn(&mut Vec<Entry>)| {
        let mut ledger = whole();
        change(&mut ledger.entries);
        ledger.first()
    };
    assert_eq!(tampered(|rows| rows[6].payload = Some(event("shop.order.placed", "{}"))), Some((7, Kind::Changed)));
    assert_eq!(tampered(|rows| rows[6].payload = None), Some((7, Kind::Removed)));
    assert_eq!(tampered(|rows| rows[6].differs = vec!["severity".to_owned()]), Some((7, Kind::ColumnsDiffer)));
    assert_eq!(tampered(|rows| rows.insert(6, Entry { leaf: None, ..entry(0, event("shop.order.placed", "{}")) })), Some((0, Kind::Added)));
    let swapped = |rows: &mut Vec<Entry>| {
        let (sixth, ninth) = (rows[5].payload.take(), rows[8].payload.take());
        (rows[5].payload, rows[8].payload) = (ninth, sixth);
    };
    assert_eq!(tampered(swapped), Some((6, Kind::Reordered)));
    let foreign = |rows: &mut Vec<Entry>| rows[6].payload = rows[6].payload.take().map(|json| json.replace("\"tenantId\":\"acme\"", "\"tenantId\":\"other\""));
    assert_eq!(tampered(foreign), Some((7, Kind::TenantSwapped)));
    // Bytes and leaf were rewritten together: only what was signed tells.
    assert_eq!(tampered(|rows| rows[6] = entry(7, event("shop.order.placed", "{}"))), Some((1, Kind::Rewritten)));
    assert_eq!(tampered(|rows| rows.truncate(19)), Some((20, Kind::Removed)));
    assert_eq!(tampered(|rows| rows.swap(3, 4)).map(|found| found.0), Some(1), "numbers and leaves in another order give another root");
}

#[test]
fn checkpoints_narrow_down_what_was_rewritten() {
    let mut ledger = Ledger::of(10).sign();
    (0..10).for_each(|n| ledger.add(event("shop.order.paid", &format!("{{\"n\":{n}}}"))));
    let mut ledger = ledger.sign();
    ledger.entries[14] = entry(15, event("shop.order.paid", "{}"));
    let report = ledger.report();
    assert_eq!((report.signed_through, report.findings[0].number, report.findings[0].kind), (10, 11, Kind::Rewritten));
}

#[test]
fn tells_redaction_and_retention_from_tampering() {
    let mut ledger = Ledger::of(10);
    let left = event("shop.order.placed", "{\"redacted\":true}");
    let sha256: String = Sha256::digest(left.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    ledger.add(event(REDACTED, &format!("{{\"events\":[[4,\"{sha256}\"]]}}")));
    ledger.add(event(REMOVED, "{\"report\":{\"numbers\":[[6,8]]}}"));
    let mut ledger = ledger.sign();
    ledger.entries[3].payload = Some(left.clone());
    (5..8).for_each(|i| ledger.entries[i].payload = None);
    let report = ledger.report();
    assert!(report.holds(), "{:?}", report.findings);
    assert_eq!((report.kept, report.redacted, report.removed), (8, 1, 3));
    ledger.entries[3].payload = Some(left.replace("true", "false"));
    ledger.entries[8].payload = None;
    let found: Vec<_> = ledger.report().findings.iter().map(|finding| (finding.number, finding.kind)).collect();
    assert_eq!(found, [(4, Kind::Changed), (9, Kind::Removed)], "what goes beyond what is told is tampering");
    // Who forges the event that tells of it is found out by that event.
    let mut forged = Ledger::of(10).sign();
    forged.entries[3].payload = Some(left);
    forged.entries[9].payload = Some(event(REDACTED, &format!("{{\"events\":[[4,\"{sha256}\"]]}}")));
    let found: Vec<_> = forged.report().findings.iter().map(|finding| (finding.number, finding.kind)).collect();
    assert_eq!(found, [(4, Kind::Changed), (10, Kind::Changed)]);
}

#[test]
fn trusts_no_other_key_and_no_half_file() {
    let ledger = Ledger::of(3).sign();
    let check = |trusted: Verifiers, lines: &[String]| {
        let mut check = Verification::new(trusted);
        lines.iter().for_each(|line| check.take(line));
        check.finish().findings.iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    let trusted = || Verifiers(ledger.signers.verifiers());
    let lines = ledger.lines();
    assert_eq!(check(Verifiers(vec![Signer::generate("ledger-1").unwrap().verifier()]), &lines), [Kind::Checkpoint]);
    assert_eq!(check(trusted(), &lines[..lines.len() - 1]), [Kind::Form]);
    assert_eq!(check(trusted(), &[]), [Kind::Form]);
    assert!(check(trusted(), &["{}".to_owned(), "nonsense".to_owned()]).contains(&Kind::Form));
    assert!(check(trusted(), &[&lines[..], &lines[1..]].concat()).contains(&Kind::Form));
}

#[test]
fn a_removal_that_a_later_export_tells_of_is_no_finding() {
    let before = Ledger::of(6);
    let mut now = Ledger::of(6);
    now.entries[2].payload = None;
    let taken = |ledger: &Ledger| {
        let mut verification = Verification::new(Verifiers(ledger.signers.verifiers()));
        ledger.lines().iter().for_each(|line| verification.take(line));
        verification
    };
    let mut first = taken(&now);
    assert!(first.is_untold() && !taken(&before).is_untold());
    let mut later = Ledger { entries: now.entries.clone(), ..Ledger::of(0) };
    later.add(event(REMOVED, r#"{"removed":1,"held":0,"report":{"numbers":[[3,3]]}}"#));
    // What went since is not the first one's matter.
    later.entries[4].payload = None;
    first.tell(taken(&later));
    let report = first.finish();
    assert_eq!((report.removed, report.findings), (1, Vec::new()));

    let mut first = taken(&now);
    later.entries[0].payload = Some(event("shop.order.placed", "{\"n\":99}"));
    first.tell(taken(&later));
    assert_eq!(first.finish().findings[0].number, 3, "a ledger in which more is wrong tells nothing");
}
