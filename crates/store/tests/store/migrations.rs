//! Migrations: up, down, up again; and at the same time.

use slipstream_store::migrate;
use sqlx::Connection;

use crate::cluster::{Cluster, Db};

/// Everything that the schema is made of, as text; but the months of the archive, which depend on the day.
async fn schema(db: &Db) -> Vec<String> {
    let mut root = db.root().await;
    let objects = "
        select 'relation ' || c.oid::regclass || ' ' || c.relkind::text || ' ' || coalesce(c.relacl::text, '') || coalesce(pg_get_indexdef(i.indexrelid), '')
          from pg_class c left join pg_index i on i.indexrelid = c.oid
         where c.relnamespace in (select oid from pg_namespace where nspname in ('slipstream', 'copilot')) and c.oid::regclass::text not like 'slipstream.migration%'
        union all
        select 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || coalesce(a.attacl::text, '')
          from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relkind in ('r', 'p') and a.attnum > 0 and c.relnamespace in (select oid from pg_namespace where nspname in ('slipstream', 'copilot'))
        union all
        select 'function ' || p.oid::regprocedure || ' ' || coalesce(p.proacl::text, '') || p.prosecdef
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
