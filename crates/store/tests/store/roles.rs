//! Each role has the rights it needs and no other.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::cluster::Cluster;
use crate::fixture::{Log, event};

/// Every right of a role on a table, column or function of ours, one per line. A change here is a decision.
const RIGHTS: &str = "\
slipstream_api: DELETE copilot.support_tickets
slipstream_api: DELETE slipstream.activity_answer
slipstream_api: DELETE slipstream.request_key
slipstream_api: DELETE slipstream.saved_view
slipstream_api: EXECUTE append
slipstream_api: EXECUTE emit
slipstream_api: INSERT copilot.support_tickets
slipstream_api: INSERT slipstream.activity_answer
slipstream_api: INSERT slipstream.activity_settings
slipstream_api: INSERT slipstream.activity_silence
slipstream_api: INSERT slipstream.export_job
slipstream_api: INSERT slipstream.request_key
slipstream_api: INSERT slipstream.saved_view
slipstream_api: SELECT copilot.support_tickets
slipstream_api: SELECT copilot.users
slipstream_api: SELECT slipstream.activity_answer
slipstream_api: SELECT slipstream.activity_settings
slipstream_api: SELECT slipstream.activity_silence
slipstream_api: SELECT slipstream.export_chunk
slipstream_api: SELECT slipstream.export_job
slipstream_api: SELECT slipstream.request_key
slipstream_api: SELECT slipstream.saved_view
slipstream_api: UPDATE copilot.support_tickets
slipstream_api: UPDATE slipstream.activity_settings
slipstream_api: UPDATE slipstream.activity_silence
slipstream_api: UPDATE slipstream.export_job.claim
slipstream_api: UPDATE slipstream.export_job.state
slipstream_api: UPDATE slipstream.saved_view
slipstream_archiver: EXECUTE analytics_fold
slipstream_archiver: EXECUTE analytics_reset
slipstream_archiver: EXECUTE ensure_event_partitions
slipstream_archiver: EXECUTE event_months_ahead
slipstream_archiver: EXECUTE event_past_before
slipstream_archiver: INSERT slipstream.activity_settings.pruned_at
slipstream_archiver: INSERT slipstream.activity_settings.pruned_seq
slipstream_archiver: INSERT slipstream.activity_settings.tenant_id
slipstream_archiver: INSERT slipstream.archive_quarantine
slipstream_archiver: INSERT slipstream.archive_watermark
slipstream_archiver: INSERT slipstream.event
slipstream_archiver: INSERT slipstream.event_past
slipstream_archiver: INSERT slipstream.ledger_batch
slipstream_archiver: INSERT slipstream.ledger_checkpoint
slipstream_archiver: INSERT slipstream.ledger_node
slipstream_archiver: INSERT slipstream.stream_epoch
slipstream_archiver: INSERT slipstream.tenant_head
slipstream_archiver: SELECT slipstream.activity_settings
slipstream_archiver: SELECT slipstream.analytics_head
slipstream_archiver: SELECT slipstream.archive_quarantine
slipstream_archiver: SELECT slipstream.archive_watermark
slipstream_archiver: SELECT slipstream.event.event_id
slipstream_archiver: SELECT slipstream.event.occurred_at
slipstream_archiver: SELECT slipstream.event.tenant_id
slipstream_archiver: SELECT slipstream.ledger_batch
slipstream_archiver: SELECT slipstream.ledger_checkpoint
slipstream_archiver: SELECT slipstream.ledger_node
slipstream_archiver: SELECT slipstream.stream_epoch
slipstream_archiver: SELECT slipstream.tenant_head
slipstream_archiver: UPDATE slipstream.activity_settings.prune_due
slipstream_archiver: UPDATE slipstream.activity_settings.pruned_at
slipstream_archiver: UPDATE slipstream.activity_settings.pruned_seq
slipstream_archiver: UPDATE slipstream.archive_watermark
slipstream_archiver: UPDATE slipstream.stream_epoch
slipstream_archiver: UPDATE slipstream.tenant_head
slipstream_exporter: DELETE slipstream.export_chunk
slipstream_exporter: DELETE slipstream.export_job
slipstream_exporter: INSERT slipstream.export_chunk
slipstream_exporter: SELECT slipstream.export_chunk
slipstream_exporter: SELECT slipstream.export_job
slipstream_exporter: UPDATE slipstream.export_job.attempts
slipstream_exporter: UPDATE slipstream.export_job.beat_at
slipstream_exporter: UPDATE slipstream.export_job.bytes
slipstream_exporter: UPDATE slipstream.export_job.chunks
slipstream_exporter: UPDATE slipstream.export_job.claim
slipstream_exporter: UPDATE slipstream.export_job.expires_at
slipstream_exporter: UPDATE slipstream.export_job.failure
slipstream_exporter: UPDATE slipstream.export_job.finished_at
slipstream_exporter: UPDATE slipstream.export_job.last_event_id
slipstream_exporter: UPDATE slipstream.export_job.last_occurred_at
slipstream_exporter: UPDATE slipstream.export_job.rows_done
slipstream_exporter: UPDATE slipstream.export_job.sha256
slipstream_exporter: UPDATE slipstream.export_job.started_at
slipstream_exporter: UPDATE slipstream.export_job.state
slipstream_platform: DELETE copilot.support_tickets
slipstream_platform: EXECUTE append
slipstream_platform: INSERT copilot.support_tickets
slipstream_platform: SELECT copilot.support_tickets
slipstream_platform: SELECT copilot.users
slipstream_platform: SELECT slipstream.analytics_day
slipstream_platform: SELECT slipstream.analytics_head
slipstream_platform: SELECT slipstream.analytics_hour
slipstream_platform: SELECT slipstream.tenant_head.ledger_size
slipstream_platform: SELECT slipstream.tenant_head.tenant_id
slipstream_platform: UPDATE copilot.support_tickets
slipstream_reader: EXECUTE analytics_facts
slipstream_reader: EXECUTE analytics_hash
slipstream_reader: SELECT slipstream.activity_settings
slipstream_reader: SELECT slipstream.activity_silence
slipstream_reader: SELECT slipstream.analytics_day
slipstream_reader: SELECT slipstream.analytics_head
slipstream_reader: SELECT slipstream.analytics_hour
slipstream_reader: SELECT slipstream.archive_watermark
slipstream_reader: SELECT slipstream.event
slipstream_reader: SELECT slipstream.ledger_batch
slipstream_reader: SELECT slipstream.ledger_checkpoint
slipstream_reader: SELECT slipstream.ledger_node
slipstream_reader: SELECT slipstream.stream_epoch
slipstream_reader: SELECT slipstream.tenant_head
slipstream_relay: DELETE slipstream.outbox
slipstream_relay: SELECT slipstream.outbox
slipstream_relay: UPDATE slipstream.outbox.attempts
slipstream_relay: UPDATE slipstream.outbox.epoch
slipstream_relay: UPDATE slipstream.outbox.last_error
slipstream_relay: UPDATE slipstream.outbox.published_at
slipstream_relay: UPDATE slipstream.outbox.seq
slipstream_relay: UPDATE slipstream.outbox.set_aside_at
slipstream_relay: UPDATE slipstream.outbox.shard
slipstream_writer: EXECUTE emit";

