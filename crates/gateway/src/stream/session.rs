//! One stream: a position in its tenant's log, and what is to be written next.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use metrics::counter;
use slipstream_event::{Filter, Position, Tenant, Viewer};
use tokio::time::{Duration, Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::admission::Permit;
use super::replay::{self, Replay};
use super::resume::Start;
use crate::frame::{self, Projection, control};
use crate::hub::{Hub, Lane, Log};
use crate::limits;
use crate::metrics::{DELIVERED, RESETS};
use crate::routes::Gateway;
use crate::window::Read;

/// Who reads, and what.
#[derive(Debug)]
pub struct Reader {
    /// Whose events.
    pub tenant: Tenant,
    /// What the reader may see.
    pub viewer: Viewer,
    /// What it asked for.
    pub filter: Filter,
    /// How.
    pub projection: Projection,
    /// When its token ends.
    pub expires: Option<Instant>,
    /// Its place under the caps.
    pub permit: Permit,
}

/// One open stream.
pub struct Session {
    hub: Arc<Hub>,
    replay: Replay,
    reader: Reader,
    log: Arc<Log>,
    lane: Arc<Lane>,
    position: u64,
    pending: VecDeque<Bytes>,
    replayed: u64,
    is_live: bool,
    has_noticed: bool,
    has_warned: bool,
    has_ended: bool,
    silent_since: Instant,
    heartbeat: Duration,
    drain: CancellationToken,
}

/// Why nothing was left to write for now.
enum Woken {
    Grown,
    Beat,
    Expiring,
    Expired,
    Drain,
}

impl Session {
    /// A stream that starts at `start` of `log`; `last_event_id` is what the client said, for a `reset`.
    pub(crate) fn new(gateway: &Gateway, reader: Reader, log: Arc<Log>, start: &Start, last_event_id: &str) -> Self {
        let lane = log.lane(&reader.tenant);
        let position = match start {
            Start::After(seq) => *seq,
            Start::Reset(_) => log.last(),
        };
        let now = Instant::now();
        let mut session = Self {
            hub: gateway.hub.clone(),
            replay: gateway.replay.clone(),
            reader,
            log,
            lane,
            position,
            pending: VecDeque::new(),
            replayed: 0,
            is_live: false,
            has_noticed: false,
            has_warned: false,
            has_ended: false,
            silent_since: now,
            heartbeat: gateway.heartbeat,
            drain: gateway.drain.clone(),
        };
        let retry_ms = limits::RETRY_MS + rand::random_range(0..=limits::RETRY_MS / 2);
        session.pending.push_back(frame::opening(retry_ms, &session.cursor()));
        if let Start::Reset(code) = start {
            session.push_reset(code, last_event_id);
        }
        session
    }

    /// The next bytes to write; `None` when the stream has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.pending.pop_front() {
                self.silent_since = Instant::now();
                return Some(bytes);
            }
            if self.has_ended {
                return None;
            }
            self.step().await;
        }
    }

    async fn step(&mut self) {
        if self.log.is_closed() {
            return self.rebase().await;
        }
        let (lane, log) = (self.lane.clone(), self.log.clone());
        let mut grown = pin!(lane.wake().notified());
        grown.as_mut().enable();
        // Before the read: an event is in its lane before `last` tells of it.
        let last = log.last();
        match self.read() {
            Read::Frames(seq) => self.position = seq,
            Read::Behind => return self.catch_up().await,
            Read::UpToDate => {
                self.position = self.position.max(last);
                if !self.is_live {
                    self.is_live = true;
                    return self.pending.push_back(control::ready(&self.cursor(), self.replayed));
                }
                let woken = self.wait(grown).await;
                self.tell(&woken);
            }
        }
    }

    fn read(&mut self) -> Read {
        let Self { lane, reader, pending, .. } = self;
        let read = lane.read(self.position, limits::READ_FRAMES_MAX, |frame| {
            if frame.is_for(&reader.viewer, &reader.filter) {
                pending.push_back(frame.bytes(reader.projection));
            }
        });
        let events = self.pending.len();
        self.count("window", events);
        read
    }

    async fn wait(&self, grown: impl Future<Output = ()>) -> Woken {
        let beat = self.silent_since + self.heartbeat;
        let expired = self.reader.expires;
        let expiring = expired.filter(|_| !self.has_warned).map(|at| at.checked_sub(limits::EXPIRING).unwrap_or(at));
        let (at, woken) = [(Some(beat), Woken::Beat), (expiring, Woken::Expiring), (expired, Woken::Expired)]
            .into_iter()
            .filter_map(|(at, woken)| Some((at?, woken)))
            .min_by_key(|(at, _)| *at)
            .unwrap_or((beat, Woken::Beat));
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Woken::Drain,
            () = grown => Woken::Grown,
            () = sleep_until(at) => woken,
        }
    }

    fn tell(&mut self, woken: &Woken) {
        match woken {
            Woken::Grown => {}
            Woken::Beat => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                self.pending.push_back(control::heartbeat(&self.cursor(), now.as_secs_f64()));
            }
            Woken::Expiring => {
                self.has_warned = true;
                let left = self.reader.expires.map_or(0, |at| at.saturating_duration_since(Instant::now()).as_secs());
                self.pending.push_back(control::expiring(left));
            }
            Woken::Expired => self.end("token_expired", true),
            Woken::Drain => self.end("server_shutdown", true),
        }
    }

    fn end(&mut self, reason: &str, reconnect: bool) {
        self.pending.push_back(control::close(reason, reconnect));
        self.has_ended = true;
    }

    /// One page of what is no longer in the window.
    async fn catch_up(&mut self) {
        let from = self.log.position(self.position);
        let drain = self.drain.clone();
        let step = tokio::select! {
            biased;
            () = drain.cancelled() => return self.end("server_shutdown", true),
            step = self.replay.step(&self.hub, &self.log, &self.lane, &self.reader.tenant, from) => step,
        };
        match step {
            replay::Step::Page { frames, through_seq, from_archive } => {
                if let Some(count) = from_archive.filter(|_| !self.has_noticed) {
                    self.has_noticed = true;
                    self.pending.push_back(control::notice(count));
                }
                let before = self.pending.len();
                for frame in frames.iter().filter(|frame| frame.is_for(&self.reader.viewer, &self.reader.filter)) {
                    self.pending.push_back(frame.bytes(self.reader.projection));
                }
                self.count(if from_archive.is_some() { "archive" } else { "broker" }, self.pending.len() - before);
                self.position = self.position.max(through_seq);
            }
            replay::Step::Lost => {
                let given = self.cursor();
                self.position = self.log.last();
                self.push_reset("cursor_expired", &given);
            }
            // The client comes back with its last id, perhaps to a gateway that reaches broker and archive.
            replay::Step::Unavailable => self.has_ended = true,
        }
    }

    /// Goes over to the log that took the place of a closed one.
    async fn rebase(&mut self) {
        let given = self.cursor();
        // Silence for longer than a heartbeat would make the client connect anew in any case.
        let deadline = Instant::now() + self.heartbeat;
        let drain = self.drain.clone();
        let log = tokio::select! {
            biased;
            () = drain.cancelled() => return self.end("server_shutdown", true),
            log = self.hub.log(&self.reader.tenant, deadline) => log,
        };
        let Some(log) = log else {
            self.has_ended = true;
            return;
        };
        self.lane = log.lane(&self.reader.tenant);
        self.position = log.last();
        self.log = log;
        self.push_reset("store_rebuilt", &given);
        // A log that opens and closes in a row must not spin.
        sleep(Duration::from_millis(1)).await;
    }

    fn push_reset(&mut self, code: &'static str, given: &str) {
        counter!(RESETS, "code" => code).increment(1);
        let given: String = given.chars().take(limits::LAST_EVENT_ID_ECHO_MAX).collect();
        self.pending.push_back(control::reset(code, &given, &self.cursor()));
    }

    fn cursor(&self) -> String {
        self.hub.key().seal(&self.reader.tenant, Position { seq: self.position, ..self.log.position(0) })
    }

    fn count(&mut self, source: &'static str, events: usize) {
        let events = events as u64;
        if events > 0 {
            counter!(DELIVERED, "source" => source).increment(events);
            self.replayed += if self.is_live { 0 } else { events };
        }
    }
}
