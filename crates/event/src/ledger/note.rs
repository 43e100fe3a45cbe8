//! Signed notes (<https://c2sp.org/signed-note>): a text, and who signed it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ledger::{Checkpoint, Verifier};
use crate::{Tenant, limits};

/// Why a signed text is not taken. It names no part of the text, only keys that are known and lines that are fixed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The text is no signed note, for this reason.
    #[error("not a signed note: {0}")]
    Note(&'static str),
    /// No known key signed it.
    #[error("not signed by a known key")]
    Unsigned,
    /// The signature of this known key is wrong: the text is not what was signed.
    #[error("the signature of {0} is wrong")]
    Signature(String),
    /// The text is no checkpoint: this line of it is wrong.
    #[error("not a checkpoint: its {0} is wrong")]
    Checkpoint(&'static str),
    /// A checkpoint of another tenant.
    #[error("the checkpoint of another tenant")]
    Foreign,
}

/// A text with signatures, of which nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is signed, its last newline included.
    pub text: String,
    /// The signatures, in order. At least one.
    pub signatures: Vec<Signature>,
}

/// One signature of a note: which key claims to have made it, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key.
    pub name: String,
    /// The id of the key.
    pub id: [u8; 4],
    /// The signature; 64 bytes when the key is one of Ed25519. Never empty.
    pub bytes: Vec<u8>,
}

impl Note {
    /// Reads a note. What is read is written again, as its `Display`, byte for byte.
    ///
    /// # Errors
    /// [`Refused::Note`] for other forms, and for more than [`limits::NOTE_BYTES_MAX`] bytes or [`limits::NOTE_SIGNATURES_MAX`] signatures.
    pub fn parse(note: &str) -> Result<Self, Refused> {
        if note.len() > limits::NOTE_BYTES_MAX {
            return Err(Refused::Note("it is too long"));
        }
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(Refused::Note("it holds a control character"));
        }
        let blank = note.rfind("\n\n").ok_or(Refused::Note("no blank line stands before its signatures"))?;
        let (text, lines) = (&note[..=blank], &note[blank + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(Refused::Note("its last line has no end"))?;
        if lines.split('\n').count() > limits::NOTE_SIGNATURES_MAX {
            return Err(Refused::Note("it has too many signatures"));
        }
        let signatures: Option<Vec<Signature>> = lines.split('\n').map(Signature::parse).collect();
        Ok(Self { text: text.to_owned(), signatures: signatures.ok_or(Refused::Note("a signature has another form"))? })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(bytes).ok()?;
        let (id, bytes) = bytes.split_first_chunk()?;
        (is_name(name) && !bytes.is_empty()).then(|| Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "— {} {}", self.name, STANDARD.encode([self.id.as_slice(), &self.bytes].concat()))
    }
}

/// Whether the standard lets a key be called so: not empty, without Unicode spaces and plus signs.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+')
}

/// The keys that are known and trusted, such as the present one and those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verifiers(pub Vec<Verifier>);

impl Verifiers {
    /// Takes the checkpoint of a note that [`Verifiers::verify`] holds to be signed.
    ///
    /// # Errors
    /// [`Refused`], with the reason.
    pub fn open(&self, note: &str) -> Result<Checkpoint, Refused> {
        let note = Note::parse(note)?;
        self.verify(&note)?;
        Checkpoint::parse(&note.text)
    }

    /// As [`Verifiers::open`], for the ledger of `tenant`.
    ///
    /// # Errors
    /// [`Refused`], and [`Refused::Foreign`] for a checkpoint of another tenant.
    pub fn open_of(&self, tenant: &Tenant, note: &str) -> Result<Checkpoint, Refused> {
        let checkpoint = self.open(note)?;
        if checkpoint.tenant == *tenant { Ok(checkpoint) } else { Err(Refused::Foreign) }
    }

