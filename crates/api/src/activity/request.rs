//! What a request for the log asks for.

use slipstream_access::problem::Invalid;
use slipstream_access::{Parameters, Query};
use slipstream_domain::export::Filters;
use slipstream_event::Viewer;
use slipstream_event::activity::Selection;
use slipstream_store::activity as log;

use crate::failure::Failure;
use crate::history::request::{self, keep, text};
use crate::limits::{ACTIVITY_ENTITY_LEN_MAX, ACTIVITY_LIMIT_DEFAULT, ACTIVITY_LIMIT_MAX, SEARCH_LEN_MAX};

/// The parameters that narrow the log.
const FILTERS: [&str; 8] = ["categories", "severities", "actor", "entity_type", "entity_id", "since", "until", "q"];

/// What a list takes.
pub(super) const LIST_TAKES: Parameters = Parameters::Only(&[&FILTERS, &["limit", "before_seq", "after_seq"]]);
/// What an export takes.
pub(super) const EXPORT_TAKES: Parameters = Parameters::Only(&[&FILTERS, &["format", "end"]]);

/// Reads the parameters of a list. All faults are reported at once.
pub(super) fn list(query: &Query, viewer: &Viewer) -> Result<(log::Query, log::Range), Failure> {
    let mut invalid = Vec::new();
    let limit = keep(&mut invalid, query.integer("limit", ACTIVITY_LIMIT_DEFAULT, 1..=ACTIVITY_LIMIT_MAX));
    let before_seq = keep(&mut invalid, seq(query, "before_seq", 1)).flatten();
    let after_seq = keep(&mut invalid, seq(query, "after_seq", 0)).flatten();
    let wanted = filters(query, viewer, &mut invalid);
    if !invalid.is_empty() {
        return Err(invalid.into());
    }
    let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or_default();
    Ok((wanted, log::Range { before_seq, after_seq, limit }))
}

/// Reads the filters.
pub(super) fn filters(query: &Query, viewer: &Viewer, invalid: &mut Vec<Invalid>) -> log::Query {
    let selection = Selection::from_query(query.pairs()).map_err(|faults| invalid.extend(faults.into_iter().map(|fault| query.refuse(fault))));
    let mut texts = |name: &str, len_max: usize| keep(invalid, text(query, name, len_max)).flatten();
    let (actor, search) = (texts("actor", SEARCH_LEN_MAX), texts("q", SEARCH_LEN_MAX));
    let (entity_type, entity_id) = (texts("entity_type", ACTIVITY_ENTITY_LEN_MAX), texts("entity_id", ACTIVITY_ENTITY_LEN_MAX));
    let (since, until) = (keep(invalid, query.timestamp("since")).flatten(), keep(invalid, query.timestamp("until")).flatten());
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        invalid.push(query.invalid("since", "range", "must not be later than until".to_owned()));
    }
    log::Query { viewer: viewer.clone(), selection: selection.unwrap_or_default(), actor, entity_type, entity_id, since, until, text: search }
}

/// The filters as they were asked for, to be recorded.
pub(super) fn named(query: &Query) -> Filters {
    request::named(query, |name| FILTERS.contains(&name))
}

fn seq(query: &Query, name: &str, least: i64) -> Result<Option<u64>, Invalid> {
    if query.text(name).is_none() {
        return Ok(None);
    }
    query.integer(name, least, least..=i64::MAX).map(|seq| u64::try_from(seq).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<(log::Query, log::Range), Failure> {
        list(&Query::parse(query).unwrap(), &Viewer::default())
    }

    fn refused(query: &str) -> Vec<String> {
        let problem = parsed(query).unwrap_err().0;
        assert_eq!((problem.status().as_u16(), problem.code()), (422, "validation"), "{query}");
        problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn reads_all_parameters() {
        let (query, range) = parsed(
            "categories=auth&categories=device,system&severities=error&actor=Asha&entity_type=shop.order&entity_id=7&since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z&q=fire&before_seq=9&limit=200",
        )
        .unwrap();
        assert_eq!((query.selection.categories().count(), query.selection.severities().count()), (3, 2));
        assert_eq!(
            (query.actor.as_deref(), query.entity_type.as_deref(), query.entity_id.as_deref(), query.text.as_deref()),
            (Some("Asha"), Some("shop.order"), Some("7"), Some("fire"))
        );
        assert_eq!(range, log::Range { before_seq: Some(9), after_seq: None, limit: 200 });
        assert_eq!(parsed("").unwrap(), (log::Query::default(), log::Range { limit: 50, ..log::Range::default() }));
        assert_eq!(parsed("after_seq=0").unwrap().1.after_seq, Some(0));
    }

    #[test]
    fn names_all_faults_at_once() {
        let all = "limit=201&before_seq=0&after_seq=-1&categories=zoo&severities=critical&actor=%00&q=%1b&entity_id=%0a&since=yesterday&until=x";
        assert_eq!(refused(all), ["limit", "before_seq", "after_seq", "categories", "severities", "actor", "q", "entity_id", "since", "until"]);
        assert_eq!(refused("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"), ["since"]);
        assert_eq!(refused(&format!("entity_type={}", "x".repeat(65))), ["entity_type"]);
        assert_eq!(refused("before_seq=99999999999999999999"), ["before_seq"]);
    }
}
