//! What others tell a thread of sockets, and how they wake it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

use super::Adopted;
use crate::hub::lane::Bell;
use crate::stream::replay::Step;

/// News for a thread.
pub(super) enum Letter {
    /// A new stream.
    Adopt(Box<Adopted>),
    /// A lane of this group has grown or its log has ended.
    Rung(usize),
    /// A read for the stream in this slot, of this generation, is done.
    Read(usize, u64, Step),
    /// Revocations have changed.
    Revoked,
}

/// The news of one thread. Few at a time: each group, each stream's read and each connection is at most once in it.
pub(super) struct Inbox {
    letters: Mutex<Vec<Letter>>,
    waker: Waker,
    /// Whether the thread sleeps or is about to.
    sleeps: AtomicBool,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { letters: Mutex::default(), waker, sleeps: AtomicBool::new(false) }
    }

    pub(super) fn put(&self, letter: Letter) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
        if self.sleeps.swap(false, Ordering::SeqCst)
            && let Err(error) = self.waker.wake()
        {
            // It wakes at its next tick in any case.
            tracing::warn!(%error, "a thread of sockets could not be woken");
        }
    }

    /// Moves the news to `into`, which is empty.
    pub(super) fn empty(&self, into: &mut Vec<Letter>) {
        std::mem::swap(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner), into);
    }

    /// Says that the thread will sleep; `false` when there is news, and it must not.
    pub(super) fn lie_down(&self) -> bool {
        self.sleeps.store(true, Ordering::SeqCst);
        let is_empty = self.letters.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if !is_empty {
            self.sleeps.store(false, Ordering::SeqCst);
        }
        is_empty
    }

    /// Says that the thread is awake.
    pub(super) fn get_up(&self) {
        self.sleeps.store(false, Ordering::SeqCst);
    }
}

/// Rings once until it is looked at.
pub(super) struct GroupBell {
    group: usize,
    inbox: Arc<Inbox>,
    rung: AtomicBool,
}

impl GroupBell {
    pub(super) fn new(group: usize, inbox: Arc<Inbox>) -> Self {
        Self { group, inbox, rung: AtomicBool::new(false) }
    }

    /// From now on it rings anew. Before the lane is looked at.
    pub(super) fn looked_at(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl Bell for GroupBell {
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.inbox.put(Letter::Rung(self.group));
        }
    }
}
