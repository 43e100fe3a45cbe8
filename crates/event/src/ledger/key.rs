//! Keys of a ledger: who signs checkpoints and manifests, and by what others check them. Ed25519 (RFC 8032).
//!
//! The library is `ed25519-dalek`, not `ring` or `aws-lc-rs`: it wipes a dropped key from memory, and its strict check refuses weak public keys, under which a
//! signature would hold for more than one text.
//!
//! A key signs two things that cannot be taken for one another: notes, which hold no NUL, and bytes for a purpose, which always do.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::ledger::{Checkpoint, Note, Refused, note};
use crate::limits;

/// The byte that stands for Ed25519 in <https://c2sp.org/signed-note>.
const ED25519: u8 = 0x01;

/// Why a text is no key. It never repeats the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The name breaks the rules of names.
    #[error("the name of a key must be 1 to 128 bytes without spaces, control characters and plus signs")]
    Name,
    /// A secret in another form.
    #[error("a signing key is `<name>:<32 bytes in base64>`")]
    Secret,
    /// A verifier key in another form, or of another algorithm.
    #[error("a verifier key is `<name>+<8 hexadecimal digits>+<0x01 and 32 bytes in base64>`, of Ed25519")]
    Verifier,
    /// The key id is not that of name and key: one of the three was changed.
    #[error("the id of the verifier key does not belong to its name and key")]
    Id,
    /// The key proves nothing: it is no point of the curve, or one under which signatures hold for many texts.
    #[error("the verifier key is weak")]
    Weak,
}

/// A signing key with its name. Secret: shown without its seed, and wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// The key of a secret seed: 32 random bytes.
    ///
    /// # Errors
    /// [`Invalid::Name`] when `name` is empty, longer than [`limits::KEY_NAME_LEN_MAX`] bytes, or holds a space, a control character or a plus sign.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, Invalid> {
        checked(name)?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// A new key, from a cryptographic generator that the operating system seeds.
    ///
    /// # Errors
    /// [`Invalid::Name`], as [`Signer::new`].
    pub fn generate(name: &str) -> Result<Self, Invalid> {
        Self::new(name, &rand::random())
    }

    /// Its name, which signatures and the verifier key show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key by which others check what this one signs.
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The secret, `<name>:<base64 of the seed>`: what the setting holds, and [`Signer::from_str`] reads.
    pub fn to_secret(&self) -> String {
        format!("{}:{}", self.name, STANDARD.encode(self.key.to_bytes()))
    }

    /// The checkpoint as a note with this key's signature. Equal checkpoints give equal notes.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.to_text();
        let signature = note::Signature { name: self.name.clone(), id: self.verifier().id(), bytes: self.key.sign(text.as_bytes()).to_bytes().to_vec() };
        Note { text, signatures: vec![signature] }.to_string()
    }

    /// Signs `bytes` apart from them: 64 bytes in base64, over purpose, NUL and bytes. What is signed for one purpose does not hold for another;
    /// a purpose is a constant of the program and holds no NUL.
    pub fn sign_bytes(&self, purpose: &str, bytes: &[u8]) -> String {
        STANDARD.encode(self.key.sign(&with_purpose(purpose, bytes)).to_bytes())
    }
}

impl FromStr for Signer {
    type Err = Invalid;
    /// Reads [`Signer::to_secret`].
    fn from_str(secret: &str) -> Result<Self, Invalid> {
        let (name, seed) = secret.rsplit_once(':').ok_or(Invalid::Secret)?;
        let seed = STANDARD.decode(seed).ok().and_then(|seed| seed.try_into().ok()).ok_or(Invalid::Secret)?;
        Self::new(name, &seed)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, …)", self.verifier())
    }
}

