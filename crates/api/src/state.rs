//! What the handlers share.

use std::sync::Arc;

use axum::extract::FromRef;
use slipstream_access::Access;
use slipstream_event::CursorKey;
use slipstream_event::ledger::{Signers, Verifiers};
use slipstream_store::{Store, retention};

use crate::analytics::Rankings;
use crate::export::Slots;

/// What the handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// Who is calling.
    pub access: Access,
    /// Domain tables and the outbox: a pool of [`slipstream_store::Role::Api`].
    pub domain: Store,
    /// The archive, to read: a pool of [`slipstream_store::Role::Reader`].
    pub archive: Store,
    /// Seals the cursors of pages; the same as on the streams.
    pub cursor_key: CursorKey,
    /// Number of shards of the log.
    pub shards: u16,
    /// The keys whose checkpoints hold.
    pub ledger_keys: Arc<Verifiers>,
    /// The keys that sign manifests; none: they are not signed.
    pub ledger_signers: Option<Arc<Signers>>,
    /// How retention works.
    pub retention: retention::Settings,
    /// The exports that this process is handing out.
    pub(crate) exports: Slots,
    /// The rankings of entities that this process is making.
    pub(crate) rankings: Rankings,
}

impl ApiState {
    /// What the handlers share: `domain` is a pool of [`slipstream_store::Role::Api`], `archive` one of [`slipstream_store::Role::Reader`].
    pub fn new(access: Access, domain: Store, archive: Store, cursor_key: CursorKey, shards: u16) -> Self {
        Self {
            access,
            domain,
            archive,
            cursor_key,
            shards,
            ledger_keys: Arc::default(),
            ledger_signers: None,
            retention: retention::Settings::default(),
            exports: Slots::default(),
            rankings: Rankings::default(),
        }
    }

    /// The same with the keys whose checkpoints hold, and those that sign.
    #[must_use]
    pub fn with_ledger_keys(self, keys: Verifiers, signers: Option<Signers>) -> Self {
        Self { ledger_keys: Arc::new(keys), ledger_signers: signers.map(Arc::new), ..self }
    }

    /// The same with settings of retention.
    #[must_use]
    pub fn with_retention(self, retention: retention::Settings) -> Self {
        Self { retention, ..self }
    }
}

impl FromRef<ApiState> for Access {
    fn from_ref(state: &ApiState) -> Self {
        state.access.clone()
    }
}
