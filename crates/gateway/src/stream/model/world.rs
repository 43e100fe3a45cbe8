//! Broker and archive as lists, and a real hub that is fed from them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use slipstream_access::Revocations;
use slipstream_event::{Actor, CursorKey, Event, EventType, Position, Tenant, Timestamp};
use tokio::time::Duration;
use uuid::Uuid;

use crate::activity::{Change, Shown, Turn};
use crate::cold::{self, ColdReplay};
use crate::frame::Frame;
use crate::hub::{Hub, Log};
use crate::stream::budget::Budget;
use crate::stream::replay::{Replay, Sources};
use crate::stream::session::Env;
use crate::stream::span::Spans;
use crate::warm::{self, Missing, WarmReplay};

/// Some events a second: replays often wait. The clock goes on by itself when all wait.
const BUDGET: Budget = Budget { read: 2_000, shown: 1_000 };

/// A message of a log.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) seq: u64,
    pub(super) tenant: Tenant,
    pub(super) id: Uuid,
    /// Whether it turns the activity log off, or on.
    pub(super) turn: Option<Turn>,
    payload: Bytes,
}

/// One shard's stream in one epoch.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) messages: Vec<Message>,
    pub(super) first_seq: u64,
    pub(super) archived: u64,
}

/// What broker and archive hold: streams by shard and epoch.
#[derive(Default)]
pub(super) struct Held {
    pub(super) streams: HashMap<(u16, u64), Stream>,
    pub(super) epoch: u64,
    turned: HashMap<Tenant, Turn>,
}

/// The whole.
pub(super) struct World {
    pub(super) held: Arc<Mutex<Held>>,
    pub(super) env: Env,
    pub(super) replay: Replay,
    pub(super) spans: Spans,
    shards: u16,
    logs: Vec<Arc<Log>>,
    fed: Vec<u64>,
}

struct Lists(Arc<Mutex<Held>>, u16);

/// The tenant of this number.
pub(super) fn tenant(number: usize) -> Tenant {
    Tenant::new(["a", "b"][number]).unwrap()
}

/// Nobody is cut off.
pub(super) fn revoked_none() -> Revocations {
    let revocations = Revocations::unread();
    revocations.replace([]);
    revocations
}

impl World {
    pub(super) fn new(shards: u16) -> Self {
        let held = Arc::new(Mutex::new(Held::default()));
        let key = CursorKey::new(b"the model's key");
        let lists = Arc::new(Lists(held.clone(), shards));
        let replay = Replay::new(key.clone(), sources(&lists), BUDGET);
        let env = Env { hub: Arc::new(Hub::new(key, shards)), revoked: revoked_none(), heartbeat: Duration::from_secs(3_600), budget: BUDGET };
        let mut world = Self { held, env, replay, spans: Spans::default(), shards, logs: Vec::new(), fed: Vec::new() };
        world.recreate();
        world
    }

    pub(super) fn epoch(&self) -> u64 {
        self.held.lock().unwrap().epoch
    }

    pub(super) fn publish(&mut self, number: usize, count: u64) {
        let mut held = self.held.lock().unwrap();
        for _ in 0..count {
            held.add(self.env.hub.as_ref(), &tenant(number), None);
        }
    }

    pub(super) fn turn(&mut self, number: usize) {
        let (tenant, mut held) = (tenant(number), self.held.lock().unwrap());
        let last = held.turned.get(&tenant).copied();
        let change = if last.is_some_and(|last| last.change == Change::Off) { Change::On } else { Change::Off };
        let at = last.map_or(0, |last| last.at.micros() + 1).max(Timestamp::now().micros());
        let turn = Turn { at: Timestamp::from_micros(at).unwrap(), change };
        held.turned.insert(tenant.clone(), turn);
        held.add(self.env.hub.as_ref(), &tenant, Some(turn));
    }

    pub(super) fn feed(&mut self, count: u64) {
        let held = self.held.lock().unwrap();
        for shard in 0..self.shards {
            let (log, fed) = (&self.logs[usize::from(shard)], &mut self.fed[usize::from(shard)]);
            let stream = &held.streams[&(shard, held.epoch)];
            if stream.first_seq > *fed + 1 && stream.messages.len() as u64 > *fed {
                // As the feed does when the broker's retention has overtaken it.
                log.skip(stream.first_seq - 1);
                *fed = stream.first_seq - 1;
            }
            let to = (stream.messages.len() as u64).min(fed.saturating_add(count));
            push(&self.env, log, stream, *fed, to);
            *fed = (*fed).max(to);
        }
    }

