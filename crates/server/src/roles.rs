//! The composition: what each role runs, and in which order a process stops.

mod gateway;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use axum::Router;
use metrics::gauge;
use slipstream_access::{Access, Refused, Revocations};
use slipstream_api::ApiState;
use slipstream_broker::Broker;
use slipstream_event::{CursorKey, Timestamp};
use slipstream_gateway::{revocations, serve};
use slipstream_store::ledger::Batches;
use slipstream_store::{Store, Wake};
use slipstream_workers::denials::{self, Denial};
use slipstream_workers::{
    Archiver, Backlog, Exports, FailPoints, Redactions, Relay, Retention, activity, analytics, archiver, batches, exports, redaction, relay, retention,
};
use tokio::net::TcpListener;
use tokio::time::{Duration, Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{Config, Role};
use crate::http::ops::Ops;
use crate::http::writes::Writes;
use crate::metrics::BUILD;
use crate::tasks::{Stage, Watch};
use crate::{http, telemetry};

/// How often gauges of pools are brought up to date.
const OBSERVE: Duration = Duration::from_secs(5);

/// A running process.
pub struct Process {
    address: std::net::SocketAddr,
    drain_wait: Duration,
    drain: Duration,
    draining: Arc<AtomicBool>,
    writes: Writes,
    watch: Watch,
    relay: Stage,
    streams: CancellationToken,
    serving: Stage,
    writing: Stage,
    feed: Stage,
    archiver: Stage,
    exports: Stage,
    retention: Stage,
    upkeep: Stage,
    brokers: Vec<Broker>,
    stores: Vec<Store>,
}

/// The parts that roles share while they are put together.
struct Parts<'a> {
    config: &'a Config,
    wake: Wake,
    brokers: Vec<Broker>,
    stores: Vec<Store>,
}

impl Process {
    /// Starts the roles of `config` and serves them on `listener`, which is bound before any other work, so that an address that is taken is told at once.
    ///
    /// # Errors
    /// Settings with faults, a first connection that does not come about.
    pub async fn start(config: &Config, listener: TcpListener) -> anyhow::Result<Self> {
        config.check_serving()?;
        let address = listener.local_addr()?;
        let metrics = telemetry::metrics()?;
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let mut parts = Parts { config, wake: Wake::default(), brokers: Vec::new(), stores: Vec::new() };
        let watch = Watch::new();
        let (mut relay, mut archiver, mut feed) = (watch.stage("relay"), watch.stage("archiver"), watch.stage("feed"));
        let (mut serving, mut writing, mut upkeep) = (watch.stage("http"), watch.stage("streams"), watch.stage("upkeep"));
        let (mut exports, mut retention) = (watch.stage("exports"), watch.stage("retention"));
        let streams = CancellationToken::new();

        let revoked = Revocations::unread();
        let (access, writer) = parts.access(revoked.clone(), &mut upkeep)?;
        let key = CursorKey::new(config.cursor_secret.expose().as_bytes());
        let (mut plain, mut compressed, mut hub, mut sockets) = (Router::new(), Router::new(), None, None);
        let edge = parts.edge().await?;
        if let Some(broker) = edge.clone() {
            upkeep.start("revocations", revocations::follow::run(broker, revoked.clone(), upkeep.token()));
        }
        if let Some(writer) = writer {
            compressed = parts.api(&access, writer, &key)?;
        }
        if let Some(broker) = edge.clone().filter(|_| config.roles.contains(&Role::Gateway)) {
            let edge = parts.gateway(&access, broker, &key, &streams, gateway::Stages { feed: &mut feed, writing: &mut writing, upkeep: &mut upkeep }).await?;
            (plain, hub, sockets) = (edge.router, Some(edge.hub), Some(edge.sockets));
        }
        if config.roles.contains(&Role::Relay) {
            parts.relay(&mut relay).await?;
        }
        if config.roles.contains(&Role::Archiver) {
            parts.archiver(&mut archiver).await?;
        }
        if config.roles.contains(&Role::Exports) {
            parts.exports(&mut exports)?;
        }
        if config.roles.contains(&Role::Retention) {
            parts.retention(&mut retention)?;
        }
        let (draining, writes) = (Arc::new(AtomicBool::new(false)), Writes::default());
        let (store, broker, revoked) = (parts.stores.first().cloned(), parts.brokers.first().cloned(), edge.map(|_| revoked));
        let ops = Ops { metrics, store, broker, hub, revoked, draining: draining.clone() };
        let limits = serve::Limits { connections_max: config.connections_max, drain: Duration::from_secs(config.drain_seconds) };
        let router = http::router(plain, compressed, ops, writes.clone());
        serving.start("http", serve::run(listener, router, sockets, limits, serving.token()));
        upkeep.start("keys", keep_keys(access, upkeep.token()));
        upkeep.start("observe", observe(parts.stores.clone(), upkeep.token()));
        info!(%address, roles = ?config.roles, "started");
        let Parts { brokers, stores, .. } = parts;
        let (drain_wait, drain) = (Duration::from_millis(config.drain_wait_ms), Duration::from_secs(config.drain_seconds));
        Ok(Self {
            address,
            drain_wait,
            drain,
            draining,
            writes,
            watch,
            relay,
            streams,
            serving,
            writing,
            feed,
            archiver,
            exports,
            retention,
            upkeep,
            brokers,
            stores,
        })
    }

