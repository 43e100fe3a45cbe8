//! What was measured, as tables for people and as JSON.

use std::fmt::Display;

use serde_json::{Map, Value, json};

use crate::machine::Facts;

/// The tables of one run.
pub(crate) struct Report {
    facts: Facts,
    sections: Vec<Section>,
}

/// One table.
pub(crate) struct Section {
    name: &'static str,
    title: String,
    columns: &'static [&'static str],
    rows: Vec<(String, Vec<Option<f64>>)>,
    notes: Vec<String>,
}

impl Section {
    /// An empty table; columns are named with their units.
    pub(crate) fn new(name: &'static str, title: impl Into<String>, columns: &'static [&'static str]) -> Self {
        Self { name, title: title.into(), columns, rows: Vec::new(), notes: Vec::new() }
    }

    /// A table as [`Report::to_json`] wrote it in another process.
    pub(crate) fn from_json(name: &'static str, title: impl Into<String>, columns: &'static [&'static str], json: &Value) -> Self {
        let mut section = Self::new(name, title, columns);
        for row in json["rows"].as_array().into_iter().flatten() {
            section.row(row["what"].as_str().unwrap_or_default(), columns.iter().map(|column| row[key(column)].as_f64()));
        }
        section
    }

    /// Adds a row; `None` leaves a place empty, as do the places that are not given.
    pub(crate) fn row(&mut self, label: impl Into<String>, values: impl IntoIterator<Item = Option<f64>>) {
        self.rows.push((label.into(), values.into_iter().collect()));
    }

    /// Adds a line below the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn print(&self) {
        let label_width = self.rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        println!("\n{}\n", self.title);
        let head: Vec<String> = self.columns.iter().map(|column| format!("{column:>width$}", width = width(column))).collect();
        println!("  {:label_width$}  {}", "", head.join("  "));
        for (label, values) in &self.rows {
            let cells = self.columns.iter().zip(values.iter().chain(std::iter::repeat(&None)));
            let cells: Vec<String> = cells.map(|(column, value)| format!("{:>width$}", value.map(shown).unwrap_or_default(), width = width(column))).collect();
            println!("  {label:label_width$}  {}", cells.join("  ").trim_end());
        }
        self.notes.iter().for_each(|note| println!("  - {note}"));
    }

    fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|(label, values)| {
            let mut row = Map::from_iter([("what".to_owned(), json!(label))]);
            row.extend(self.columns.iter().zip(values).filter_map(|(column, value)| Some((key(column), json!((*value)?)))));
            Value::Object(row)
        });
        json!({"title": self.title, "rows": rows.collect::<Vec<_>>(), "notes": self.notes})
    }
}

impl Report {
    /// A report without tables.
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, sections: Vec::new() }
    }

    /// Prints what is known before anything is measured.
    pub(crate) fn print_head(&self) {
        println!("{}", self.facts);
        println!("Figures of one run on one machine that does the load, the servers and the platform are noisy: what counts are the ratios.");
    }

    /// Prints a table and keeps it.
    pub(crate) fn add(&mut self, section: Section) {
        section.print();
        self.sections.push(section);
    }

    /// All of it.
    pub(crate) fn to_json(&self) -> String {
        let mut all = Map::from_iter([("machine".to_owned(), self.facts.to_json())]);
        all.extend(self.sections.iter().map(|section| (section.name.to_owned(), section.to_json())));
        format!("{:#}\n", Value::Object(all))
    }
}

/// Says what a long bench is at.
pub(crate) fn progress(what: impl Display) {
    println!("  … {what}");
}

/// A column's name in JSON.
fn key(column: &str) -> String {
    column.replace(' ', "_")
}

fn width(column: &str) -> usize {
    column.chars().count().max(7)
}

/// Three significant digits, and all digits of what is larger.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_the_digits_that_mean_something() {
        assert_eq!([12_345.6, 99.96, 12.34, 1.234, 0.1234, 0.0].map(shown), ["12346", "100", "12.3", "1.23", "0.123", "0.00"]);
    }

    #[test]
    fn empty_places_are_left_out_of_the_json() {
        let mut section = Section::new("x", "X", &["events/s", "of floor"]);
        section.row("a", [Some(2.0), None]);
        section.row("b", [Some(1.0)]);
        assert_eq!(section.to_json()["rows"], json!([{"what": "a", "events/s": 2.0}, {"what": "b", "events/s": 1.0}]));
        let read = Section::from_json("y", "Y", section.columns, &section.to_json());
        assert_eq!(read.rows, [("a".to_owned(), vec![Some(2.0), None]), ("b".to_owned(), vec![Some(1.0), None])]);
    }
}