    pub(super) fn archive(&mut self, count: u64) {
        let mut held = self.held.lock().unwrap();
        let epoch = held.epoch;
        for (_, stream) in held.streams.iter_mut().filter(|((_, of), _)| *of == epoch) {
            // What left the broker before it was archived is lost to the archive too.
            if stream.archived + 1 >= stream.first_seq {
                stream.archived = (stream.messages.len() as u64).min(stream.archived + count);
            }
        }
    }

    pub(super) fn trim(&mut self, keep: u64, may_lose: bool) {
        let mut held = self.held.lock().unwrap();
        let epoch = held.epoch;
        for (_, stream) in held.streams.iter_mut().filter(|((_, of), _)| *of == epoch) {
            let wanted = (stream.messages.len() as u64 + 1).saturating_sub(keep).max(1);
            // Nobody could know of a turn that is nowhere.
            let turn = stream.messages.iter().find(|message| message.seq > stream.archived && message.turn.is_some()).map_or(u64::MAX, |message| message.seq);
            let first = if may_lose { wanted.min(turn) } else { wanted.min(stream.archived + 1) };
            stream.first_seq = stream.first_seq.max(first);
        }
    }

    pub(super) fn recreate(&mut self) {
        let mut held = self.held.lock().unwrap();
        // A turn that is nowhere did not happen.
        let archived = |held: &Held, number| {
            let (shard, tenant) = (self.env.hub.shard_of(&tenant(number)), tenant(number));
            let streams = (1..=held.epoch).map(|epoch| &held.streams[&(shard, epoch)]);
            let messages = streams.flat_map(|stream| stream.messages.iter().filter(|message| message.seq <= stream.archived));
            let last = messages.filter(|message| message.tenant == tenant).filter_map(|message| message.turn).last();
            last.map(|turn| (tenant, turn))
        };
        held.turned = (0..2).filter_map(|number| archived(&held, number)).collect();
        held.epoch += 1;
        let epoch = held.epoch;
        for shard in 0..self.shards {
            held.streams.insert((shard, epoch), Stream { first_seq: 1, ..Stream::default() });
        }
        drop(held);
        self.open(0);
    }

    /// A new process: nothing of the old one's memory is left.
    pub(super) fn restart(&mut self, warm: u64) {
        self.env.hub = Arc::new(Hub::new(self.env.hub.key().clone(), self.shards));
        let lists = Arc::new(Lists(self.held.clone(), self.shards));
        self.replay = Replay::new(self.env.hub.key().clone(), sources(&lists), BUDGET);
        self.spans = Spans::default();
        self.open(warm);
    }

    fn open(&mut self, warm: u64) {
        let held = self.held.lock().unwrap();
        (self.logs, self.fed) = (Vec::new(), Vec::new());
        for shard in 0..self.shards {
            let stream = &held.streams[&(shard, held.epoch)];
            let last = stream.messages.len() as u64;
            let start = last.saturating_sub(warm).max(stream.first_seq - 1).min(last);
            let log = Arc::new(Log::new(shard, held.epoch, start));
            push(&self.env, &log, stream, start, last);
            self.env.hub.open(log.clone());
            self.logs.push(log);
            self.fed.push(last);
        }
    }
}

fn sources(lists: &Arc<Lists>) -> Sources {
    Sources { warm: lists.clone(), cold: lists.clone() }
}

fn push(env: &Env, log: &Log, stream: &Stream, after: u64, to: u64) {
    for message in stream.messages.iter().filter(|message| message.seq > after && message.seq <= to) {
        log.push(Frame::new(env.hub.key(), &message.tenant, log.position(message.seq), &message.payload).unwrap());
    }
}

impl Held {
    fn add(&mut self, hub: &Hub, tenant: &Tenant, turn: Option<Turn>) {
        let stream = self.streams.get_mut(&(hub.shard_of(tenant), self.epoch)).unwrap();
        let event_type = match turn.map(|turn| turn.change) {
            None => "a.b.c",
            Some(Change::Off) => "activity.log.disabled",
            Some(_) => "activity.log.enabled",
        };
        let mut event = Event::new(tenant, &EventType::new(event_type).unwrap(), "e", Actor::user("u"));
        event.timestamp = turn.map_or(event.timestamp, |turn| turn.at);
        let seq = stream.messages.len() as u64 + 1;
        stream.messages.push(Message { seq, tenant: tenant.clone(), id: event.id, turn, payload: event.to_json().into() });
    }

