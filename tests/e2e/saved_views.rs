//! Saved views from outside: kept over a restart, told to the tenant when shared.

use serde_json::{Value, json};
use slipstream_tests::{Http, Stack};

const PATH: &str = "/api/saved-views";

#[tokio::test]
async fn a_view_outlives_the_process_and_a_shared_one_is_told() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("?types=audit.saved_view", None).await.unwrap();
    stream.until_control("ready").await;
    let query = json!({"severity": ["error", "critical"], "q": "engine"});
    let own = http.post(PATH, &json!({"name": "Mine", "query": query})).await.expect(201);
    let shared = http.post(PATH, &json!({"name": "Ours", "query": query, "shared": true})).await.expect(201);
    let told = stream.events(1).await;
    assert_eq!((&told[0]["type"], &told[0]["entityId"], &told[0]["metadata"]["query"]), (&json!("audit.saved_view.saved"), &shared["id"], &query));
    node.stop().await;

    let node = stack.node("api,gateway,relay,archiver").await;
    let reader = Http::new(node.url(), Some(stack.token_of("u9", "acme", &["reader"])));
    let names = |list: Value| list["items"].as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(stack.http(&node, "acme").get(PATH).await.expect(200)), ["Mine", "Ours"]);
    assert_eq!(names(reader.get(PATH).await.expect(200)), ["Ours"]);
    assert_eq!(names(stack.http(&node, "other").get(PATH).await.expect(200)), [""; 0]);
    reader.get(&format!("{PATH}/{}", own["id"].as_str().unwrap())).await.problem(404, "not_found");
    reader.post(PATH, &json!({"name": "x", "query": {}, "shared": true})).await.problem(403, "role_forbidden");
    let problem = reader.post(PATH, &json!({"name": "x", "query": {"severity": "high"}})).await.problem(422, "validation");
    assert_eq!(problem["fields"][0]["field"], "query.severity");
}
