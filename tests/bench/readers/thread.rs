//! The thread that reads.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Token};
use tokio::sync::oneshot;

use super::scan::Scan;
use super::socket::{Socket, Then};
use super::{Read, Seen, Shared, Task};
use crate::machine::now_ns;

/// Longest time in which no stream opens and no event comes while some is still to come. Then what is missing is told.
const SILENCE: Duration = Duration::from_secs(60);
/// How often it looks at the clock at least.
const TICK: Duration = Duration::from_millis(20);
/// Streams that are begun between two looks at those that are open.
const BEGUN_AT_ONCE: usize = 256;
/// What epoll tells at once.
const EVENTS: usize = 1_024;

/// The state of the thread.
pub(super) struct Thread {
    task: Task,
    address: SocketAddr,
    poll: Poll,
    shared: Arc<Shared>,
    sockets: Vec<Socket>,
    scan: Scan,
    read: Read,
    begun_at: Instant,
    /// Streams that are open, and streams that are complete.
    open: usize,
    complete: usize,
    opened_to: Option<oneshot::Sender<()>>,
    complete_to: Option<oneshot::Sender<()>>,
}

impl Thread {
    pub(super) fn new(
        task: Task,
        address: SocketAddr,
        poll: Poll,
        shared: Arc<Shared>,
        opened_to: oneshot::Sender<()>,
        complete_to: oneshot::Sender<()>,
    ) -> Self {
        let streams = task.asks.len();
        let read = Read { begun_ns: now_ns(), complete_ns: vec![0; streams], ..Read::default() };
        let (sockets, scan) = (Vec::with_capacity(streams), Scan::new(task.opened));
        let (opened_to, complete_to) = (Some(opened_to), Some(complete_to));
        Self { task, address, poll, shared, sockets, scan, read, begun_at: Instant::now(), open: 0, complete: 0, opened_to, complete_to }
    }

    /// Until it is told to stop, or a stream is at fault.
    pub(super) fn run(mut self) -> Result<Read, String> {
        let mut events = Events::with_capacity(EVENTS);
        let (mut moved_at, mut moved) = (Instant::now(), (0, 0));
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.begin_more()?;
            let wait = if self.sockets.len() < self.task.asks.len() { Duration::from_millis(1) } else { TICK };
            self.poll.poll(&mut events, Some(wait)).map_err(|error| format!("cannot poll: {error}"))?;
            for event in &events {
                self.turn(event)?;
            }
            self.shared.deliveries.store(self.read.deliveries, Ordering::Relaxed);
            self.tell();
            if (self.open, self.read.deliveries) != moved || self.complete == self.task.asks.len() {
                (moved_at, moved) = (Instant::now(), (self.open, self.read.deliveries));
            }
            if moved_at.elapsed() > SILENCE {
                return Err(self.missing());
            }
        }
        self.read.left = self.sockets.iter().map(|socket| socket.expect.left()).collect();
        self.read.orders = self.sockets.iter().map(|socket| socket.expect.order()).collect();
        Ok(self.read)
    }

    /// Begins as many streams as may be begun now.
    fn begin_more(&mut self) -> Result<(), String> {
        let opening = self.task.opening;
        let by_rate = (self.begun_at.elapsed().as_secs_f64() * opening.per_second as f64) as usize;
        let end = self.task.asks.len().min(self.sockets.len() + BEGUN_AT_ONCE).min(self.open.saturating_add(opening.at_once)).min(by_rate.max(1));
        for stream in self.sockets.len()..end {
            let socket = self.connect(stream)?;
            self.sockets.push(socket);
        }
        Ok(())
    }

    fn connect(&self, stream: usize) -> Result<Socket, String> {
        Socket::connect(self.address, &self.task.asks[stream], self.poll.registry(), Token(stream))
    }

    fn turn(&mut self, event: &Event) -> Result<(), String> {
        let Token(stream) = event.token();
        let Some(socket) = self.sockets.get_mut(stream) else { return Ok(()) };
        let (was_open, was_complete, at_ns) = (socket.is_open(), socket.is_complete(), now_ns());
        let read = &mut self.read;
        let (keep, seen, deliveries) = (self.task.keep_times, &mut read.seen, &mut read.deliveries);
        let bytes = socket.turn(event, &mut self.scan, |serial| {
            *deliveries += 1;
            if keep {
                seen.push(Seen { stream: stream as u32, serial, at_ns });
            }
        });
        let bytes = bytes.map_err(|fault| format!("stream {stream} of {}: {fault}", self.task.asks.len()))?;
        read.bytes += if was_open { bytes } else { 0 };
        self.open += usize::from(!was_open && socket.is_open());
        if was_complete || !socket.is_complete() {
            return Ok(());
        }
        if socket.then == Then::Again {
            return self.again(stream);
        }
        self.complete += 1;
        self.read.complete_ns[stream] = now_ns();
        Ok(())
    }

    /// A stream that has shown all and is to do it again. It is never complete.
    fn again(&mut self, stream: usize) -> Result<(), String> {
        self.read.rounds += 1;
        self.open -= usize::from(self.sockets[stream].is_open());
        self.sockets[stream] = self.connect(stream)?;
        Ok(())
    }

    /// Tells what has been reached. Streams that begin again and again are never complete, and not waited for.
    fn tell(&mut self) {
        let reached = [(self.open, &mut self.opened_to), (self.complete, &mut self.complete_to)];
        for (count, to) in reached {
            if count == self.task.asks.len()
                && let Some(to) = to.take()
            {
                to.send(()).unwrap_or_default();
            }
        }
    }

    fn missing(&self) -> String {
        let (all, begun) = (self.task.asks.len(), self.sockets.len());
        let mut left: HashMap<u32, usize> = HashMap::new();
        self.sockets.iter().for_each(|socket| *left.entry(socket.expect.left()).or_default() += 1);
        let mut left: Vec<_> = left.into_iter().filter(|(events, _)| *events > 0).map(|(events, streams)| format!("{streams} lack {events} events")).collect();
        left.sort();
        left.truncate(20);
        format!("nothing came for {SILENCE:?}: of {all} streams {begun} were begun, {} are open, {} complete; {}", self.open, self.complete, left.join(", "))
    }
}
