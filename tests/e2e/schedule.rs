//! Random schedules on real servers: what the gateway's model tries in memory, with a broker that lets its oldest go after seconds and is lost and made anew, an archive,
//! gateways that are killed, and readers that take nothing until their sockets are full and cut.
//!
//! The seed of a failed run is in its message; `SLIPSTREAM_TEST_SEED` repeats it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use slipstream_broker::Provision;
use slipstream_event::{CursorKey, Tenant};
use slipstream_fuzz::sse::Block;
use slipstream_tests::{CURSOR_SECRET, Http, Node, PATIENCE, Setup, Sse, Stack, eventually};
use tokio::time::Instant;

use crate::{event, ids, large};

/// The tenants.
const TENANTS: [&str; 2] = ["acme", "other"];
/// Steps of a schedule.
const STEPS: usize = 60;
/// Clients; half of them of each tenant.
const CLIENTS: usize = 4;
/// Events of a flood and the size of each: more than the buffers of a connection hold.
const FLOOD: (usize, usize) = (60, 16 * 1024);
/// How often the stream is made anew in one schedule, at most.
const ANEW_MAX: usize = 2;

/// A client, and what it was shown since its start or its last reset.
struct Client {
    tenant: usize,
    key: CursorKey,
    stream: Option<Sse>,
    last_id: Option<String>,
    /// Which making of the stream its chain stands in.
    made: usize,
    from: From,
    /// How many blocks of the open stream were looked at.
    looked: usize,
    shown: Vec<String>,
}

/// How many of a tenant's events lie before a chain.
#[derive(Clone, Copy, Debug)]
enum From {
    Exactly(usize),
    /// After a reset, until the first event tells.
    Within(usize, usize),
}

/// What was acknowledged, by tenant, in order.
struct Run {
    stack: Stack,
    workers: Node,
    gateway: Node,
    sent: [Vec<String>; 2],
    /// Each time that the stream was made: the epochs of the tenants' shards, and how many events of each tenant lie before.
    made: Vec<([u64; 2], [usize; 2])>,
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
    let stack = Setup::default().shards(shards).provision(provision).env("SLIPSTREAM_STREAM_STALL_SECONDS", "1").start().await;
    let (workers, gateway) = tokio::join!(stack.node("api,archiver"), stack.node("gateway"));
    let mut run = Run { stack, workers, gateway, sent: Default::default(), made: Vec::new(), rng: StdRng::seed_from_u64(seed) };
    run.made = vec![(run.epochs().await, [0; 2])];
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
    }
    // So that everybody has an event after its last reset, which tells where it began.
    run.publish(0, 1, None).await;
    run.publish(1, 1, None).await;
    for client in &mut clients {
        client.read(&run, usize::MAX).await;
        let From::Exactly(from) = client.from else { panic!("no event came") };
        assert_eq!((client.made, &client.shown[..]), (run.last_made(), &run.sent[client.tenant][from..]), "seed {seed}");
    }
    assert!(run.workers.is_running().await);
}

async fn step(run: &mut Run, clients: &mut [Client]) {
    let (choice, number) = (run.rng.random_range(0..23), run.rng.random_range(0..CLIENTS));
    match choice {
        0..7 => {
            let (tenant, count) = (run.rng.random_range(0..2), run.rng.random_range(1..60));
            run.publish(tenant, count, None).await;
        }
        7..12 => clients[number].connect(run).await,
        12..15 => {
            let count = run.rng.random_range(1..30);
            clients[number].read(run, count).await;
        }
        15..18 => clients[number].stream = None,
        // Time for the broker's retention: what the clients missed comes from the archive from now on.
        18 => run.let_go().await,
        // Whoever has an open stream reads slowly: its socket fills, and is cut.
        19..21 => run.publish(number % 2, FLOOD.0, Some(FLOOD.1)).await,
        21 if run.last_made() < ANEW_MAX => run.make_anew().await,
        _ => {
            clients.iter_mut().for_each(|client| client.stream = None);
            run.gateway.restart().await;
        }
    }
}

impl Run {
    fn http(&self, tenant: usize) -> Http {
        self.stack.http(&self.gateway, TENANTS[tenant])
    }

    fn last_made(&self) -> usize {
        self.made.len() - 1
    }

    /// The epochs of the tenants' shards.
    async fn epochs(&self) -> [u64; 2] {
        let broker = self.stack.broker().await;
        let [one, other] = TENANTS.map(|name| broker.shard_of(&Tenant::new(name).unwrap()));
        [broker.stream_state(one).await.unwrap().epoch, broker.stream_state(other).await.unwrap().epoch]
    }

