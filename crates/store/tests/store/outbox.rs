//! The relay's side of the outbox.

use std::time::Duration;

use slipstream_event::{Event, Position};
use slipstream_store::outbox::{Acked, Outbox, Row};
use slipstream_store::{Error, Role, Store};
use sqlx::Executor;

use crate::cluster::{Cluster, Db, until};
use crate::fixture::{EPOCH, emit, event, tenant};

struct Ground {
    db: Db,
    store: Store,
    outbox: Outbox,
}

impl Ground {
    async fn new() -> Self {
        let db = Cluster::shared().await.database().await;
        Self { store: db.store(Role::Api), outbox: Outbox::new(db.store(Role::Relay)), db }
    }

    /// Events of the given tenants, one write each; the entities are numbered.
    async fn fill(&self, tenants: &[&str]) {
        for (i, of) in tenants.iter().enumerate() {
            emit(&self.store, event(of, "a.b.c", &i.to_string())).await.unwrap();
        }
    }
}

fn entities(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| Event::from_json(row.payload.as_bytes()).unwrap().entity_id).collect()
}

#[tokio::test]
async fn claims_the_oldest_in_order_within_limits() {
    let ground = Ground::new().await;
    ground.fill(&["a", "b", "a", "c", "b", "a"]).await;
    let claim = async |limit, except: &[&str]| {
        let except: Vec<_> = except.iter().map(|id| tenant(id)).collect();
        entities(&ground.outbox.claim(limit, &except).await.unwrap())
    };
    assert_eq!(claim(4, &[]).await, ["0", "1", "2", "3"]);
    assert_eq!(claim(4, &["a"]).await, ["1", "3", "4"]);
    assert_eq!(claim(9, &["a", "b", "c"]).await, [""; 0]);
    assert_eq!(claim(1, &[]).await, claim(1, &[]).await, "a claim is a read");
}

#[tokio::test]
async fn claims_at_most_some_megabytes() {
    let ground = Ground::new().await;
    let padding = "x".repeat(60_000);
    let emit_ten = async || {
        let work = async |tx: &mut slipstream_store::Tx| {
            for _ in 0..10 {
                let mut large = event("a", "a.b.c", "1");
                large.metadata.set("padding", &padding).unwrap();
                tx.emit(large);
            }
            Ok::<_, Error>(())
        };
        ground.store.write(&tenant("a"), work).await.unwrap();
    };
    for _ in 0..15 {
        emit_ten().await;
    }
    let rows = ground.outbox.claim(1_000, &[]).await.unwrap();
    let bytes: usize = rows.iter().map(|row| row.payload.len()).sum();
    let most = usize::try_from(slipstream_store::limits::CLAIM_BYTES_MAX).unwrap();
    assert!(bytes > most - 65_536 && bytes < most + 65_536, "{bytes}");
}

#[tokio::test]
async fn marks_failures_and_sets_aside() {
    let ground = Ground::new().await;
    ground.fill(&["a", "a", "a", "b"]).await;
    let rows = ground.outbox.claim(9, &[]).await.unwrap();
    let depth = ground.outbox.depth().await.unwrap();
    assert_eq!((depth.pending, depth.oldest, depth.set_aside), (4, Some(rows[0].created_at), 0));

    ground.outbox.mark_published(&[(rows[0].id, Position::new(0, EPOCH, 7)), (rows[3].id, Position::new(2, EPOCH, 9))]).await.unwrap();
    ground.outbox.record_failure(&[rows[1].id, rows[2].id], "no\0answer").await.unwrap();
    ground.outbox.set_aside(rows[1].id, &"r".repeat(5_000)).await.unwrap();
    let left = ground.outbox.claim(9, &[]).await.unwrap();
    assert_eq!((entities(&left), left[0].attempts), (vec!["2".to_owned()], 1));
    let aside = ground.outbox.list_set_aside(9).await.unwrap();
    assert_eq!((aside.len(), aside[0].row.id, aside[0].row.attempts, aside[0].reason.len()), (1, rows[1].id, 2, 1_000));
    assert_eq!(ground.outbox.depth().await.unwrap().set_aside, 1);

    assert_eq!(ground.outbox.reinstate(&[rows[0].id, rows[1].id]).await.unwrap(), 1, "only what was set aside");
    assert_eq!(entities(&ground.outbox.claim(9, &[]).await.unwrap()), ["1", "2"]);
}

