//! One stream: a position in its tenant's log, and what it says next. Pure but for the clock's readings that it is given: no socket, no timer, no task.
//!
//! Two kinds of writers drive sessions: [`crate::sockets`], for plain HTTP/1 sockets, and [`super::body`], for all others. Both ask [`Session::next`], write what
//! it gives, and bring what it wants.

mod next;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use metrics::counter;
use slipstream_access::{Principal, Revocations};
use slipstream_event::Position;
use tokio::time::{Duration, Instant};

use super::admission::Permit;
use super::audience::Audience;
use super::budget::Budget;
use super::page::Page;
use super::replay::{Step, Wanted};
use super::resume::Start;
use super::span::{Found, Span, Spans};
use crate::frame::control::{self, Control};
use crate::frame::{Projection, Wire, joined};
use crate::hub::lane::Lane;
use crate::hub::{Hub, Log};
use crate::limits;
use crate::metrics::{CLOSED, RESETS};
pub use next::{Next, Written};

/// What all streams of a process share.
#[derive(Clone)]
pub struct Env {
    /// The windows, and the key that seals cursors.
    pub hub: Arc<Hub>,
    /// Who was cut off.
    pub revoked: Revocations,
    /// Silence after which a stream says that it is alive.
    pub heartbeat: Duration,
    /// How much each tenant's replays may use.
    pub budget: Budget,
}

/// Who reads, and what.
#[derive(Debug)]
pub struct Reader {
    /// The caller.
    pub principal: Arc<Principal>,
    /// What it reads.
    pub audience: Arc<Audience>,
    /// When its credential ends.
    pub expires: Option<Instant>,
    /// Its place under the caps.
    pub permit: Permit,
}

/// One open stream.
#[derive(Debug)]
pub struct Session {
    reader: Reader,
    log: Arc<Log>,
    lane: Arc<Lane>,
    page: Option<Arc<Page>>,
    position: u64,
    outbox: Bytes,
    replayed: u64,
    silent_since: Instant,
    phase: Phase,
    has_noticed: bool,
    has_warned: bool,
    /// Whether it has asked for a read that was not brought.
    has_asked: bool,
    /// Whether its next span was paid for.
    has_paid: bool,
    /// Of a stream of entries, that does not know yet what the activity log shows: since when it must be known.
    asks_since: Option<Instant>,
    closed_by: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Replaying,
    Live,
    Ended,
}

impl Session {
    /// A stream that starts at `start` of `log`; `last_event_id` is what the client said, for a `reset`.
    pub fn new(env: &Env, reader: Reader, log: Arc<Log>, lane: Arc<Lane>, start: &Start, last_event_id: &str, retry_ms: u64) -> Self {
        let position = match start {
            Start::After(seq) => *seq,
            Start::Reset(_) => log.last(),
        };
        let mut session = Self {
            reader,
            log,
            lane,
            page: None,
            position,
            outbox: Bytes::new(),
            replayed: 0,
            silent_since: Instant::now(),
            phase: Phase::Replaying,
            has_noticed: false,
            has_warned: false,
            has_asked: false,
            has_paid: false,
            asks_since: None,
            closed_by: None,
        };
        session.ask_anew();
        let cursor = session.cursor(env);
        match start {
            Start::After(_) => session.outbox = control::opening(session.wire(), retry_ms, Some(&cursor)),
            Start::Reset(code) => {
                session.outbox = control::opening(session.wire(), retry_ms, None);
                session.reset(env, code, last_event_id);
            }
        }
        session
    }

