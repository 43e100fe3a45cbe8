//! Lanes: one tenant's window, and who is told when it grows.

use std::sync::{Arc, PoisonError, RwLock};

use slipstream_event::{Tenant, Timestamp};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::activity::record::Record;
use crate::activity::{Shown, View};
use crate::frame::{Frame, Projection};
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
    record: RwLock<Record>,
    asking: Semaphore,
}

impl Lane {
    /// A lane that will hold everything after `complete_after`.
    pub(crate) fn new(tenant: &Tenant, complete_after: u64) -> Self {
        let window = RwLock::new(Window::new(complete_after));
        Self {
            tenant: tenant.clone(),
            window,
            wake: Notify::new(),
            bells: RwLock::default(),
            shown: Account::new(),
            record: RwLock::new(Record::new(complete_after)),
            asking: Semaphore::new(1),
        }
    }

    /// Whose lane it is.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// What its replays have shown.
    pub fn shown(&self) -> &Account {
        &self.shown
    }

    /// Which of its events a stream shows. Taken after the events were read, it knows of all turns before them. `None` for entries when it is not known what the activity log
    /// shows: bring it by [`Lane::take_shown`].
    pub fn view(&self, projection: Projection) -> Option<View> {
        if projection != Projection::Activity {
            return Some(View::Events);
        }
        let shown = self.record.read().unwrap_or_else(PoisonError::into_inner).shown().cloned()?;
        Some(View::entries(shown, Timestamp::now()))
    }

    /// See [`Record::complete_after`].
    pub fn turns_after(&self) -> u64 {
        self.record.read().unwrap_or_else(PoisonError::into_inner).complete_after()
    }

    /// Whether it is known what the activity log shows, as of this instant or later.
    pub fn is_shown_known(&self, since: Instant) -> bool {
        self.record.read().unwrap_or_else(PoisonError::into_inner).is_of(since)
    }

    /// Whether it is known what the activity log shows.
    pub fn is_shown_known_at_all(&self) -> bool {
        self.record.read().unwrap_or_else(PoisonError::into_inner).shown().is_some()
    }

    /// See [`Record::take`].
    pub fn take_shown(&self, shown: Shown, asked_at: Instant) -> bool {
        self.record.write().unwrap_or_else(PoisonError::into_inner).take(shown, asked_at)
    }

    /// For those who ask what the activity log shows: one at a time.
    pub fn asking(&self) -> &Semaphore {
        &self.asking
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
        if let Some(turn) = frame.turn() {
            self.record.write().unwrap_or_else(PoisonError::into_inner).push(frame.seq(), turn);
        }
        self.window.write().unwrap_or_else(PoisonError::into_inner).push(frame)
    }

    pub(super) fn replace(&self, window: Window) {
        *self.record.write().unwrap_or_else(PoisonError::into_inner) = Record::new(window.complete_after());
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