    /// Checks that at least one known key signed the note, and that no signature of a known key is wrong. Signatures of unknown keys count for
    /// nothing, as the standard asks: by them witnesses sign too, and keys change. A key is known by name and id together.
    ///
    /// # Errors
    /// [`Refused::Unsigned`] or [`Refused::Signature`].
    pub fn verify(&self, note: &Note) -> Result<(), Refused> {
        let mut signed = false;
        for signature in &note.signatures {
            let mut known = self.0.iter().filter(|key| key.name() == signature.name && key.id() == signature.id).peekable();
            if known.peek().is_none() {
                continue;
            }
            if !known.any(|key| key.holds(note.text.as_bytes(), &signature.bytes)) {
                return Err(Refused::Signature(signature.name.clone()));
            }
            signed = true;
        }
        if signed { Ok(()) } else { Err(Refused::Unsigned) }
    }

    /// Checks a signature of [`Signer::sign_bytes`](crate::ledger::Signer::sign_bytes): one of the known keys must have made it.
    ///
    /// # Errors
    /// [`Refused::Unsigned`] when none did.
    pub fn verify_bytes(&self, purpose: &str, bytes: &[u8], signature: &str) -> Result<(), Refused> {
        if self.0.iter().any(|key| key.verify_bytes(purpose, bytes, signature).is_ok()) { Ok(()) } else { Err(Refused::Unsigned) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::ledger::Signer;
    use crate::ledger::checkpoint::tests::{checkpoint, example};

    /// The example that other libraries of signed notes share.
    const FOREIGN_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const FOREIGN_NOTE: &str =
        "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn signer(name: &str, seed: u8) -> Signer {
        Signer::new(name, &[seed; 32]).unwrap()
    }

    fn known(signers: &[&Signer]) -> Verifiers {
        Verifiers(signers.iter().map(|signer| signer.verifier()).collect())
    }

    /// A note of the example with the signatures of all of them.
    fn signed_by(signers: &[&Signer]) -> String {
        let notes: Vec<Note> = signers.iter().map(|signer| Note::parse(&signer.sign(&example())).unwrap()).collect();
        Note { text: example().to_text(), signatures: notes.into_iter().flat_map(|note| note.signatures).collect() }.to_string()
    }

    #[test]
    fn holds_what_another_library_signed() {
        let keys = Verifiers(vec![FOREIGN_KEY.parse().unwrap()]);
        let note = Note::parse(FOREIGN_NOTE).unwrap();
        assert_eq!(note.text, "This is an example message.\n");
        assert_eq!(keys.verify(&note), Ok(()));
        assert_eq!(keys.open(FOREIGN_NOTE), Err(Refused::Checkpoint("origin")));
        assert_eq!(keys.open(&FOREIGN_NOTE.replace("example message", "example massage")), Err(Refused::Signature("example.com/foo".to_owned())));
    }

    #[test]
    fn reads_the_form_of_the_standard_only() {
        let line = signer("k", 1).sign(&example()).rsplit_once("\n\n").unwrap().1.to_owned();
        for good in ["a\n\n", "a\n\nb\n\n", "a\n\n\n", "\n\n", "— k AAAAAAA=\n\n"] {
            let note = format!("{good}{line}");
            assert_eq!(Note::parse(&note).unwrap().to_string(), note);
            assert_eq!(Note::parse(&note).unwrap().text, good[..good.len() - 1]);
        }
        let bare = line.trim_end();
        let bad = ["", "a", "a\n\n", "\n\n\n", &line, &format!("a\n{line}"), &format!("a\n\n{bare}"), &format!("a\n\n{line}\n"), &format!("a\r\n\n{line}")];
        for bad in bad
            .into_iter()
            .map(str::to_owned)
            .chain(["—", "-", "—  k", "— k+", "— k\u{a0}", "— \u{2003}"].map(|start| format!("a\n\n{}", line.replace("— k", start))))
        {
            assert!(matches!(Note::parse(&bad), Err(Refused::Note(_))), "{bad:?}");
        }
        for bad in ["", "AAAAAA==", "AAAAAAA", "AAAAAAB=", "AAAAAAA= ", "AAAA AAA="] {
            assert_eq!(Note::parse(&format!("a\n\n— k {bad}\n")), Err(Refused::Note("a signature has another form")), "{bad}");
        }
    }

    #[test]
    fn takes_notes_up_to_the_limits() {
        let signatures = |count| format!("a\n\n{}", "— k AAAAAAA=\n".repeat(count));
        assert_eq!(Note::parse(&signatures(limits::NOTE_SIGNATURES_MAX)).unwrap().signatures.len(), limits::NOTE_SIGNATURES_MAX);
        assert_eq!(Note::parse(&signatures(limits::NOTE_SIGNATURES_MAX + 1)), Err(Refused::Note("it has too many signatures")));
        let long = |len| format!("{}{}", "a".repeat(len - signatures(1).len() + 1), signatures(1).trim_start_matches('a'));
        assert!(Note::parse(&long(limits::NOTE_BYTES_MAX)).is_ok());
        assert_eq!(Note::parse(&long(limits::NOTE_BYTES_MAX + 1)), Err(Refused::Note("it is too long")));
    }

    #[test]
    fn one_known_key_is_enough_and_a_wrong_one_too_much() {
        let (old, new, witness) = (signer("ledger", 1), signer("ledger", 2), signer("witness", 3));
        let both = signed_by(&[&old, &witness, &new]);
        for keys in [&[&old][..], &[&new], &[&old, &new], &[&new, &witness, &old]] {
            assert_eq!(known(keys).open(&both), Ok(example()));
        }
        assert_eq!(known(&[]).open(&both), Err(Refused::Unsigned));
        assert_eq!(known(&[&signer("ledger", 9), &signer("other", 1)]).open(&both), Err(Refused::Unsigned));
        let mut forged = Note::parse(&both).unwrap();
        forged.signatures[2].bytes[0] ^= 1;
        assert_eq!(known(&[&old]).verify(&forged), Ok(()), "the wrong one is unknown");
        assert_eq!(known(&[&old, &new]).verify(&forged), Err(Refused::Signature("ledger".to_owned())));
        assert_eq!(known(&[&new]).open(&forged.to_string()), Err(Refused::Signature("ledger".to_owned())));
        forged.signatures[0].bytes.truncate(63);
        assert_eq!(known(&[&old]).verify(&forged), Err(Refused::Signature("ledger".to_owned())));
    }

    #[test]
    fn the_checkpoint_of_another_tenant_is_refused() {
        let (key, acme, other) = (signer("ledger", 1), example().tenant, Tenant::new("other").unwrap());
        let note = key.sign(&example());
        assert_eq!(known(&[&key]).open_of(&acme, &note), Ok(example()));
        assert_eq!(known(&[&key]).open_of(&other, &note), Err(Refused::Foreign));
        let renamed = note.replace("slipstream/acme", "slipstream/other");
        assert_eq!(known(&[&key]).open_of(&other, &renamed), Err(Refused::Signature("ledger".to_owned())));
    }

    #[test]
    fn a_signed_text_that_is_no_checkpoint_is_refused() {
        let key = signer("ledger", 1);
        let note = Note::parse(&key.sign(&example())).unwrap();
        let signature = STANDARD.decode(key.sign_bytes("x", b"y")).unwrap();
        let of_bytes = Note { text: "x\0y\n".to_owned(), signatures: vec![Signature { bytes: signature, ..note.signatures[0].clone() }] };
        assert_eq!(known(&[&key]).open(&of_bytes.to_string()), Err(Refused::Note("it holds a control character")));
    }

    proptest! {
        #[test]
        fn what_was_signed_opens_and_nothing_else(checkpoint in checkpoint(), seed: [u8; 32], at: Index, instead: char) {
            let key = Signer::new("example.com/ledger", &seed).unwrap();
            let note = key.sign(&checkpoint);
            prop_assert_eq!(Note::parse(&note).unwrap().to_string(), note.clone());
            prop_assert_eq!(known(&[&key]).open(&note), Ok(checkpoint));
            let mut changed: Vec<char> = note.chars().collect();
            let at = at.index(changed.len());
            changed[at] = instead;
            let changed: String = changed.into_iter().collect();
            prop_assert!(changed == note || known(&[&key]).open(&changed).is_err(), "{}", changed);
            for cut in note.char_indices().map(|(at, _)| at) {
                prop_assert!(known(&[&key]).open(&note[..cut]).is_err());
            }
        }
    }
}
