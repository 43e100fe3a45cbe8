//! The one clock of a thread's streams: heartbeats, ends of credentials, stalled sockets, revocations, and the end of the process.

use metrics::counter;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::reactor::Reactor;
use super::slot::{Tally, Waits};
use crate::limits;
use crate::metrics::{DELIVERED, EVICTED};

/// When it ticks, and what it watches.
pub(super) struct Clock {
    every: Duration,
    next: Instant,
    drain: CancellationToken,
    is_draining: bool,
}

impl Clock {
    pub(super) fn new(heartbeat: Duration, drain: CancellationToken) -> Self {
        Self { every: limits::TICK_MAX.min(heartbeat / 4), next: Instant::now(), drain, is_draining: false }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    pub(super) fn until_due(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }
}

/// What a tick finds about a stream.
enum Found {
    Nothing,
    /// It has something to say.
    Due,
    /// Its socket took no byte for too long.
    Stalled,
    /// It waits for a log.
    Log,
}

impl Reactor {
    /// Looks at every stream once: cheap, and without a timer for each.
    pub(super) fn tick(&mut self, now: Instant) {
        self.clock.next = now + self.clock.every;
        if self.clock.drain.is_cancelled() && !self.clock.is_draining {
            self.clock.is_draining = true;
            self.plan_closing(now);
        }
        let keys: Vec<usize> = self.slots.iter().map(|(key, _)| key).collect();
        for key in keys {
            match self.look(key, now) {
                Found::Nothing => {}
                Found::Due => self.queue_slot(key),
                Found::Log => self.rebase(key, now),
                Found::Stalled => {
                    counter!(EVICTED).increment(1);
                    self.remove(key);
                }
            }
        }
        let Tally { window, broker, archive } = std::mem::take(&mut self.tally);
        for (source, events) in [("window", window), ("broker", broker), ("archive", archive)] {
            if events > 0 {
                counter!(DELIVERED, "source" => source).increment(events);
            }
        }
    }

    fn look(&mut self, key: usize, now: Instant) -> Found {
        let Some(slot) = self.slots.get_mut(key) else { return Found::Nothing };
        if let Some(since) = slot.stalled_since {
            let patience = if slot.session.has_ended() { limits::LAST_WRITE.min(self.stall) } else { self.stall };
            if now - since >= patience {
                return Found::Stalled;
            }
            if now - since >= limits::PAGE_STALLED {
                slot.session.let_page_go();
            }
        }
        if slot.close_at.is_some_and(|at| now >= at) {
            slot.close_at = None;
            slot.waits = Waits::Nothing;
            slot.session.close("server_shutdown", true);
        }
        match slot.waits {
            _ if slot.session.has_ended() => {}
            Waits::Log(_) => return Found::Log,
            Waits::Asking => {
                slot.waits = Waits::Nothing;
                slot.session.forget_question();
            }
            _ => {
                if now < slot.session.deadline(&self.env) {
                    return Found::Nothing;
                }
                slot.session.tick(&self.env, now);
            }
        }
        if slot.stalled_since.is_some() { Found::Nothing } else { Found::Due }
    }

    /// On a stop, streams close one after the other, so that their clients do not come back all at once.
    fn plan_closing(&mut self, now: Instant) {
        let over = limits::CLOSING_MAX.min(limits::CLOSING_EACH * u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        for (_, slot) in &mut self.slots {
            slot.close_at = Some(now + over.mul_f64(rand::random_range(0.0..1.0)));
        }
    }

    /// Ends the streams of those who were cut off.
    pub(super) fn check_revocations(&mut self) {
        let keys: Vec<usize> = self.slots.iter().map(|(key, _)| key).collect();
        for key in keys {
            let slot = &mut self.slots[key];
            slot.session.check(&self.env);
            if slot.session.has_ended() {
                slot.waits = Waits::Nothing;
                self.queue_slot(key);
            }
        }
    }
}
