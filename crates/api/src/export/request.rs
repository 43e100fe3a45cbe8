//! What a request for an export asks for.

use slipstream_access::{Parameters, Query, problem::Invalid};
use slipstream_domain::export::Filters;
use slipstream_event::Viewer;
use slipstream_event::export::Format;
use slipstream_store::history;

use crate::failure::Failure;
use crate::history::request::{FILTERS, filters, keep, may_include, named};

/// What an export takes: what chooses events in history, and what it is written as.
pub(super) const TAKES: Parameters = Parameters::Only(&[&FILTERS, &["include", "format", "end"]]);

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) format: Format,
    /// Whether newline-delimited formats end with their count.
    pub(super) end_line: bool,
    pub(super) query: history::Query,
    /// The filters as they were given, for the record.
    pub(super) filters: Filters,
}

/// Reads the parameters. All faults are reported at once.
pub(super) fn parse(query: &Query, viewer: &Viewer) -> Result<Wanted, Failure> {
    let mut invalid = Vec::new();
    let format = keep(&mut invalid, format(query));
    let end_line = keep(&mut invalid, query.boolean("end", false)).unwrap_or_default();
    let wanted = filters(query, viewer, &mut invalid);
    let Some(format) = format.filter(|_| invalid.is_empty()) else { return Err(invalid.into()) };
    may_include(&wanted)?;
    Ok(Wanted { format, end_line, query: wanted, filters: named(query, is_filter) })
}

/// Whether a parameter chooses events.
pub(super) fn is_filter(name: &str) -> bool {
    name == "include" || FILTERS.contains(&name)
}

fn format(query: &Query) -> Result<Format, Invalid> {
    let unknown = || query.invalid("format", "enum", "must be csv, json, ndjson, cloudevents or ocsf".to_owned());
    query.text("format").and_then(Format::parse).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<Wanted, Failure> {
        parse(&Query::parse(query).unwrap(), &Viewer::default())
    }

    #[test]
    fn reads_the_filters_of_history() {
        let wanted = parsed("format=ndjson&end=1&severity=error&severity=info&q=fire&account_id=acme").unwrap();
        assert_eq!((wanted.format, wanted.end_line, wanted.query.filter.severities.len()), (Format::Ndjson, true, 2));
        assert_eq!(serde_json::to_string(&wanted.filters).unwrap(), r#"{"q":["fire"],"severity":["error","info"]}"#);
    }

    #[test]
    fn names_all_faults_at_once() {
        let fields = |query: &str| parsed(query).unwrap_err().0.body()["fields"].as_array().unwrap().iter().map(|f| f["field"].clone()).collect::<Vec<_>>();
        assert_eq!(fields("severity=bad&timeEnd=x&end=maybe"), ["format", "end", "severity", "timeEnd"]);
        assert_eq!(fields("format=xlsx"), ["format"]);
        assert_eq!(parsed("format=csv&include=diff").unwrap_err().0.status().as_u16(), 403, "the viewer audits nothing");
    }
}
