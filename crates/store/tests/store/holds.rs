//! Legal holds: which events they cover, and that nobody changes events past one that is being placed.

use std::time::Duration;

use slipstream_domain::holds::Hold;
use slipstream_event::{Category, Timestamp};
use slipstream_store::holds::{self, Release};
use slipstream_store::{Error, Role, Tx, limits};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use crate::cluster::{Cluster, Db};
use crate::fixture::{hold, tenant};

async fn place(db: &Db, of: &str, what: Hold) -> holds::Row {
    let row = hold(what);
    db.store(Role::Api).write(&tenant(of), async |tx: &mut Tx| holds::place(tx, &tenant(of), &row).await).await.unwrap();
    row
}

/// Whether an event of `acme` is held: as a single row, and as the condition of a statement over many.
async fn held(db: &Db, category: &str, entity_type: &str, entity_id: &str, actor: &str, at: &str) -> bool {
    let mut connection = PgConnection::connect(&db.url()).await.unwrap();
    connection.execute("set role slipstream_redactor").await.unwrap();
    let single = sqlx::query_scalar("select slipstream.is_held('acme', $1, $2, $3, $4, $5::timestamptz)");
    let single: bool = single.bind(category).bind(entity_type).bind(entity_id).bind(actor).bind(at).fetch_one(&mut connection).await.unwrap();
    let many = sqlx::query_scalar(
        "select exists (select from (values ($1, $2, $3, $4, $5::timestamptz)) as e (category, entity_type, entity_id, actor_id, occurred_at)
          where exists (select from slipstream.open_holds('acme') as hold
                         where slipstream.hold_covers(hold, e.category, e.entity_type, e.entity_id, e.actor_id, e.occurred_at)))",
    );
    let many: bool = many.bind(category).bind(entity_type).bind(entity_id).bind(actor).bind(at).fetch_one(&mut connection).await.unwrap();
    assert_eq!(single, many);
    single
}

#[tokio::test]
async fn a_hold_covers_what_meets_all_its_criteria() {
    let db = Cluster::shared().await.database().await;
    let now = "2026-03-01T00:00:00Z";
    place(&db, "other", Hold::default()).await;
    assert!(!held(&db, "auth", "shop.order", "1", "u1", now).await, "the hold of another tenant");
    let time = |text: &str| Timestamp::parse(text);
    let all = Hold {
        category: Some(Category::Auth),
        entity_type: Some("shop.order".into()),
        entity_id: Some("1".into()),
        actor_user_id: Some("u1".into()),
        occurred_from: time("2026-01-01T00:00:00Z"),
        occurred_to: time("2026-03-01T00:00:00Z"),
        ..Hold::default()
    };
    let first = place(&db, "acme", all).await;
    assert!(held(&db, "auth", "shop.order", "1", "u1", now).await);
    for (category, entity_type, entity_id, actor, at) in [
        ("device", "shop.order", "1", "u1", now),
        ("auth", "shop.item", "1", "u1", now),
        ("auth", "shop.order", "2", "u1", now),
        ("auth", "shop.order", "1", "u2", now),
        ("auth", "shop.order", "1", "u1", "2026-03-01T00:00:00.000001Z"),
        ("auth", "shop.order", "1", "u1", "2025-12-31T23:59:59Z"),
    ] {
        assert!(!held(&db, category, entity_type, entity_id, actor, at).await, "{category} {entity_type} {entity_id} {actor} {at}");
    }
    place(&db, "acme", Hold { entity_id: Some("2".into()), ..Hold::default() }).await;
    assert!(held(&db, "device", "a.b", "2", "u9", now).await && !held(&db, "device", "a.b", "3", "u9", now).await);
    let release = Release { at: Timestamp::now(), by: "u2".into(), reason: Some("over".into()) };
    let write = async |tx: &mut Tx| holds::release(tx, &tenant("acme"), first.id, &release).await;
    db.store(Role::Api).write(&tenant("acme"), write).await.unwrap();
    assert!(!held(&db, "auth", "shop.order", "1", "u1", now).await, "released");
    place(&db, "acme", Hold::default()).await;
    assert!(held(&db, "x", "y", "z", "w", now).await, "a hold without criteria holds everything");
}

#[tokio::test]
async fn who_changes_events_finishes_before_a_hold_is_placed() {
    let db = Cluster::shared().await.database().await;
    let mut changing = PgConnection::connect(&db.url()).await.unwrap();
    changing.execute("begin; select slipstream.heed_holds('acme')").await.unwrap();
    place(&db, "other", Hold::default()).await;
    let placing = place(&db, "acme", Hold::default());
    tokio::pin!(placing);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut placing).await.is_err(), "it waits");
    changing.execute("commit").await.unwrap();
    placing.await;
    assert!(held(&db, "x", "y", "z", "w", "2026-01-01T00:00:00Z").await);
}

#[tokio::test]
async fn holds_are_bounded_and_listed_newest_first() {
    let db = Cluster::shared().await.database().await;
    let (api, acme) = (db.store(Role::Api), tenant("acme"));
    let rows: Vec<_> = (0..limits::HOLDS_OPEN_MAX).map(|n| hold(Hold { name: n.to_string(), ..Hold::default() })).collect();
    let fill = async |tx: &mut Tx| -> Result<(), Error> {
        for row in &rows {
            holds::place(tx, &acme, row).await?;
        }
        Ok(())
    };
    api.write(&acme, fill).await.unwrap();
    let more = api.write(&acme, async |tx: &mut Tx| holds::place(tx, &acme, &hold(Hold::default())).await).await;
    assert!(matches!(more, Err(Error::Refused { what }) if what == "too_many_holds"));
    let (mut after, mut names) = (None, Vec::new());
    loop {
        let page = api.write(&acme, async |tx: &mut Tx| holds::list(tx, &acme, after, 300).await).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        names.extend(page.into_iter().map(|row| row.hold.name));
    }
    assert_eq!(names, (0..limits::HOLDS_OPEN_MAX).rev().map(|n| n.to_string()).collect::<Vec<_>>());
}
