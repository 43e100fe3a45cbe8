//! Migrations: up, down, up again; and at the same time.

use slipstream_event::Event;
use slipstream_event::ledger::{Hash, Tree, proof};
use slipstream_store::archive::{Archive, Batch};
use slipstream_store::{Role, ledger, migrate};
use sqlx::Connection;

use crate::cluster::{Cluster, Db};
use crate::fixture::{EPOCH, event, row, tenant};

/// Everything that the schema is made of, as text; but the months of the archive, which depend on the day.
async fn schema(db: &Db) -> Vec<String> {
    let mut root = db.root().await;
    let objects = "
        select 'relation ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || coalesce(c.relacl, acldefault('r', c.relowner))::text || coalesce(pg_get_indexdef(i.indexrelid), '')
          from pg_class c left join pg_index i on i.indexrelid = c.oid
         where c.relnamespace in (select oid from pg_namespace where nspname in ('slipstream', 'copilot')) and c.oid::regclass::text not like 'slipstream.migration%'
        union all
        select 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || coalesce(a.attacl::text, '')
          from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and c.relnamespace in (select oid from pg_namespace where nspname in ('slipstream', 'copilot'))
        union all
        select 'function ' || p.oid::regprocedure || ' ' || coalesce(p.proacl, acldefault('f', p.proowner))::text || p.prosecdef || md5(p.prosrc)
          from pg_proc p where p.pronamespace in (select oid from pg_namespace where nspname in ('slipstream', 'copilot'))
        union all
        select 'policy ' || polrelid::regclass || ' ' || polname || coalesce(pg_get_expr(polqual, polrelid), '') from pg_policy
        union all
        select 'schema ' || nspname || ' ' || coalesce(nspacl::text, '') from pg_namespace where nspname in ('slipstream', 'copilot')
        order by 1";
    sqlx::query_scalar(objects).fetch_all(&mut root).await.unwrap()
}

#[tokio::test]
async fn up_down_and_up_again_is_the_same_schema() {
    let db = Cluster::shared().await.empty_database().await;
    let known = migrate::status(&db.url()).await.unwrap();
    assert!(known.iter().all(|m| m.applied_at.is_none()) && known.is_sorted_by_key(|m| m.version));
    let applied = migrate::up(&db.url(), None).await.unwrap();
    assert_eq!(applied.len(), known.len());
    let first = schema(&db).await;
    assert!(migrate::up(&db.url(), None).await.unwrap().is_empty(), "nothing is missing");

    let undone = migrate::down(&db.url(), Some(0)).await.unwrap();
    assert_eq!(undone.iter().map(|m| m.version).collect::<Vec<_>>(), known.iter().rev().map(|m| m.version).collect::<Vec<_>>());
    let left: Vec<String> = schema(&db).await.into_iter().filter(|line| !line.starts_with("column slipstream.migration")).collect();
    assert_eq!(left, ["schema slipstream {owner=UC/owner}"]);

    migrate::up(&db.url(), None).await.unwrap();
    assert_eq!(schema(&db).await, first);
}

#[tokio::test]
async fn one_step_and_targets() {
    let db = Cluster::shared().await.empty_database().await;
    let versions: Vec<i64> = migrate::status(&db.url()).await.unwrap().iter().map(|m| m.version).collect();
    let to_second = migrate::up(&db.url(), Some(versions[1])).await.unwrap();
    assert_eq!(to_second.iter().map(|m| m.version).collect::<Vec<_>>(), versions[..2]);
    migrate::up(&db.url(), None).await.unwrap();
    let newest = migrate::down(&db.url(), None).await.unwrap();
    assert_eq!(newest.iter().map(|m| m.version).collect::<Vec<_>>(), versions[versions.len() - 1..]);
    let status = migrate::status(&db.url()).await.unwrap();
    assert_eq!(status.iter().filter(|m| m.applied_at.is_none()).map(|m| m.version).collect::<Vec<_>>(), versions[versions.len() - 1..]);
}

#[tokio::test]
async fn each_step_back_is_what_was_there_before_it() {
    let db = Cluster::shared().await.empty_database().await;
    let versions: Vec<i64> = migrate::status(&db.url()).await.unwrap().iter().map(|m| m.version).collect();
    let mut before = Vec::new();
    for version in &versions {
        migrate::up(&db.url(), Some(*version)).await.unwrap();
        before.push(schema(&db).await);
    }
    for step in versions.iter().zip(before).rev().skip(1) {
        migrate::down(&db.url(), None).await.unwrap();
        let now = schema(&db).await;
        let differs: Vec<&String> = now.iter().filter(|line| !step.1.contains(line)).chain(step.1.iter().filter(|line| !now.contains(line))).collect();
        assert!(differs.is_empty(), "back to {}: {differs:#?}", step.0);
    }
}

