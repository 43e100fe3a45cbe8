//! slipstream.emit: the outbox for writers in other languages.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use slipstream_event::{Actor, ActorKind, Event, EventType, Severity, Timestamp, Visibility};
use slipstream_store::outbox::Outbox;
use slipstream_store::{Role, Tx};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use uuid::Uuid;

use crate::cluster::{Cluster, Db};
use crate::fixture::tenant;

/// A database user of a product: nothing but the right to emit.
async fn product(db: &Db) -> PgConnection {
    let mut root = db.root().await;
    let make =
        "do $$ begin create role product login; exception when duplicate_object or unique_violation then null; end $$; grant slipstream_writer to product";
    root.execute(make).await.unwrap();
    PgConnection::connect(&db.root_url().replace("//postgres@", "//product@")).await.unwrap()
}

async fn payloads(db: &Db) -> Vec<String> {
    let rows = Outbox::new(db.store(Role::Relay)).claim(1_000, &[]).await.unwrap();
    rows.into_iter().map(|row| row.payload).collect()
}

#[tokio::test]
async fn makes_a_canonical_event_of_little() {
    let db = Cluster::shared().await.database().await;
    let before = Timestamp::now();
    let id: Uuid = sqlx::query_scalar("select slipstream.emit('acme', 'fleet.aircraft.grounded', 'D-ABCD')").fetch_one(&mut product(&db).await).await.unwrap();
    let payload = payloads(&db).await.remove(0);
    let event = Event::from_json(payload.as_bytes()).unwrap();
    assert_eq!(event.to_json(), payload, "to the byte");
    assert_eq!((event.id, event.id.get_version_num(), event.event_type.as_str()), (id, 7, "fleet.aircraft.grounded"));
    assert_eq!((event.entity_type.as_str(), event.action.as_str(), event.module.as_str()), ("fleet.aircraft", "grounded", "fleet"));
    assert_eq!(
        (event.tenant_id.clone(), event.actor.kind, event.severity, event.visibility.clone()),
        (tenant("acme"), ActorKind::System, Severity::Info, Visibility::Tenant)
    );
    assert_eq!(event.metadata.iter().collect::<Vec<_>>(), [("amoId", "\"acme\""), ("module", "\"fleet\"")]);
    assert!(event.timestamp >= before && event.timestamp <= Timestamp::now());
    let made = i64::try_from(event.id.get_timestamp().unwrap().to_unix().0).unwrap();
    assert!((made - before.micros() / 1_000_000).abs() <= 60, "the id tells the time");
}

