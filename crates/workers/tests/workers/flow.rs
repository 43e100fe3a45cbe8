//! Outbox, broker and archive, with workers that can be stopped and killed.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use slipstream_broker::{Broker, Message, Outgoing, Provision};
use slipstream_event::{Actor, Event, EventType, Tenant, id, object::Object};
use slipstream_store::archive::Watermark;
use slipstream_store::{Role, Store, history};
use slipstream_workers::{Archiver, FailPoints, Relay, archiver, relay};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cluster::{Cluster, Db};
use crate::server::Server;

/// Of every user, where the server asks.
const PASSWORD: &str = "secret";

pub(crate) struct Flow {
    pub(crate) server: Server,
    pub(crate) db: Db,
    pub(crate) provision: Provision,
    shards: u16,
    store_dir: TempDir,
    /// Whether the server asks who connects.
    asks_users: bool,
}

/// A worker at work. Dropping it kills it.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Flow {
    pub(crate) async fn new(shards: u16) -> Self {
        Self::with(shards, Cluster::shared().await, Provision::default(), "").await
    }

    pub(crate) async fn with(shards: u16, cluster: &'static Cluster, provision: Provision, server_config: &str) -> Self {
        let store_dir = tempfile::tempdir().unwrap();
        // Of a setting that is given twice the server takes the last.
        let server = Server::with(&format!("{server_config}\njetstream {{ store_dir: {:?}, sync_interval: always }}", store_dir.path().join("store")));
        let asks_users = server_config.contains("accounts");
        let flow = Self { server, db: cluster.database().await, provision, shards, store_dir, asks_users };
        flow.broker().await.provision(&flow.provision).await.unwrap();
        flow
    }

    /// With the users and rights that the project ships.
    pub(crate) async fn with_rights(shards: u16) -> Self {
        let shipped = include_str!("../../../../nats/server.conf");
        let filled = |line: &str| line.split_once("$SLIPSTREAM").map_or(line.to_owned(), |(key, rest)| format!("{key}{PASSWORD}{}", after_name(rest)));
        let config: String = shipped.lines().map(|line| filled(line) + "\n").collect();
        Self::with(shards, Cluster::shared().await, Provision::default(), &config).await
    }

    /// A connection of its own, as each process has one.
    pub(crate) async fn broker(&self) -> Broker {
        self.broker_of("admin").await
    }

    /// A connection as one of the users, where the server asks for one.
    pub(crate) async fn broker_of(&self, user: &str) -> Broker {
        let config = self.server.config(self.shards);
        let credentials = self.asks_users.then(|| (user.to_owned(), PASSWORD.to_owned()));
        let (user, password) = credentials.unzip();
        Broker::connect(slipstream_broker::Config { user, password, ..config }).await.unwrap()
    }

    pub(crate) async fn relay(&self) -> Running {
        self.relay_with(FailPoints::default()).await
    }

    pub(crate) async fn relay_with(&self, fail_points: FailPoints) -> Running {
        let duplicate_window = self.provision.duplicate_window.unwrap_or(Duration::from_secs(600));
        let config = relay::Config { fail_points, duplicate_window, ..relay::Config::default() };
        let relay = Relay::new(self.db.store(Role::Relay), self.db.store(Role::Reader), self.broker_of("relay").await, config);
        run(move |shutdown| async move { relay.run(shutdown).await.unwrap() })
    }

    pub(crate) async fn archiver(&self, shard: u16) -> Running {
        self.archiver_with(shard, FailPoints::default()).await
    }

    pub(crate) async fn archiver_with(&self, shard: u16, fail_points: FailPoints) -> Running {
        let config = archiver::Config { fail_points, ..archiver::Config::new(shard) };
        let archiver = Archiver::new(self.db.store(Role::Archiver), self.db.store(Role::Reader), self.broker_of("archiver").await, config);
        run(move |shutdown| async move { archiver.run(shutdown).await.unwrap() })
    }

    /// The broker as it is on its disk, to be put back by [`Flow::set_back`]. The server is killed for it.
    pub(crate) fn snapshot(&mut self) -> PathBuf {
        let copy = self.store_dir.path().join("snapshot");
        self.server.kill();
        shell(&format!("rm -rf {copy:?} && cp -a {:?} {copy:?}", self.store_dir.path().join("store")));
        self.server.start_again();
        copy
    }

    /// What a power cut does to a broker that acknowledges before it has written: the end of every stream is gone.
    pub(crate) fn set_back(&mut self, snapshot: &std::path::Path) {
        let store = self.store_dir.path().join("store");
        self.server.kill();
        shell(&format!("rm -rf {store:?} && cp -a {snapshot:?} {store:?}"));
        self.server.start_again();
    }

    /// Deletes the shard's stream with all its messages and makes it anew.
    pub(crate) async fn make_anew(&self, shard: u16) {
        let stream = slipstream_event::subject::stream(self.shards, shard);
        self.server.raw().await.delete_stream(stream).await.unwrap();
        self.broker().await.provision(&self.provision).await.unwrap();
    }

    /// Commits events of one tenant, one transaction per call. Returns their ids.
    pub(crate) async fn write(&self, store: &Store, events: Vec<Event>) -> Vec<Uuid> {
        let ids = events.iter().map(|event| event.id).collect();
        let tenant = events[0].tenant_id.clone();
        let write = async |tx: &mut slipstream_store::Tx| {
            events.into_iter().for_each(|event| tx.emit(event));
            Ok::<_, slipstream_store::Error>(())
        };
        store.write(&tenant, write).await.unwrap();
        ids
    }

    /// Commits `count` events, each in a transaction of its own.
    pub(crate) async fn write_each(&self, tenant: &str, count: usize) -> Vec<Uuid> {
        let store = self.db.store(Role::Api);
        let mut ids = Vec::new();
        for n in 0..count {
            ids.extend(self.write(&store, vec![event(tenant, &n.to_string())]).await);
        }
        ids
    }

    /// Ids of a tenant's events in the order of the outbox.
    pub(crate) async fn committed(&self, tenant: &str) -> Vec<Uuid> {
        let rows = sqlx::query_scalar("select event_id from slipstream.outbox where tenant_id = $1 order by id").bind(tenant);
        rows.fetch_all(&mut self.db.root().await).await.unwrap()
    }

    /// Ids of a tenant's events in the order of the archive's log.
    pub(crate) async fn archived(&self, tenant: &str) -> Vec<Uuid> {
        let rows = sqlx::query_scalar("select event_id from slipstream.event where tenant_id = $1 order by epoch, seq").bind(tenant);
        rows.fetch_all(&mut self.db.root().await).await.unwrap()
    }

    /// Sequence and reason of what is in quarantine.
    pub(crate) async fn quarantined(&self) -> Vec<(i64, String)> {
        let rows = sqlx::query_as("select seq, reason from slipstream.archive_quarantine order by epoch, seq");
        rows.fetch_all(&mut self.db.root().await).await.unwrap()
    }

    /// One number out of the database.
    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut PgConnection::connect(&self.db.root_url()).await.unwrap()).await.unwrap()
    }

    /// Everything in a shard's stream.
    pub(crate) async fn messages(&self, shard: u16) -> Vec<Message> {
        let broker = self.broker().await;
        let state = broker.stream_state(shard).await.unwrap();
        if state.messages == 0 {
            return Vec::new();
        }
        let fill = broker.fill(shard, state.first_seq, state.last_seq).await.unwrap();
        assert_eq!((fill.through_seq, fill.messages.len() as u64), (state.last_seq, state.messages));
        fill.messages
    }

    /// Ids of a tenant's events in the order of the stream.
    pub(crate) async fn streamed(&self, tenant: &str) -> Vec<Uuid> {
        let shard = slipstream_event::subject::shard_of(&Tenant::new(tenant).unwrap(), self.shards);
        let of_tenant = |message: &Message| message.tenant_and_type().is_some_and(|(of, _)| of.as_str() == tenant);
        self.messages(shard).await.iter().filter(|message| of_tenant(message)).map(|message| Event::from_json(&message.payload).unwrap().id).collect()
    }

    /// Waits until every row of the outbox is published or set aside.
    pub(crate) async fn relayed(&self) {
        until("the outbox is empty", async || {
            self.number("select count(*) from slipstream.outbox where published_at is null and set_aside_at is null").await == 0
        })
        .await;
    }

    pub(crate) async fn watermark(&self, shard: u16) -> Option<Watermark> {
        history::archived_through(&self.db.store(Role::Reader), shard).await.unwrap()
    }

    /// Waits until the archive stands where the stream ends, in its epoch.
    pub(crate) async fn archived_all(&self, shard: u16) {
        let broker = self.broker().await;
        until("all is archived", async || {
            let Ok(state) = broker.stream_state(shard).await else { return false };
            self.watermark(shard).await.is_some_and(|mark| (mark.epoch, mark.seq) == (state.epoch, state.last_seq))
        })
        .await;
    }

    /// Waits until a message id that was just stored is forgotten by the broker, and so all that were stored before it.
    pub(crate) async fn ids_forgotten(&self) {
        let (broker, probe) = (self.broker().await, outgoing(&event("probe", "1")));
        broker.publish(probe.clone()).await.unwrap();
        until("the duplicate window is over", async || !broker.publish(probe.clone()).await.unwrap().duplicate).await;
    }
}