#[tokio::test]
async fn several_databases_of_a_new_cluster_at_once() {
    let cluster = Cluster::own().await;
    let dbs = [cluster.empty_database().await, cluster.empty_database().await, cluster.empty_database().await];
    let both_of_one = [migrate_up(&dbs[0]), migrate_up(&dbs[0]), migrate_up(&dbs[1]), migrate_up(&dbs[2])];
    futures_util::future::join_all(both_of_one).await;
    for db in &dbs {
        assert_eq!(schema(db).await, schema(&dbs[0]).await);
    }
}

async fn migrate_up(db: &Db) {
    let url = db.url();
    migrate::up(&url, None).await.unwrap();
}

#[tokio::test]
async fn a_superuser_may_migrate_too() {
    let db = Cluster::shared().await.empty_database().await;
    migrate::up(&db.root_url(), None).await.unwrap();
    migrate::down(&db.root_url(), Some(0)).await.unwrap();
}

#[tokio::test]
async fn a_changed_migration_is_named() {
    let db = Cluster::shared().await.database().await;
    let mut root = db.root().await;
    sqlx::query("update slipstream.migration set checksum = '\\x00' where version = 2").execute(&mut root).await.unwrap();
    root.close().await.unwrap();
    let changed: Vec<i64> = migrate::status(&db.url()).await.unwrap().into_iter().filter(|m| m.changed).map(|m| m.version).collect();
    assert_eq!(changed, [2]);
    let error = migrate::up(&db.url(), None).await.unwrap_err();
    assert!(matches!(&error, slipstream_store::Error::Setup(why) if why.contains("migration 2")), "{error}");
}

/// An archive from before there were ledgers: its events are numbered in the order of the log, its ledger is computed, and goes on.
#[tokio::test]
async fn what_was_archived_before_there_were_ledgers_has_one() {
    let db = Cluster::shared().await.empty_database().await;
    migrate::up(&db.url(), Some(5)).await.unwrap();
    let events: Vec<Event> = (0..1_500).map(|n| event("acme", "a.b.c", &n.to_string())).collect();
    let mut root = db.root().await;
    sqlx::query("insert into slipstream.stream_epoch (shard, epoch, began_seq, reason) values (0, $1, 0, 'test')")
        .bind(EPOCH as i64)
        .execute(&mut root)
        .await
        .unwrap();
    sqlx::query("insert into slipstream.archive_watermark (shard, epoch, seq) values (0, $1, 3000)").bind(EPOCH as i64).execute(&mut root).await.unwrap();
    sqlx::query("select slipstream.ensure_event_partitions(array[current_date])").execute(&mut root).await.unwrap();
    let insert = "insert into slipstream.event (tenant_id, occurred_at, event_id, type, entity_type, entity_id, action, module, severity, category, visibility, actor_id, has_changes,
                    shard, epoch, seq, payload, leaf_hash)
                  select 'acme', occurred_at, id, 'a.b.c', 'a.b', entity, 'c', 'a', 'info', 'entity', 'tenant', 'u1', false, 0, $1, seq, payload, sha256('')
                    from unnest($2::timestamptz[], $3::uuid[], $4::text[], $5::bigint[], $6::text[]) as given (occurred_at, id, entity, seq, payload)";
    sqlx::query(insert)
        .bind(EPOCH as i64)
        .bind(events.iter().map(|event| event.timestamp.datetime()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.id).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.entity_id.clone()).collect::<Vec<_>>())
        .bind((1..=1_500_i64).map(|n| 2 * n).collect::<Vec<_>>())
        .bind(events.iter().map(Event::to_json).collect::<Vec<_>>())
        .execute(&mut root)
        .await
        .unwrap();
    migrate::up(&db.url(), None).await.unwrap();

    let checkpoints = ledger::Checkpoints::new(db.store(Role::Archiver));
    let grown = checkpoints.grown(0, None).await.unwrap();
    let mut tree = Tree::new();
    events.iter().for_each(|event| tree.push(Hash::leaf(event.to_json().as_bytes()), |_, _, _| {}));
    assert_eq!((grown.len(), grown[0].size, grown[0].root), (1, 1_500, tree.root()));
    let archive = Archive::new(db.store(Role::Archiver));
    let next = event("acme", "a.b.c", "next");
    let batch = Batch {
        shard: 0,
        epoch: EPOCH,
        expected_seq: 3_000,
        through_seq: 3_002,
        rows: vec![row(3_001, &events[7]), row(3_002, &next)],
        quarantined: Vec::new(),
    };
    assert_eq!(archive.append(&batch).await.unwrap().inserted, 1, "the one that was there is known");
    tree.push(Hash::leaf(next.to_json().as_bytes()), |_, _, _| {});
    let reader = db.store(Role::Reader);
    let state = ledger::state(&reader, &tenant("acme")).await.unwrap();
    assert_eq!((state.size, state.root), (1_501, tree.root()));
    let found = ledger::inclusion(&reader, &tenant("acme"), 8, 1_501).await.unwrap().unwrap();
    proof::verify_inclusion(Hash::leaf(events[7].to_json().as_bytes()), 7, 1_501, &found.path, tree.root()).unwrap();
}
