//! The relay: order, rows that are refused, leadership, shards apart.

use std::time::Duration;

use slipstream_broker::Provision;
use slipstream_store::Role;
use slipstream_store::outbox::Outbox;
use sqlx::AssertSqlSafe;

use crate::cluster::Cluster;
use crate::flow::{Flow, event, large, until};

#[tokio::test]
async fn each_tenant_has_the_order_of_its_commits_whoever_writes() {
    for shards in [1, 3] {
        let flow = Flow::new(shards).await;
        let relay = flow.relay().await;
        let store = flow.db.store(Role::Api);
        let tenants: Vec<String> = (0..6).map(|n| format!("t{n}")).collect();
        let writers = tenants.iter().flat_map(|tenant| (0..4).map(move |writer| (tenant, writer)));
        let writing = writers.map(|(tenant, writer)| {
            let (flow, store) = (&flow, &store);
            async move {
                for n in 0..15 {
                    let events = (0..=n % 3).map(|part| event(tenant, &format!("{writer}.{n}.{part}"))).collect();
                    flow.write(store, events).await;
                }
            }
        });
        futures_util::future::join_all(writing).await;
        flow.relayed().await;
        for tenant in &tenants {
            let committed = flow.committed(tenant).await;
            assert_eq!((committed.len(), flow.streamed(tenant).await), (4 * 30, committed));
        }
        relay.stop().await;
        assert_eq!(flow.number("select count(*) from slipstream.outbox where seq is null or attempts > 0").await, 0);
    }
}

#[tokio::test]
async fn rows_know_where_they_were_stored() {
    let flow = Flow::new(3).await;
    let relay = flow.relay().await;
    for tenant in ["acme", "ec2", "platform"] {
        flow.write_each(tenant, 3).await;
    }
    flow.relayed().await;
    let epoch = flow.broker().await.stream_state(2).await.unwrap().epoch;
    let places: Vec<(i32, i64, i64)> = sqlx::query_as("select shard, epoch, seq from slipstream.outbox where tenant_id = 'acme' order by id")
        .fetch_all(&mut flow.db.root().await)
        .await
        .unwrap();
    let epoch = i64::try_from(epoch).unwrap();
    assert_eq!(places, [(2, epoch, 1), (2, epoch, 2), (2, epoch, 3)]);
    relay.stop().await;
}

#[tokio::test]
async fn a_row_that_the_broker_refuses_steps_aside_and_the_others_keep_their_order() {
    let flow = Flow::with(1, Cluster::shared().await, Provision::default(), "max_payload: 16KB").await;
    let store = flow.db.store(Role::Api);
    let mut good = Vec::new();
    for n in 0..3 {
        good.extend(flow.write(&store, vec![event("a", &format!("before {n}"))]).await);
    }
    let refused = flow.write(&store, vec![large("a", 20_000)]).await;
    good.extend(flow.write(&store, vec![event("a", "after")]).await);
    let alone = flow.write(&store, vec![large("b", 20_000)]).await;
    let others = flow.write_each("c", 5).await;
    let relay = flow.relay().await;
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, good);
    assert_eq!(flow.streamed("c").await, others);
    let aside = Outbox::new(flow.db.store(Role::Relay)).list_set_aside(10).await.unwrap();
    assert_eq!(aside.iter().map(|row| row.row.event_id).collect::<Vec<_>>(), [refused[0], alone[0]]);
    assert!(aside.iter().all(|row| row.reason.contains("larger than")), "{aside:?}");
    let later = flow.write_each("a", 1).await;
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, [good, later].concat());
    relay.stop().await;
}

#[tokio::test]
async fn one_relay_leads_and_another_takes_over() {
    let flow = Flow::new(1).await;
    let first = flow.relay().await;
    flow.write_each("a", 5).await;
    flow.relayed().await;
    let second = flow.relay().await;
    flow.write_each("a", 5).await;
    flow.relayed().await;
    first.kill().await;
    flow.write_each("a", 5).await;
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, flow.committed("a").await);
    second.stop().await;
}

#[tokio::test]
async fn a_relay_that_loses_its_leadership_leads_again() {
    let flow = Flow::new(1).await;
    let relay = flow.relay().await;
    for _ in 0..3 {
        flow.write_each("a", 20).await;
        until("someone leads", async || end_leadership(&flow).await == 1).await;
    }
    flow.relayed().await;
    assert_eq!(flow.streamed("a").await, flow.committed("a").await);
    relay.stop().await;
    assert_eq!(end_leadership(&flow).await, 0, "leadership is given back");
}

/// Ends the session that holds the lock. Returns how many there were.
async fn end_leadership(flow: &Flow) -> i64 {
    flow.number(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'slipstream_relay_leader' and datname = current_database()",
    )
    .await
}

#[tokio::test]
async fn a_backlog_of_many_tenants_goes_out_in_order() {
    let flow = Flow::new(3).await;
    let store = flow.db.store(Role::Api);
    for tenant in 0..40 {
        let events = (0..70).map(|n| event(&format!("t{tenant}"), &n.to_string())).collect();
        flow.write(&store, events).await;
    }
    let relay = flow.relay().await;
    flow.relayed().await;
    for tenant in (0..40).step_by(7) {
        let tenant = format!("t{tenant}");
        assert_eq!(flow.streamed(&tenant).await, flow.committed(&tenant).await);
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_tenant_waits_alone_for_its_shard() {
    let flow = Flow::new(3).await;
    let relay = flow.relay().await;
    flow.write_each("acme", 2).await;
    flow.relayed().await;
    // The stream of shard 2 is gone; the others are there.
    flow.server.raw().await.delete_stream("EVENTS_2").await.unwrap();
    flow.write_each("acme", 3).await;
    let others = flow.write_each("ec2", 50).await;
    until("the others are published", async || flow.streamed("ec2").await == others).await;
    let waiting = "select count(*) from slipstream.outbox where tenant_id = 'acme' and published_at is null and set_aside_at is null";
    assert_eq!(flow.number(waiting).await, 3);
    flow.broker().await.provision(&flow.provision).await.unwrap();
    flow.relayed().await;
    assert_eq!(flow.streamed("acme").await, flow.committed("acme").await, "what the lost stream had is published again, in order");
    relay.stop().await;
}

#[tokio::test]
async fn published_rows_are_pruned_when_their_time_is_over() {
    let flow = Flow::new(1).await;
    flow.write_each("a", 5).await;
    let relay = flow.relay().await;
    flow.relayed().await;
    relay.stop().await;
    let age =
        "update slipstream.outbox set published_at = published_at - interval '16 minutes' where id in (select id from slipstream.outbox order by id limit 3)";
    sqlx::query(AssertSqlSafe(age)).execute(&mut flow.db.root().await).await.unwrap();
    let relay = flow.relay().await;
    until("three are pruned", async || flow.number("select count(*) from slipstream.outbox").await == 2).await;
    relay.stop().await;
}

#[tokio::test]
async fn settings_that_would_lose_rows_are_refused() {
    let flow = Flow::new(1).await;
    let config = slipstream_workers::relay::Config { kept: Duration::from_secs(60), ..Default::default() };
    let relay = slipstream_workers::Relay::new(flow.db.store(Role::Relay), flow.db.store(Role::Reader), flow.broker().await, config);
    assert!(relay.run(Default::default()).await.is_err());
}
