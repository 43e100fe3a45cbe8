//! A calm tenant, alone and beside a noisy one: a burst of events to many streams, and clients that read a long gap again and again.

use std::time::{Duration, Instant};

use slipstream_event::Tenant;
use slipstream_tests::Node;

use super::edge::Edge;
use crate::args::Args;
use crate::http;
use crate::load::USER;
use crate::machine::Cpu;
use crate::nats;
use crate::probe::Probe;
use crate::publisher::{Pace, direct, publish};
use crate::readers::{Ask, Readers, Task};
use crate::report::{Section, progress};
use crate::serial::Expect;

/// The calm tenant, its streams, and its events a second.
const CALM: (&str, usize, f64) = ("calm", 20, 50.0);
/// The noisy tenant, and the one with a history, which is noisy too.
const NOISY: [&str; 2] = ["noisy", "noisy-past"];
/// Events of the history.
const HISTORY: usize = 20_000;
/// Events of a gap.
const GAP: usize = 5_000;
/// How long the noise goes on before the calm tenant is measured: by then it has used what a tenant may take at once.
const SETTLE: Duration = Duration::from_secs(8);
/// Events of a request of the noisy tenant.
const BATCH: usize = 20;

/// Runs it.
pub(super) async fn run(args: &Args) -> Section {
    let (streams, replays) = (args.edge.noise_streams as usize, args.edge.noise_replays as usize);
    let title = format!("fan-out, a calm tenant beside noise: {} streams, {} events a second for {} s", CALM.1, CALM.2, args.edge.seconds);
    let columns = &["request p50", "p99 ms", "max ms", "ack p50 ms", "ack p99 ms", "noise deliv/s", "gateway cores"];
    let mut section = Section::new("fanout_neighbour", title, columns);
    let edge = Edge::start(args).await;
    let cursors = history(&edge).await;
    let pace = Pace::steady(CALM.2, Duration::from_secs(u64::from(args.edge.seconds)));

    progress("the calm tenant alone");
    section.row("alone", beside(&edge, pace, &[]).await);

    progress("replays beside it");
    let gaps = gaps(&edge, &cursors, replays);
    let at_once = beside(&edge, Pace::steady(CALM.2, SETTLE), &[&gaps]).await;
    section.row(format!("beside {replays} clients that read a long gap again and again, the first {} s", SETTLE.as_secs()), at_once);
    section.row(format!("beside {replays} clients that read a long gap again and again, from then on"), beside(&edge, pace, &[&gaps]).await);

    // The second shows what the machine costs, and the difference of the two what it costs to share a gateway.
    let (other, rate) = (edge.stack.node("gateway").await, args.edge.noise_rate);
    for (where_to, gateway) in [("the same gateway", &edge.gateway), ("a gateway of their own", &other)] {
        progress(format!("replays and a burst beside it, {where_to}"));
        let (values, note) = beside_burst(&edge, gateway, pace, &gaps, args).await;
        section.row(format!("beside these and {rate} events a second to {streams} streams, {where_to}"), values);
        section.note(note);
    }
    let rounds = gaps.stop().await.rounds;
    section.note(format!("gaps of {GAP} events were read to their end {rounds} times, each event once and in order"));
    section.note("of the calm tenant: from the request, and from the ack, to each of its streams; the readers of the noise run on the same cores, at the lowest priority");
    section
}

/// The calm tenant's latencies, what was delivered to the noisy ones meanwhile, and the gateway's processor time.
async fn beside(edge: &Edge, pace: Pace, noise: &[&Readers]) -> [Option<f64>; 7] {
    let delivered = || noise.iter().map(|readers| readers.deliveries()).sum::<u64>();
    let (begun, cpu, before) = (Instant::now(), Cpu::of([edge.pid]), delivered());
    let readers = edge.open(edge.asks(CALM.0, CALM.1, pace.expect()), true).await;
    let times = edge.publish(CALM.0, pace).await;
    let read = readers.finish().await;
    let ([p50, _, p99, max], [ack_p50, _, ack_p99, _]) = (times.since_request(&read).quantiles(), times.since_ack(&read).quantiles());
    let seconds = begun.elapsed().as_secs_f64();
    [p50, p99, max, ack_p50, ack_p99, Some((delivered() - before) as f64 / seconds), Some(cpu.seconds()[0] / seconds)]
}

/// The same, while a burst is sent to streams of this gateway; and what became of the burst.
async fn beside_burst(edge: &Edge, gateway: &Node, pace: Pace, gaps: &Readers, args: &Args) -> ([Option<f64>; 7], String) {
    let (burst, streams) = (burst(args), args.edge.noise_streams as usize);
    let address = http::address(&gateway.url()).to_owned();
    let token = edge.stack.token_of(USER, NOISY[0], &["writer"]);
    let task = Task { address: address.clone(), ..edge.noise(edge.asks(NOISY[0], streams, burst.expect())) };
    let mut fans = Readers::open(task).await;
    let (begun, noise) = (Instant::now(), [gaps, &fans]);
    let (values, acked) = tokio::join!(beside(edge, pace, &noise), publish(&address, &token, burst));
    let (events, acked) = (acked.events(), acked.took().as_secs_f64());
    fans.reach((events * streams) as u64).await;
    let (caught_up, left) = (begun.elapsed().as_secs_f64(), fans.stop().await.left);
    let missing = burst.events() - events;
    assert!(left.iter().all(|left| *left as usize == missing), "of {} events {events} were sent, and streams lack so many: {left:?}", burst.events());
    let note = format!(
        "of {} events of the burst {events} were acknowledged, in {acked:.1} s; all {streams} streams had shown each once and in order after {caught_up:.1} s",
        burst.events()
    );
    (values, note)
}

/// As long as the calm tenant is measured, however much was sent by then.
fn burst(args: &Args) -> Pace {
    let requests = (args.edge.noise_rate as usize * args.edge.seconds as usize).div_ceil(BATCH);
    let period = Duration::from_secs_f64(BATCH as f64 / f64::from(args.edge.noise_rate));
    Pace { requests, batch: BATCH, period, within: Duration::from_secs(u64::from(args.edge.seconds)) }
}

/// The cursors of a history.
async fn history(edge: &Edge) -> Vec<String> {
    progress("a history");
    let token = edge.stack.token_of("probe", NOISY[1], &["reader"]);
    let probe = Probe::open(&edge.address(), &token).await;
    let broker = nats::client(&edge.stack.nats).await;
    direct::fast(&broker, &[Tenant::new(NOISY[1]).unwrap()], HISTORY).await;
    probe.cursors(HISTORY).await
}

/// Clients that read gaps of the history, each from another place, again and again.
fn gaps(edge: &Edge, cursors: &[String], clients: usize) -> Readers {
    let ask = |number: usize| {
        let from = number * (HISTORY - GAP) / clients;
        Ask::once(edge.request(NOISY[1], number, Some(&cursors[from])), Expect::after(from, GAP)).again()
    };
    Readers::start(edge.noise((0..clients).map(ask).collect()))
}