#[tokio::test]
async fn what_a_broker_lost_is_published_again() {
    let ground = Ground::new().await;
    ground.fill(&["a"; 5]).await;
    let rows = ground.outbox.claim(9, &[]).await.unwrap();
    let acks: Vec<_> = rows.iter().zip(11..).map(|(row, seq)| (row.id, Position::new(0, EPOCH, seq))).collect();
    ground.outbox.mark_published(&acks[..4]).await.unwrap();
    ground.outbox.mark_published(&[(rows[4].id, Position::new(0, EPOCH + 1, 1))]).await.unwrap();
    let acked = |epoch, last_seq, rows| Acked { epoch, last_seq, rows };
    assert_eq!(ground.outbox.acked(0).await.unwrap(), [acked(EPOCH, 14, 4), acked(EPOCH + 1, 1, 1)]);
    assert_eq!(ground.outbox.acked(1).await.unwrap(), []);
    assert_eq!(ground.outbox.acked_at(Position::new(0, EPOCH, 12)).await.unwrap(), Some((tenant("a"), rows[1].event_id)));
    assert_eq!(ground.outbox.acked_at(Position::new(0, EPOCH, 99)).await.unwrap(), None);

    assert_eq!(ground.outbox.reopen_after(Position::new(0, EPOCH, 12)).await.unwrap(), 2);
    assert_eq!(entities(&ground.outbox.claim(9, &[]).await.unwrap()), ["2", "3"]);
    ground.outbox.mark_published(&[(rows[2].id, Position::new(0, EPOCH + 1, 2)), (rows[3].id, Position::new(0, EPOCH + 1, 3))]).await.unwrap();
    assert_eq!(ground.outbox.acked(0).await.unwrap(), [acked(EPOCH, 12, 2), acked(EPOCH + 1, 3, 3)]);
}

#[tokio::test]
async fn prunes_only_what_was_published_long_ago() {
    let ground = Ground::new().await;
    ground.fill(&["a"; 4]).await;
    let rows = ground.outbox.claim(9, &[]).await.unwrap();
    ground.outbox.mark_published(&[(rows[0].id, Position::new(0, EPOCH, 1)), (rows[1].id, Position::new(0, EPOCH, 2))]).await.unwrap();
    ground.outbox.set_aside(rows[2].id, "no").await.unwrap();
    let age = sqlx::query("update slipstream.outbox set published_at = published_at - interval '20 minutes' where id = $1").bind(rows[1].id);
    ground.db.root().await.execute(age).await.unwrap();
    assert_eq!(ground.outbox.prune(slipstream_store::limits::PUBLISHED_KEPT).await.unwrap(), 1);
    assert_eq!(ground.outbox.acked(0).await.unwrap()[0].last_seq, 1);
    assert_eq!(ground.outbox.prune(Duration::ZERO).await.unwrap(), 1);
    let depth = ground.outbox.depth().await.unwrap();
    assert_eq!((depth.pending, depth.set_aside), (1, 1), "what is not published stays");
}

#[tokio::test]
async fn one_process_leads_until_its_connection_ends() {
    let ground = Ground::new().await;
    let mut first = ground.outbox.lead(0).await.unwrap().unwrap();
    assert!(first.is_held().await);
    assert!(ground.outbox.lead(0).await.unwrap().is_none());
    let other_group = ground.outbox.lead(1).await.unwrap().unwrap();
    assert_eq!((first.group(), other_group.group()), (0, 1));

    let kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'slipstream_relay_leader'";
    ground.db.root().await.execute(kill).await.unwrap();
    assert!(!first.is_held().await);
    until("the lock goes with its connection", async || match ground.outbox.lead(0).await.unwrap() {
        Some(second) => second.release().await.is_ok(),
        None => false,
    })
    .await;
    assert!(ground.outbox.lead(0).await.unwrap().is_some());
}
