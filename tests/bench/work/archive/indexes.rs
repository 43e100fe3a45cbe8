//! What each index of the archive costs: the same rows by one COPY, with all indexes and without each of them.

use super::table::{Table, Way};
use crate::args::Archive;
use crate::report::Section;
use crate::stats::median;
use crate::work::per_event_us;

const COLUMNS: &[&str] = &["seconds", "costs s", "costs %", "postgres µs"];

/// With all, then without each.
pub(super) async fn run(options: &Archive, table: &Table) -> Section {
    let rows = options.rows as usize;
    let mut section =
        Section::new("archive_indexes", format!("what each index costs: {rows} rows by one COPY, with all indexes and without each of them"), COLUMNS);
    let indexes = table.indexes().await;
    let mut rounds: Vec<Vec<(f64, f64)>> = Vec::new();
    for _ in 0..options.archive_rounds {
        let mut round = vec![table.write(Way::Floor, None).await];
        for (drop, _) in &indexes {
            round.push(table.write(Way::Floor, Some(drop)).await);
        }
        rounds.push(round);
    }
    let of = |place: usize| (median(rounds.iter().map(|round| round[place].0)), median(rounds.iter().map(|round| round[place].1)));
    let (all, cpu) = of(0);
    section.row("all indexes", [Some(all), None, None, Some(per_event_us(cpu, rows))]);
    for (place, (_, columns)) in (1..).zip(&indexes) {
        let (seconds, cpu) = of(place);
        section.row(format!("without {columns}"), [Some(seconds), Some(all - seconds), Some((all - seconds) / all * 100.0), Some(per_event_us(cpu, rows))]);
    }
    section.note(format!("medians of {} rounds", options.archive_rounds));
    section
}