#[tokio::test]
async fn makes_a_canonical_event_of_everything() {
    let db = Cluster::shared().await.database().await;
    let sql = r#"select slipstream.emit('acme', 'qms.car.response.submitted', e'C "1"\\ä\U0001F680', '{"z": 1.50, "amoId": "evil", "module": "evil", "a b": [1, {"q": " \" , \\"}]}',
        actor_id => 'u1', actor_name => 'Ä "x"', actor_department => 'line', actor_kind => 'agent', on_behalf_of => 'u2', severity => 'critical', category => 'capture',
        visibility => 'department:line one', entity_name => 'name', message => 'm', correlation_id => 'c', batch_id => 'b', changes => '{"f": {"before": null, "after": [ ]}}',
        occurred_at => '1975-03-04 05:06:07.000089+02', id => '00000000-0000-0000-0000-00000000000a', traceparent => '00-a-b-01')"#;
    product(&db).await.execute(sql).await.unwrap();
    let payload = payloads(&db).await.remove(0);
    let event = Event::from_json(payload.as_bytes()).unwrap();
    assert_eq!(event.to_json(), payload, "to the byte");
    assert_eq!(event.entity_id, "C \"1\"\\ä🚀");
    assert_eq!(event.timestamp.to_string(), "1975-03-04T03:06:07.000089Z");
    let metadata: Vec<_> = event.metadata.iter().collect();
    assert_eq!(metadata, [("amoId", "\"acme\""), ("module", "\"qms\""), ("z", "1.50"), ("a b", r#"[1,{"q":" \" , \\"}]"#)]);
    assert_eq!(event.changes.unwrap().get("f"), Some(r#"{"after":[],"before":null}"#));
    assert_eq!((event.actor.name.as_deref(), event.actor.on_behalf_of.as_deref(), event.batch_id.as_deref()), (Some("Ä \"x\""), Some("u2"), Some("b")));
}

#[tokio::test]
async fn any_text_and_any_json_make_a_canonical_event() {
    let db = Cluster::shared().await.database().await;
    let mut product = product(&db).await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let text = "[^\\x00-\\x1f\\x7f-\\u{9f}]{1,40}";
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[^\\x00]{0,12}".prop_map(Into::into)
    ];
    let json = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[^\\x00]{0,8}", inner, 0..4).prop_map(|m| serde_json::Value::Object(m.into_iter().collect()))
        ]
    });
    let object = prop::collection::btree_map("[^\\x00]{0,8}", json, 0..5).prop_map(|m| serde_json::Value::Object(m.into_iter().collect()));
    for _ in 0..150 {
        let case = (text, text, object.clone()).new_tree(&mut runner).unwrap().current();
        let emit = sqlx::query("select slipstream.emit('acme', 'a.b.c', $1, $3, message => $2)").bind(&case.0).bind(&case.1).bind(&case.2);
        product.execute(emit).await.unwrap_or_else(|error| panic!("{case:?}: {error}"));
    }
    let payloads = payloads(&db).await;
    assert_eq!(payloads.len(), 150);
    for payload in payloads {
        assert_eq!(Event::from_json(payload.as_bytes()).unwrap().to_json(), payload);
    }
}

#[tokio::test]
async fn refuses_what_is_no_event() {
    let db = Cluster::shared().await.database().await;
    let mut product = product(&db).await;
    let deep = format!("'{{\"a\": {}{}}}'", "[".repeat(16), "]".repeat(16));
    let keys = format!("'{{{}}}'", (0..257).map(|i| format!("\"k{i}\": 1")).collect::<Vec<_>>().join(","));
    let large = format!("'{{\"a\": \"{}\"}}'", "x".repeat(66_000));
    let arguments = [
        "'a.b', 'a.b.c', '1'",
        "'', 'a.b.c', '1'",
        "e'a\\n', 'a.b.c', '1'",
        "null, 'a.b.c', '1'",
        "'acme', 'a.b', '1'",
        "'acme', 'A.b.c', '1'",
        "'acme', e'a.b.c\\n', '1'",
        "'acme', null, '1'",
        "'acme', 'archive.retention.completed', '1'",
        "'acme', 'archive.anything.at.all', '1'",
        "'acme', 'a.b.c', ''",
        "'acme', 'a.b.c', null",
        "'acme', 'a.b.c', repeat('x', 257)",
        "'acme', 'a.b.c', e'a\\x07'",
        "'acme', 'a.b.c', e'a\\u0085'",
        "'acme', 'a.b.c', '1', '[]'",
        "'acme', 'a.b.c', '1', null",
        &format!("'acme', 'a.b.c', '1', {deep}"),
        &format!("'acme', 'a.b.c', '1', {keys}"),
        &format!("'acme', 'a.b.c', '1', {large}"),
        "'acme', 'a.b.c', '1', changes => '3'",
        "'acme', 'a.b.c', '1', severity => 'fatal'",
        "'acme', 'a.b.c', '1', category => 'x'",
        "'acme', 'a.b.c', '1', visibility => 'all'",
        "'acme', 'a.b.c', '1', visibility => 'department:'",
        "'acme', 'a.b.c', '1', actor_kind => 'robot'",
        "'acme', 'a.b.c', '1', actor_id => null",
        "'acme', 'a.b.c', '1', message => ''",
        "'acme', 'a.b.c', '1', occurred_at => now() + interval '6 minutes'",
        "'acme', 'a.b.c', '1', occurred_at => '1899-12-31'",
        "'acme', 'a.b.c', '1', occurred_at => 'infinity'",
    ];
    for given in arguments {
        let error = product.execute(AssertSqlSafe(format!("select slipstream.emit({given})"))).await.expect_err(given);
        let code = error.as_database_error().unwrap().code().unwrap().into_owned();
        assert!(code == "22023" || code == "54000", "{given}: {code} {error}");
    }
    let not_too_deep = format!("select slipstream.emit('acme', 'a.b.c', '1', '{{\"a\": {}{}}}')", "[".repeat(15), "]".repeat(15));
    product.execute(AssertSqlSafe(not_too_deep)).await.unwrap();
    assert_eq!(payloads(&db).await.len(), 1);
}

