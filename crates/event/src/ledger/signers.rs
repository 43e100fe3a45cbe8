//! The keys that sign now: usually one, two while one takes the place of the other.

use crate::ledger::{Checkpoint, Note, Signer, Verifier};

/// Keys that sign together: whoever knows one of them can check what they sign, so a key is changed without a moment at which nobody can.
#[derive(Clone, Debug)]
pub struct Signers {
    first: Signer,
    next: Vec<Signer>,
}

impl Signers {
    /// `first` signs, and `next` sign too.
    pub fn new(first: Signer, next: Vec<Signer>) -> Self {
        Self { first, next }
    }

    /// A signed note of the checkpoint, with the signature of every key.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let sign = |signer: &Signer| Note::parse(&signer.sign(checkpoint)).map(|note| note.signatures).unwrap_or_default();
        Note { text: checkpoint.to_text(), signatures: self.all().flat_map(sign).collect() }.to_string()
    }

    /// The name of the key that signs first, and its detached signature over `bytes` for a purpose.
    pub fn sign_bytes(&self, purpose: &str, bytes: &[u8]) -> (Verifier, String) {
        (self.first.verifier(), self.first.sign_bytes(purpose, bytes))
    }

    /// The public halves, in the same order.
    pub fn verifiers(&self) -> Vec<Verifier> {
        self.all().map(Signer::verifier).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Signer> {
        std::iter::once(&self.first).chain(&self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Verifiers, checkpoint};

    #[test]
    fn who_knows_one_of_the_keys_can_check() {
        let (old, new, other) = (Signer::generate("ledger-1").unwrap(), Signer::generate("ledger-2").unwrap(), Signer::generate("ledger-1").unwrap());
        let signers = Signers::new(old.clone(), vec![new.clone()]);
        let example = checkpoint::tests::example();
        let note = signers.sign(&example);
        for known in [vec![old.verifier()], vec![new.verifier()], signers.verifiers()] {
            assert_eq!(Verifiers(known).open(&note), Ok(example.clone()));
        }
        assert!(Verifiers(vec![other.verifier()]).open(&note).is_err());
    }
}