    /// Where it serves.
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// Writes the address to `file`, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_address(&self, file: &Path) -> anyhow::Result<()> {
        let new = file.with_extension("new");
        std::fs::write(&new, format!("{}\n", self.address)).with_context(|| format!("cannot write {}", new.display()))?;
        std::fs::rename(&new, file).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Waits for a task that ends although nobody stopped it; returns its name.
    pub async fn failed(&mut self) -> String {
        self.watch.ended().await
    }

    /// Stops in order: no new traffic, no new writes, the relay, the streams, the archiver, then the connections. All before one deadline.
    pub async fn stop(self) {
        self.draining.store(true, Ordering::SeqCst);
        info!(wait_ms = u64::try_from(self.drain_wait.as_millis()).unwrap_or(u64::MAX), "stopping: not ready any more");
        sleep(self.drain_wait).await;
        let deadline = Instant::now() + self.drain;
        self.writes.refuse();
        if timeout_at(deadline, self.writes.finished()).await.is_err() {
            warn!("writes in hand did not finish in time");
        }
        self.relay.stop(deadline).await;
        self.exports.stop(deadline).await;
        self.retention.stop(deadline).await;
        self.streams.cancel();
        self.serving.stop(deadline).await;
        self.writing.stop(deadline).await;
        self.feed.stop(deadline).await;
        self.archiver.stop(deadline).await;
        self.upkeep.stop(deadline).await;
        for broker in self.brokers {
            if !matches!(timeout_at(deadline, broker.flush()).await, Ok(Ok(()))) {
                warn!("the connection to the broker was not flushed in time");
            }
        }
        for store in self.stores {
            if timeout_at(deadline, store.close()).await.is_err() {
                warn!("a pool of database connections was not closed in time");
            }
        }
        info!("stopped");
    }
}

