//! What the archive takes on disk.

use sqlx::query_as;

use crate::filled::Filled;
use crate::report::Section;

const COLUMNS: &[&str] = &["MiB", "MiB per million events", "bytes per event"];
/// What takes how many bytes: tables with their free space maps, what is kept aside of them, and each index, over all partitions.
const SIZES: &str = "
  with relation as (
    select c.oid, c.reltoastrelid, coalesce(p.relname, c.relname)::text as name
      from pg_class as c left join pg_inherits as h on h.inhrelid = c.oid left join pg_class as p on p.oid = h.inhparent
     where c.relnamespace = 'slipstream'::regnamespace and c.relkind = 'r'
  ), part as (
    select name, 'rows' as what, pg_table_size(oid) - coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) as bytes from relation
     union all
    select name, 'long values', pg_total_relation_size(reltoastrelid) from relation where reltoastrelid <> 0
     union all
    select name, substring(pg_get_indexdef(x.indexrelid) from '\\(.*'), pg_relation_size(x.indexrelid) from relation join pg_index as x on x.indrelid = oid
  )
  select name || ': ' || what, sum(bytes)::float8 from part group by name, what having sum(bytes) > 1048576 order by sum(bytes) desc";

/// All that is larger than a mebibyte.
pub(super) async fn run(filled: &Filled) -> Section {
    let events = filled.corpus.events() as f64;
    let mut section = Section::new("archive_disk", format!("on disk: {events:.0} events"), COLUMNS);
    let sizes: Vec<(String, f64)> = query_as(SIZES).fetch_all(&mut filled.owner().await).await.unwrap();
    let mib = 1_048_576.0;
    let row = |bytes: f64| [Some(bytes / mib), Some(bytes / mib / (events / 1e6)), Some(bytes / events)];
    section.row("all", row(sizes.iter().map(|(_, bytes)| bytes).sum()));
    for (what, bytes) in sizes {
        section.row(format!("  {what}"), row(bytes));
    }
    section.note(format!("payloads are {:.0} bytes per event as published; Postgres compresses long values", filled.payload_bytes as f64 / events));
    section
}