    /// What it does next.
    pub fn next(&mut self, env: &Env, now: Instant, spans: &mut Spans) -> Next {
        loop {
            if !self.outbox.is_empty() {
                self.silent_since = now;
                return Next::Write(std::mem::take(&mut self.outbox), Written { events: 0, source: WINDOW, has_more: true });
            }
            if self.phase == Phase::Ended {
                return Next::End;
            }
            // Also in a long replay, in which nobody ticks.
            if self.reader.expires.is_some_and(|expires| now >= expires) {
                self.close("token_expired", true);
                continue;
            }
            if self.log.is_closed() {
                return Next::Rebase;
            }
            // What it says meanwhile costs it no turn.
            if self.has_asked {
                return Next::Wait;
            }
            if self.asks_since.is_some() {
                self.has_asked = true;
                return Next::Read(self.wanted());
            }
            let taken = if let Some(page) = self.page.take() { self.read_page(page) } else { self.read_window(env, now, spans) };
            match taken {
                Ok((span, source)) if !span.bytes.is_empty() => {
                    self.silent_since = now;
                    return Next::Write(span.bytes, Written { events: span.events, source, has_more: span.is_cut || source != WINDOW });
                }
                Ok(_) => {}
                Err(next) => {
                    self.has_asked = matches!(next, Next::Read(_));
                    return next;
                }
            }
        }
    }

    /// Brings what [`Next::Read`] asked for.
    pub fn bring(&mut self, env: &Env, step: Step) {
        self.has_asked = false;
        match step {
            Step::Page(page) => {
                if let Some(count) = page.archived_after(self.position).filter(|count| *count > 0 && !self.has_noticed) {
                    self.has_noticed = true;
                    self.say(&control::notice(count));
                }
                self.page = page.covers(self.log.position(self.position)).then_some(page);
            }
            Step::Again => self.has_paid = true,
            Step::Known => self.asks_since = None,
            Step::Lost => {
                let given = self.cursor(env);
                self.position = self.log.last();
                self.reset(env, "cursor_expired", &given);
            }
            // The client comes back with its last id, perhaps to a gateway that reaches broker and archive.
            Step::Unavailable => self.phase = Phase::Ended,
        }
    }

    /// Lets it ask anew.
    pub fn forget_question(&mut self) {
        self.has_asked = false;
    }

    /// Brings what [`Next::Rebase`] asked for: the stream goes on at the end of `log`, after a `reset`.
    pub fn rebase(&mut self, env: &Env, log: Arc<Log>) {
        let given = self.cursor(env);
        self.lane = log.lane(self.lane.tenant());
        self.position = log.last();
        self.page = None;
        self.has_asked = false;
        self.log = log;
        self.ask_anew();
        self.reset(env, "store_rebuilt", &given);
    }

    /// Looks at the clock: says what is due. For streams that wait.
    pub fn tick(&mut self, env: &Env, now: Instant) {
        if self.phase == Phase::Ended {
            return;
        }
        if let Some(expires) = self.reader.expires {
            if now >= expires {
                return self.close("token_expired", true);
            }
            if !self.has_warned && now + limits::EXPIRING >= expires {
                self.has_warned = true;
                self.say(&control::expiring((expires - now).as_secs()));
            }
        }
        if now >= self.silent_since + env.heartbeat && self.outbox.is_empty() {
            let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            self.say(&control::heartbeat(&self.cursor(env), seconds));
        }
    }

    /// Looks whether its caller was cut off: then it says `close` with the reason and ends, whatever it has to show.
    pub fn check(&mut self, env: &Env) {
        if let Some(reason) = env.revoked.check(&self.reader.principal) {
            self.page = None;
            self.outbox = Bytes::new();
            self.close(reason.as_str(), reason.reconnect());
        }
    }

    /// When [`Session::tick`] has something to say.
    pub fn deadline(&self, env: &Env) -> Instant {
        let beat = self.silent_since + env.heartbeat;
        let Some(expires) = self.reader.expires else { return beat };
        let next = if self.has_warned { expires } else { expires.checked_sub(limits::EXPIRING).unwrap_or(expires) };
        beat.min(next)
    }

    /// Says `close` and ends. A second time: nothing.
    pub fn close(&mut self, reason: &'static str, reconnect: bool) {
        if self.phase != Phase::Ended {
            self.say(&control::close(reason, reconnect));
            self.closed_by = Some(reason);
            self.end();
            counter!(CLOSED, "reason" => reason).increment(1);
        }
    }

