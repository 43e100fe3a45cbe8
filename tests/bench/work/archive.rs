//! The archive at size: how fast it grows, beside other ways to write the same rows; what each index costs; and what all of it takes on disk.

mod disk;
mod indexes;
mod table;
mod ways;

use std::time::Duration;

use super::rate;
use crate::args::Args;
use crate::filled::Filled;
use crate::report::{Section, progress};

const COLUMNS: &[&str] = &["events/s", "of floor", "seconds", "postgres µs"];

/// How fast it was filled, and all that is measured beside it.
pub(crate) async fn run(args: &Args, filled: &Filled) -> Vec<Section> {
    let rows = (args.archive.rows).min(u32::try_from(filled.corpus.events()).unwrap_or(u32::MAX));
    let options = crate::args::Archive { rows, ..args.archive.clone() };
    let table = table::Table::new(filled, rows as usize).await;
    progress("ways to write the same rows");
    let ways = ways::run(&options, filled, &table).await;
    progress("what each index costs");
    let indexes = indexes::run(&options, &table).await;
    table.drop().await;
    vec![growth(filled), ways, indexes, disk::run(filled).await]
}

fn growth(filled: &Filled) -> Section {
    let (events, tenants) = (filled.corpus.events(), filled.tenants);
    let title = format!("archive: {events} events of {:.0} B, {tenants} tenants, one of which has half of them", filled.payload_bytes as f64 / events as f64);
    let mut section = Section::new("archive", title, COLUMNS);
    let mut through = 0;
    for (part, took) in &filled.parts {
        through += part;
        section.row(format!("up to {through}"), [Some(rate(*part as usize, *took)), None, Some(took.as_secs_f64())]);
    }
    let took: Duration = filled.parts.iter().map(|(_, took)| *took).sum();
    section.row("all", [Some(rate(events as usize, took)), None, Some(took.as_secs_f64())]);
    section.note("by the archiver's transaction, in batches of 4,000 events, which this process makes meanwhile: dedupe, ledger and search filters are in it, the broker is not");
    section
}
