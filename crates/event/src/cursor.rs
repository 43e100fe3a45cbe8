//! Cursors: positions, sealed for one tenant.
//!
//! A cursor is AES-256-GCM-SIV (RFC 8452) of a position under a constant nonce, with the tenant as associated data, in
//! base64url. The constant nonce makes sealing deterministic, which RFC 8452 allows and which is wanted here: the same
//! position gives the same cursor to every reader, on every gateway, so that frames are encoded once. A cursor tells
//! nothing of other tenants' traffic, and another tenant cannot open it.

use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::{Position, Tenant, limits};

const POSITION_LEN: usize = 2 + 8 + 8;

/// The key that seals cursors. All processes of a deployment share it; a new key makes every cursor given out invalid.
#[derive(Clone)]
pub struct CursorKey(Aes256GcmSiv);

/// Why a text is no cursor of this tenant. The cases are not told apart: a foreign cursor must not be told from a forged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this tenant")]
pub struct Invalid;

impl CursorKey {
    /// A key derived from a secret of any length.
    pub fn new(secret: &[u8]) -> Self {
        let key = Sha256::new().chain_update(b"slipstream cursor key v1\0").chain_update(secret).finalize();
        Self(Aes256GcmSiv::new(&key))
    }

    /// Seals `position` for `tenant`: 46 characters of `[A-Za-z0-9_-]`.
    pub fn seal(&self, tenant: &Tenant, position: Position) -> String {
        let mut plain = [0; POSITION_LEN];
        plain[..2].copy_from_slice(&position.shard.to_be_bytes());
        plain[2..10].copy_from_slice(&position.epoch.to_be_bytes());
        plain[10..].copy_from_slice(&position.seq.to_be_bytes());
        self.seal_bytes("stream", tenant, &plain)
    }

    /// Opens what [`CursorKey::seal`] gave for the same tenant.
    ///
    /// # Errors
    /// [`Invalid`] for everything else.
    pub fn open(&self, tenant: &Tenant, cursor: &str) -> Result<Position, Invalid> {
        let plain: [u8; POSITION_LEN] = self.open_bytes("stream", tenant, cursor)?.try_into().map_err(|_| Invalid)?;
        let [s0, s1, rest @ ..] = plain;
        let (epoch, seq) = rest.split_at(8);
        Ok(Position {
            shard: u16::from_be_bytes([s0, s1]),
            epoch: u64::from_be_bytes(epoch.try_into().map_err(|_| Invalid)?),
            seq: u64::from_be_bytes(seq.try_into().map_err(|_| Invalid)?),
        })
    }

    /// Seals `plain` for `tenant`, for one `purpose`: what is sealed for one purpose does not open for another.
    pub fn seal_bytes(&self, purpose: &str, tenant: &Tenant, plain: &[u8]) -> String {
        let aad = associated(purpose, tenant);
        let sealed = self.0.encrypt(Nonce::from_slice(&[0; 12]), Payload { msg: plain, aad: aad.as_bytes() });
        // AES-GCM-SIV refuses only messages beyond 2^36 bytes.
        URL_SAFE_NO_PAD.encode(sealed.unwrap_or_default())
    }

    /// Opens what [`CursorKey::seal_bytes`] gave for the same purpose and tenant.
    ///
    /// # Errors
    /// [`Invalid`] for everything else.
    pub fn open_bytes(&self, purpose: &str, tenant: &Tenant, sealed: &str) -> Result<Vec<u8>, Invalid> {
        if sealed.is_empty() || sealed.len() > limits::CURSOR_LEN_MAX {
            return Err(Invalid);
        }
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| Invalid)?;
        let aad = associated(purpose, tenant);
        self.0.decrypt(Nonce::from_slice(&[0; 12]), Payload { msg: &sealed, aad: aad.as_bytes() }).map_err(|_| Invalid)
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

fn associated(purpose: &str, tenant: &Tenant) -> String {
    format!("{purpose}\0{tenant}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(id: &str) -> Tenant {
        Tenant::new(id).unwrap()
    }

    proptest! {
        #[test]
        fn opens_what_it_sealed(shard: u16, epoch: u64, seq: u64) {
            let key = CursorKey::new(b"secret");
            let position = Position { shard, epoch, seq };
            let cursor = key.seal(&tenant("a"), position);
            prop_assert_eq!(cursor.len(), 46);
            prop_assert_eq!(key.open(&tenant("a"), &cursor), Ok(position));
            prop_assert_eq!(key.open(&tenant("b"), &cursor), Err(Invalid));
            prop_assert_eq!(CursorKey::new(b"other").open(&tenant("a"), &cursor), Err(Invalid));
            prop_assert_eq!(key.open_bytes("history", &tenant("a"), &cursor), Err(Invalid));
        }

        #[test]
        fn refuses_everything_else(text in ".{0,120}") {
            prop_assert_eq!(CursorKey::new(b"secret").open(&tenant("a"), &text), Err(Invalid));
        }
    }

    #[test]
    fn is_the_same_for_all_readers() {
        let position = Position::new(1, 2, 3);
        assert_eq!(CursorKey::new(b"s").seal(&tenant("a"), position), CursorKey::new(b"s").seal(&tenant("a"), position));
    }
}
