//! The ledger of a tenant: an append-only Merkle tree over its events, whose root is signed now and then.
//!
//! Pure: what is stored, when a checkpoint is signed and where keys come from is decided elsewhere. Nothing here is of our own making:
//! - hashes and proofs are those of RFC 9162, section 2.1 (the same as RFC 6962, section 2.1) with SHA-256;
//! - a checkpoint is a <https://c2sp.org/tlog-checkpoint>, in a <https://c2sp.org/signed-note>, with Ed25519 (RFC 8032).
//!
//! So who holds a verifier key checks a ledger with tools of others, and needs no trust in this program.

pub mod checkpoint;
pub mod export;
pub mod hash;
pub mod key;
pub mod note;
pub mod proof;
pub mod signers;
pub mod tree;
pub mod verify;

pub use checkpoint::Checkpoint;
pub use hash::Hash;
pub use key::{Signer, Verifier};
pub use note::{Note, Refused, Verifiers};
pub use proof::{Broken, Subtree};
pub use signers::Signers;
pub use tree::Tree;
pub use verify::{Report, Verification};
