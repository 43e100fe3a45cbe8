//! The promises of the platform, tested from outside: on the program itself, a real broker and a real database.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the tests do")]

mod activity;
mod analytics;
mod audit;
mod bad_input;
mod cli;
mod clients;
mod cockpit;
mod cold_replay;
mod credentials;
mod drain;
mod export;
mod faults;
mod flow;
mod history;
mod http1;
mod http2;
mod ingest;
mod isolation;
mod ledger;
mod nginx;
mod redaction;
mod resume;
mod retention;
mod revocation;
mod rolling;
mod saved_views;
mod schedule;
mod shards;
mod slow;
mod stream;
mod tenants;
mod tickets;
mod websocket;

use serde_json::{Value, json};

/// An event of an open module, with an id of its own.
fn event(entity_id: &str) -> Value {
    json!({"id": slipstream_tests::id(), "type": "shop.order.created", "entityId": entity_id, "metadata": {"sum": 1.10}})
}

/// One with so many bytes of metadata.
fn large(entity_id: &str, bytes: usize) -> Value {
    let mut event = event(entity_id);
    event["metadata"] = json!({"filling": "x".repeat(bytes)});
    event
}

/// Many of them, as newline-delimited JSON.
fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// Waits until this gateway has seen an acknowledged event: a gateway learns of it a moment after the acknowledgement, and one that resumes before that
/// is shown it after `ready`. `before` is any place before it.
async fn shown(http: &slipstream_tests::Http, before: &str, id: &str) {
    http.stream("", Some(before)).await.unwrap().until_event(id).await;
}

/// What a command printed; it must have succeeded.
fn printed(output: &std::process::Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    out.into_owned()
}

/// The ids of events.
fn ids(events: &[Value]) -> Vec<String> {
    texts(events, "id")
}

/// One text field of events.
fn texts(events: &[Value], field: &str) -> Vec<String> {
    events.iter().map(|event| event[field].as_str().unwrap_or_else(|| panic!("no {field} in {event}")).to_owned()).collect()
}
