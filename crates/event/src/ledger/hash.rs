//! Hashes of a ledger: leaves, inner nodes, and the empty tree (RFC 9162, section 2.1.1).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// A SHA-256 hash of a leaf, of a node or of a whole tree. Shown in hexadecimal; in JSON and in checkpoints it is standard base64, 44 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of a leaf: SHA-256 of 0x00 and its bytes.
    pub fn leaf(data: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0x00]).chain_update(data).finalize().into())
    }

    /// The hash of an inner node: SHA-256 of 0x01 and both children. The first byte keeps a node from passing as a leaf.
    pub fn node(left: &Self, right: &Self) -> Self {
        Self(Sha256::new().chain_update([0x01]).chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// The root of the tree without leaves: SHA-256 of nothing.
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// Takes 32 bytes as they are. `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads standard base64 with its padding. `None` for everything that [`Hash::to_base64`] does not write.
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&STANDARD.decode(text).ok()?)
    }

    /// Standard base64 with padding: 44 characters.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::from_base64(&text).ok_or_else(|| de::Error::custom("must be 32 bytes in base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_certificate_transparency_does() {
        assert_eq!(Hash::empty().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Hash::leaf(b"").to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(Hash::leaf(b"L123456").to_string(), "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
        let node = Hash(Sha256::digest([b"\x01".as_slice(), &[7; 32], &[8; 32]].concat()).into());
        assert_eq!(Hash::node(&Hash([7; 32]), &Hash([8; 32])), node);
        assert_ne!(Hash::leaf(&[[7; 32], [8; 32]].concat()), node);
    }

    #[test]
    fn has_one_text() {
        let hash = Hash::leaf(b"");
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, "\"bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\"");
        assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
        assert_eq!(format!("{hash:?}"), hash.to_string());
        let text = hash.to_base64();
        for bad in ["", "AAAA", text.trim_end_matches('='), &text.replace('+', "-"), &text.replace("0=", "1="), &format!("{text}\n"), &hash.to_string()] {
            assert_eq!(Hash::from_base64(bad), None, "{bad}");
        }
        assert_eq!(Hash::from_slice(&[0; 31]), None);
        assert_eq!(Hash::from_slice(&[3; 32]), Some(Hash([3; 32])));
    }
}
