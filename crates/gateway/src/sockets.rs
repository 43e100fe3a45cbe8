//! The writer for plain HTTP/1 streams: their sockets, in a slab per thread.
//!
//! A stream here has no task, no timer and no buffer of its own. A thread waits for all its sockets and lanes at once; when a lane rings, it writes the
//! same bytes to every socket that stands at the same position, as many events in one write as there are. One clock serves heartbeats, ends of
//! credentials and stalled sockets. What a window no longer has is read by a future ([`reads::Reads`]) that never holds the thread up.
//!
//! - Tenants take turns: [`crate::limits::TURN_STREAMS`] streams of one, then the next, and one that was at rest waits for a single turn of those that are busy.
//!   So a tenant with many streams or many events delays no other.
//! - A socket that takes no more bytes keeps the rest of one shared chunk, and its stream a position. It is cut after the stall deadline; its client resumes.

mod clock;
mod group;
mod inbox;
mod reactor;
pub mod reads;
mod slot;
mod turns;

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::routes::Gateway;
use crate::serve::Seat;
use crate::stream::session::Session;
use inbox::{Inbox, Letter};
pub use reactor::Reactor;
use reads::Reads;

/// Gives streams to the threads that write them. Cheap to clone.
#[derive(Clone)]
pub struct Sockets {
    inboxes: Arc<[Arc<Inbox>]>,
    turn: Arc<AtomicUsize>,
}

/// A stream with its socket.
pub(crate) struct Adopted {
    socket: TcpStream,
    session: Session,
    seat: Seat,
}

/// One thread's share: [`Reactor::run`] blocks and wants a thread; [`Reads::run`] is a future.
pub struct Part {
    /// Writes.
    pub reactor: Reactor,
    /// Reads for it.
    pub reads: Reads,
}

impl Sockets {
    /// Writers in `threads` parts (at least one). A socket that takes no byte for `stall` is cut. When `drain` is cancelled, all streams say `close` and end.
    ///
    /// # Errors
    /// When the system gives no poll.
    pub fn new(gateway: &Gateway, threads: usize, stall: Duration, drain: &CancellationToken) -> io::Result<(Self, Vec<Part>)> {
        let parts: Vec<Part> = (0..threads.max(1)).map(|_| Reactor::part(gateway, stall, drain)).collect::<io::Result<_>>()?;
        let inboxes = parts.iter().map(|part| part.reactor.inbox()).collect();
        Ok((Self { inboxes, turn: Arc::default() }, parts))
    }

    pub(crate) fn adopt(&self, socket: TcpStream, session: Session, seat: Seat) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.inboxes[turn % self.inboxes.len()].put(Letter::Adopt(Box::new(Adopted { socket, session, seat })));
    }
}
