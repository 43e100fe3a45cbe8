//! Exports: events as files that other programs read. Pure: an [`Encoder`] takes events one by one and gives bytes.
//!
//! What is encoded is what came out of the archive, so an encoder needs no memory of what it has written but its number; one that goes on with a file that
//! was begun elsewhere ([`Encoder::resumed`]) writes the same bytes. A file that was cut off is never a shorter valid one where the format can say so: the JSON array is not closed, and
//! newline-delimited JSON has a last line with the count when it was asked for.

pub mod cloudevents;
pub mod csv;
pub mod formula;
pub mod json;
pub mod ndjson;
pub mod ocsf;

use serde::{Deserialize, Serialize};

use crate::Event;
use csv::Column;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180, with a header.
    Csv,
    /// One array.
    Json,
    /// An event a line.
    Ndjson,
    /// A CloudEvent a line.
    CloudEvents,
    /// An event of OCSF a line.
    Ocsf,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Csv, Self::Json, Self::Ndjson, Self::CloudEvents, Self::Ocsf];

    /// Its word in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::CloudEvents => "cloudevents",
            Self::Ocsf => "ocsf",
        }
    }

    /// The format of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// Media type of the file.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Ndjson | Self::CloudEvents | Self::Ocsf => "application/x-ndjson",
        }
    }

    /// Ending of the file's name, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::CloudEvents => "cloudevents.ndjson",
            Self::Ocsf => "ocsf.ndjson",
        }
    }
}

/// Writes one export of events.
#[derive(Clone, Debug)]
pub struct Encoder {
    format: Format,
    columns: &'static [Column<Event>],
    end_line: bool,
    count: u64,
}

impl Encoder {
    /// An encoder for a whole file. `columns` are those of CSV.
    pub fn new(format: Format, columns: &'static [Column<Event>]) -> Self {
        Self { format, columns, end_line: false, count: 0 }
    }

    /// Ends newline-delimited formats with a line that tells the count: `{"_end":true,"count":n}`. Other formats are as without.
    #[must_use]
    pub fn with_end_line(mut self, wanted: bool) -> Self {
        self.end_line = wanted;
        self
    }

    /// Goes on with a file that has its beginning and `count` events.
    #[must_use]
    pub fn resumed(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Events that were written.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What stands before the first event.
    pub fn begin(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Csv => csv::header(self.columns, out),
            Format::Json => json::begin(out),
            Format::Ndjson | Format::CloudEvents | Format::Ocsf => {}
        }
    }

    /// One event, as canonical JSON. JSON formats keep its bytes.
    ///
    /// # Errors
    /// The reader's, when it is no event; then nothing was written.
    pub fn event(&mut self, payload: &str, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let read = || Event::from_json(payload.as_bytes());
        match self.format {
            Format::Csv => csv::row(self.columns, &read()?, out),
            Format::Json => json::item(self.count == 0, payload, out),
            Format::Ndjson => ndjson::line(payload, out),
            Format::CloudEvents => cloudevents::line(&read()?, out),
            Format::Ocsf => ocsf::line(&read()?, out),
        }
        self.count += 1;
        Ok(())
    }

    /// What stands after the last event.
    pub fn end(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Csv => {}
            Format::Json => json::end(self.count == 0, out),
            Format::Ndjson | Format::CloudEvents | Format::Ocsf if self.end_line => ndjson::end(self.count, out),
            Format::Ndjson | Format::CloudEvents | Format::Ocsf => {}
        }
    }
}

#[cfg(test)]
mod tests;
