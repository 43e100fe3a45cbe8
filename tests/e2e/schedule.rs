//! Random schedules on real servers: what the gateway's model tries in memory, with a broker that lets its oldest go after seconds, an archive, and gateways that are killed.
//!
//! The seed of a failed run is in its message; `SLIPSTREAM_TEST_SEED` repeats it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use slipstream_broker::Provision;
use slipstream_tests::{Http, Node, Setup, Sse, Stack, eventually};

use crate::{event, ids};

/// Steps of a schedule.
const STEPS: usize = 60;
/// Clients; half of them of each tenant.
const CLIENTS: usize = 4;

/// A client, and what it was shown since its start or its last reset.
struct Client {
    tenant: usize,
    stream: Option<Sse>,
    last_id: Option<String>,
    /// How many of its tenant's events lie before its chain.
    from: usize,
    /// How many blocks of the open stream were looked at.
    looked: usize,
    shown: Vec<String>,
}

/// What was acknowledged, by tenant, in order; `None` where the stream was made anew.
struct Run {
    stack: Stack,
    workers: Node,
    gateway: Node,
    sent: [Vec<String>; 2],
    rng: StdRng,
}

#[tokio::test]
async fn any_schedule_shows_each_event_once_in_order_with_one_shard() {
    run(1).await;
}

#[tokio::test]
async fn any_schedule_shows_each_event_once_in_order_with_three_shards() {
    run(3).await;
}

async fn run(shards: u16) {
    let seed = slipstream_tests::seed();
    eprintln!("SLIPSTREAM_TEST_SEED={seed}");
    let retention = Duration::from_secs(2);
    let provision = Provision { max_age: Some(retention), duplicate_window: Some(retention), ..Provision::default() };
    let stack = Setup::default().shards(shards).provision(provision).start().await;
    let (workers, gateway) = tokio::join!(stack.node("api,archiver"), stack.node("gateway"));
    let mut run = Run { stack, workers, gateway, sent: Default::default(), rng: StdRng::seed_from_u64(seed) };
    let mut clients: Vec<Client> = (0..CLIENTS).map(Client::new).collect();
    for client in &mut clients {
        client.connect(&run).await;
    }
    for _ in 0..STEPS {
        step(&mut run, &mut clients).await;
    }
    for client in &mut clients {
        client.connect(&run).await;
        client.read(&run, usize::MAX).await;
        assert_eq!(client.shown, run.sent[client.tenant][client.from..], "seed {seed}");
    }
    assert!(run.workers.is_running().await);
}

async fn step(run: &mut Run, clients: &mut [Client]) {
    let (choice, number) = (run.rng.random_range(0..20), run.rng.random_range(0..CLIENTS));
    match choice {
        0..7 => run.publish().await,
        7..12 => clients[number].connect(run).await,
        12..15 => {
            let count = run.rng.random_range(1..30);
            clients[number].read(run, count).await;
        }
        15..18 => clients[number].stream = None,
        // Time for the broker's retention: what the clients missed comes from the archive from now on.
        18 => run.let_go().await,
        _ => {
            clients.iter_mut().for_each(|client| client.stream = None);
            run.gateway.restart().await;
        }
    }
}

impl Run {
    fn http(&self, tenant: usize) -> Http {
        self.stack.http(&self.gateway, ["acme", "other"][tenant])
    }

    async fn publish(&mut self) {
        let (tenant, count) = (self.rng.random_range(0..2), self.rng.random_range(1..60));
        let events: Vec<Value> = (0..count).map(|number| event(&format!("e{number}"))).collect();
        self.http(tenant).post("/api/events", &Value::Array(events.clone())).await.expect(202);
        self.sent[tenant].extend(ids(&events));
    }

    async fn let_go(&self) {
        let broker = self.stack.broker().await;
        for shard in 0..broker.shards() {
            eventually("the broker has let everything go", async || match broker.stream_state(shard).await.unwrap() {
                state if state.first_seq > state.last_seq => Ok(()),
                state => Err(state),
            })
            .await;
        }
    }
}

impl Client {
    fn new(number: usize) -> Self {
        Self { tenant: number % 2, stream: None, last_id: None, from: 0, looked: 0, shown: Vec::new() }
    }

    async fn connect(&mut self, run: &Run) {
        if self.stream.is_some() {
            return;
        }
        self.stream = Some(run.http(self.tenant).stream("", self.last_id.as_deref()).await.unwrap());
        self.looked = 0;
        if self.last_id.is_none() {
            self.from = run.sent[self.tenant].len();
        }
        // So that it has its start before anything else happens.
        let stream = self.stream.as_mut().unwrap();
        stream.until("the first id", |block| block.id.is_some()).await;
        self.look();
    }

    /// Reads until so many further events came, or all that were acknowledged.
    async fn read(&mut self, run: &Run, count: usize) {
        let all = run.sent[self.tenant].len() - self.from;
        let wanted = all.min(self.shown.len().saturating_add(count));
        while self.shown.len() < wanted {
            let Some(stream) = &mut self.stream else { return };
            stream.until("an event", |block| block.id.is_some() && block.data.is_some()).await;
            self.look();
        }
        assert_eq!(self.shown, run.sent[self.tenant][self.from..][..self.shown.len()]);
    }

    /// Takes what came over the stream since the last look.
    fn look(&mut self) {
        let stream = self.stream.as_ref().unwrap();
        for block in &stream.blocks[self.looked..] {
            assert_ne!(block.event.as_deref(), Some("reset"), "nothing was lost, and the stream is the same: {block:?}");
            if let (Some(_), Some(data)) = (&block.id, &block.data) {
                let event: Value = serde_json::from_str(data).unwrap();
                self.shown.push(event["id"].as_str().unwrap().to_owned());
            }
        }
        self.looked = stream.blocks.len();
        self.last_id = stream.last_id.clone();
    }
}
