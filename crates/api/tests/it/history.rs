//! History: pages, tags, visibility, bad input.

use serde_json::{Value, json};
use slipstream_event::{Event, Keyset, Severity, Timestamp, Visibility};
use sqlx::Executor;

use crate::app::{Answer, App, admin, ask, key, root, who};
use crate::fixture::{EPOCH, Log, at, event, tenant};

const PATH: &str = "/api/events/history";

fn day(day: u32, of: &str, entity: &str) -> Event {
    at(&format!("2026-03-{day:02}T12:00:00Z"), event(of, "fleet.aircraft.created", entity))
}

async fn with(events: &[Event]) -> (App, Log) {
    let app = App::new().await;
    let mut log = Log::new(&app.db).await;
    log.add(events).await;
    (app, log)
}

fn entities(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["items"].as_array().unwrap().iter().map(|item| item["entityId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_hold_each_event_once_newest_first() {
    let (app, _log) = with(&(1..=7).map(|i| day(i, "acme", &format!("e{i}"))).collect::<Vec<_>>()).await;
    let (mut seen, mut path) = (Vec::new(), format!("{PATH}?limit=3"));
    loop {
        let page = app.get(&admin("acme"), &path).await;
        seen.extend(entities(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("{PATH}?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ["e7", "e6", "e5", "e4", "e3", "e2", "e1"]);
}

#[tokio::test]
async fn an_answer_has_the_form_of_the_contract() {
    let (app, _log) = with(&[day(1, "acme", "e1")]).await;
    let answer = app.get(&admin("acme"), PATH).await;
    let item = &answer.body["items"][0];
    let keys: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).take(8).collect();
    assert_eq!(keys, ["id", "type", "entityType", "entityId", "action", "timestamp", "actor", "metadata"]);
    assert_eq!((&item["metadata"]["amoId"], &answer.body["next_cursor"]), (&json!("acme"), &Value::Null));
    let through = answer.body["archivedThrough"]["cursor"].as_str().unwrap();
    let position = key().open(&tenant("acme"), through).unwrap();
    assert_eq!((position.epoch, position.seq), (EPOCH, 1), "a stream can go on where the archive ends");
    let header = |name: &str| answer.headers[name].to_str().unwrap();
    assert_eq!((header("cache-control"), header("vary"), header("content-type")), ("private, max-age=15", "Authorization", "application/json"));
    assert!(header("etag").starts_with("W/\"") && header("etag").len() == 36);
}

#[tokio::test]
async fn an_empty_history_is_an_answer_too() {
    let app = App::new().await;
    let answer = app.get(&admin("acme"), PATH).await;
    assert_eq!((answer.status, answer.body), (200, json!({"items": [], "next_cursor": null, "archivedThrough": null})));
}

#[tokio::test]
async fn an_unchanged_page_is_304_without_a_query_for_events() {
    let (app, mut log) = with(&[day(1, "acme", "e1")]).await;
    let ask_with = async |tag: &str, path: &str| ask(&app.router, "GET", path, &[("authorization", &admin("acme").0), ("if-none-match", tag)], "").await;
    let first = app.get(&admin("acme"), PATH).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    // Who may not read events can still be told that nothing has changed.
    app.sql("revoke select on slipstream.event from slipstream_reader").await;
    for given in [tag.clone(), format!("\"x\", {tag}"), "*".to_owned(), tag.trim_start_matches("W/").to_owned()] {
        let answer = ask_with(&given, PATH).await;
        assert_eq!((answer.status, answer.body), (304, Value::Null), "{given}");
        assert_eq!((answer.headers["etag"].to_str().unwrap(), answer.headers["cache-control"].to_str().unwrap()), (tag.as_str(), "private, max-age=15"));
    }
    app.sql("grant select on slipstream.event to slipstream_reader").await;
    assert_eq!(ask_with(&tag, &format!("{PATH}?limit=2")).await.status, 200, "another page has another tag");
    assert_eq!(ask_with("\"x\"", PATH).await.status, 200);
    log.add(&[day(2, "other", "x1")]).await;
    assert_eq!(ask_with(&tag, PATH).await.status, 304, "another tenant's events change nothing here");
    log.add(&[day(2, "acme", "e2")]).await;
    assert_eq!(entities(&ask_with(&tag, PATH).await), ["e2", "e1"]);
}

#[tokio::test]
async fn a_tenant_sees_its_own_events_only() {
    let (app, _log) = with(&[day(1, "acme", "a1"), day(2, "other", "o1")]).await;
    assert_eq!(entities(&app.get(&admin("acme"), PATH).await), ["a1"]);
    assert_eq!(app.get(&admin("acme"), &format!("{PATH}?account_id=other")).await.code(), (403, "account_mismatch"));
    assert_eq!(app.get(&root(), PATH).await.code(), (400, "account_required"));
    assert_eq!(entities(&app.get(&root(), &format!("{PATH}?account_id=other")).await), ["o1"]);
    let foreign = Keyset { timestamp: Timestamp::parse("2026-03-02T12:00:00Z").unwrap(), id: uuid::Uuid::nil() }.seal(&key(), &tenant("other"), "");
    assert_eq!(app.get(&admin("acme"), &format!("{PATH}?cursor={foreign}")).await.code(), (400, "cursor_invalid"));
}

#[tokio::test]
async fn what_a_reader_may_not_see_is_not_there() {
    let mut secret = day(1, "acme", "admins");
    secret.visibility = Visibility::Admin;
    let (app, _log) = with(&[secret, day(2, "acme", "everybody")]).await;
    assert_eq!(entities(&app.get(&admin("acme"), PATH).await), ["everybody", "admins"]);
    assert_eq!(entities(&app.get(&who("acme", &["reader"]), PATH).await), ["everybody"]);
    assert_eq!(app.get(&who("acme", &["user"]), PATH).await.code(), (403, "role_forbidden"));
}

#[tokio::test]
async fn changes_are_shown_to_roles_that_audit_when_they_ask() {
    let mut changed = day(1, "acme", "e1");
    changed.changes = Some(slipstream_event::Object::parse(r#"{"name":{"before":"a","after":"b"}}"#).unwrap());
    let (app, _log) = with(&[changed]).await;
    assert_eq!(app.get(&admin("acme"), PATH).await.body["items"][0].get("changes"), None);
    let diff = format!("{PATH}?include=diff");
    assert_eq!(app.get(&admin("acme"), &diff).await.body["items"][0]["changes"]["name"]["after"], "b");
    assert_eq!(app.get(&who("acme", &["quality"]), &diff).await.status, 200);
    assert_eq!(app.get(&who("acme", &["reader"]), &diff).await.code(), (403, "role_forbidden"));
    assert_eq!(app.get(&admin("acme"), &format!("{PATH}?include=all")).await.code(), (422, "validation"));
}

#[tokio::test]
async fn filters_narrow_each_other() {
    let mut grave = at("2026-03-03T12:00:00.5Z", event("acme", "fleet.aircraft.grounded", "e3"));
    (grave.severity, grave.correlation_id, grave.message) = (Severity::Critical, Some("c-1".into()), Some("Fire in the left engine".into()));
    let (app, _log) = with(&[day(1, "acme", "e1"), day(2, "acme", "e2"), grave]).await;
    for (filter, want) in [
        ("entityId=e1&entityId=e3", ["e3", "e1"].as_slice()),
        ("severity=critical,error", &["e3"]),
        ("action=grounded", &["e3"]),
        ("action=GROUNDED,nonsense", &["e3"]),
        ("types=fleet.aircraft", &["e3", "e2", "e1"]),
        ("types=fleet.air", &[]),
        ("correlationId=c-1&q=LEFT%20engine", &["e3"]),
        ("correlationId=c-1&entityId=e1", &[]),
        ("timeStart=2026-03-02T13:00:00%2B01:00&timeEnd=2026-03-02T12:00:00Z", &["e2"]),
        ("timeStart=2026-03-02T13:00:00+01:00&timeEnd=2026-03-02T12:00:00", &["e2"]),
        ("category=entity", &["e3", "e2", "e1"]),
        ("category=auth", &[]),
    ] {
        assert_eq!(entities(&app.get(&admin("acme"), &format!("{PATH}?{filter}")).await), want, "{filter}");
    }
}

#[tokio::test]
async fn bad_input_is_named() {
    let app = App::new().await;
    for (query, want, field) in [
        ("limit=0", (422, "validation"), "limit"),
        ("limit=501", (422, "validation"), "limit"),
        ("limit=many", (422, "validation"), "limit"),
        ("timeStart=soon", (422, "validation"), "timeStart"),
        ("severity=grave", (422, "validation"), "severity"),
        ("category=zoo", (422, "validation"), "category"),
        ("timeStart=2026-01-02T00:00:00Z&timeEnd=2026-01-01T00:00:00Z", (422, "validation"), "timeStart"),
        ("total=perhaps", (422, "validation"), "total"),
        ("include=everything", (422, "validation"), "include"),
        ("nonsense=1", (422, "validation"), "nonsense"),
        ("cursor=nonsense", (400, "cursor_invalid"), "cursor"),
        ("cursor=2026-13-01T00:00:00Z|00000000-0000-0000-0000-000000000001", (400, "cursor_invalid"), "cursor"),
    ] {
        let answer = app.get(&admin("acme"), &format!("{PATH}?{query}")).await;
        assert_eq!((answer.code(), &answer.body["fields"][0]["field"]), (want, &json!(field)), "{query}");
    }
    let answer = app.get(&admin("acme"), &format!("{PATH}?limit=501")).await;
    assert_eq!(answer.body["detail"][0], json!({"type": "less_than_equal", "loc": ["query", "limit"], "msg": "must be at most 500", "input": "501"}));
}

#[tokio::test]
async fn the_old_cursor_and_the_old_credential_still_work() {
    let (app, _log) = with(&[day(1, "acme", "e1"), day(2, "acme", "e2")]).await;
    let newest = app.get(&admin("acme"), &format!("{PATH}?limit=1")).await;
    let id = newest.body["items"][0]["id"].as_str().unwrap();
    for time in ["2026-03-02T12:00:00%2B00:00", "2026-03-02T12:00:00+00:00", "2026-03-02T12:00:00Z"] {
        let page = app.get(&admin("acme"), &format!("{PATH}?cursor={time}|{id}")).await;
        assert_eq!(entities(&page), ["e1"], "{time}");
    }
    let token = admin("acme").0.trim_start_matches("Bearer ").to_owned();
    assert_eq!(ask(&app.router, "GET", &format!("{PATH}?token={token}"), &[], "").await.status, 200);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_tenant_and_query() {
    let mine = (1..=3).map(|i| day(i, "acme", "e1"));
    let (app, _log) = with(&mine.chain((1..=3).map(|i| day(i, "other", "e1"))).collect::<Vec<_>>()).await;
    let query = format!("{PATH}?limit=1&entityId=e1&timeStart=2026-03-01T00:00:00Z");
    let cursor = app.get(&admin("acme"), &query).await.body["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(entities(&app.get(&admin("acme"), &format!("{query}&limit=2&cursor={cursor}")).await).len(), 2, "as many as one likes");
    for (who, path) in [
        (admin("other"), format!("{query}&cursor={cursor}")),
        (admin("acme"), format!("{PATH}?cursor={cursor}")),
        (admin("acme"), format!("{query}&q=x&cursor={cursor}")),
    ] {
        assert_eq!(app.get(&who, &path).await.code(), (400, "cursor_invalid"), "{path}");
    }
}

#[tokio::test]
async fn a_total_counts_what_the_reader_may_see() {
    let mut secret = day(1, "acme", "admins");
    secret.visibility = Visibility::Admin;
    let (app, _log) = with(&[secret, day(2, "acme", "e2"), day(3, "acme", "e3")]).await;
    for (roles, total) in [(["admin"], 3), (["reader"], 2)] {
        let page = app.get(&who("acme", &roles), &format!("{PATH}?limit=1&total=true")).await;
        assert_eq!((entities(&page).len(), &page.body["total"], &page.body["total_is_estimate"]), (1, &json!(total), &json!(false)), "{roles:?}");
        let next = page.body["next_cursor"].as_str().unwrap();
        let second = app.get(&who("acme", &roles), &format!("{PATH}?limit=1&total=true&cursor={next}")).await;
        assert_eq!(second.body["total"], total, "of all pages");
    }
    assert_eq!(app.get(&admin("acme"), PATH).await.body.get("total"), None);
}

#[tokio::test]
async fn a_search_that_takes_too_long_says_what_to_do() {
    let (app, _log) = with(&(1..=25).map(|i| day(i, "acme", "engine")).collect::<Vec<_>>()).await;
    app.sql("create function slipstream.slow() returns boolean language sql volatile as 'select pg_sleep(0.2) is not null'").await;
    app.sql("create policy slow on slipstream.event as restrictive for select to slipstream_reader using (slipstream.slow())").await;
    let answer = app.get(&admin("acme"), &format!("{PATH}?q=engine")).await;
    assert_eq!(answer.code(), (503, "search_timeout"));
    assert!(answer.headers.contains_key("retry-after") && answer.body["detail"].as_str().unwrap().contains("timeStart"), "{answer:?}");
}

#[tokio::test]
async fn a_timeline_is_that_of_one_thing_from_either_end() {
    let mut old_name = day(2, "acme", "e1");
    old_name.legacy = Some(slipstream_event::Legacy { event_type: "x".into(), entity_type: "Aircraft".into(), action: "x".into() });
    let mut secret = day(4, "acme", "e1");
    secret.visibility = Visibility::Admin;
    let (app, _log) = with(&[day(1, "acme", "e1"), old_name, day(3, "acme", "e1"), secret, day(5, "acme", "e2"), day(5, "other", "e1")]).await;
    let path = |entity_type: &str, query: &str| format!("/api/entities/{entity_type}/e1/timeline?{query}");
    let days = async |who: &crate::app::Who, path: String| -> (Vec<String>, Value) {
        let (mut days, mut next) = (Vec::new(), String::new());
        loop {
            let page = app.get(who, &format!("{path}{next}")).await;
            days.extend(
                page.body["items"].as_array().unwrap_or_else(|| panic!("{page:?}")).iter().map(|item| item["timestamp"].as_str().unwrap()[8..10].to_owned()),
            );
            let Some(cursor) = page.body["next_cursor"].as_str() else { return (days, page.body["total"].clone()) };
            next = format!("&cursor={cursor}");
        }
    };
    let of = |days: &[&str], total: u64| (days.iter().map(|day| (*day).to_owned()).collect::<Vec<_>>(), json!(total));
    let reader = who("acme", &["reader"]);
    assert_eq!(days(&reader, path("fleet.aircraft", "limit=2")).await, of(&["03", "02", "01"], 3));
    assert_eq!(days(&reader, path("fleet.aircraft", "limit=1&order=oldest")).await, of(&["01", "02", "03"], 3));
    assert_eq!(days(&admin("acme"), path("fleet.aircraft", "order=asc")).await, of(&["01", "02", "03", "04"], 4));
    assert_eq!(days(&reader, path("Aircraft", "")).await, of(&["02"], 1));
    assert_eq!(days(&reader, path("fleet.aircraft", "entityId=e2&entityType=x")).await, of(&["03", "02", "01"], 3), "the path decides");
    assert_eq!(app.get(&reader, &path("fleet.aircraft", "order=sideways")).await.code(), (422, "validation"));
    assert_eq!(app.get(&reader, &path("fleet.aircraft", "cursor=x")).await.code(), (400, "cursor_invalid"));
    assert_eq!(app.get(&reader, &path(&"x".repeat(300), "")).await.body["fields"][0]["field"], "entityType");
    assert_eq!(app.get(&who("acme", &["user"]), &path("fleet.aircraft", "")).await.code(), (403, "role_forbidden"));
}

#[tokio::test]
async fn a_broken_schema_is_said_to_be_broken() {
    let app = App::new().await;
    app.db.root().await.execute("alter table slipstream.tenant_head rename to hidden").await.unwrap();
    let answer = app.get(&admin("acme"), PATH).await;
    assert_eq!(answer.code(), (503, "storage_unavailable"));
    assert!(!answer.body.to_string().contains("tenant_head"), "no inner words reach the client");
}
