//! One cursor from the live tail through the broker's retention and on into the archive.

use std::time::Duration;

use serde_json::json;
use slipstream_broker::Provision;
use slipstream_tests::{Setup, eventually};

use crate::{event, ids};

#[tokio::test]
async fn a_place_older_than_the_broker_is_served_from_the_archive() {
    let retention = Duration::from_secs(3);
    let provision = Provision { max_age: Some(retention), duplicate_window: Some(retention), ..Provision::default() };
    let stack = Setup::default().provision(provision).start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let http = stack.http(&node, "acme");
    let (mut sent, mut cursors) = (Vec::new(), Vec::new());
    for n in 0..30 {
        let ack = http.publish(&event(&format!("o{n}"))).await;
        sent.push(ack["id"].as_str().unwrap().to_owned());
        cursors.push(ack["cursor"].as_str().unwrap().to_owned());
        // Others' events lie between ours.
        stack.http(&node, "other").publish(&event("theirs")).await;
    }
    let broker = stack.broker().await;
    eventually("the broker has let them go", async || match broker.stream_state(0).await.unwrap() {
        state if state.first_seq > 60 => Ok(()),
        state => Err(state),
    })
    .await;
    let newer = [event("n1"), event("n2")];
    http.post("/api/events", &json!(newer)).await.expect(202);
    // A gateway that has seen nothing of it: what it shows is from the archive, the broker and the tail.
    node.restart().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", Some(&cursors[9])).await.unwrap();
    let notice = stream.until_control("notice").await;
    assert_eq!(notice, json!({"type": "notice", "reason": "served_from_archive", "count": 20}));
    assert_eq!(stream.all_events().len(), 0, "the notice comes first");
    let ready = stream.until_control("ready").await;
    assert_eq!(ready["replayed"], 22);
    let live = event("live");
    http.publish(&live).await;
    stream.until_event(live["id"].as_str().unwrap()).await;
    let want: Vec<String> = sent[10..].iter().cloned().chain(ids(&newer)).chain(ids(&[live])).collect();
    assert_eq!(ids(&stream.all_events()), want);
    let by_id = http.stream("", Some(&sent[27])).await.unwrap().events(2).await;
    assert_eq!(ids(&by_id), sent[28..], "an event's id is a place in the archive too");
}