impl Running {
    /// Ends it as `serve` does.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.task).await.unwrap();
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        drop((&mut self.task).await);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test spawns what `serve` spawns")]
fn run<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(CancellationToken) -> F) -> Running {
    let shutdown = CancellationToken::new();
    Running { task: tokio::spawn(work(shutdown.clone())), shutdown }
}

pub(crate) fn event(tenant: &str, entity: &str) -> Event {
    Event::new(&Tenant::new(tenant).unwrap(), &EventType::new("fleet.aircraft.updated").unwrap(), entity, Actor::user("u1"))
}

/// An event whose JSON has about so many bytes.
pub(crate) fn large(tenant: &str, bytes: usize) -> Event {
    let mut metadata = Object::new();
    metadata.set("text", &"x".repeat(bytes)).unwrap();
    Event { metadata, ..event(tenant, "large") }
}

/// As the gateway publishes it.
pub(crate) fn outgoing(event: &Event) -> Outgoing {
    Outgoing {
        tenant: event.tenant_id.clone(),
        event_type: event.event_type.clone(),
        msg_id: id::message_id(&event.tenant_id, event.id),
        payload: Bytes::from(event.to_json()),
        traceparent: None,
    }
}

/// Publishes `count` events of a tenant as the gateway does. Returns their ids.
pub(crate) async fn publish(broker: &Broker, tenant: &str, count: usize) -> Vec<Uuid> {
    let events: Vec<Event> = (0..count).map(|n| event(tenant, &n.to_string())).collect();
    let results = broker.publish_all(events.iter().map(outgoing).collect()).await;
    assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().find(|result| result.is_err()));
    events.into_iter().map(|event| event.id).collect()
}

/// Waits until `condition` holds; fails after a minute.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort_unstable();
    ids
}

/// What follows the name of a variable.
fn after_name(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn shell(script: &str) {
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success(), "{script}");
}