    /// Ends without a word: the client comes back with its last id.
    pub fn end(&mut self) {
        self.phase = Phase::Ended;
        self.page = None;
    }

    /// Lets go of a page that it cannot write now: it asks anew.
    pub fn let_page_go(&mut self) {
        self.page = None;
    }

    /// Whether it ended.
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// The reason of its `close`, if it said one.
    pub fn closed_by(&self) -> Option<&'static str> {
        self.closed_by
    }

    /// Whether its replay is over.
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// The lane that it reads.
    pub fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// The log that it reads.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The caller.
    pub fn principal(&self) -> &Principal {
        &self.reader.principal
    }

    /// What surrounds its frames.
    pub fn wire(&self) -> Wire {
        self.reader.audience.wire
    }

    /// Where it stands.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// A stream of entries shows what the activity log shows when it opens.
    fn ask_anew(&mut self) {
        self.asks_since = (self.reader.audience.projection == Projection::Activity).then(Instant::now);
    }

    fn read_page(&mut self, page: Arc<Page>) -> Result<(Span, &'static str), Next> {
        let Some(view) = self.lane.view(self.reader.audience.projection) else {
            self.ask_anew();
            return Err(Next::Read(self.wanted()));
        };
        let span = page.span(self.position, &view, &self.reader.audience, self.user());
        let source = page.source();
        self.go(&span);
        self.page = page.covers(self.log.position(self.position)).then_some(page);
        Ok((span, source))
    }

    fn read_window(&mut self, env: &Env, now: Instant, spans: &mut Spans) -> Result<(Span, &'static str), Next> {
        // Before the read: an event is in its lane before `last` tells of it.
        let last = self.log.last();
        match spans.read(&self.lane, self.position, &self.reader.audience, self.user()) {
            Found::Span(span) => {
                if self.phase == Phase::Replaying && !std::mem::take(&mut self.has_paid) {
                    if self.lane.shown().is_overdrawn(now) {
                        return Err(Next::Read(self.wanted()));
                    }
                    self.lane.shown().charge(env.budget.shown, span.bytes.len(), now);
                }
                self.go(&span);
                Ok((span, WINDOW))
            }
            Found::Behind => {
                if self.lane.view(self.reader.audience.projection).is_none() {
                    self.ask_anew();
                }
                Err(Next::Read(self.wanted()))
            }
            Found::UpToDate => {
                self.position = self.position.max(last);
                if self.phase == Phase::Live {
                    return Err(Next::Wait);
                }
                self.phase = Phase::Live;
                self.say(&control::ready(&self.cursor(env), self.replayed));
                Ok((Span::default(), WINDOW))
            }
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted { log: self.log.clone(), lane: self.lane.clone(), after: self.position, is_replay: self.phase == Phase::Replaying, shown_since: self.asks_since }
    }

    fn go(&mut self, span: &Span) {
        self.position = self.position.max(span.through);
        if self.phase == Phase::Replaying {
            self.replayed += span.events;
        }
    }

    fn user(&self) -> Option<&str> {
        self.reader.principal.viewer.user_id.as_deref()
    }

    fn reset(&mut self, env: &Env, code: &'static str, given: &str) {
        counter!(RESETS, "code" => code).increment(1);
        let given: String = given.chars().take(limits::LAST_EVENT_ID_ECHO_MAX).collect();
        let cursor = self.cursor(env);
        self.say(&control::reset(code, &given, &cursor));
        // Behind it: whoever has the new place was told.
        self.outbox = joined(std::mem::take(&mut self.outbox), control::place(self.wire(), &cursor));
    }

    fn say(&mut self, control: &Control) {
        self.outbox = joined(std::mem::take(&mut self.outbox), control.bytes(self.wire()));
    }

    fn cursor(&self, env: &Env) -> String {
        env.hub.key().seal(self.lane.tenant(), Position { seq: self.position, ..self.log.position(0) })
    }
}

const WINDOW: &str = "window";
