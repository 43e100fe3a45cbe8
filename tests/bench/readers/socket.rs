//! One stream on a plain socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::scan::{Carry, Scan};
use crate::serial::{Expect, Serial};

/// What a server says to a stream that it takes.
const TAKEN: &[u8] = b"HTTP/1.1 200";
/// How much of another answer is told.
const TOLD: usize = 400;

/// What a stream asks for, and what it then has to show.
#[derive(Clone)]
pub(crate) struct Ask {
    request: Arc<[u8]>,
    expect: Expect,
    then: Then,
}

/// What a stream does that has shown all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: a further event is a fault.
    Stay,
    /// Ends: what comes behind is not looked at.
    Leave,
    /// Ends, and connects anew for the same.
    Again,
}

impl Ask {
    /// A stream that shows this, and nothing more.
    pub(crate) fn once(request: Vec<u8>, expect: Expect) -> Self {
        Self { request: request.into(), expect, then: Then::Stay }
    }

    /// The same for a stream that ends when it has shown this.
    pub(crate) fn leaving(self) -> Self {
        Self { then: Then::Leave, ..self }
    }

    /// The same for a stream that ends when it has shown this, and connects anew.
    pub(crate) fn again(self) -> Self {
        Self { then: Then::Again, ..self }
    }
}

/// A connection that asks, and then reads.
pub(super) struct Socket {
    tcp: Option<TcpStream>,
    request: Arc<[u8]>,
    pub(super) then: Then,
    written: usize,
    is_answered: bool,
    is_open: bool,
    carry: Carry,
    pub(super) expect: Expect,
}

impl Socket {
    /// Begins to connect; tells of itself by this token.
    pub(super) fn connect(address: SocketAddr, ask: &Ask, registry: &Registry, token: Token) -> Result<Self, String> {
        let mut tcp = TcpStream::connect(address).map_err(|error| format!("cannot connect: {error}"))?;
        registry.register(&mut tcp, token, Interest::READABLE | Interest::WRITABLE).map_err(|error| format!("cannot register: {error}"))?;
        Ok(Self {
            tcp: Some(tcp),
            request: ask.request.clone(),
            then: ask.then,
            written: 0,
            is_answered: false,
            is_open: false,
            carry: Carry::default(),
            expect: ask.expect,
        })
    }

    /// Whether it showed that it is open.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether it has shown all. A stream that stays has to be open as well; one that ends may be far from that, in the middle of a replay.
    pub(super) fn is_complete(&self) -> bool {
        self.expect.left() == 0 && (self.is_open || self.then != Then::Stay)
    }

    /// Does what is ready to be done; how many bytes came. Every event goes to `seen`. Ends when it has shown all, unless it stays.
    pub(super) fn turn(&mut self, event: &Event, scan: &mut Scan, mut seen: impl FnMut(Serial)) -> Result<u64, String> {
        let Some(mut tcp) = self.tcp.take() else { return Ok(0) };
        if self.written < self.request.len() && event.is_writable() {
            self.ask(&mut tcp)?;
        }
        let mut bytes = 0;
        while event.is_readable() {
            let length = match tcp.read(scan.room()) {
                Ok(0) => return Err("the server ended the stream".to_owned()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(format!("cannot read: {error}")),
            };
            bytes += length as u64;
            self.show(scan, length, &mut seen)?;
            if self.is_complete() && self.then != Then::Stay {
                return Ok(bytes);
            }
            // What came later makes an event of its own; an end that came with it does not.
            if length < scan.room().len() && !event.is_read_closed() {
                break;
            }
        }
        self.tcp = Some(tcp);
        Ok(bytes)
    }

    fn ask(&mut self, tcp: &mut TcpStream) -> Result<(), String> {
        if let Ok(Some(error)) | Err(error) = tcp.take_error() {
            return Err(format!("cannot connect: {error}"));
        }
        while self.written < self.request.len() {
            match tcp.write(&self.request[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(format!("cannot write: {error}")),
            }
        }
        Ok(())
    }

    fn show(&mut self, scan: &mut Scan, length: usize, seen: &mut impl FnMut(Serial)) -> Result<(), String> {
        if !self.is_answered {
            let head = scan.head(length);
            if !head.starts_with(TAKEN) {
                return Err(format!("the server answered {}", String::from_utf8_lossy(&head[..length.min(TOLD)])));
            }
            self.is_answered = true;
        }
        let (expect, mut fault) = (&mut self.expect, None);
        let surplus = self.then != Then::Stay;
        let take = |serial| match expect.take(serial) {
            Ok(()) => seen(serial),
            Err(_) if surplus && expect.left() == 0 => {}
            Err(what) => fault = fault.take().or(Some(what)),
        };
        self.is_open = scan.look(&mut self.carry, length, self.is_open, take);
        fault.map_or(Ok(()), Err)
    }
}
