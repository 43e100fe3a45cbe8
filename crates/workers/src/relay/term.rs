//! One term of leadership: claim, publish, note, until it ends.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use metrics::counter;
use slipstream_event::{Position, Tenant, Timestamp};
use slipstream_store::Error as StoreError;
use slipstream_store::outbox::{Leadership, Row, Wakeups};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::compare::{self, Compared, Memory};
use super::context::Context;
use super::outcome::{Done, End, Trouble};
use super::publish::{self, Order};
use super::settle::{self, Settlement};
use super::suspects::Suspects;
use crate::backoff::{Backoff, pause_after};
use crate::failpoint::Point;
use crate::{limits, metrics as names};

/// The state of a term. All waiting is done in [`Term::run`]; everything else here decides.
pub(super) struct Term {
    context: Context,
    board: Board,
    suspects: Suspects,
    memories: Vec<Memory>,
    unsettled: Settlement,
    work: Work,
    /// Whether to look at the outbox without waiting for a sign.
    look_now: bool,
    poll: Duration,
    look_backoff: Backoff,
    settle_backoff: Backoff,
    compare_backoffs: Vec<Backoff>,
    /// Of the broker, when the streams were compared last.
    connection: u64,
    stopping: bool,
}

/// What is under way.
#[derive(Default)]
struct Work {
    publishing: FuturesUnordered<BoxFuture<'static, Done>>,
    comparing: FuturesUnordered<BoxFuture<'static, Comparison>>,
    /// One at most.
    settling: FuturesUnordered<BoxFuture<'static, (Settlement, Result<(), StoreError>)>>,
    /// One at most. It holds the leadership meanwhile.
    looking: FuturesUnordered<BoxFuture<'static, Looked>>,
}

/// The end of a comparison: the shard, the number of the connection when it began, and what it found.
type Comparison = (u16, u64, Result<Compared, Trouble>);

/// The end of a look at the outbox. Without leadership the term is over.
type Looked = Option<(Leadership, Result<Vec<Row>, StoreError>)>;

impl Term {
    pub(super) fn new(context: Context) -> Self {
        let shards = context.broker.shards();
        let backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
        Self {
            board: Board::new(shards, Instant::now()),
            suspects: Suspects::new(Timestamp::now(), context.config.duplicate_window),
            memories: vec![Memory::default(); usize::from(shards)],
            unsettled: Settlement::default(),
            work: Work::default(),
            look_now: true,
            poll: limits::POLL_MIN,
            look_backoff: backoff,
            settle_backoff: backoff,
            compare_backoffs: vec![backoff; usize::from(shards)],
            connection: context.broker.connection_number(),
            stopping: false,
            context,
        }
    }

