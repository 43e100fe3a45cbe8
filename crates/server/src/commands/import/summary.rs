//! What became of an import.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Most refused records that are kept with their reasons. Further ones are counted.
const REFUSALS_MAX: usize = 1_000;
/// Most refused records that are shown to a person.
const SHOWN_MAX: usize = 20;

/// What became of an import. `read` = `accepted` + `duplicates` + `refused`, unless it ended early.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Records that were read.
    pub read: u64,
    /// Events that the server has taken and did not have before.
    pub accepted: u64,
    /// Events that the server had before.
    pub duplicates: u64,
    /// Records that were refused, here or by the server.
    pub refused: u64,
    /// How long it took, in seconds.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// Accepted and duplicate events a second.
    pub events_per_second: f64,
    /// Whether the refusals are counted by lines; else by the place in the array.
    #[serde(skip)]
    pub is_lines: bool,
    /// The refused records, in the order in which they were found; the first of them, when there are many.
    pub refusals: Vec<Refusal>,
}

/// A refused record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its line, or its place in the array; from 1.
    pub line: u64,
    /// Why: each fault of it.
    pub reasons: Vec<String>,
}

impl Summary {
    /// Takes note of a refused record.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refused += 1;
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(refusal);
        }
    }

    /// Events that are in the server's log now.
    pub fn loaded(&self) -> u64 {
        self.accepted + self.duplicates
    }

    pub(super) fn finish(&mut self, took: Duration) {
        self.took = took;
        self.events_per_second = (self.loaded() as f64 / took.as_secs_f64().max(0.001) * 10.0).round() / 10.0;
    }

    /// For a person.
    pub fn lines(&self) -> Vec<String> {
        let unit = if self.is_lines { "line" } else { "record" };
        let mut lines: Vec<String> =
            self.refusals.iter().take(SHOWN_MAX).map(|refusal| format!("refused: {unit} {}: {}", refusal.line, refusal.reasons.join("; "))).collect();
        let shown = lines.len() as u64;
        if self.refused > shown {
            lines.push(format!("refused: {} more", self.refused - shown));
        }
        let Self { read, accepted, duplicates, refused, .. } = self;
        let rate = self.events_per_second;
        lines.push(format!(
            "read {read}, accepted {accepted}, duplicates {duplicates}, refused {refused}, in {:.1} s ({rate} events/s)",
            self.took.as_secs_f64()
        ));
        lines
    }
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 1_000.0).round() / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_refusals_and_counts_the_rest() {
        let mut summary = Summary { read: 2_000, accepted: 497, duplicates: 3, is_lines: true, ..Summary::default() };
        for line in 1..=1_500 {
            summary.refuse(Refusal { line, reasons: vec!["type: bad".into(), "entityId: must not be empty".into()] });
        }
        summary.finish(Duration::from_millis(2_500));
        let lines = summary.lines();
        assert_eq!((lines.len(), summary.refusals.len()), (SHOWN_MAX + 2, REFUSALS_MAX));
        assert_eq!(lines[0], "refused: line 1: type: bad; entityId: must not be empty");
        assert_eq!(lines[SHOWN_MAX], "refused: 1480 more");
        assert_eq!(lines[SHOWN_MAX + 1], "read 2000, accepted 497, duplicates 3, refused 1500, in 2.5 s (200 events/s)");
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!((json["seconds"].as_f64(), json["eventsPerSecond"].as_f64(), json["refusals"][0]["line"].as_u64()), (Some(2.5), Some(200.0), Some(1)));
    }
}
