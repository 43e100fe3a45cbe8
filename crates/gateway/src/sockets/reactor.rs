//! The loop of one thread: what happened to sockets and lanes, whose turn it is to be written to, and what the clock says.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use mio::event::Event;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::clock::Clock;
use super::group::Group;
use super::inbox::{Inbox, Letter};
use super::reads::{Asked, Reads};
use super::slot::{Slot, Tally, Turn, Waits};
use super::turns::Turns;
use super::{Adopted, Part};
use crate::hub::lane::Lane;
use crate::limits;
use crate::routes::Gateway;
use crate::stream::session::Env;
use crate::stream::span::Spans;

/// The token of the waker; slots have their own numbers.
const WAKER: Token = Token(usize::MAX);

/// The sockets of one thread.
pub struct Reactor {
    poll: Poll,
    inbox: Arc<Inbox>,
    pub(super) env: Env,
    pub(super) slots: Slab<Slot>,
    groups: Slab<Group>,
    /// Groups by the address of their lane, which the group keeps alive.
    group_of: HashMap<usize, usize>,
    /// Lanes whose streams wait for what came in.
    live: Turns,
    /// Streams that catch up, or have something of their own to say.
    own: VecDeque<usize>,
    reads: mpsc::Sender<Asked>,
    generation: u64,
    pub(super) tally: Tally,
    pub(super) stall: Duration,
    pub(super) clock: Clock,
    letters: Vec<Letter>,
    scratch: Box<[u8]>,
    spans: Spans,
}

