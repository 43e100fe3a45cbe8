//! A model of streams: random schedules of publishing, feeding, archiving, trimming, reading, dropping, restarting and re-creating, against plain lists.
//!
//! Everything is real but the broker and the archive, which are lists ([`world`]). Whatever the schedule, a client's events are those of the list after its
//! start, without those of the times when the activity log was off if that is what it reads, in order, each once, or there is a `reset` that tells a true reason.

mod client;
mod world;

use proptest::prelude::*;

use client::Client;
use world::World;

/// Clients of each run; half of them of each tenant, and half of them are shown the activity log.
const CLIENTS: usize = 6;

/// One step of a schedule.
#[derive(Clone, Debug)]
enum Step {
    /// Events of a tenant are stored by the broker.
    Publish { tenant: usize, count: u64 },
    /// A tenant turns its activity log off, or on.
    Turn { tenant: usize },
    /// The gateway's feed takes so many messages of each shard.
    Feed { count: u64 },
    /// The archiver takes so many messages of each shard.
    Archive { count: u64 },
    /// The broker lets its oldest go, but keeps what is not archived.
    Trim { keep: u64 },
    /// The broker lets go even of what is not archived.
    Lose { keep: u64 },
    /// The stream is made anew: another epoch.
    Recreate,
    /// The gateway starts anew: all connections end, windows are warmed from the log's end.
    Restart { warm: u64 },
    /// A client connects with what it has, or stays.
    Connect { client: usize },
    /// A client takes so many writes.
    Read { client: usize, writes: usize },
    /// All clients take a write, as in one pass of a writer.
    Pass,
    /// A client is given a write, of which so many blocks arrive: then its connection ends.
    Cut { client: usize, blocks: usize },
    /// A client's connection ends.
    Drop { client: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        6 => (0_usize..2, 1_u64..9).prop_map(|(tenant, count)| Step::Publish { tenant, count }),
        2 => (0_usize..2).prop_map(|tenant| Step::Turn { tenant }),
        6 => (1_u64..12).prop_map(|count| Step::Feed { count }),
        3 => (1_u64..12).prop_map(|count| Step::Archive { count }),
        2 => (0_u64..15).prop_map(|keep| Step::Trim { keep }),
        1 => (0_u64..15).prop_map(|keep| Step::Lose { keep }),
        1 => Just(Step::Recreate),
        1 => (0_u64..20).prop_map(|warm| Step::Restart { warm }),
        4 => client.clone().prop_map(|client| Step::Connect { client }),
        8 => (client.clone(), 1_usize..5).prop_map(|(client, writes)| Step::Read { client, writes }),
        4 => Just(Step::Pass),
        3 => (client.clone(), 0_usize..4).prop_map(|(client, blocks)| Step::Cut { client, blocks }),
        3 => client.prop_map(|client| Step::Drop { client }),
    ]
}

fn run(shards: u16, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _in_runtime = runtime.enter();
    let mut world = World::new(shards);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|number| Client::new(number % 2, number > 2)).collect();
    for step in steps {
        match step {
            Step::Publish { tenant, count } => world.publish(tenant, count),
            Step::Turn { tenant } => world.turn(tenant),
            Step::Feed { count } => world.feed(count),
            Step::Archive { count } => world.archive(count),
            Step::Trim { keep } => world.trim(keep, false),
            Step::Lose { keep } => world.trim(keep, true),
            Step::Recreate => world.recreate(),
            Step::Restart { warm } => {
                clients.iter_mut().for_each(Client::disconnect);
                world.restart(warm);
            }
            Step::Connect { client } => clients[client].connect(&world, &runtime),
            Step::Read { client, writes } => (0..writes).try_for_each(|_| clients[client].read(&mut world, &runtime, true, usize::MAX).map(drop))?,
            Step::Pass => {
                world.spans.begin();
                clients.iter_mut().try_for_each(|client| client.read(&mut world, &runtime, false, usize::MAX).map(drop))?;
            }
            Step::Cut { client, blocks } => {
                clients[client].read(&mut world, &runtime, true, blocks)?;
                clients[client].disconnect();
            }
            Step::Drop { client } => clients[client].disconnect(),
        }
    }
    // At rest everybody gets everything.
    world.feed(u64::MAX);
    for client in &mut clients {
        client.read_all(&mut world, &runtime)?;
        client.check_end(&world)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn streams_show_what_the_log_holds_with_one_shard(steps in prop::collection::vec(step(), 1..120)) {
        run(1, steps)?;
    }

    #[test]
    fn streams_show_what_the_log_holds_with_three_shards(steps in prop::collection::vec(step(), 1..120)) {
        run(3, steps)?;
    }
}