impl Parts<'_> {
    /// What checks callers, and the pool for domain writes where there are some: there refused calls of known callers are recorded.
    fn access(&mut self, revoked: Revocations, stage: &mut Stage) -> anyhow::Result<(Access, Option<Store>)> {
        let access = Access::new(&self.config.access(), revoked)?;
        if !self.config.roles.contains(&Role::Api) {
            return Ok((access, None));
        }
        let writer = self.store(slipstream_store::Role::Api)?;
        let (teller, recorder) = denials::new(writer.clone());
        stage.start("denials", recorder.run(stage.token()));
        let tell = move |refused: &Refused<'_>| {
            if let Some(tenant) = refused.principal.tenant.clone() {
                let (actor, route) = (refused.principal.actor.clone(), refused.route.map(str::to_owned));
                teller.tell(Denial { tenant, actor, reason: refused.reason, route, at: Timestamp::now() });
            }
        };
        Ok((access.with_refused(Arc::new(tell)), Some(writer)))
    }

    fn api(&mut self, access: &Access, writer: Store, key: &CursorKey) -> anyhow::Result<Router> {
        let reader = self.store(slipstream_store::Role::Reader)?;
        let state = ApiState::new(access.clone(), writer, reader, key.clone(), self.config.shards);
        let keys = self.config.ledger().map_err(anyhow::Error::msg)?;
        Ok(slipstream_api::router(state.with_ledger_keys(keys.trusted, keys.signers).with_retention(self.config.retention())))
    }

    /// The connection of the roles that serve callers: a gateway's, else with the few rights that domain routes need.
    async fn edge(&mut self) -> anyhow::Result<Option<Broker>> {
        let (name, own) = match &self.config.roles {
            roles if roles.contains(&Role::Gateway) => ("gateway", &self.config.nats_url_gateway),
            roles if roles.contains(&Role::Api) => ("api", &self.config.nats_url_api),
            _ => return Ok(None),
        };
        self.broker(name, &self.config.nats_url(own)).await.map(Some)
    }

    async fn relay(&mut self, stage: &mut Stage) -> anyhow::Result<()> {
        let broker = self.broker("relay", &self.config.nats_url(&self.config.nats_url_relay)).await?;
        let (store, reader) = (self.store(slipstream_store::Role::Relay)?, self.store(slipstream_store::Role::Reader)?);
        let config = relay::Config {
            duplicate_window: Duration::from_secs(self.config.stream_duplicate_window_seconds),
            fail_points: self.fail_points()?,
            ..relay::Config::default()
        };
        let relay = Relay::new(store, reader, broker, config);
        stage.start("relay", relay.run(stage.token()));
        Ok(())
    }

    async fn archiver(&mut self, stage: &mut Stage) -> anyhow::Result<()> {
        let broker = self.broker("archiver", &self.config.nats_url(&self.config.nats_url_archiver)).await?;
        let (store, reader) = (self.store(slipstream_store::Role::Archiver)?, self.store(slipstream_store::Role::Reader)?);
        let keys = self.config.ledger().map_err(anyhow::Error::msg)?;
        if keys.signers.is_none() {
            warn!("no ledger_key is configured: ledgers are kept, and not signed");
        }
        let every = Duration::from_secs(self.config.ledger_checkpoint_seconds);
        let signing = keys.signers.map(|signers| archiver::Signing { signers, trusted: keys.trusted, every });
        let redactor = self.store(slipstream_store::Role::Redactor)?;
        let backlog = Backlog::default();
        let batches = Batches::new(store.clone(), redactor.clone());
        stage.start("batches", batches::Joiner::new(batches, backlog.clone(), self.fail_points()?).run(stage.token()));
        stage.start("redactions", Redactions::new(redactor, redaction::Config { fail_points: self.fail_points()? }).run(stage.token()));
        stage.start("activity pruner", activity::Pruner::new(store.clone(), reader.clone(), self.fail_points()?).run(stage.token()));
        stage.start("analytics", analytics::Folder::new(store.clone(), backlog.clone(), self.fail_points()?).run(stage.token()));
        for shard in 0..self.config.shards {
            let (months_ahead, signing, backlog) = (self.config.archive_months_ahead, signing.clone(), backlog.clone());
            let config = archiver::Config { shard, months_ahead, signing, backlog, fail_points: self.fail_points()? };
            let archiver = Archiver::new(store.clone(), reader.clone(), broker.clone(), config);
            stage.start(format!("archiver {shard}"), archiver.run(stage.token()));
        }
        Ok(())
    }

    fn exports(&mut self, stage: &mut Stage) -> anyhow::Result<()> {
        let (store, reader) = (self.store(slipstream_store::Role::Exporter)?, self.store(slipstream_store::Role::Reader)?);
        let exports = Exports::new(store, reader, exports::Config { fail_points: self.fail_points()? });
        stage.start("exports", exports.run(stage.token()));
        Ok(())
    }

    fn retention(&mut self, stage: &mut Stage) -> anyhow::Result<()> {
        let config = retention::Config { settings: self.config.retention(), fail_points: self.fail_points()? };
        let retention = Retention::new(self.store(slipstream_store::Role::Retention)?, config);
        stage.start("retention", retention.run(stage.token()));
        Ok(())
    }

    /// One pool for each role of the database; it connects when it is first needed, so that a process starts without its database.
    fn store(&mut self, role: slipstream_store::Role) -> anyhow::Result<Store> {
        let mut config = slipstream_store::Config::new(self.config.database_url.expose(), role);
        config.connections_max = self.config.database_connections_max;
        config.wake = self.wake.clone();
        let store = Store::open(config)?;
        self.stores.push(store.clone());
        Ok(store)
    }

    async fn broker(&mut self, name: &str, url: &str) -> anyhow::Result<Broker> {
        let broker = Broker::open(broker_config(self.config, name, url)?).await?;
        self.brokers.push(broker.clone());
        Ok(broker)
    }

    fn fail_points(&self) -> anyhow::Result<FailPoints> {
        let names: Vec<&str> = self.config.fail_points.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        Ok(FailPoints::parse(&names)?)
    }
}

/// The broker's settings for the user in `url` (else `name` without a password).
///
/// # Errors
/// An address that cannot be read.
pub fn broker_config(config: &Config, name: &str, url: &str) -> anyhow::Result<slipstream_broker::Config> {
    let mut broker = slipstream_broker::Config::new(String::new(), name);
    broker.urls.clear();
    broker.shards = config.shards;
    for part in url.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut address = url::Url::parse(part).map_err(|error| anyhow::anyhow!("nats_url: {error}"))?;
        if !address.username().is_empty() {
            broker.user = Some(address.username().to_owned());
            broker.password = address.password().map(str::to_owned);
        }
        if address.set_username("").is_err() || address.set_password(None).is_err() {
            anyhow::bail!("nats_url: must be nats://host:port");
        }
        broker.urls.push(address.to_string());
    }
    Ok(broker)
}

async fn keep_keys(access: Access, shutdown: CancellationToken) -> Result<(), Infallible> {
    access.keep_keys_fresh(shutdown).await;
    Ok(())
}

async fn observe(stores: Vec<Store>, shutdown: CancellationToken) -> Result<(), Infallible> {
    loop {
        stores.iter().for_each(Store::observe);
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = sleep(OBSERVE) => {}
        }
    }
}
