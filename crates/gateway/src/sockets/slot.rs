//! Slots: one stream with its socket, and what of it the socket has not taken yet.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use tokio::time::Instant;

use crate::frame::joined;
use crate::limits;
use crate::serve::Seat;
use crate::stream::replay::Wanted;
use crate::stream::session::{Env, Next, Session};
use crate::stream::span::Spans;

/// One stream on its socket.
pub(super) struct Slot {
    pub(super) socket: TcpStream,
    pub(super) session: Session,
    /// What the socket has not taken yet.
    rest: Bytes,
    /// Since when it takes nothing.
    pub(super) stalled_since: Option<Instant>,
    /// Tells this stream, and its last question, from others before.
    pub(super) generation: u64,
    /// Its group, and its place among the members.
    pub(super) group: u32,
    pub(super) member: u32,
    /// What it waits for besides its lane and its socket.
    pub(super) waits: Waits,
    /// When it is to say goodbye.
    pub(super) close_at: Option<Instant>,
    /// Whether it waits for its turn to catch up.
    pub(super) is_queued: bool,
    has_trailer: bool,
    client_bytes: u32,
    _seat: Seat,
}

/// What a stream waits for besides its lane and its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Nothing,
    /// To ask for a read.
    Asking,
    /// For a read.
    Read,
    /// For the log that takes the place of a closed one, until then.
    Log(Instant),
}

/// What became of a turn.
pub(super) enum Turn {
    /// It has nothing more to write for now, or its socket takes nothing.
    Idle,
    /// There is more.
    More,
    /// It wants a page.
    Read(Wanted),
    /// It wants another log.
    Rebase,
    /// It is over.
    Over,
}

/// What ended the filling of one write.
enum Filled {
    /// It is large enough.
    Full,
    /// Nothing more is there.
    UpToDate,
    /// Something else comes first.
    Until(Next),
}

/// Events written, by source; given to the metrics at every tick.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) window: u64,
    pub(super) broker: u64,
    pub(super) archive: u64,
}

impl Slot {
    pub(super) fn new(socket: TcpStream, session: Session, seat: Seat, generation: u64, group: u32, member: u32) -> Self {
        Self {
            socket,
            session,
            rest: Bytes::new(),
            stalled_since: None,
            generation,
            group,
            member,
            waits: Waits::Nothing,
            close_at: None,
            is_queued: false,
            has_trailer: false,
            client_bytes: 0,
            _seat: seat,
        }
    }

    /// Whether a pass over its group may write to it.
    pub(super) fn is_free(&self) -> bool {
        self.stalled_since.is_none() && !self.is_queued && self.waits == Waits::Nothing
    }

    /// Writes what is there, at most `writes` times.
    pub(super) fn turn(&mut self, env: &Env, now: Instant, writes: usize, spans: &mut Spans, tally: &mut Tally) -> Turn {
        for _ in 0..writes {
            match self.flush(now) {
                Ok(true) => {}
                Ok(false) => return Turn::Idle,
                Err(_) => return Turn::Over,
            }
            let filled = self.fill(env, now, spans, tally);
            match (self.flush(now), filled) {
                (Err(_), _) => return Turn::Over,
                (Ok(_), Filled::Until(Next::Read(wanted))) => return Turn::Read(wanted),
                (Ok(_), Filled::Until(Next::Rebase)) => return Turn::Rebase,
                (Ok(false), _) | (Ok(true), Filled::UpToDate | Filled::Until(_)) if !self.session.has_ended() => return Turn::Idle,
                (Ok(false), _) => return Turn::Idle,
                (Ok(true), Filled::Until(_)) if self.has_trailer => return Turn::Over,
                (Ok(true), Filled::Until(_)) => {
                    self.has_trailer = true;
                    self.rest = Bytes::from_static(self.session.wire().end());
                }
                (Ok(true), _) => {}
            }
        }
        Turn::More
    }

    /// Takes from the session what one write can carry.
    fn fill(&mut self, env: &Env, now: Instant, spans: &mut Spans, tally: &mut Tally) -> Filled {
        loop {
            match self.session.next(env, now, spans) {
                Next::Write(bytes, written) => {
                    tally.add(written.source, written.events);
                    self.rest = joined(std::mem::take(&mut self.rest), bytes);
                    // The pass is told anew when there is more: no second look for streams that are up to date.
                    if !written.has_more && self.session.is_live() {
                        return Filled::UpToDate;
                    }
                    if self.rest.len() >= limits::SPAN_BYTES_MAX / 2 {
                        return Filled::Full;
                    }
                }
                next => return Filled::Until(next),
            }
        }
    }

    /// Whether nothing is left of what was to be written.
    fn flush(&mut self, now: Instant) -> io::Result<bool> {
        while !self.rest.is_empty() {
            match self.socket.write(&self.rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.rest.advance(written);
                    self.stalled_since = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stalled_since.get_or_insert(now);
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.rest = Bytes::new();
        self.stalled_since = None;
        Ok(true)
    }

    /// Takes what the client sends, which means nothing; `false` when it has gone, or sends too much.
    pub(super) fn listen(&mut self, scratch: &mut [u8]) -> bool {
        loop {
            match self.socket.read(scratch) {
                Ok(0) => return false,
                Ok(read) => {
                    self.client_bytes = self.client_bytes.saturating_add(u32::try_from(read).unwrap_or(u32::MAX));
                    if self.client_bytes as usize > limits::CLIENT_BYTES_MAX {
                        return false;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }
}

impl Tally {
    fn add(&mut self, source: &str, events: u64) {
        match source {
            "broker" => self.broker += events,
            "archive" => self.archive += events,
            _ => self.window += events,
        }
    }
}
