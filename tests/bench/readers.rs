//! Many open streams, read by one thread as cheaply as can be: it shares the cores with what is measured. Floors and product are read by the same.

mod scan;
mod socket;
mod thread;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mio::{Poll, Token, Waker};
use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::sync::oneshot;

use crate::serial::Serial;
pub(crate) use socket::Ask;

/// The lowest priority of a thread, a nice value.
const LOWEST: i32 = 19;

/// How streams are opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// Most that are not yet open, at any time.
    pub(crate) at_once: usize,
    /// Most in a second.
    pub(crate) per_second: usize,
}

/// What a thread of readers is to do.
pub(crate) struct Task {
    /// `host:port` of the server.
    pub(crate) address: String,
    /// The streams.
    pub(crate) asks: Vec<Ask>,
    /// The text by which a stream shows that it is open.
    pub(crate) opened: &'static [u8],
    /// How they are opened.
    pub(crate) opening: Opening,
    /// Whether the time of each event on each stream is kept.
    pub(crate) keep_times: bool,
    /// Whether the thread gives way to all others: its clients would be on machines of their own, and take no core from those who are measured.
    pub(crate) gives_way: bool,
}

/// When a stream showed an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The stream.
    pub(crate) stream: u32,
    /// The event.
    pub(crate) serial: Serial,
    /// Nanoseconds since 1970.
    pub(crate) at_ns: u64,
}

/// What a thread of readers saw.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Every event on every stream, when its time was to be kept.
    pub(crate) seen: Vec<Seen>,
    /// Events on all streams.
    pub(crate) deliveries: u64,
    /// Bytes that came on streams that were open.
    pub(crate) bytes: u64,
    /// When the first stream was begun, in nanoseconds since 1970.
    pub(crate) begun_ns: u64,
    /// When each stream was open and had shown all.
    pub(crate) complete_ns: Vec<u64>,
    /// The order in which each stream showed its events, as one number.
    pub(crate) orders: Vec<u64>,
    /// How many events each stream had still to show.
    pub(crate) left: Vec<u32>,
    /// How often streams have shown all and connected anew.
    pub(crate) rounds: u64,
}

/// A thread that reads streams until it is told to stop. Every fault of a stream ends it, and panics in who waits for it.
pub(crate) struct Readers {
    shared: Arc<Shared>,
    waker: Waker,
    opened: oneshot::Receiver<()>,
    complete: oneshot::Receiver<()>,
    read: oneshot::Receiver<Result<Read, String>>,
}

/// What both sides look at.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    deliveries: AtomicU64,
}

impl Opening {
    /// As clients come on an ordinary day: below the rates at which a gateway refuses them.
    pub(crate) const CALM: Self = Self { at_once: 64, per_second: 3_000 };
    /// All at once, bounded only by the kernel.
    pub(crate) const STORM: Self = Self { at_once: usize::MAX, per_second: usize::MAX };
}

impl Readers {
    /// Starts the thread, which begins to open the streams.
    pub(crate) fn start(task: Task) -> Self {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(usize::MAX)).unwrap();
        let gives_way = task.gives_way;
        let (shared, address) = (Arc::new(Shared::default()), task.address.parse::<SocketAddr>().unwrap());
        let ([opened_to, complete_to], (read_to, read)) = ([0; 2].map(|_| oneshot::channel()), oneshot::channel());
        let thread = thread::Thread::new(task, address, poll, shared.clone(), opened_to.0, complete_to.0);
        let run = move || {
            if gives_way {
                // Of this thread alone: Linux keeps a priority per thread.
                setpriority_process(Some(gettid()), LOWEST).unwrap();
            }
            drop(read_to.send(thread.run()));
        };
        std::thread::Builder::new().name("readers".to_owned()).spawn(run).unwrap();
        Self { shared, waker, opened: opened_to.1, complete: complete_to.1, read }
    }

    /// Starts it and waits until all streams are open.
    pub(crate) async fn open(task: Task) -> Self {
        let mut readers = Self::start(task);
        if (&mut readers.opened).await.is_err() {
            readers.fail().await;
        }
        readers
    }

    /// Events on all streams so far.
    pub(crate) fn deliveries(&self) -> u64 {
        self.shared.deliveries.load(Ordering::Relaxed)
    }

    /// Waits until each stream has shown all.
    pub(crate) async fn complete(&mut self) {
        if (&mut self.complete).await.is_err() {
            self.fail().await;
        }
    }

    /// Waits until there were so many events on all streams, or each has shown all.
    pub(crate) async fn reach(&mut self, deliveries: u64) {
        let shared = self.shared.clone();
        let reached = async {
            while shared.deliveries.load(Ordering::Relaxed) < deliveries {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = reached => {}
            () = self.complete() => {}
        }
    }

    /// Ends it, at once.
    pub(crate) async fn stop(mut self) -> Read {
        self.tell_stop();
        (&mut self.read).await.unwrap().unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// Waits until each stream has shown all, and ends it.
    pub(crate) async fn finish(mut self) -> Read {
        self.complete().await;
        self.stop().await
    }

    async fn fail(&mut self) {
        let fault = (&mut self.read).await.unwrap().map(drop);
        panic!("{}", fault.err().unwrap_or_else(|| "the readers were stopped".to_owned()));
    }

    fn tell_stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // A thread that has ended needs no waking.
        self.waker.wake().unwrap_or_default();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.tell_stop();
    }
}

impl Read {
    /// Bytes of an event on the wire.
    pub(crate) fn bytes_each(&self) -> f64 {
        self.bytes as f64 / self.deliveries as f64
    }

    /// From the first begun to the last complete.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_nanos(self.last_ns().saturating_sub(self.begun_ns))
    }

    /// When the last stream was complete.
    pub(crate) fn last_ns(&self) -> u64 {
        self.complete_ns.iter().copied().max().unwrap_or(self.begun_ns)
    }
}