    /// What the archive knows of a tenant's activity log: of the epochs before too.
    pub(super) fn shown(&self, tenant: &Tenant, shard: u16, epoch: u64) -> Shown {
        let mut shown = Shown { max_days: 90, ..Shown::default() };
        for old in 1..=epoch {
            let stream = &self.streams[&(shard, old)];
            for message in stream.messages.iter().filter(|message| message.tenant == *tenant && message.seq <= stream.archived) {
                if let Some(turn) = message.turn {
                    shown.learn(if old == epoch { message.seq } else { 0 }, turn);
                }
            }
        }
        Shown { through_seq: self.streams[&(shard, epoch)].archived, ..shown }
    }
}

impl Lists {
    fn events(stream: &Stream, tenant: &Tenant, after: u64, up_to: u64) -> Vec<(u64, Bytes)> {
        let wanted = |message: &&Message| message.tenant == *tenant && message.seq > after && message.seq <= up_to;
        stream.messages.iter().filter(wanted).map(|message| (message.seq, message.payload.clone())).collect()
    }
}

impl WarmReplay for Lists {
    fn page<'a>(&'a self, tenant: &'a Tenant, after: u64, up_to: u64, events_max: usize, _: usize) -> warm::Answer<'a, Result<warm::Page, Missing>> {
        let held = self.0.lock().unwrap();
        let epoch = held.epoch;
        let stream = &held.streams[&(slipstream_event::subject::shard_of(tenant, self.1), epoch)];
        let page = if stream.first_seq > after + 1 {
            Err(Missing::Expired { first_seq: stream.first_seq })
        } else {
            let mut events = Self::events(stream, tenant, after, up_to);
            let through_seq = events.get(events_max).map_or(up_to, |(seq, _)| seq - 1);
            events.truncate(events_max);
            Ok(warm::Page { events, through_seq, epoch })
        };
        Box::pin(async { page })
    }

    fn last_seq(&self, shard: u16, epoch: u64) -> warm::Answer<'_, Option<u64>> {
        let held = self.0.lock().unwrap();
        let last = (held.epoch == epoch).then(|| held.streams[&(shard, epoch)].messages.len() as u64);
        Box::pin(async move { last })
    }
}

impl ColdReplay for Lists {
    fn page<'a>(&'a self, tenant: &'a Tenant, after: Position, up_to: u64, limit: usize) -> cold::Answer<'a, cold::Page> {
        let held = self.0.lock().unwrap();
        let stream = &held.streams[&(after.shard, after.epoch)];
        let up_to = up_to.min(stream.archived);
        let mut events = Self::events(stream, tenant, after.seq, up_to);
        let through_seq = events.get(limit).map_or(up_to, |(seq, _)| seq - 1);
        events.truncate(limit);
        Box::pin(async move { Ok(cold::Page { events, through_seq }) })
    }

    fn count<'a>(&'a self, tenant: &'a Tenant, after: Position, up_to: u64) -> cold::Answer<'a, u64> {
        let held = self.0.lock().unwrap();
        let stream = &held.streams[&(after.shard, after.epoch)];
        let count = Self::events(stream, tenant, after.seq, up_to.min(stream.archived)).len() as u64;
        Box::pin(async move { Ok(count) })
    }

    fn locate<'a>(&'a self, _: &'a Tenant, id: Uuid) -> cold::Answer<'a, Option<Position>> {
        let held = self.0.lock().unwrap();
        let found = held.streams.iter().find_map(|((shard, epoch), stream)| {
            let message = stream.messages.iter().find(|message| message.id == id && message.seq <= stream.archived)?;
            Some(Position::new(*shard, *epoch, message.seq))
        });
        Box::pin(async move { Ok(found) })
    }

    fn known<'a>(&'a self, _: &'a Tenant, events: &'a [(Uuid, Timestamp)]) -> cold::Answer<'a, Vec<Option<Position>>> {
        Box::pin(async move { Ok(vec![None; events.len()]) })
    }

    fn shown<'a>(&'a self, tenant: &'a Tenant, of: Position) -> cold::Answer<'a, Shown> {
        let shown = self.0.lock().unwrap().shown(tenant, of.shard, of.epoch);
        Box::pin(async move { Ok(shown) })
    }
}
