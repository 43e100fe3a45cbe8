//! The gateway's part of the composition.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use slipstream_access::Access;
use slipstream_broker::Broker;
use slipstream_event::CursorKey;
use slipstream_gateway::feed::Feed;
use slipstream_gateway::hub::Hub;
use slipstream_gateway::opens::{Opens, Rates};
use slipstream_gateway::sockets::Sockets;
use slipstream_gateway::stream::admission::{Admission, Caps};
use slipstream_gateway::stream::budget::Budget;
use slipstream_gateway::stream::replay::Sources;
use slipstream_gateway::websocket::{self, Origins};
use slipstream_gateway::{Gateway, Settings};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use super::Parts;
use crate::cold::Archive;
use crate::config::Config;
use crate::tasks::Stage;

/// What the gateway adds to a process.
pub(super) struct Edge {
    pub(super) router: Router,
    pub(super) hub: Arc<Hub>,
    pub(super) sockets: Sockets,
}

/// Where its tasks belong.
pub(super) struct Stages<'a> {
    pub(super) feed: &'a mut Stage,
    pub(super) writing: &'a mut Stage,
    pub(super) upkeep: &'a mut Stage,
}

impl Parts<'_> {
    pub(super) async fn gateway(
        &mut self,
        access: &Access,
        broker: Broker,
        key: &CursorKey,
        drain: &CancellationToken,
        stages: Stages<'_>,
    ) -> anyhow::Result<Edge> {
        let replays = self.broker("replays", &self.config.nats_url(&self.config.nats_url_gateway)).await?;
        let reader = self.store(slipstream_store::Role::Reader)?;
        let hub = Arc::new(Hub::new(key.clone(), self.config.shards));
        for shard in 0..self.config.shards {
            stages.feed.start(format!("feed {shard}"), Feed::new(broker.clone(), hub.clone(), shard).run(stages.feed.token()));
        }
        let admission = Admission::new(caps(self.config));
        let sources = Sources { warm: Arc::new(replays), cold: Arc::new(Archive(reader)) };
        let gateway = Gateway::new(access.clone(), broker, hub.clone(), sources, admission, settings(self.config)?, drain.clone());
        for opens in gateway.opens() {
            stages.upkeep.start("opens", forget_idle(opens, stages.upkeep.token()));
        }
        let stall = Duration::from_secs(self.config.stream_stall_seconds);
        let (sockets, parts) = Sockets::new(&gateway, self.config.stream_threads(), stall, drain)?;
        for (number, part) in parts.into_iter().enumerate() {
            stages.writing.start(format!("stream reads {number}"), part.reads.run(stages.writing.token()));
            stages.writing.start_thread(format!("streams {number}"), move |shutdown| part.reactor.run(shutdown));
        }
        Ok(Edge { router: slipstream_gateway::router(gateway), hub, sockets })
    }
}

fn caps(config: &Config) -> Caps {
    Caps { node_max: config.streams_node_max, tenant_max: config.streams_tenant_max, user_max: config.streams_user_max }
}

fn settings(config: &Config) -> anyhow::Result<Settings> {
    let origins = Origins::parse(&config.ws_origins).map_err(|fault| anyhow::anyhow!("ws_origins: {fault}"))?;
    Ok(Settings {
        heartbeat: Duration::from_millis(config.heartbeat_ms),
        budget: Budget { read: config.replay_tenant_read_bytes_per_second, shown: config.replay_tenant_shown_bytes_per_second },
        rates: Rates { user_per_minute: config.stream_opens_user_per_minute, tenant_per_second: config.stream_opens_tenant_per_second },
        websocket: websocket::Settings { origins, stall: Duration::from_secs(config.stream_stall_seconds) },
    })
}

async fn forget_idle(opens: Arc<Opens>, shutdown: CancellationToken) -> Result<(), Infallible> {
    opens.forget_idle(shutdown).await;
    Ok(())
}
