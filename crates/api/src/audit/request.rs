//! What a request for the audit log asks for, in its own names.

use serde_json::{Value, json};
use slipstream_access::problem::{Invalid, Location};
use slipstream_access::{Parameters, Problem, Query};
use slipstream_event::{Fault, Viewer};
use slipstream_store::history;

use crate::failure::Failure;
use crate::history::request::{self, Bounds};
use crate::limits::{AUDIT_FILTERS_BYTES_MAX, AUDIT_LIMIT_DEFAULT, AUDIT_LIMIT_MAX};

/// The log's names of history's parameters.
const NAMES: [(&str, &str); 5] =
    [("entity_type", "entityType"), ("entity_id", "entityId"), ("start", "timeStart"), ("end", "timeEnd"), ("correlation_id", "correlationId")];

/// What the log takes: both its own names and history's.
pub(super) const TAKES: Parameters =
    Parameters::Only(&[&request::FILTERS, &["entity_type", "entity_id", "start", "end", "correlation_id", "limit", "cursor", "offset"]]);

/// The parameters under history's names.
pub(super) fn as_history(query: &Query) -> Query {
    let name = |given: &str| NAMES.iter().find(|(ours, _)| *ours == given).map_or_else(|| given.to_owned(), |(_, theirs)| (*theirs).to_owned());
    Query::of_pairs(query.pairs().map(|(given, value)| (name(given), value.to_owned())).collect())
}

/// Reads the parameters. Rows always show what changed. Older clients may say `offset=0`; pages after the first have a cursor.
pub(super) fn read(query: &Query, viewer: &Viewer) -> Result<history::Query, Failure> {
    let wanted = request::read(query, viewer, Bounds { default: AUDIT_LIMIT_DEFAULT, max: AUDIT_LIMIT_MAX });
    if query.text("offset").is_some_and(|offset| offset != "0") {
        let refused = query.invalid("offset", "offset_unsupported", "must be 0: the next page is where Link and X-Next-Cursor say".to_owned());
        return Err(wanted.err().into_iter().flatten().chain([refused]).collect::<Vec<_>>().into());
    }
    let wanted = wanted?;
    Ok(history::Query { with_changes: true, with_total: false, ..wanted })
}

/// The parameters that narrow, for the event of the reading: what no filter is, such as a credential, is left out.
pub(super) fn filters(query: &Query) -> Value {
    let filters = json!(request::named(query, is_filter));
    if filters.to_string().len() > AUDIT_FILTERS_BYTES_MAX { json!({"left_out": "too many to keep"}) } else { filters }
}

fn is_filter(name: &str) -> bool {
    request::FILTERS.contains(&name)
}

/// The query string of the page that begins at `cursor`.
pub(super) fn query_string(query: &Query, cursor: &str) -> String {
    let kept = query.pairs().filter(|(name, value)| (is_filter(name) || *name == "limit" || *name == "account_id") && !value.is_empty());
    kept.chain([("cursor", cursor)]).map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// The value as a part of a query string.
fn encoded(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// 422 with all faults of an entry; 413 for one that is too large as a whole.
pub(super) fn refused(faults: Vec<Fault>) -> Failure {
    if faults.iter().any(|fault| fault.code == "payload_too_large") {
        return Problem::too_large(slipstream_event::limits::EVENT_BYTES_MAX).into();
    }
    faults.into_iter().map(|fault| Invalid::new(Location::Body, fault)).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_by_both_names_and_keeps_no_credential() {
        let query = as_history(&Query::parse("entity_type=a&entityType=b&start=2026-01-01T00:00:00Z&token=secret&limit=1000").unwrap());
        let wanted = read(&query, &Viewer::everything()).unwrap();
        assert_eq!((wanted.filter.entity_types.len(), wanted.from.is_some(), wanted.limit, wanted.with_changes), (2, true, 1000, true));
        assert_eq!(filters(&query), json!({"entityType": ["a", "b"], "timeStart": ["2026-01-01T00:00:00Z"]}));
        assert_eq!(query_string(&query, "x"), "entityType=a&entityType=b&timeStart=2026-01-01T00%3A00%3A00Z&limit=1000&cursor=x");
        for refused in ["limit=1001", "offset=100", "offset=x"] {
            assert!(read(&as_history(&Query::parse(refused).unwrap()), &Viewer::everything()).is_err(), "{refused}");
        }
        assert!(read(&Query::parse("offset=0").unwrap(), &Viewer::everything()).is_ok());
    }
}