/// A public key with its name: the `vkey` of <https://c2sp.org/signed-note>. Its text is `<name>+<key id>+<base64 of 0x01 and the key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl Verifier {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id: the first 4 bytes of SHA-256 of the name, a newline, 0x01 and the key. With the name it tells keys apart; it proves nothing.
    pub fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(&self.name).chain_update([b'\n', ED25519]).chain_update(self.key.as_bytes()).finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Checks a signature that [`Signer::sign_bytes`] gave for the same purpose and bytes.
    ///
    /// # Errors
    /// [`Refused::Signature`] for everything else.
    pub fn verify_bytes(&self, purpose: &str, bytes: &[u8], signature: &str) -> Result<(), Refused> {
        let signature = STANDARD.decode(signature).unwrap_or_default();
        if self.holds(&with_purpose(purpose, bytes), &signature) { Ok(()) } else { Err(Refused::Signature(self.name.clone())) }
    }

    /// Whether `signature` is this key's, over exactly these bytes.
    pub(crate) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for Verifier {
    type Err = Invalid;
    /// Reads the text form, byte for byte as it is written.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(Invalid::Verifier) };
        checked(name)?;
        let key = STANDARD.decode(key).map_err(|_| Invalid::Verifier)?;
        let key: [u8; 32] = key.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok()).ok_or(Invalid::Verifier)?;
        let key = VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak()).ok_or(Invalid::Weak)?;
        let verifier = Self { name: name.to_owned(), key };
        if hex(verifier.id()) == id { Ok(verifier) } else { Err(Invalid::Id) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex(self.id()), STANDARD.encode(key))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn checked(name: &str) -> Result<(), Invalid> {
    let plain = !name.contains(char::is_control) && name.len() <= limits::KEY_NAME_LEN_MAX;
    if note::is_name(name) && plain { Ok(()) } else { Err(Invalid::Name) }
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

fn with_purpose(purpose: &str, bytes: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), &[0], bytes].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The server of Go's checksum database: a key whose base64 holds a plus sign.
    const SUMDB: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

    #[test]
    fn makes_the_key_of_the_standard() {
        // RFC 8032, section 7.1, test 1.
        let seed = *b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
        let signer = Signer::new("a", &seed).unwrap();
        let public: String = signer.verifier().key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(public, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let signature: String = signer.key.sign(b"").to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(signature.starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"), "{signature}");
    }

    #[test]
    fn reads_the_keys_of_others() {
        for text in [SUMDB, "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"] {
            assert_eq!(text.parse::<Verifier>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_changed_and_weak_verifiers() {
        let changes = [
            ("sum.", "sun.", Invalid::Id),
            ("033d", "033e", Invalid::Id),
            ("033de0ae", "033DE0AE", Invalid::Id),
            ("033d", "33d", Invalid::Id),
            ("+Ac4", "+Bc4", Invalid::Verifier),
            ("uAn8", "uAk=", Invalid::Verifier),
            ("uAn8", "uAn8AAAA", Invalid::Verifier),
            ("sum.golang.org", "", Invalid::Name),
            ("sum.", "sum ", Invalid::Name),
            ("sum.", "sum\u{7f}", Invalid::Name),
            ("+033de0ae", "", Invalid::Verifier),
        ];
        for (from, to, why) in changes {
            assert_eq!(SUMDB.replacen(from, to, 1).parse::<Verifier>(), Err(why), "{from} {to}");
        }
        let neutral = STANDARD.encode([&[ED25519, 1], [0; 31].as_slice()].concat());
        assert_eq!(format!("a+00000000+{neutral}").parse::<Verifier>(), Err(Invalid::Weak));
    }

    #[test]
    fn takes_names_up_to_the_limit() {
        for good in ["a", "example.com:8080/ledger", "é", &"x".repeat(limits::KEY_NAME_LEN_MAX)] {
            assert_eq!(Signer::generate(good).unwrap().name(), good);
        }
        for bad in ["", "a b", "a+b", "a\n", "a\0", "\u{2003}", &"x".repeat(limits::KEY_NAME_LEN_MAX + 1)] {
            assert_eq!(Signer::generate(bad).unwrap_err(), Invalid::Name, "{bad:?}");
        }
    }

    #[test]
    fn is_read_from_its_secret_and_never_shows_it() {
        let signer = Signer::generate("example.com:8080/ledger").unwrap();
        assert_ne!(signer.verifier(), Signer::generate("example.com:8080/ledger").unwrap().verifier());
        let again: Signer = signer.to_secret().parse().unwrap();
        assert_eq!((again.verifier(), again.to_secret()), (signer.verifier(), signer.to_secret()));
        assert_eq!(format!("{signer:?}"), format!("Signer({}, …)", signer.verifier()));
        let seed = signer.key.to_bytes();
        for hidden in [STANDARD.encode(seed), hex([seed[0], seed[1], seed[2], seed[3]]), format!("{seed:?}")] {
            assert!(!format!("{signer:?} {signer:#?}").contains(&hidden));
        }
        let seed = STANDARD.encode(seed);
        for (bad, why) in [
            ("", Invalid::Secret),
            ("a", Invalid::Secret),
            ("a:", Invalid::Secret),
            ("a:AAAA", Invalid::Secret),
            (&format!(":{seed}"), Invalid::Name),
            (&format!("a+b:{seed}"), Invalid::Name),
            (&format!("a:{seed}\n"), Invalid::Secret),
        ] {
            assert_eq!(bad.parse::<Signer>().unwrap_err(), why, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_hold_for_their_key_and_purpose_only(bytes: Vec<u8>, seed: [u8; 32], at: prop::sample::Index, bit in 0_u8..8) {
            let signer = Signer::new("a", &seed).unwrap();
            let (verifier, signature) = (signer.verifier(), signer.sign_bytes("manifest", &bytes));
            let wrong = Err(Refused::Signature("a".to_owned()));
            prop_assert_eq!(&verifier.verify_bytes("manifest", &bytes, &signature), &Ok(()));
            prop_assert_eq!(&verifier.verify_bytes("manifes", &bytes, &signature), &wrong);
            prop_assert_eq!(&verifier.verify_bytes("manifest", &[&bytes[..], &[0]].concat(), &signature), &wrong);
            let mut changed = STANDARD.decode(&signature).unwrap();
            changed[at.index(64)] ^= 1 << bit;
            prop_assert_eq!(&verifier.verify_bytes("manifest", &bytes, &STANDARD.encode(changed)), &wrong);
            prop_assert_eq!(&verifier.verify_bytes("manifest", &bytes, signature.trim_end_matches('=')), &wrong);
            let other = Signer::generate("a").unwrap();
            prop_assert_eq!(&other.verifier().verify_bytes("manifest", &bytes, &signature), &wrong);
            let known = crate::ledger::Verifiers(vec![other.verifier(), verifier]);
            prop_assert_eq!(known.verify_bytes("manifest", &bytes, &signature), Ok(()));
            prop_assert_eq!(known.verify_bytes("export", &bytes, &signature), Err(Refused::Unsigned));
        }
    }
}