#[tokio::test]
async fn the_rights_are_these() {
    let db = Cluster::shared().await.database().await;
    let granted = "
        with given as (
          select acl.grantee, acl.privilege_type as privilege, c.oid::regclass::text as on_what
            from pg_class c, aclexplode(c.relacl) acl where c.relnamespace in ('slipstream'::regnamespace, 'copilot'::regnamespace)
          union all
          select acl.grantee, acl.privilege_type, a.attrelid::regclass::text || '.' || a.attname
            from pg_attribute a, aclexplode(a.attacl) acl
          union all
          select acl.grantee, acl.privilege_type, p.proname
            from pg_proc p, aclexplode(p.proacl) acl where p.pronamespace in ('slipstream'::regnamespace, 'copilot'::regnamespace)
        )
        select given_right from (
          select (r.rolname || ': ' || privilege || ' ' || on_what) collate \"C\" as given_right from given join pg_roles r on r.oid = given.grantee
           where r.rolname like 'slipstream%'
        ) as rights order by given_right";
    let rights: Vec<String> = sqlx::query_scalar(granted).fetch_all(&mut db.root().await).await.unwrap();
    assert_eq!(rights.join("\n"), RIGHTS);
    let public =
        "select p.proname::text from pg_proc p where p.pronamespace = 'slipstream'::regnamespace and has_function_privilege('public', p.oid, 'execute')";
    let open: Vec<String> = sqlx::query_scalar(public).fetch_all(&mut db.root().await).await.unwrap();
    assert_eq!(open, ["current_tenant"], "functions that everybody may call");
}

