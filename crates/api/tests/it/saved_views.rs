//! Saved views: own ones, shared ones, versions and limits.

use serde_json::{Value, json};

use crate::app::{Answer, App, Who, admin, ask, other_user, who};

const PATH: &str = "/api/saved-views";

fn view(name: &str, shared: bool) -> Value {
    json!({"name": name, "query": {"severity": ["error"], "q": "fire"}, "shared": shared})
}

async fn save(app: &App, who: &Who, body: Value) -> Answer {
    app.send(who, "POST", PATH, body).await
}

async fn names(app: &App, who: &Who) -> Vec<String> {
    let answer = app.get(who, PATH).await;
    answer.body["items"].as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn views_are_their_owners_or_everybodys() {
    let app = App::new().await;
    let (mine, yours) = (who("acme", &["reader"]), other_user("acme", &["reader"]));
    let made = save(&app, &mine, view("mine", false)).await;
    assert_eq!((made.status, &made.body["version"], made.headers["etag"].to_str().unwrap()), (201, &json!(1), "\"1\""));
    assert_eq!(made.body["query"], view("", false)["query"]);
    assert!(app.outbox().await.is_empty(), "one's own views are nobody else's business");
    let own = format!("{PATH}/{}", made.body["id"].as_str().unwrap());
    for (method, body) in [("GET", json!({})), ("PUT", view("x", false)), ("DELETE", json!({}))] {
        assert_eq!(app.send(&yours, method, &own, body.clone()).await.code(), (404, "not_found"), "{method}");
        assert_eq!(app.send(&admin("other"), method, &own, body).await.code(), (404, "not_found"), "{method} by another tenant");
    }
    assert_eq!(save(&app, &mine, view("for all", true)).await.code(), (403, "role_forbidden"));
    assert_eq!(app.send(&mine, "PUT", &own, view("for all", true)).await.code(), (403, "role_forbidden"));
    let shared = save(&app, &admin("acme"), view("for all", true)).await;
    let path = format!("{PATH}/{}", shared.body["id"].as_str().unwrap());
    assert_eq!((names(&app, &yours).await, app.get(&yours, &path).await.body["is_own"].clone()), (vec!["for all".to_owned()], json!(false)));
    assert_eq!(app.send(&yours, "PUT", &path, view("x", true)).await.code(), (403, "role_forbidden"));
    assert_eq!(app.send(&yours, "DELETE", &path, json!({})).await.code(), (403, "role_forbidden"));
    let second = other_user("acme", &["admin"]);
    assert_eq!(app.send(&second, "PUT", &path, json!({"name": "renamed", "query": {}})).await.body["shared"], true);
    assert_eq!(app.send(&second, "DELETE", &path, json!({})).await.status, 204);
    assert_eq!((names(&app, &yours).await.len(), app.get(&yours, &path).await.status), (0, 404));
    let told: Vec<String> = app.outbox().await.iter().map(|event| format!("{} {}", event.event_type.as_str(), event.entity_name.as_deref().unwrap())).collect();
    assert_eq!(told, ["audit.saved_view.saved for all", "audit.saved_view.saved renamed", "audit.saved_view.deleted renamed"]);
}

#[tokio::test]
async fn of_two_changes_to_one_version_one_is_refused() {
    let app = App::new().await;
    let made = save(&app, &admin("acme"), view("a", false)).await;
    let path = format!("{PATH}/{}", made.body["id"].as_str().unwrap());
    let put = async |tag: &str, name: &str| {
        let headers = [("authorization", admin("acme").0), ("content-type", "application/json".to_owned()), ("if-match", tag.to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ask(&app.router, "PUT", &path, &headers, &view(name, false).to_string()).await
    };
    assert_eq!((put("\"1\"", "b").await.status, put("\"1\"", "c").await.code()), (200, (409, "version_conflict")));
    let mut body = view("c", false);
    body["version"] = json!(1);
    let refused = app.send(&admin("acme"), "PUT", &path, body.clone()).await;
    assert_eq!((refused.status, &refused.body["version"]), (409, &json!(2)));
    body["version"] = json!(2);
    assert_eq!(app.send(&admin("acme"), "PUT", &path, body).await.body["version"], 3);
    assert_eq!(put("nonsense", "d").await.code(), (422, "validation"));
    assert_eq!(names(&app, &admin("acme")).await, ["c"]);
}

#[tokio::test]
async fn what_history_would_refuse_is_refused_by_name() {
    let app = App::new().await;
    let answer = save(&app, &admin("acme"), json!({"name": "x", "query": {"severity": "high", "nonsense": 1, "timeStart": "soon"}})).await;
    let fields: Vec<&str> = answer.body["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!((answer.code(), fields), ((422, "validation"), vec!["query.nonsense", "query.severity", "query.timeStart"]));
    assert!(names(&app, &admin("acme")).await.is_empty());
}

#[tokio::test]
async fn no_user_and_no_tenant_keeps_too_many() {
    let app = App::new().await;
    let fill = |owner: &str, shared: bool, count: u32| {
        format!(
            "insert into slipstream.saved_view (tenant_id, owner_id, name, query, shared) select 'acme', '{owner}', 'v', '{{}}', {shared} from generate_series(1, {count})"
        )
    };
    app.sql(&fill("u1", false, 99)).await;
    app.sql(&fill("u9", true, 199)).await;
    let mine = admin("acme");
    let (a, b) = tokio::join!(save(&app, &mine, view("a", false)), save(&app, &mine, view("b", false)));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "also at the same time");
    assert_eq!(save(&app, &admin("acme"), view("c", false)).await.code(), (409, "saved_views_full"));
    assert_eq!(save(&app, &admin("acme"), view("c", true)).await.status, 201);
    assert_eq!(save(&app, &admin("acme"), view("c", true)).await.code(), (409, "shared_views_full"));
    assert_eq!(save(&app, &other_user("acme", &["reader"]), view("c", false)).await.status, 201, "others have room of their own");
}
