//! The ledger: signed notes, the checkpoints in them, and keys.

use slipstream_event::ledger::{Checkpoint, Hash, Note, Signer, Verifier, Verifiers};
use slipstream_event::{Tenant, Timestamp, limits};

use crate::text;

/// Signed notes: what is read is written again; nothing that the key did not sign opens, and one changed character is enough to close a note.
pub fn note(data: &[u8]) {
    let given = text(data);
    if let Ok(note) = Note::parse(&given) {
        assert_eq!(note.to_string(), given, "a note is what was read");
        assert!((1..=limits::NOTE_SIGNATURES_MAX).contains(&note.signatures.len()) && note.text.ends_with('\n'));
        if let Ok(checkpoint) = Checkpoint::parse(&note.text) {
            assert_eq!(checkpoint.to_text(), note.text, "a checkpoint has one text");
        }
    }
    // A key that signs nothing here.
    assert!(Verifiers(vec![signer(1).verifier()]).open(&given).is_err(), "a note that nobody signed was opened");
    let key = signer(2);
    let known = Verifiers(vec![key.verifier()]);
    let mut numbers = data.iter().copied().chain(std::iter::repeat(0));
    let mut number = || numbers.by_ref().take(8).fold(0, |sum, byte| sum << 8 | u64::from(byte));
    let (size, at, instead) = (1 + number() / 4, number(), number());
    let checkpoint = Checkpoint {
        tenant: Tenant::new("acme").expect("a tenant"),
        size,
        root: Hash::leaf(data),
        at: Timestamp::parse("2026-01-01T00:00:00Z").expect("a timestamp"),
    };
    let signed = key.sign(&checkpoint);
    assert_eq!(known.open(&signed), Ok(checkpoint));
    let mut changed = signed.clone().into_bytes();
    let at = at as usize % changed.len();
    changed[at] = instead as u8;
    let changed = text(&changed);
    assert!(changed == signed || known.open(&changed).is_err(), "{changed} opened as {signed}");
}

/// Keys, public and secret: one text each; a secret is not shown.
pub fn vkey(data: &[u8]) {
    let given = text(data);
    if let Ok(verifier) = given.parse::<Verifier>() {
        assert_eq!(verifier.to_string(), given, "a verifier key has one text");
        assert!(!verifier.name().is_empty() && !verifier.name().contains([' ', '+', '\n']));
    }
    if let Ok(signer) = given.parse::<Signer>() {
        assert_eq!(signer.to_secret(), given, "a secret has one text");
        let (name, seed) = given.rsplit_once(':').expect("a secret has two parts");
        assert!(name.contains(seed) || !format!("{signer:?}").contains(seed), "a secret is shown");
        let verifier = signer.verifier();
        assert_eq!(verifier.to_string().parse(), Ok(verifier), "its verifier key can be read");
    }
}

fn signer(seed: u8) -> Signer {
    Signer::new("example.com/ledger", &[seed; 32]).expect("a key")
}