/// The same from outside: what must fail fails.
#[tokio::test]
async fn what_a_role_must_not_do_fails() {
    let db = Cluster::shared().await.database().await;
    Log::new(&db).await.add(&[event("acme", "a.b.c", "1")]).await;
    let mut connection = PgConnection::connect(&db.url()).await.unwrap();
    let forbidden = [
        ("slipstream_archiver", "update slipstream.event set payload = ''"),
        ("slipstream_archiver", "delete from slipstream.event"),
        ("slipstream_archiver", "truncate slipstream.event"),
        ("slipstream_archiver", "select payload from slipstream.event"),
        ("slipstream_archiver", "delete from slipstream.archive_watermark"),
        ("slipstream_archiver", "drop table slipstream.event_past"),
        ("slipstream_archiver", "create table slipstream.x ()"),
        ("slipstream_archiver", "select * from slipstream.outbox"),
        ("slipstream_archiver", "select * from slipstream.event_past"),
        ("slipstream_archiver", "update slipstream.activity_settings set enabled = false"),
        ("slipstream_archiver", "select * from slipstream.activity_answer"),
        ("slipstream_archiver", "update slipstream.analytics_hour set q0 = 0"),
        ("slipstream_archiver", "delete from slipstream.analytics_day"),
        ("slipstream_archiver", "update slipstream.analytics_head set folded_size = 0"),
        ("slipstream_archiver", "select slipstream.analytics_forget('acme', array[1])"),
        ("slipstream_reader", "select slipstream.analytics_fold('acme', 1)"),
        ("slipstream_reader", "delete from slipstream.analytics_hour"),
        ("slipstream_api", "select * from slipstream.analytics_hour"),
        ("slipstream_platform", "select version from slipstream.tenant_head"),
        ("slipstream_platform", "select * from slipstream.analytics_facts('acme')"),
        ("slipstream_reader", "update slipstream.activity_settings set pruned_seq = 0"),
        ("slipstream_api", "delete from slipstream.activity_settings"),
        ("slipstream_relay", "insert into slipstream.outbox (tenant_id, event_id, type, payload) values ('a', gen_random_uuid(), 'a.b.c', '')"),
        ("slipstream_relay", "update slipstream.outbox set payload = ''"),
        ("slipstream_relay", "select * from slipstream.event"),
        ("slipstream_relay", "select * from copilot.support_tickets"),
        ("slipstream_api", "select * from slipstream.outbox"),
        ("slipstream_api", "insert into slipstream.outbox (tenant_id, event_id, type, payload) values ('a', gen_random_uuid(), 'a.b.c', '')"),
        ("slipstream_api", "select * from slipstream.event"),
        ("slipstream_api", "update copilot.users set name = ''"),
        ("slipstream_api", "update slipstream.export_job set sha256 = null"),
        ("slipstream_api", "delete from slipstream.export_chunk"),
        ("slipstream_exporter", "insert into slipstream.export_job default values"),
        ("slipstream_exporter", "update slipstream.export_job set query = '{}'"),
        ("slipstream_exporter", "select * from slipstream.event"),
        ("slipstream_reader", "select * from slipstream.export_job"),
        ("slipstream_reader", "insert into slipstream.event default values"),
        ("slipstream_reader", "update slipstream.archive_watermark set seq = 0"),
        ("slipstream_reader", "select * from copilot.support_tickets"),
        ("slipstream_reader", "select * from slipstream.event_past"),
        ("slipstream_platform", "select * from slipstream.event"),
        ("slipstream_platform", "select * from slipstream.outbox"),
    ];
    for (role, statement) in forbidden {
        connection.execute(AssertSqlSafe(format!("set role {role}"))).await.unwrap();
        connection.execute("set slipstream.tenant = 'acme'").await.unwrap();
        let error = connection.execute(statement).await.expect_err(&format!("{role}: {statement}"));
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{role}: {statement}: {error}");
    }
}

/// The partitions of the archive are not: Postgres has no COPY into a table that is. So nobody may do anything with them but the archiver, which may add.
#[tokio::test]
async fn every_table_with_tenants_is_under_row_level_security() {
    let db = Cluster::shared().await.database().await;
    slipstream_store::archive::Archive::new(db.store(slipstream_store::Role::Archiver)).ensure_ahead(2).await.unwrap();
    let open = "
        select c.oid::regclass::text
          from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname in ('tenant_id', 'account_id')
         where c.relkind in ('r', 'p') and c.relnamespace in ('slipstream'::regnamespace, 'copilot'::regnamespace)
           and not (c.relrowsecurity and c.relforcerowsecurity) and not c.relispartition";
    let open: Vec<String> = sqlx::query_scalar(open).fetch_all(&mut db.root().await).await.unwrap();
    assert_eq!(open, [""; 0]);
    let rights = "
        select distinct c.relispartition || ' ' || acl.grantee::regrole || ' ' || acl.privilege_type
          from pg_class c, aclexplode(c.relacl) acl
         where c.relispartition and c.relnamespace = 'slipstream'::regnamespace and acl.grantee <> c.relowner";
    let rights: Vec<String> = sqlx::query_scalar(rights).fetch_all(&mut db.root().await).await.unwrap();
    assert_eq!(rights, ["true slipstream_archiver INSERT"]);
}
