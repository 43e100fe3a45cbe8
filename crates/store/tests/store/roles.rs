//! Each role has the rights it needs and no other.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::cluster::Cluster;
use crate::fixture::{Log, event};

/// Every right of a role on a table, column or function of ours, one per line. A change here is a decision.
const RIGHTS: &str = "\
slipstream_api: DELETE copilot.support_tickets
slipstream_api: DELETE slipstream.redaction_rule
slipstream_api: DELETE slipstream.request_key
slipstream_api: DELETE slipstream.retention_rule
slipstream_api: DELETE slipstream.saved_view
slipstream_api: EXECUTE append
slipstream_api: EXECUTE emit
slipstream_api: EXECUTE is_published
slipstream_api: INSERT copilot.support_tickets
slipstream_api: INSERT slipstream.activity_settings
slipstream_api: INSERT slipstream.activity_silence
slipstream_api: INSERT slipstream.export_job
slipstream_api: INSERT slipstream.legal_hold
slipstream_api: INSERT slipstream.redaction_job
slipstream_api: INSERT slipstream.redaction_rule
slipstream_api: INSERT slipstream.request_key
slipstream_api: INSERT slipstream.retention_rule
slipstream_api: INSERT slipstream.retention_state.due_at
slipstream_api: INSERT slipstream.retention_state.tenant_id
slipstream_api: INSERT slipstream.saved_view
slipstream_api: SELECT copilot.support_tickets
slipstream_api: SELECT copilot.users
slipstream_api: SELECT slipstream.activity_settings
slipstream_api: SELECT slipstream.activity_silence
slipstream_api: SELECT slipstream.export_chunk
slipstream_api: SELECT slipstream.export_job
slipstream_api: SELECT slipstream.legal_hold
slipstream_api: SELECT slipstream.redaction_job
slipstream_api: SELECT slipstream.redaction_rule
slipstream_api: SELECT slipstream.request_key
slipstream_api: SELECT slipstream.retention_rule
slipstream_api: SELECT slipstream.retention_run
slipstream_api: SELECT slipstream.retention_state
slipstream_api: SELECT slipstream.saved_view
slipstream_api: UPDATE copilot.support_tickets
slipstream_api: UPDATE slipstream.activity_settings
slipstream_api: UPDATE slipstream.activity_silence
slipstream_api: UPDATE slipstream.export_job.claim
slipstream_api: UPDATE slipstream.export_job.state
slipstream_api: UPDATE slipstream.legal_hold.release_reason
slipstream_api: UPDATE slipstream.legal_hold.released_at
slipstream_api: UPDATE slipstream.legal_hold.released_by
slipstream_api: UPDATE slipstream.redaction_rule
slipstream_api: UPDATE slipstream.retention_state.due_at
slipstream_api: UPDATE slipstream.saved_view
slipstream_archiver: EXECUTE analytics_fold
slipstream_archiver: EXECUTE analytics_reset
slipstream_archiver: EXECUTE ensure_event_partitions
slipstream_archiver: EXECUTE event_months_ahead
slipstream_archiver: EXECUTE event_past_before
slipstream_archiver: EXECUTE heed_holds
slipstream_archiver: EXECUTE hold_covers
slipstream_archiver: EXECUTE is_held
slipstream_archiver: EXECUTE open_holds
slipstream_archiver: INSERT slipstream.activity_settings.pruned_at
slipstream_archiver: INSERT slipstream.activity_settings.pruned_seq
slipstream_archiver: INSERT slipstream.activity_settings.tenant_id
slipstream_archiver: INSERT slipstream.archive_end
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
slipstream_archiver: SELECT slipstream.activity_silence.began_at
slipstream_archiver: SELECT slipstream.activity_silence.tenant_id
slipstream_archiver: SELECT slipstream.analytics_head
slipstream_archiver: SELECT slipstream.archive_end
slipstream_archiver: SELECT slipstream.archive_quarantine
slipstream_archiver: SELECT slipstream.archive_watermark
slipstream_archiver: SELECT slipstream.event.event_id
slipstream_archiver: SELECT slipstream.event.occurred_at
slipstream_archiver: SELECT slipstream.event.tenant_id
slipstream_archiver: SELECT slipstream.ledger_batch
slipstream_archiver: SELECT slipstream.ledger_checkpoint
slipstream_archiver: SELECT slipstream.ledger_node
slipstream_archiver: SELECT slipstream.ledger_removed
slipstream_archiver: SELECT slipstream.stream_epoch
slipstream_archiver: SELECT slipstream.tenant_head
slipstream_archiver: UPDATE slipstream.activity_settings.prune_due
slipstream_archiver: UPDATE slipstream.activity_settings.pruned_at
slipstream_archiver: UPDATE slipstream.activity_settings.pruned_seq
slipstream_archiver: UPDATE slipstream.activity_silence.began_seq
slipstream_archiver: UPDATE slipstream.activity_silence.ended_seq
slipstream_archiver: UPDATE slipstream.archive_end
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
slipstream_reader: EXECUTE archive_losses
slipstream_reader: EXECUTE archived_before
slipstream_reader: EXECUTE heed_holds
slipstream_reader: EXECUTE hold_covers
slipstream_reader: EXECUTE is_held
slipstream_reader: EXECUTE open_holds
slipstream_reader: SELECT slipstream.activity_settings
slipstream_reader: SELECT slipstream.activity_silence
slipstream_reader: SELECT slipstream.analytics_day
slipstream_reader: SELECT slipstream.analytics_head
slipstream_reader: SELECT slipstream.analytics_hour
slipstream_reader: SELECT slipstream.archive_end
slipstream_reader: SELECT slipstream.archive_watermark
slipstream_reader: SELECT slipstream.event
slipstream_reader: SELECT slipstream.ledger_batch
slipstream_reader: SELECT slipstream.ledger_checkpoint
slipstream_reader: SELECT slipstream.ledger_node
slipstream_reader: SELECT slipstream.ledger_removed
slipstream_reader: SELECT slipstream.stream_epoch
slipstream_reader: SELECT slipstream.tenant_head
slipstream_redactor: DELETE slipstream.export_chunk
slipstream_redactor: DELETE slipstream.redaction_job
slipstream_redactor: EXECUTE analytics_admit
slipstream_redactor: EXECUTE analytics_forget
slipstream_redactor: EXECUTE append
slipstream_redactor: EXECUTE heed_holds
slipstream_redactor: EXECUTE hold_covers
slipstream_redactor: EXECUTE is_held
slipstream_redactor: EXECUTE join_ledger_batches
slipstream_redactor: EXECUTE open_holds
slipstream_redactor: SELECT slipstream.event
slipstream_redactor: SELECT slipstream.export_chunk.job_id
slipstream_redactor: SELECT slipstream.export_chunk.tenant_id
slipstream_redactor: SELECT slipstream.export_job.bytes
slipstream_redactor: SELECT slipstream.export_job.expires_at
slipstream_redactor: SELECT slipstream.export_job.job_id
slipstream_redactor: SELECT slipstream.export_job.rows_done
slipstream_redactor: SELECT slipstream.export_job.state
slipstream_redactor: SELECT slipstream.export_job.tenant_id
slipstream_redactor: SELECT slipstream.ledger_batch.occurred_from
slipstream_redactor: SELECT slipstream.ledger_batch.occurred_to
slipstream_redactor: SELECT slipstream.ledger_batch.size
slipstream_redactor: SELECT slipstream.ledger_batch.start
slipstream_redactor: SELECT slipstream.ledger_batch.tenant_id
slipstream_redactor: SELECT slipstream.ledger_batch.terms
slipstream_redactor: SELECT slipstream.redaction_job
slipstream_redactor: SELECT slipstream.redaction_rule
slipstream_redactor: SELECT slipstream.tenant_head.ledger_size
slipstream_redactor: SELECT slipstream.tenant_head.tenant_id
slipstream_redactor: SELECT slipstream.tenant_head.version
slipstream_redactor: UPDATE slipstream.event.actor_id
slipstream_redactor: UPDATE slipstream.event.actor_name
slipstream_redactor: UPDATE slipstream.event.concerned
slipstream_redactor: UPDATE slipstream.event.correlation_id
slipstream_redactor: UPDATE slipstream.event.entity_name
slipstream_redactor: UPDATE slipstream.event.has_changes
slipstream_redactor: UPDATE slipstream.event.message
slipstream_redactor: UPDATE slipstream.event.payload
slipstream_redactor: UPDATE slipstream.event.redacted_at
slipstream_redactor: UPDATE slipstream.export_job.attempts
slipstream_redactor: UPDATE slipstream.export_job.bytes
slipstream_redactor: UPDATE slipstream.export_job.chunks
slipstream_redactor: UPDATE slipstream.export_job.claim
slipstream_redactor: UPDATE slipstream.export_job.expires_at
slipstream_redactor: UPDATE slipstream.export_job.last_event_id
slipstream_redactor: UPDATE slipstream.export_job.last_occurred_at
slipstream_redactor: UPDATE slipstream.export_job.rows_done
slipstream_redactor: UPDATE slipstream.export_job.sha256
slipstream_redactor: UPDATE slipstream.export_job.state
slipstream_redactor: UPDATE slipstream.ledger_batch.terms
slipstream_redactor: UPDATE slipstream.redaction_job.exempt
slipstream_redactor: UPDATE slipstream.redaction_job.failure
slipstream_redactor: UPDATE slipstream.redaction_job.finished_at
slipstream_redactor: UPDATE slipstream.redaction_job.held
slipstream_redactor: UPDATE slipstream.redaction_job.ids_done
slipstream_redactor: UPDATE slipstream.redaction_job.last_event_id
slipstream_redactor: UPDATE slipstream.redaction_job.last_occurred_at
slipstream_redactor: UPDATE slipstream.redaction_job.missing
slipstream_redactor: UPDATE slipstream.redaction_job.redacted
slipstream_redactor: UPDATE slipstream.redaction_job.started_at
slipstream_redactor: UPDATE slipstream.redaction_job.state
slipstream_redactor: UPDATE slipstream.redaction_job.through_seq
slipstream_redactor: UPDATE slipstream.redaction_job.turn_at
slipstream_redactor: UPDATE slipstream.redaction_job.unchanged
slipstream_redactor: UPDATE slipstream.redaction_rule.held
slipstream_redactor: UPDATE slipstream.redaction_rule.redacted
slipstream_redactor: UPDATE slipstream.redaction_rule.through_event_id
slipstream_redactor: UPDATE slipstream.redaction_rule.through_occurred_at
slipstream_redactor: UPDATE slipstream.redaction_rule.through_seq
slipstream_redactor: UPDATE slipstream.redaction_rule.turn_at
slipstream_redactor: UPDATE slipstream.tenant_head.updated_at
slipstream_redactor: UPDATE slipstream.tenant_head.version
slipstream_relay: DELETE slipstream.outbox
slipstream_relay: SELECT slipstream.outbox
slipstream_relay: UPDATE slipstream.outbox.attempts
slipstream_relay: UPDATE slipstream.outbox.epoch
slipstream_relay: UPDATE slipstream.outbox.last_error
slipstream_relay: UPDATE slipstream.outbox.published_at
slipstream_relay: UPDATE slipstream.outbox.seq
slipstream_relay: UPDATE slipstream.outbox.set_aside_at
slipstream_relay: UPDATE slipstream.outbox.shard
slipstream_retention: DELETE slipstream.event
slipstream_retention: DELETE slipstream.retention_run
slipstream_retention: EXECUTE analytics_forget
slipstream_retention: EXECUTE append
slipstream_retention: EXECUTE archived_before
slipstream_retention: EXECUTE drop_event_month
slipstream_retention: EXECUTE event_month
slipstream_retention: EXECUTE event_month_tenants
slipstream_retention: EXECUTE heed_holds
slipstream_retention: EXECUTE hold_covers
slipstream_retention: EXECUTE open_holds
slipstream_retention: INSERT slipstream.ledger_removed
slipstream_retention: INSERT slipstream.retention_run
slipstream_retention: INSERT slipstream.retention_state
slipstream_retention: SELECT slipstream.activity_settings.cleared_seq
slipstream_retention: SELECT slipstream.activity_settings.enabled
slipstream_retention: SELECT slipstream.activity_settings.max_days
slipstream_retention: SELECT slipstream.activity_settings.max_entries
slipstream_retention: SELECT slipstream.activity_settings.pruned_seq
slipstream_retention: SELECT slipstream.activity_settings.tenant_id
slipstream_retention: SELECT slipstream.event.actor_id
slipstream_retention: SELECT slipstream.event.category
slipstream_retention: SELECT slipstream.event.entity_id
slipstream_retention: SELECT slipstream.event.entity_type
slipstream_retention: SELECT slipstream.event.epoch
slipstream_retention: SELECT slipstream.event.event_id
slipstream_retention: SELECT slipstream.event.occurred_at
slipstream_retention: SELECT slipstream.event.seq
slipstream_retention: SELECT slipstream.event.shard
slipstream_retention: SELECT slipstream.event.tenant_id
slipstream_retention: SELECT slipstream.event.tenant_seq
slipstream_retention: SELECT slipstream.event.type
slipstream_retention: SELECT slipstream.ledger_batch.archived_at
slipstream_retention: SELECT slipstream.ledger_batch.size
slipstream_retention: SELECT slipstream.ledger_batch.start
slipstream_retention: SELECT slipstream.ledger_batch.tenant_id
slipstream_retention: SELECT slipstream.ledger_removed
slipstream_retention: SELECT slipstream.retention_rule
slipstream_retention: SELECT slipstream.retention_run
slipstream_retention: SELECT slipstream.retention_state
slipstream_retention: SELECT slipstream.tenant_head
slipstream_retention: UPDATE slipstream.retention_state
slipstream_retention: UPDATE slipstream.tenant_head.removed
slipstream_retention: UPDATE slipstream.tenant_head.removed_to
slipstream_retention: UPDATE slipstream.tenant_head.updated_at
slipstream_retention: UPDATE slipstream.tenant_head.version
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

