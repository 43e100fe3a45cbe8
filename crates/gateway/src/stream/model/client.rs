//! A client of the model: a browser's part, and the check of what it was shown.

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use serde_json::Value;
use slipstream_access::mint::Grant;
use slipstream_access::{Access, Config, Issuer, Principal, Secret};
use slipstream_event::{Position, Tenant, Viewer};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use uuid::Uuid;

use super::world::{World, revoked_none, tenant};
use crate::activity::Change;
use crate::frame::Projection;
use crate::stream::admission::{Admission, Caps};
use crate::stream::audience::Audience;
use crate::stream::resume;
use crate::stream::session::{Next, Reader, Session};
use crate::stream::span::Spans;

/// A client.
pub(super) struct Client {
    tenant: Tenant,
    audience: Arc<Audience>,
    session: Option<Session>,
    /// As a browser keeps it.
    last_id: Option<String>,
    /// Where its chain of events began, and what it was shown since.
    chain: Option<(Position, Vec<Uuid>)>,
}

/// A reader, verified like any other.
fn principal() -> Arc<Principal> {
    static PRINCIPAL: OnceLock<Arc<Principal>> = OnceLock::new();
    PRINCIPAL
        .get_or_init(|| {
            let secret = Secret::new("the model's own token secret");
            let config = Config { issuers: vec![Issuer::slipstream("model", secret.clone())], query_token: false };
            let now = time::OffsetDateTime::now_utc();
            let token = Grant::new("u", Some(tenant(0)), &["reader"]).sign(&secret, now, time::Duration::hours(1)).unwrap();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(Access::new(&config, revoked_none()).unwrap().verify(&token)).unwrap()
            })
            .join()
            .unwrap()
        })
        .clone()
}

impl Client {
    pub(super) fn new(number: usize, is_activity: bool) -> Self {
        let projection = if is_activity { Projection::Activity } else { Projection::Envelope };
        let audience = Arc::new(Audience { viewer: Viewer::everything(), projection, ..Audience::default() });
        Self { tenant: tenant(number), audience, session: None, last_id: None, chain: None }
    }

    pub(super) fn disconnect(&mut self) {
        self.session = None;
    }

    pub(super) fn connect(&mut self, world: &World, runtime: &Runtime) {
        if self.session.is_some() {
            return;
        }
        let hub = &world.env.hub;
        let log = hub.open_log(&self.tenant).unwrap();
        let lane = log.lane(&self.tenant);
        let given = self.last_id.clone().unwrap_or_default();
        let start = match &self.last_id {
            None => resume::Start::After(log.last()),
            Some(id) => {
                let last_seq = world.replay.last_seq(&log);
                runtime.block_on(resume::start(hub, &log, &lane, &self.tenant, world.replay.cold(), id, last_seq))
            }
        };
        let admission = Admission::new(Caps::default());
        let permit = admission.enter(&self.tenant, "u").unwrap();
        let reader = Reader { principal: principal(), audience: self.audience.clone(), expires: None, permit };
        self.session = Some(Session::new(&world.env, reader, log, lane, &start, &given, 2_000));
    }

    /// Takes at most so many blocks of one write, if there is one. Alone, or in a pass in which spans are shared. Whether the stream waits.
    pub(super) fn read(&mut self, world: &mut World, runtime: &Runtime, alone: bool, blocks: usize) -> Result<bool, TestCaseError> {
        let Some(session) = &mut self.session else { return Ok(false) };
        let mut own = Spans::default();
        for _ in 0..20 {
            let spans = if alone { &mut own } else { &mut world.spans };
            match session.next(&world.env, Instant::now(), spans) {
                Next::Write(bytes, _) => {
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    text.split_terminator("\n\n").take(blocks).try_for_each(|block| self.take(world, block))?;
                    return Ok(false);
                }
                Next::Wait => return Ok(true),
                Next::Read(wanted) => {
                    let step = runtime.block_on(world.replay.step(&wanted));
                    session.bring(&world.env, step);
                }
                Next::Rebase => session.rebase(&world.env, world.env.hub.open_log(&self.tenant).unwrap()),
                Next::End => {
                    self.session = None;
                    return Ok(false);
                }
            }
        }
        Err(TestCaseError::fail("a stream neither writes nor waits"))
    }

    pub(super) fn read_all(&mut self, world: &mut World, runtime: &Runtime) -> Result<(), TestCaseError> {
        for _ in 0..10_000 {
            self.connect(world, runtime);
            if self.read(world, runtime, true, usize::MAX)? {
                return Ok(());
            }
        }
        Err(TestCaseError::fail("a stream does not come to rest"))
    }

