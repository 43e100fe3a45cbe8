//! Lanes: one tenant's window, and who is told when it grows.

use std::sync::{Arc, PoisonError, RwLock};

use slipstream_event::Tenant;
use tokio::sync::Notify;

use crate::frame::Frame;
use crate::stream::budget::Account;
use crate::window::{Read, Window};

/// Told at once when a lane grows, is emptied, or its log ends. Must not block.
pub trait Bell: Send + Sync {
    /// Something happened in the lane.
    fn ring(&self);
}

/// One tenant's window, and who waits for it to grow.
pub struct Lane {
    tenant: Tenant,
    window: RwLock<Window>,
    wake: Notify,
    bells: RwLock<Vec<Arc<dyn Bell>>>,
    shown: Account,
}

impl Lane {
    /// A lane that will hold everything after `complete_after`.
    pub(crate) fn new(tenant: &Tenant, complete_after: u64) -> Self {
        let window = RwLock::new(Window::new(complete_after));
        Self { tenant: tenant.clone(), window, wake: Notify::new(), bells: RwLock::default(), shown: Account::new() }
    }

    /// Whose lane it is.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// What its replays have shown.
    pub fn shown(&self) -> &Account {
        &self.shown
    }

    /// Woken when the window grows, is emptied, or its log ends.
    pub fn wake(&self) -> &Notify {
        &self.wake
    }

    /// Rings `bell` from now on.
    pub fn hang(&self, bell: Arc<dyn Bell>) {
        self.bells.write().unwrap_or_else(PoisonError::into_inner).push(bell);
    }

    /// Rings `bell` no longer.
    pub fn take_down(&self, bell: &Arc<dyn Bell>) {
        self.bells.write().unwrap_or_else(PoisonError::into_inner).retain(|hung| !Arc::ptr_eq(hung, bell));
    }

    /// Reads the window: see [`Window::read`].
    pub fn read(&self, position: u64, max: usize, take: impl FnMut(&Arc<Frame>)) -> Read {
        self.window.read().unwrap_or_else(PoisonError::into_inner).read(position, max, take)
    }

    /// See [`Window::complete_after`].
    pub fn complete_after(&self) -> u64 {
        self.window.read().unwrap_or_else(PoisonError::into_inner).complete_after()
    }

    /// See [`Window::end`].
    pub fn end(&self) -> u64 {
        self.window.read().unwrap_or_else(PoisonError::into_inner).end()
    }

    /// See [`Window::find`].
    pub fn find(&self, id: uuid::Uuid) -> Option<u64> {
        self.window.read().unwrap_or_else(PoisonError::into_inner).find(id)
    }

    pub(super) fn ring(&self) {
        self.wake.notify_waiters();
        self.bells.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|bell| bell.ring());
    }

    pub(super) fn push(&self, frame: Arc<Frame>) -> isize {
        self.window.write().unwrap_or_else(PoisonError::into_inner).push(frame)
    }

    pub(super) fn replace(&self, window: Window) {
        *self.window.write().unwrap_or_else(PoisonError::into_inner) = window;
    }

    pub(super) fn end_and_weight(&self) -> (u64, usize) {
        let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
        (window.end(), window.weight())
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