/// What each role must not do.
const FORBIDDEN: &[(&str, &str)] = &[
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
    ("slipstream_api", "update slipstream.legal_hold set reason = ''"),
    ("slipstream_api", "delete from slipstream.legal_hold"),
    ("slipstream_api", "update slipstream.redaction_job set state = 'queued'"),
    ("slipstream_redactor", "delete from slipstream.event"),
    ("slipstream_redactor", "update slipstream.event set entity_id = ''"),
    ("slipstream_redactor", "update slipstream.event set tenant_seq = 1"),
    ("slipstream_redactor", "update slipstream.ledger_batch set leaves = ''"),
    ("slipstream_redactor", "update slipstream.tenant_head set ledger_size = 0"),
    ("slipstream_redactor", "update slipstream.redaction_rule set fields = '{}'"),
    ("slipstream_redactor", "insert into slipstream.redaction_job default values"),
    ("slipstream_redactor", "update slipstream.legal_hold set released_at = now()"),
    ("slipstream_redactor", "select data from slipstream.export_chunk"),
    ("slipstream_redactor", "select * from slipstream.outbox"),
    ("slipstream_archiver", "select * from slipstream.legal_hold"),
    ("slipstream_api", "select slipstream.open_holds('acme')"),
    ("slipstream_reader", "select * from slipstream.export_job"),
    ("slipstream_retention", "select payload from slipstream.event"),
    ("slipstream_retention", "update slipstream.event set type = ''"),
    ("slipstream_retention", "insert into slipstream.event default values"),
    ("slipstream_retention", "delete from slipstream.event_past"),
    ("slipstream_retention", "delete from slipstream.ledger_removed"),
    ("slipstream_retention", "update slipstream.ledger_removed set start = 1"),
    ("slipstream_retention", "delete from slipstream.ledger_batch"),
    ("slipstream_retention", "update slipstream.tenant_head set ledger_size = 0"),
    ("slipstream_retention", "update slipstream.retention_rule set enabled = true"),
    ("slipstream_retention", "update slipstream.legal_hold set released_at = now()"),
    ("slipstream_retention", "select * from slipstream.outbox"),
    ("slipstream_api", "update slipstream.retention_state set progress = '{}'"),
    ("slipstream_api", "delete from slipstream.retention_run"),
    ("slipstream_archiver", "insert into slipstream.ledger_removed default values"),
    ("slipstream_reader", "select * from slipstream.retention_rule"),
    ("slipstream_reader", "insert into slipstream.event default values"),
    ("slipstream_reader", "update slipstream.archive_watermark set seq = 0"),
    ("slipstream_reader", "select * from copilot.support_tickets"),
    ("slipstream_reader", "select * from slipstream.event_past"),
    ("slipstream_platform", "select * from slipstream.event"),
    ("slipstream_platform", "select * from slipstream.outbox"),
];

/// The same from outside: what must fail fails.
#[tokio::test]
async fn what_a_role_must_not_do_fails() {
    let db = Cluster::shared().await.database().await;
    Log::new(&db).await.add(&[event("acme", "a.b.c", "1")]).await;
    let mut connection = PgConnection::connect(&db.url()).await.unwrap();
    for (role, statement) in FORBIDDEN {
        connection.execute(AssertSqlSafe(format!("set role {role}"))).await.unwrap();
        connection.execute("set slipstream.tenant = 'acme'").await.unwrap();
        let error = connection.execute(*statement).await.expect_err(&format!("{role}: {statement}"));
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