    /// At rest a client was shown everything after the start of its chain.
    pub(super) fn check_end(&self, world: &World) -> Result<(), TestCaseError> {
        let Some((start, shown)) = &self.chain else { return Err(TestCaseError::fail("a stream without a start")) };
        prop_assert_eq!(start.epoch, world.epoch(), "a stream of an old log that was not reset");
        prop_assert_eq!(shown.len(), self.listed(world, *start).len(), "events are missing");
        Ok(())
    }

    fn take(&mut self, world: &World, block: &str) -> Result<(), TestCaseError> {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let (id, name, data) = (field("id: "), field("event: "), field("data: "));
        let data: Value = data.map_or(Value::Null, |data| serde_json::from_str(&data).unwrap());
        match (id, name.as_deref()) {
            (Some(id), None) if data.is_null() => self.begin(world, id),
            (Some(id), None) => {
                prop_assert_eq!(&data["tenantId"], self.tenant.as_str(), "an event of another tenant");
                self.event(world, id, &data["id"])?;
            }
            (Some(id), Some("activity_logged")) => self.event(world, id, &data["entry"]["event_id"])?,
            (None, Some("reset")) => self.reset(world, &data)?,
            (None, None | Some("ready" | "notice")) => {}
            other => return Err(TestCaseError::fail(format!("an unexpected block: {other:?} in {block:?}"))),
        }
        Ok(())
    }

    /// The id that primes a client. A resume goes on where the chain is; whatever else must follow by a reset.
    fn begin(&mut self, world: &World, id: String) {
        if self.chain.is_none() {
            self.chain = Some((world.env.hub.key().open(&self.tenant, &id).unwrap(), Vec::new()));
        }
        self.last_id = Some(id);
    }

    fn event(&mut self, world: &World, id: String, event: &Value) -> Result<(), TestCaseError> {
        let Some((start, shown)) = &mut self.chain else { return Err(TestCaseError::fail("an event before the start")) };
        shown.push(event.as_str().unwrap().parse().unwrap());
        let (start, shown) = (*start, shown.clone());
        let listed = self.listed(world, start);
        prop_assert_eq!(&listed[..shown.len().min(listed.len())], &shown[..], "not the events of the list");
        prop_assert!(world.env.hub.key().open(&self.tenant, &id).is_ok());
        self.last_id = Some(id);
        Ok(())
    }

    fn reset(&mut self, world: &World, data: &Value) -> Result<(), TestCaseError> {
        let cursor = world.env.hub.key().open(&self.tenant, data["cursor"].as_str().unwrap()).unwrap();
        let was = self.chain.as_ref().map(|(start, _)| *start).unwrap();
        let held = world.held.lock().unwrap();
        match data["code"].as_str().unwrap() {
            "store_rebuilt" => prop_assert!(cursor.epoch > was.epoch, "a reset for a log that is the same"),
            "cursor_expired" => {
                let stream = &held.streams[&(was.shard, was.epoch)];
                prop_assert!(stream.first_seq > stream.archived + 1, "a reset although broker and archive have everything");
            }
            other => return Err(TestCaseError::fail(format!("reset {other}"))),
        }
        self.last_id = Some(world.env.hub.key().seal(&self.tenant, cursor));
        self.chain = Some((cursor, Vec::new()));
        Ok(())
    }

    /// What the list holds of this tenant after a position; of an activity log, without what came while it was off.
    fn listed(&self, world: &World, after: Position) -> Vec<Uuid> {
        let held = world.held.lock().unwrap();
        let stream = &held.streams[&(after.shard, after.epoch)];
        let mut is_off = (1..after.epoch)
            .flat_map(|old| {
                let stream = &held.streams[&(after.shard, old)];
                stream.messages.iter().filter(|message| message.seq <= stream.archived)
            })
            .filter(|message| message.tenant == self.tenant)
            .filter_map(|message| message.turn)
            .last()
            .is_some_and(|turn| turn.change == Change::Off);
        let mut listed = Vec::new();
        for message in stream.messages.iter().filter(|message| message.tenant == self.tenant) {
            let is_shown = self.audience.projection != Projection::Activity || !is_off || message.turn.is_some();
            is_off = message.turn.map_or(is_off, |turn| turn.change == Change::Off);
            if is_shown && message.seq > after.seq {
                listed.push(message.id);
            }
        }
        listed
    }
}
