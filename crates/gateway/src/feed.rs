//! The feed of one shard: follows the log and fills the hub's windows.
//!
//! It takes the live messages that the broker republishes, checks that their sequences are contiguous, and fills every gap from the log at
//! once. The end of the log is looked at every second, so that a lost last message and a log that was made anew are noticed
//! too. When the broker is away the windows stand still; nothing is lost, because the log is read from where it stood.

pub mod tail;

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::StreamExt;
use metrics::{counter, gauge, histogram};
use slipstream_broker::{Broker, Message, StreamState};
use slipstream_event::{CursorKey, Position};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::frame::Frame;
use crate::hub::{Hub, Log};
use crate::limits;
use crate::metrics::{FED, FEED_DELAY, FEED_GAPS, FEED_LAG, FEED_UNREADABLE};
use tail::{Offer, Tail};

/// Follows the log of one shard.
pub struct Feed {
    broker: Broker,
    hub: Arc<Hub>,
    shard: u16,
}

/// Why following stopped. It begins again in every case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker does not answer, or not as it should.
    #[error(transparent)]
    Broker(#[from] slipstream_broker::Error),
    /// The live subscription ended.
    #[error("the live subscription ended")]
    Ended,
    /// The stream was made anew, or lost its end.
    #[error("the stream's numbering began anew")]
    Rebuilt,
}

/// One following of a log, until an error.
struct Follow<'a> {
    feed: &'a Feed,
    log: Arc<Log>,
    tail: Tail,
}

impl Feed {
    /// A feed of `shard` into `hub`.
    pub fn new(broker: Broker, hub: Arc<Hub>, shard: u16) -> Self {
        Self { broker, hub, shard }
    }

    /// Follows the log until `shutdown`.
    ///
    /// # Errors
    /// None: whatever goes wrong is logged, counted, and tried again.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                stopped = self.follow() => {
                    let Err(reason) = stopped;
                    warn!(shard = self.shard, %reason, "the feed begins again");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(limits::FEED_RETRY) => {}
            }
        }
    }

    async fn follow(&self) -> Result<Infallible, Error> {
        // First the subscription, then the state: what is stored in between comes in twice, not never.
        let mut live = self.broker.live().await?;
        let state = self.broker.stream_state(self.shard).await?;
        let mut follow = self.begin(&state).await?;
        let mut check = interval(limits::END_CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stood_at = 0;
        loop {
            tokio::select! {
                message = live.next() => {
                    let message = message.ok_or(Error::Ended)?;
                    if message.shard == self.shard {
                        follow.take_live(message).await?;
                    }
                }
                _ = check.tick() => {
                    let state = self.broker.stream_state(self.shard).await?;
                    follow.check_end(&state, &mut stood_at).await?;
                }
            }
        }
    }

    /// Goes on with the log that the hub has, or begins a new one with its last events read in.
    async fn begin(&self, state: &StreamState) -> Result<Follow<'_>, Error> {
        if let Some(log) = self.hub.current(self.shard)
            && log.position(0).epoch == state.epoch
            && log.last() <= state.last_seq
        {
            let mut follow = Follow { feed: self, tail: Tail::new(log.last() + 1), log };
            follow.fill(state).await?;
            return Ok(follow);
        }
        let start = state.last_seq.saturating_sub(limits::WARM_EVENTS).max(state.first_seq.saturating_sub(1)).min(state.last_seq);
        let log = Arc::new(Log::new(self.shard, state.epoch, start));
        let mut follow = Follow { feed: self, tail: Tail::new(start + 1), log };
        follow.fill(state).await?;
        // Only now: a stream that starts live must not get the events that warm the windows.
        self.hub.open(follow.log.clone());
        info!(shard = self.shard, epoch = state.epoch, last_seq = state.last_seq, "the feed follows the log");
        Ok(follow)
    }
}

impl Follow<'_> {
    async fn take_live(&mut self, message: Message) -> Result<(), Error> {
        match self.tail.offer(message.seq) {
            Offer::Old => {}
            Offer::Take => {
                if let Some(stored_at) = message.stored_at {
                    let delay = time::OffsetDateTime::now_utc() - stored_at;
                    histogram!(FEED_DELAY).record(delay.as_seconds_f64().max(0.0));
                }
                self.take(&message, "live");
            }
            Offer::Gap { from } => {
                debug!(shard = self.feed.shard, from, to = message.seq, "filling a gap of the live subscription");
                counter!(FEED_GAPS).increment(1);
                let state = self.feed.broker.stream_state(self.feed.shard).await?;
                self.check_log(&state)?;
                self.fill(&state).await?;
            }
        }
        Ok(())
    }

    /// Compares the end of the log with what came in. A message may be on its way: only when nothing came since the last look, it is fetched.
    async fn check_end(&mut self, state: &StreamState, stood_at: &mut u64) -> Result<(), Error> {
        self.check_log(state)?;
        self.log.set_first(state.first_seq);
        let next = self.tail.next();
        #[expect(clippy::cast_precision_loss, reason = "a lag of 2^52 messages need not be exact")]
        gauge!(FEED_LAG, "shard" => self.feed.shard.to_string()).set((state.last_seq + 1).saturating_sub(next) as f64);
        if state.last_seq >= next && *stood_at == next {
            counter!(FEED_GAPS).increment(1);
            self.fill(state).await?;
        }
        *stood_at = self.tail.next();
        Ok(())
    }

    fn check_log(&self, state: &StreamState) -> Result<(), Error> {
        let same = state.epoch == self.log.position(0).epoch && state.last_seq + 1 >= self.tail.next();
        if same { Ok(()) } else { Err(Error::Rebuilt) }
    }

    /// Reads the log up to its end.
    async fn fill(&mut self, state: &StreamState) -> Result<(), Error> {
        if state.first_seq > self.tail.next() && state.last_seq >= self.tail.next() {
            warn!(shard = self.feed.shard, next = self.tail.next(), first_seq = state.first_seq, "the broker's retention overtook the feed");
            self.log.skip(state.first_seq - 1);
            self.tail.through(state.first_seq - 1);
        }
        while self.tail.next() <= state.last_seq {
            let from = self.tail.next();
            let fill = self.feed.broker.fill(self.feed.shard, from, state.last_seq.min(from + limits::FILL_EVENTS_MAX - 1)).await?;
            for message in &fill.messages {
                if self.tail.offer(message.seq) != Offer::Old {
                    self.take(message, "fill");
                }
            }
            self.tail.through(fill.through_seq);
            self.log.advance(fill.through_seq);
        }
        Ok(())
    }

    fn take(&mut self, message: &Message, way: &'static str) {
        self.tail.through(message.seq);
        if message.redriven.is_some() {
            return self.log.advance(message.seq);
        }
        match frame(self.feed.hub.key(), self.log.position(message.seq), message) {
            Some(frame) => {
                self.log.push(frame);
                counter!(FED, "way" => way).increment(1);
            }
            None => {
                // Fails closed: what is not an event of its subject's tenant is shown to nobody.
                error!(shard = message.shard, seq = message.seq, "a message of the log is no event of its subject's tenant");
                counter!(FEED_UNREADABLE).increment(1);
                self.log.advance(message.seq);
            }
        }
    }
}

fn frame(key: &CursorKey, position: Position, message: &Message) -> Option<Frame> {
    let (tenant, _) = message.tenant_and_type()?;
    Frame::new(key, &tenant, position, &message.payload)
}
