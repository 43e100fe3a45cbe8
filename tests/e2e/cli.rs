//! The commands do what their help says.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use slipstream_broker::Provision;
use slipstream_tests::{Node, Setup, Stack, eventually};

use crate::printed;

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// A client command against this node.
async fn client(stack: &Stack, node: &Node, token: &str, args: &[&str]) -> Output {
    stack.run(args, &[("SLIPSTREAM_URL", &node.url()), ("SLIPSTREAM_TOKEN", token)]).await
}

#[tokio::test]
async fn a_token_is_minted_an_event_published_followed_and_found_again() {
    let (stack, node) = Stack::with_node().await;
    let minted = printed(&stack.run(&["token", "mint", "--tenant", "acme", "--user", "ann", "--role", "writer", "--role", "reader"], &[]).await);
    let token = minted.trim();
    let publish = ["publish", "--type", "fleet.aircraft.grounded", "--entity-id", "HB-JNA", "--severity", "warning", "--id", "first", "--json"];
    let first = json_lines(&printed(&client(&stack, &node, token, &publish).await));
    assert_eq!(first[0]["duplicate"], false, "{first:?}");
    let again = json_lines(&printed(&client(&stack, &node, token, &publish).await));
    assert_eq!((&again[0]["duplicate"], &again[0]["cursor"]), (&json!(true), &first[0]["cursor"]));
    let file = stack.dir().join("events.ndjson");
    std::fs::write(&file, "{\"type\":\"fleet.aircraft.released\",\"entityId\":\"1\"}\n{\"type\":\"fleet.aircraft.released\",\"entityId\":\"2\"}\n").unwrap();
    printed(&client(&stack, &node, token, &["publish", file.to_str().unwrap()]).await);

    let tail = ["tail", "--json", "--from", first[0]["cursor"].as_str().unwrap(), "--count", "2"];
    let shown = json_lines(&printed(&client(&stack, &node, token, &tail).await));
    assert_eq!(crate::texts(&shown, "entityId"), ["1", "2"]);
    assert_eq!(shown[0]["actor"]["userId"], "ann");
    let http = stack.http(&node, "acme");
    eventually("all are archived", async || match http.history("").await.len() {
        3 => Ok(()),
        other => Err(other),
    })
    .await;
    let history = json_lines(&printed(&client(&stack, &node, token, &["history", "--json", "--severity", "warning"]).await));
    assert_eq!(crate::texts(&history, "entityId"), ["HB-JNA"]);
}

#[tokio::test]
async fn a_refusal_is_told_and_fails_the_command() {
    let (stack, node) = Stack::with_node().await;
    let token = stack.token("acme");
    let refused = client(&stack, &node, &token, &["publish", "--type", "copilot.nonsense.created", "--entity-id", "1"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("type"), "{said}");
    let refused = client(&stack, &node, "forged", &["history"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && !said.is_empty() && !said.contains("panicked"), "{said}");
    let unset = stack.run(&["serve"], &[("SLIPSTREAM_CURSOR_SECRET", ""), ("SLIPSTREAM_SHARDS", "0"), ("SLIPSTREAM_DATABASE_URL", "")]).await;
    let said = String::from_utf8_lossy(&unset.stderr).into_owned();
    assert!(!unset.status.success() && ["cursor_secret", "shards", "database_url"].iter().all(|name| said.contains(name)), "all faults at once: {said}");
}

#[tokio::test]
async fn a_file_is_imported_once_however_often_it_is_loaded() {
    let (stack, node) = Stack::with_node().await;
    let grant = slipstream_access::mint::Grant { super_admin: true, ..slipstream_access::mint::Grant::new("importer", None, &[]) };
    let token = stack.sign(&grant, slipstream_tests::TOKEN_SECRET, Duration::from_secs(600));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/cloudtrail-sample.ndjson");
    let records = std::fs::read_to_string(sample).unwrap().lines().count();
    let import = async || {
        let said = printed(&client(&stack, &node, &token, &["import", "cloudtrail", sample, "--json"]).await);
        serde_json::from_str::<Value>(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
    };
    let first = import().await;
    let stored = stack.broker().await.stream_state(0).await.unwrap().messages;
    assert!(stored > 0 && stored <= records as u64, "{first}");
    let again = import().await;
    assert_eq!(stack.broker().await.stream_state(0).await.unwrap().messages, stored, "{again}");
    eventually("all are archived", async || match stack.sql("select count(*) from slipstream.event").await {
        count if count == stored.to_string() => Ok(()),
        count => Err(count),
    })
    .await;
}

#[tokio::test]
async fn the_operators_commands_tell_where_things_stand() {
    let stack = Setup::default().provision(Provision { max_age: Some(Duration::from_secs(3_600)), ..Provision::default() }).start().await;
    let status = printed(&stack.run(&["migrate", "status"], &[]).await);
    assert!(status.contains("0001"), "{status}");
    let drift = stack.run(&["provision", "--check"], &[]).await;
    let said = String::from_utf8_lossy(&drift.stdout).into_owned();
    assert!(drift.status.code() == Some(1) && said.contains("EVENTS") && said.contains("max_age"), "{said}");
    printed(&stack.run(&["provision"], &[]).await);
    printed(&stack.run(&["provision", "--check"], &[]).await);
    let config = printed(&stack.run(&["config"], &[]).await);
    assert!(config.contains("heartbeat_ms") && !config.contains(slipstream_tests::TOKEN_SECRET), "{config}");
}