    /// Works until `shutdown`, then finishes what is under way and gives the leadership back; `None` when it was lost, and then all work stops at once:
    /// what was sent and not noted is found in the log by whoever leads next.
    pub(super) async fn run(mut self, leadership: Leadership, shutdown: &CancellationToken) -> Option<Leadership> {
        let mut leadership = Some(leadership);
        let mut wakeups = self.context.outbox.wakeups();
        loop {
            self.stopping = shutdown.is_cancelled();
            self.begin(&mut leadership);
            if self.stopping && self.is_idle() {
                return leadership;
            }
            let due = self.board.next_due();
            let waits = leadership.is_some() && !self.look_now && !self.stopping;
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !self.stopping => (0..self.context.broker.shards()).for_each(|shard| self.context.close_lane(shard)),
                Some(looked) = self.work.looking.next() => leadership = Some(self.looked(looked?).await),
                Some((shard, connection, result)) = self.work.comparing.next() => self.compared(shard, connection, result),
                Some((settlement, result)) = self.work.settling.next() => self.settled(settlement, result),
                Some(done) = self.work.publishing.next() => self.done(done),
                () = wake(&mut wakeups, self.poll), if waits => self.look_now = true,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    /// Begins all work that can begin.
    fn begin(&mut self, leadership: &mut Option<Leadership>) {
        if !self.unsettled.is_empty() && self.work.settling.is_empty() {
            let settlement = std::mem::take(&mut self.unsettled);
            self.work.settling.push(Box::pin(settle::settle(self.context.clone(), settlement)));
        }
        if self.stopping {
            return;
        }
        self.check_connection();
        let tick = self.board.tick(Instant::now());
        self.look_now |= tick.freed;
        tick.closed.into_iter().for_each(|shard| self.context.close_lane(shard));
        for shard in tick.compare {
            let (context, memory, connection) = (self.context.clone(), self.memories[usize::from(shard)].clone(), self.connection);
            self.work.comparing.push(Box::pin(async move { (shard, connection, compare::compare(&context, shard, memory).await) }));
        }
        if self.look_now
            && self.board.has_room()
            && let Some(leadership) = leadership.take()
        {
            self.look_now = false;
            self.board.begin_look();
            self.work.looking.push(Box::pin(look(self.context.clone(), leadership, self.board.except())));
        }
    }

    /// Nothing goes out without a connection, nor over a new one before the streams were compared.
    fn check_connection(&mut self) {
        let connection = self.context.broker.connection_number();
        if std::mem::replace(&mut self.connection, connection) != connection || !self.context.broker.connected() {
            (0..self.context.broker.shards()).for_each(|shard| self.close(shard));
        }
    }

    /// Nothing that has left this process is without its note. A look or a comparison may be dropped at any time.
    fn is_idle(&self) -> bool {
        self.work.publishing.is_empty() && self.work.settling.is_empty() && self.unsettled.is_empty()
    }

    /// Sends off what was claimed.
    async fn looked(&mut self, (leadership, claimed): (Leadership, Result<Vec<Row>, StoreError>)) -> Leadership {
        let rows = match claimed {
            Ok(rows) => rows,
            Err(error) => {
                if self.look_backoff.is_fresh() {
                    tracing::warn!(%error, "the relay cannot read the outbox; it tries again");
                }
                self.poll = self.look_backoff.failed();
                return leadership;
            }
        };
        self.look_backoff.succeeded();
        self.poll = if rows.is_empty() { (self.poll * 2).clamp(limits::POLL_MIN, limits::POLL_MAX) } else { limits::POLL_MIN };
        if rows.is_empty() {
            return leadership;
        }
        self.context.config.fail_points.visit(Point::RelayClaimed).await;
        self.look_now |= rows.len() >= limits::CLAIM_ROWS_MAX;
        for (tenant, rows) in by_tenant(rows) {
            self.send_off(tenant, rows);
        }
        leadership
    }

    fn send_off(&mut self, tenant: Tenant, rows: Vec<Row>) {
        let (shard, now) = (self.context.broker.shard_of(&tenant), Instant::now());
        if !self.board.take(shard, &tenant, rows.len()) {
            return;
        }
        // An open shard was compared.
        let floor = self.memories[usize::from(shard)].end.unwrap_or_else(|| Position::new(shard, 0, 0));
        let look = rows.first().is_some_and(|row| self.suspects.includes(&tenant, row.created_at, now));
        let closings = self.context.closings(shard);
        let order = Order { tenant, shard, rows, look, claimed_at: now, closings, connection: self.connection, floor };
        self.work.publishing.push(Box::pin(publish::publish(self.context.clone(), order)));
    }

    fn done(&mut self, done: Done) {
        let now = Instant::now();
        let mut pause_until = None;
        if done.cleared {
            self.suspects.cleared(&done.tenant, now);
        }
        match &done.end {
            End::Whole => self.suspects.succeeded(&done.tenant),
            End::GivenBack => {}
            End::Failed(failure) => {
                counter!(names::RELAY_FAILURES_TOTAL).increment(1);
                tracing::debug!(tenant = %done.tenant, attempts = failure.attempts, error = failure.error, "publishing failed; it is tried again");
                self.suspects.failed(&done.tenant, now);
                pause_until = Some(now + pause_after(failure.attempts, limits::TENANT_PAUSE, limits::TENANT_PAUSE_MAX));
                self.close(done.shard);
            }
        }
        let memory = &mut self.memories[usize::from(done.shard)];
        if done.new.is_some_and(|(lowest, highest)| !memory.admit(done.floor, lowest, highest)) {
            self.close(done.shard);
        }
        self.unsettled.add(done, pause_until);
    }

    /// Closes a shard until its stream was compared.
    fn close(&mut self, shard: u16) {
        self.context.close_lane(shard);
        self.board.close(shard, Instant::now());
    }

    fn settled(&mut self, settlement: Settlement, result: Result<(), StoreError>) {
        if let Err(error) = result {
            if self.settle_backoff.is_fresh() {
                tracing::warn!(%error, "the relay cannot note what was published; it tries again");
            }
            if self.stopping {
                // Whoever leads next finds the rows in the log.
                return;
            }
            let pause = self.settle_backoff.failed();
            let context = self.context.clone();
            self.work.settling.push(Box::pin(async move {
                tokio::time::sleep(pause).await;
                settle::settle(context, settlement).await
            }));
            // Whether it still leads is seen by a look.
            self.look_now = true;
            return;
        }
        self.settle_backoff.succeeded();
        for (tenant, shard, pause_until) in settlement.tenants {
            self.board.give_back(shard, &tenant, pause_until);
        }
        self.look_now = true;
    }

    fn compared(&mut self, shard: u16, connection: u64, result: Result<Compared, Trouble>) {
        let backoff = &mut self.compare_backoffs[usize::from(shard)];
        match result {
            Ok(compared) => {
                backoff.succeeded();
                self.memories[usize::from(shard)] = compared.memory;
                if compared.reopened > 0 {
                    self.suspects.all(Timestamp::now());
                }
                if connection == self.context.broker.connection_number() {
                    self.board.open(shard, Instant::now() + limits::COMPARE_EVERY);
                } else {
                    // The broker that was compared may not be the one that is there now.
                    self.board.keep_closed(shard, Instant::now());
                }
                self.look_now = true;
            }
            Err(trouble) => {
                if backoff.is_fresh() {
                    tracing::warn!(shard, error = %trouble, "the relay waits for the broker");
                }
                let pause = backoff.failed();
                self.board.keep_closed(shard, Instant::now() + pause);
            }
        }
    }
}

/// Makes sure that this relay still leads, and claims.
async fn look(context: Context, mut leadership: Leadership, except: Vec<Tenant>) -> Looked {
    if !leadership.is_held().await {
        return None;
    }
    let claimed = context.outbox.claim(limits::CLAIM_ROWS_MAX, &except).await;
    Some((leadership, claimed))
}

async fn wake(wakeups: &mut Wakeups, poll: Duration) {
    wakeups.next(poll).await;
}

/// Keeps the order of the rows within each tenant.
fn by_tenant(rows: Vec<Row>) -> HashMap<Tenant, Vec<Row>> {
    let mut tenants: HashMap<Tenant, Vec<Row>> = HashMap::new();
    for row in rows {
        tenants.entry(row.tenant.clone()).or_default().push(row);
    }
    tenants
}
