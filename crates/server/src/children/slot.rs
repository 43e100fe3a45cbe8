//! The present process of a server that may be killed and started again.

use std::sync::{Mutex, PoisonError};

use super::process::{Handle, Log, Process};

/// A process and what it writes.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) log: Log,
}

/// Holds one [`Running`] and lets it be replaced. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Slot {
    running: Mutex<Running>,
    /// Held by whoever restarts, so that two restarts never start two servers on the same files.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Slot {
    pub(super) fn new(running: Running) -> Self {
        Self { running: Mutex::new(running), turn: tokio::sync::Mutex::new(()) }
    }

    pub(super) fn handle(&self) -> Handle {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).process.handle()
    }

    pub(super) fn log_tail(&self) -> String {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).log.tail()
    }

    pub(super) fn replace(&self, running: Running) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}