    /// Publishes; again and again while the broker is not back.
    async fn publish(&mut self, tenant: usize, count: usize, bytes: Option<usize>) {
        let one = |number: usize| bytes.map_or_else(|| event(&format!("e{number}")), |bytes| large(&format!("e{number}"), bytes));
        let events: Vec<Value> = (0..count).map(one).collect();
        let (http, body) = (self.http(tenant), Value::Array(events.clone()));
        eventually("ingest takes them", async || match http.try_post("/api/events", &body).await {
            Ok(answer) if answer.status == 202 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        self.sent[tenant].extend(ids(&events));
    }

    /// The broker loses everything, and is made anew. What the archive has stays.
    async fn make_anew(&mut self) {
        self.stack.lose_broker().await;
        self.made.push((self.epochs().await, [self.sent[0].len(), self.sent[1].len()]));
        // The archiver must be at work again before the broker lets anything go.
        for (tenant, name) in TENANTS.into_iter().enumerate() {
            self.publish(tenant, 1, None).await;
            let (http, id) = (self.stack.http(&self.workers, name), self.sent[tenant].last().unwrap().clone());
            eventually("the archiver goes on", async || match ids(&http.history("").await) {
                history if history.contains(&id) => Ok(()),
                history => Err(history.len()),
            })
            .await;
        }
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
        Self {
            tenant: number % 2,
            key: CursorKey::new(CURSOR_SECRET.as_bytes()),
            stream: None,
            last_id: None,
            made: 0,
            from: From::Exactly(0),
            looked: 0,
            shown: Vec::new(),
        }
    }

    async fn connect(&mut self, run: &Run) {
        if self.stream.is_some() {
            return;
        }
        if self.last_id.is_none() {
            (self.made, self.from) = (run.last_made(), From::Exactly(run.sent[self.tenant].len()));
        }
        self.stream = Some(run.http(self.tenant).stream("", self.last_id.as_deref()).await.unwrap());
        self.looked = 0;
        // So that it has its start before anything else happens.
        self.next(run).await;
    }

    /// Reads until so many further events came, or all that were acknowledged. A stream that was cut is opened anew.
    async fn read(&mut self, run: &Run, count: usize) {
        let enough = self.shown.len().saturating_add(count);
        while self.stream.is_some() && self.shown.len() < enough && self.lacks(run) {
            if !self.next(run).await {
                self.stream = None;
                self.connect(run).await;
            }
        }
    }

    /// Whether something must still come: events, or the reset before them.
    fn lacks(&self, run: &Run) -> bool {
        let sent = run.sent[self.tenant].len();
        self.made < run.last_made()
            || match self.from {
                From::Exactly(from) => from + self.shown.len() < sent,
                From::Within(_, to) => to < sent,
            }
    }

    /// Takes the next blocks; `false` when the stream has ended.
    async fn next(&mut self, run: &Run) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        let is_open = stream.next(Instant::now() + PATIENCE).await.is_some();
        let blocks = stream.blocks[self.looked..].to_vec();
        self.looked += blocks.len();
        blocks.iter().for_each(|block| self.take(run, block));
        is_open
    }

    fn take(&mut self, run: &Run, block: &Block) {
        let data: Option<Value> = block.data.as_deref().map(|data| serde_json::from_str(data).unwrap());
        match (&block.id, data, block.event.as_deref()) {
            (Some(id), None, _) => self.last_id = Some(id.clone()),
            (Some(id), Some(event), _) => {
                self.last_id = Some(id.clone());
                self.show(run, event["id"].as_str().unwrap());
            }
            (None, Some(reset), Some("reset")) => {
                assert_eq!(reset["code"], "store_rebuilt", "nothing else was lost: {reset}");
                // A stream that was not read for long may tell of each making; one that was not there tells of the last.
                let cursor = reset["cursor"].as_str().unwrap();
                let epoch = self.key.open(&Tenant::new(TENANTS[self.tenant]).unwrap(), cursor).unwrap().epoch;
                let made = run.made.iter().position(|(epochs, _)| epochs[self.tenant] == epoch).expect("an epoch that never was");
                assert!(self.made < made, "the stream is the same: {reset}");
                (self.made, self.shown) = (made, Vec::new());
                self.from = From::Within(run.made[made].1[self.tenant], run.sent[self.tenant].len());
                self.last_id = Some(cursor.to_owned());
            }
            _ => {}
        }
    }

    fn show(&mut self, run: &Run, id: &str) {
        let sent = &run.sent[self.tenant];
        let at = sent.iter().position(|sent| sent == id).expect("an event that nobody sent");
        let expected = match self.from {
            From::Exactly(from) => from + self.shown.len()..=from + self.shown.len(),
            From::Within(from, to) => from..=to,
        };
        assert!(
            expected.contains(&at),
            "event {at} in place of {expected:?} of {}; {:?}, {} shown, making {} of {:?}",
            TENANTS[self.tenant],
            self.from,
            self.shown.len(),
            self.made,
            run.made
        );
        if let From::Within(..) = self.from {
            self.from = From::Exactly(at);
        }
        self.shown.push(id.to_owned());
    }
}