impl Reactor {
    pub(super) fn part(gateway: &Gateway, stall: Duration, drain: &CancellationToken) -> io::Result<Part> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(Waker::new(poll.registry(), WAKER)?));
        let (asks, asked) = mpsc::channel(limits::WANTED_MAX);
        let reads = Reads::new(gateway.replay.clone(), gateway.env.revoked.subscribe(), asked, inbox.clone());
        let reactor = Self {
            poll,
            inbox,
            env: gateway.env.clone(),
            slots: Slab::new(),
            groups: Slab::new(),
            group_of: HashMap::new(),
            live: Turns::default(),
            own: VecDeque::new(),
            reads: asks,
            generation: 0,
            tally: Tally::default(),
            stall,
            clock: Clock::new(gateway.env.heartbeat, drain.clone()),
            letters: Vec::new(),
            scratch: vec![0; 4 * 1024].into_boxed_slice(),
            spans: Spans::default(),
        };
        Ok(Part { reactor, reads })
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        self.inbox.clone()
    }

    /// Writes streams until `shutdown` and until none is left. Blocks its thread.
    ///
    /// # Errors
    /// When the system's poll fails.
    pub fn run(mut self, shutdown: &CancellationToken) -> io::Result<()> {
        let mut events = Events::with_capacity(limits::SOCKET_EVENTS_MAX);
        loop {
            self.sleep(&mut events)?;
            for event in &events {
                self.socket(event);
            }
            self.turns();
            let now = Instant::now();
            if self.clock.is_due(now) {
                self.tick(now);
                if shutdown.is_cancelled() && self.slots.is_empty() {
                    return Ok(());
                }
            }
        }
    }

    /// Waits for sockets, news, or the clock; not at all when somebody waits for a turn.
    fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = if self.live.is_empty() && self.own.is_empty() && self.inbox.lie_down() { self.clock.until_due(Instant::now()) } else { Duration::ZERO };
        let polled = self.poll.poll(events, Some(timeout));
        self.inbox.get_up();
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn socket(&mut self, event: &Event) {
        let Some(slot) = self.slots.get_mut(event.token().0) else { return };
        let key = event.token().0;
        if event.is_error() || event.is_read_closed() || (event.is_readable() && !slot.listen(&mut self.scratch)) {
            self.remove(key);
        } else if event.is_writable() && slot.stalled_since.take().is_some() {
            self.queue_slot(key);
        }
    }

    fn letters(&mut self) {
        let mut letters = std::mem::take(&mut self.letters);
        self.inbox.empty(&mut letters);
        for letter in letters.drain(..) {
            self.letter(letter);
        }
        self.letters = letters;
    }

    fn letter(&mut self, letter: Letter) {
        match letter {
            Letter::Adopt(adopted) => {
                if let Err(error) = self.adopt(*adopted) {
                    debug!(%error, "a socket could not be taken over");
                }
            }
            Letter::Rung(group) => {
                if let Some(group_state) = self.groups.get_mut(group) {
                    group_state.has_rung = true;
                    if !group_state.is_queued {
                        group_state.is_queued = true;
                        self.live.wake(group);
                    }
                }
            }
            Letter::Read(key, generation, step) => {
                if let Some(slot) = self.slots.get_mut(key).filter(|slot| slot.generation == generation && slot.waits == Waits::Read) {
                    slot.waits = Waits::Nothing;
                    slot.session.bring(&self.env, step);
                    self.queue_slot(key);
                }
            }
            Letter::Revoked => self.check_revocations(),
        }
    }

    fn adopt(&mut self, adopted: Adopted) -> io::Result<()> {
        let Adopted { socket, session, seat } = adopted;
        let mut socket = mio::net::TcpStream::from_std(socket);
        let key = self.slots.vacant_key();
        self.poll.registry().register(&mut socket, Token(key), Interest::READABLE | Interest::WRITABLE)?;
        let (group, member) = self.join(session.lane().clone(), key);
        self.generation += 1;
        let mut slot = Slot::new(socket, session, seat, self.generation, group, member);
        // The caller may have been cut off after it was let in.
        slot.session.check(&self.env);
        slot.close_at = self.clock.is_draining().then(Instant::now);
        self.slots.insert(slot);
        self.queue_slot(key);
        Ok(())
    }

    /// Adds a slot to its lane's group; the group, and the place in it.
    fn join(&mut self, lane: Arc<Lane>, key: usize) -> (u32, u32) {
        let group = *self.group_of.entry(Arc::as_ptr(&lane).addr()).or_insert_with(|| {
            let entry = self.groups.vacant_entry();
            let group = entry.key();
            entry.insert(Group::new(lane, group, self.inbox.clone()));
            group
        });
        let members = &mut self.groups[group].members;
        members.push(index(key));
        (index(group), index(members.len() - 1))
    }

    fn leave(&mut self, group: u32, member: u32) {
        let key = group as usize;
        let Some(state) = self.groups.get_mut(key) else { return };
        state.members.swap_remove(member as usize);
        // The one that moved may stand before where the pass is now: another pass finds it.
        state.has_rung |= state.is_queued;
        if let Some(moved) = state.members.get(member as usize)
            && let Some(slot) = self.slots.get_mut(*moved as usize)
        {
            slot.member = member;
        }
        if state.members.is_empty() {
            self.group_of.remove(&Arc::as_ptr(&state.lane).addr());
            self.groups.remove(key);
        }
    }

    pub(super) fn remove(&mut self, key: usize) {
        let Some(mut slot) = self.slots.try_remove(key) else { return };
        self.leave(slot.group, slot.member);
        drop(self.poll.registry().deregister(&mut slot.socket));
    }

    pub(super) fn queue_slot(&mut self, key: usize) {
        if let Some(slot) = self.slots.get_mut(key)
            && !slot.is_queued
        {
            slot.is_queued = true;
            self.own.push_back(key);
        }
    }

    /// Gives turns until nobody waits for one, or it is time to look at the sockets. Lanes and single streams alternate, and the news is read before each: neither what is
    /// live nor who catches up holds the other up, and a tenant with few events waits for one turn of those with many, however many those are.
    fn turns(&mut self) {
        let begun = Instant::now();
        let mut now = begun;
        while now - begun < limits::TURNS {
            self.letters();
            let (group, slot) = (self.live.next(), self.own.pop_front());
            if group.is_none() && slot.is_none() {
                return;
            }
            if let Some(key) = group {
                self.group_turn(key, now);
            }
            if let Some(key) = slot {
                self.slot_turn(key, now);
            }
            now = Instant::now();
        }
    }

    fn slot_turn(&mut self, key: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        slot.is_queued = false;
        self.spans.begin();
        let turn = slot.turn(&self.env, now, limits::TURN_WRITES, &mut self.spans, &mut self.tally);
        self.turned(key, turn, now);
    }

    /// Writes to the next members of a group.
    fn group_turn(&mut self, key: usize, now: Instant) {
        let Some(group) = self.groups.get_mut(key) else { return };
        if group.passed == 0 || group.passed >= group.members.len() {
            if !group.has_rung {
                group.rest();
                return;
            }
            group.begin();
        }
        let from = group.passed;
        let members = group.members.len();
        let to = members.min(from + limits::TURN_STREAMS);
        let mut spans = std::mem::take(&mut group.spans);
        group.passed = to;
        for at in (from..to).rev() {
            let Some(member) = self.groups.get(key).and_then(|group| group.members.get(at)).map(|member| *member as usize) else { continue };
            let Some(slot) = self.slots.get_mut(member).filter(|slot| slot.is_free()) else { continue };
            let turn = slot.turn(&self.env, now, 1, &mut spans, &mut self.tally);
            if !matches!(turn, Turn::Idle) {
                self.turned(member, turn, now);
            }
        }
        let Some(group) = self.groups.get_mut(key) else { return };
        group.spans = spans;
        if group.passed >= group.members.len() {
            group.passed = 0;
        }
        self.live.had(key);
    }

    fn turned(&mut self, key: usize, turn: Turn, now: Instant) {
        match turn {
            Turn::Idle => {}
            Turn::More => self.queue_slot(key),
            Turn::Over => self.remove(key),
            Turn::Rebase => {
                if let Some(slot) = self.slots.get_mut(key) {
                    slot.waits = Waits::Log(now + self.env.heartbeat);
                }
                self.rebase(key, now);
            }
            Turn::Read(wanted) => {
                let Some(slot) = self.slots.get_mut(key) else { return };
                // The answer to an earlier question, which another log may have come between, is not this one's.
                self.generation += 1;
                slot.generation = self.generation;
                let is_sent = self.reads.try_send(Asked { key, generation: slot.generation, wanted }).is_ok();
                slot.waits = if is_sent { Waits::Read } else { Waits::Asking };
            }
        }
    }

    /// Goes over to the log that takes the place of a closed one, when there is one by now.
    pub(super) fn rebase(&mut self, key: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Waits::Log(until) = slot.waits else { return };
        match self.env.hub.open_log(slot.session.lane().tenant()) {
            Some(log) => {
                slot.waits = Waits::Nothing;
                let (group, member) = (slot.group, slot.member);
                slot.session.rebase(&self.env, log);
                let lane = slot.session.lane().clone();
                self.leave(group, member);
                let (group, member) = self.join(lane, key);
                let slot = &mut self.slots[key];
                (slot.group, slot.member) = (group, member);
                self.queue_slot(key);
            }
            None if now >= until => {
                slot.waits = Waits::Nothing;
                slot.session.end();
                self.queue_slot(key);
            }
            None => {}
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if !self.slots.is_empty() {
            warn!(streams = self.slots.len(), "streams did not end in time and are cut");
        }
    }
}

fn index(key: usize) -> u32 {
    u32::try_from(key).unwrap_or(u32::MAX)
}