/// By the events of the module `archive` a verifier tells a removal from tampering: a product must not be able to tell of one that never was. The platform can.
#[tokio::test]
async fn only_the_platform_itself_tells_of_the_archive() {
    let db = Cluster::shared().await.database().await;
    let mut product = product(&db).await;
    for refused in ["archive.redaction.applied", "archive.retention.completed", "archive.hold.placed", "archive.a.b.c.d"] {
        let error = product.execute(AssertSqlSafe(format!("select slipstream.emit('acme', '{refused}', '1')"))).await.expect_err(refused);
        let error = error.as_database_error().unwrap();
        assert_eq!(error.code().unwrap(), "22023", "{refused}: {error}");
        assert!(error.message().contains("only the platform itself"), "{error}");
    }
    assert!(payloads(&db).await.is_empty());
    // What only looks like it is the product's own.
    for allowed in ["archives.hold.placed", "my.archive.closed"] {
        product.execute(AssertSqlSafe(format!("select slipstream.emit('acme', '{allowed}', '1')"))).await.expect(allowed);
    }
    let held = Event::new(&tenant("acme"), &EventType::new("archive.hold.placed").unwrap(), "h1", Actor::system());
    let told: Result<(), slipstream_store::Error> = db
        .store(Role::Api)
        .write(&tenant("acme"), async |tx: &mut Tx| {
            tx.emit(held);
            Ok(())
        })
        .await;
    told.unwrap();
    assert_eq!(payloads(&db).await.len(), 3);
}

#[tokio::test]
async fn belongs_to_the_transaction_and_its_one_tenant() {
    let db = Cluster::shared().await.database().await;
    let mut product = product(&db).await;
    product.execute("begin; select slipstream.emit('acme', 'a.b.c', '1'); rollback").await.unwrap();
    assert!(payloads(&db).await.is_empty());
    product.execute("begin; select slipstream.emit('acme', 'a.b.c', '1'); select slipstream.emit('acme', 'a.b.d', '1'); commit").await.unwrap();
    assert_eq!(payloads(&db).await.len(), 2);
    let two_tenants = product.execute("begin; select slipstream.emit('acme', 'a.b.c', '1'); select slipstream.emit('other', 'a.b.c', '1'); commit").await;
    assert_eq!(two_tenants.unwrap_err().as_database_error().unwrap().code().unwrap(), "42501");
    product.execute("rollback").await.unwrap();
    product.execute("select slipstream.emit('other', 'a.b.c', '1')").await.expect("the next transaction may be another tenant's");
    for forbidden in [
        "select slipstream.append('acme', '{}', '{}', '{}')",
        "insert into slipstream.outbox (tenant_id, event_id, type, payload) values ('acme', gen_random_uuid(), 'a.b.c', '{}')",
        "select * from slipstream.outbox",
        "select * from slipstream.event",
    ] {
        assert!(product.execute(forbidden).await.is_err(), "{forbidden}");
    }
}

#[tokio::test]
async fn notifies_once_per_transaction() {
    let db = Cluster::shared().await.database().await;
    let mut listener = sqlx::postgres::PgListener::connect(&db.root_url()).await.unwrap();
    listener.listen("slipstream_outbox").await.unwrap();
    product(&db).await.execute("begin; select slipstream.emit('acme', 'a.b.c', i::text) from generate_series(1, 10) as i; commit").await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), listener.recv()).await.unwrap().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), listener.recv()).await.is_err());
    let row = sqlx::query("select count(*) from slipstream.outbox").fetch_one(&mut db.root().await).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 10);
}
