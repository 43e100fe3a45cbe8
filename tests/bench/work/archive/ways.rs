//! The same rows, batch by batch, in other ways than the archive's own.

use std::time::Instant;

use time::OffsetDateTime;

use super::COLUMNS;
use super::table::{BATCH, Table, Way};
use crate::args::Archive;
use crate::corpus::Corpus;
use crate::filled::{self, Filled};
use crate::machine::Cpu;
use crate::report::Section;
use crate::stats::median;
use crate::work::per_event_us;

const WAYS: [(Way, &str); 4] = [
    (Way::Floor, "  floor: one binary COPY"),
    (Way::Copy, "COPY, batch by batch, of rows known to be new"),
    (Way::Staged, "staged COPY, insert on conflict do nothing"),
    (Way::Unnest, "UNNEST, insert on conflict do nothing"),
];
/// Ways, with the archive's own.
const ALL: usize = WAYS.len() + 1;

/// All ways in turn, some rounds; the medians count.
pub(super) async fn run(options: &Archive, filled: &Filled, table: &Table) -> Section {
    let rows = options.rows as usize;
    let title = format!("ways to write {rows} of these rows into a table with the archive's indexes, in transactions of {BATCH}");
    let mut section = Section::new("archive_ways", title, COLUMNS);
    let mut rounds: Vec<[(f64, f64); ALL]> = Vec::new();
    for _ in 0..options.archive_rounds {
        let mut round = [(0.0, 0.0); ALL];
        for ((way, _), figures) in WAYS.iter().zip(&mut round) {
            *figures = table.write(*way, None).await;
        }
        round[ALL - 1] = own(filled, rows).await;
        rounds.push(round);
    }
    let of = |place: usize| (median(rounds.iter().map(|round| round[place].0)), median(rounds.iter().map(|round| round[place].1)));
    let (floor, _) = of(0);
    let labels = WAYS.iter().map(|(_, label)| *label).chain(["the archive's transaction: COPY, heads, ledger, search filters"]);
    for (place, label) in labels.enumerate() {
        let (seconds, cpu) = of(place);
        section.row(label, [Some(rows as f64 / seconds), Some(floor / seconds), Some(seconds), Some(per_event_us(cpu, rows))]);
    }
    section.note(format!(
        "medians of {} rounds, each of them all ways in turn; the arrays of UNNEST are made by the database itself, from a table",
        options.archive_rounds
    ));
    section
}

/// The same number of events by the archive itself, into an archive that is empty: seconds, and those of the database's processor.
async fn own(filled: &Filled, rows: usize) -> (f64, f64) {
    let archive = filled::archive(&filled.stack.cluster.database().await).await;
    let corpus = Corpus::new(filled.corpus.events(), filled.tenants, OffsetDateTime::now_utc());
    let rows = rows as u64;
    let batches: Vec<_> = (0..rows).step_by(BATCH).map(|from| filled::batch(&corpus, from..(from + BATCH as u64).min(rows))).collect();
    let cpu = Cpu::of([filled.stack.cluster.server.pid()]);
    let begun = Instant::now();
    for batch in &batches {
        archive.append(batch).await.unwrap();
    }
    (begun.elapsed().as_secs_f64(), cpu.seconds()[0])
}
