//! Three shards keep the promises of one.

use serde_json::Value;
use slipstream_event::{Tenant, subject};
use slipstream_tests::{Setup, eventually, ticket};

use crate::{event, ids};

#[tokio::test]
async fn three_shards_keep_the_promises_of_one() {
    let stack = Setup::default().shards(3).start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let tenants = ["acme", "ec2", "iam", "platform-2", "s3", "sts", "kms"];
    let used: std::collections::HashSet<u16> = tenants.iter().map(|tenant| subject::shard_of(&Tenant::new(tenant).unwrap(), 3)).collect();
    assert_eq!(used.len(), 3, "the tenants lie on all shards");
    let each = tenants.map(|tenant| {
        let http = stack.http(&node, tenant);
        async move {
            let mut live = http.stream("", None).await.unwrap();
            let start = live.until_control("ready").await["cursor"].clone();
            let mut sent = Vec::new();
            for n in 0..10 {
                let batch: Vec<Value> = (0..4).map(|i| event(&format!("{n}-{i}"))).collect();
                http.post("/api/events", &Value::Array(batch.clone())).await.expect(202);
                sent.extend(ids(&batch));
            }
            assert_eq!(ids(&live.events(40).await), sent, "{tenant} live");
            let mut replay = http.stream("", start.as_str()).await.unwrap();
            assert_eq!(ids(&replay.events(40).await), sent, "{tenant} replayed");
            http.post("/copilot/support-tickets/", &ticket(tenant)).await.expect(200);
            assert_eq!(live.events(1).await[0]["entityName"], tenant);
            let archived = eventually("all are archived", async || match http.history("").await {
                history if history.len() == 41 => Ok(history),
                history => Err(history.len()),
            })
            .await;
            assert!(archived.iter().all(|event| event["tenantId"] == tenant));
        }
    });
    for one in each {
        one.await;
    }
    let broker = stack.broker().await;
    for shard in 0..3 {
        assert!(broker.stream_state(shard).await.unwrap().last_seq >= 41, "shard {shard} is used");
    }
}

#[tokio::test]
async fn a_resume_works_on_every_shard_after_a_restart() {
    let stack = Setup::default().shards(3).start().await;
    let node = stack.node("gateway,archiver,api").await;
    for tenant in ["acme", "ec2", "platform-2"] {
        let http = stack.http(&node, tenant);
        let first = http.publish(&event("o1")).await;
        let second = http.publish(&event("o2")).await;
        node.restart().await;
        let http = stack.http(&node, tenant);
        let mut stream = http.stream("", first["cursor"].as_str()).await.unwrap();
        stream.until_control("ready").await;
        assert_eq!(ids(&stream.all_events()), [second["id"].as_str().unwrap()], "{tenant}");
    }
}
