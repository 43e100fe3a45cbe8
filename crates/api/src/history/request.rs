//! What a request for history asks for.

use slipstream_access::problem::Invalid;
use slipstream_access::{Problem, Query};
use slipstream_domain::export::Filters;
use slipstream_event::cursor::Invalid as NoCursor;
use slipstream_event::{Category, CursorKey, Fault, Filter, Keyset, Tenant, Viewer, fault};
use slipstream_store::history;

use crate::failure::Failure;
use crate::limits::{HISTORY_LIMIT_DEFAULT, HISTORY_LIMIT_MAX, SEARCH_LEN_MAX};

/// The parameters that narrow history.
pub(crate) const FILTERS: [&str; 13] =
    ["types", "type", "module", "entityType", "entityId", "actor", "severity", "action", "category", "correlationId", "q", "timeStart", "timeEnd"];

/// What else a page of history takes.
pub(crate) const PAGE: &[&str] = &["limit", "cursor", "total", "include"];

/// How many items a page may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// When the request does not say.
    pub(crate) default: i64,
    /// At most.
    pub(crate) max: i64,
}

/// Those of history itself.
pub(crate) const BOUNDS: Bounds = Bounds { default: HISTORY_LIMIT_DEFAULT, max: HISTORY_LIMIT_MAX };

/// Reads all parameters but the cursor. All faults are reported at once.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn read(query: &Query, viewer: &Viewer, bounds: Bounds) -> Result<history::Query, Vec<Invalid>> {
    let mut invalid = Vec::new();
    let limit = keep(&mut invalid, query.integer("limit", bounds.default, 1..=bounds.max));
    let wanted = filters(query, viewer, &mut invalid);
    let with_total = keep(&mut invalid, query.boolean("total", false)).unwrap_or_default();
    if !invalid.is_empty() {
        return Err(invalid);
    }
    Ok(history::Query { limit: limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or_default(), with_total, ..wanted })
}

/// Reads which events are wanted, for pages and exports alike. What is wrong is added to `invalid`.
pub(crate) fn filters(query: &Query, viewer: &Viewer, invalid: &mut Vec<Invalid>) -> history::Query {
    let filter = keep(invalid, Filter::from_query(query.pairs()).map_err(|fault| query.refuse(fault)));
    let from = keep(invalid, query.timestamp("timeStart"));
    let until = keep(invalid, query.timestamp("timeEnd"));
    let actions = keep(invalid, list(query, "action"));
    let categories = keep(invalid, categories(query));
    let search = keep(invalid, text(query, "q", SEARCH_LEN_MAX));
    let correlation_id = keep(invalid, text(query, "correlationId", slipstream_event::limits::FILTER_VALUE_LEN_MAX));
    let with_changes = keep(invalid, with_changes(query)).unwrap_or_default();
    let (from, until) = (from.flatten(), until.flatten());
    if from.zip(until).is_some_and(|(from, until)| from > until) {
        invalid.extend(["timeStart", "timeEnd"].map(|name| query.invalid(name, "range_inverted", "timeStart must not be after timeEnd".to_owned())));
    }
    history::Query {
        viewer: viewer.clone(),
        filter: filter.unwrap_or_default(),
        // Older clients name actions in capitals; an action is in small letters.
        actions: actions.unwrap_or_default().into_iter().map(|action| action.to_ascii_lowercase()).collect(),
        categories: categories.unwrap_or_default(),
        correlation_id: correlation_id.flatten(),
        from,
        until,
        text: search.flatten(),
        with_changes,
        ..history::Query::default()
    }
}

/// The parameters that are wanted, as they were given, to be recorded with a reading or an export. Empty ones are left out.
pub(crate) fn named(query: &Query, is_wanted: impl Fn(&str) -> bool) -> Filters {
    let mut named = Filters::new();
    for (name, value) in query.pairs().filter(|(name, value)| is_wanted(name) && !value.is_empty()) {
        named.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    named
}

/// Whether the viewer may have what it asks to be included.
///
/// # Errors
/// 403 for the changes, which are for roles that audit.
pub(crate) fn may_include(wanted: &history::Query) -> Result<(), Problem> {
    let viewer = &wanted.viewer;
    if wanted.with_changes && !(viewer.admin || viewer.quality || viewer.platform) {
        return Err(Problem::forbidden("role_forbidden", "only roles that audit may include the changes"));
    }
    Ok(())
}

/// Reads the parameters of a page of history.
///
/// # Errors
/// As of [`allowed`] and [`at_cursor`].
pub(super) fn parse(query: &Query, viewer: &Viewer, key: &CursorKey, tenant: &Tenant) -> Result<history::Query, Failure> {
    Ok(at_cursor(allowed(query, viewer)?, query, key, tenant)?)
}

/// Reads all parameters but the cursor, and asks for nothing that the viewer may not see.
///
/// # Errors
/// As of [`read`]; 403 for who asks for the changes and does not audit.
pub(crate) fn allowed(query: &Query, viewer: &Viewer) -> Result<history::Query, Failure> {
    let wanted = read(query, viewer, BOUNDS)?;
    may_include(&wanted)?;
    Ok(wanted)
}

/// The query, going on where the parameter `cursor` says.
///
/// # Errors
/// 400 `cursor_invalid`, also for a cursor of another tenant or of another query.
pub(crate) fn at_cursor(mut wanted: history::Query, query: &Query, key: &CursorKey, tenant: &Tenant) -> Result<history::Query, Problem> {
    let of = asked(&wanted);
    wanted.after = query.text("cursor").map(|cursor| open_cursor(cursor, |cursor| Keyset::open(key, tenant, &of, cursor))).transpose()?;
    Ok(wanted)
}

/// The cursor of the page after this one.
pub(crate) fn next_cursor(wanted: &history::Query, next: Option<Keyset>, key: &CursorKey, tenant: &Tenant) -> Option<String> {
    next.map(|keyset| keyset.seal(key, tenant, &asked(wanted)))
}

/// What was asked for, as a text that its cursors are bound to: which events in which order, and not how many of them or what of them is shown.
fn asked(wanted: &history::Query) -> String {
    let history::Query { filter, actions, categories, correlation_id, from, until, text, oldest_first, .. } = wanted;
    format!("{filter:?} {actions:?} {categories:?} {correlation_id:?} {from:?} {until:?} {text:?} {oldest_first}")
}

/// Opens a cursor. Older clients send the time's `+` as it is, so that it arrives as a space.
fn open_cursor(cursor: &str, open: impl Fn(&str) -> Result<Keyset, NoCursor>) -> Result<Keyset, Problem> {
    let fault = |_| {
        let fault = Fault::new("cursor", "cursor_invalid", "is no cursor of this query");
        Problem::bad_request("cursor_invalid", fault.to_string()).with_fields(vec![fault])
    };
    open(&cursor.replace(' ', "+")).map_err(fault)
}

/// A parameter that may be repeated and may list values with commas. The bounds are those of the stream's filters.
fn list(query: &Query, name: &str) -> Result<Vec<String>, Invalid> {
    let values = || query.pairs().filter(|(key, _)| *key == name).flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty());
    if values().count() > slipstream_event::limits::FILTER_VALUES_MAX {
        return Err(query.invalid(name, "too_many_values", format!("takes at most {} values", slipstream_event::limits::FILTER_VALUES_MAX)));
    }
    values().try_for_each(|value| fault::text(name, value, slipstream_event::limits::FILTER_VALUE_LEN_MAX)).map_err(|fault| query.refuse(fault))?;
    Ok(values().map(str::to_owned).collect())
}

fn categories(query: &Query) -> Result<Vec<Category>, Invalid> {
    let unknown = || query.invalid("category", "enum", "must be auth, device, entity, capture or system".to_owned());
    list(query, "category")?.iter().map(|word| Category::parse(word).ok_or_else(unknown)).collect()
}

/// Whether `include=diff` asks for what changed.
fn with_changes(query: &Query) -> Result<bool, Invalid> {
    match query.text("include") {
        None => Ok(false),
        Some("diff") => Ok(true),
        Some(_) => Err(query.invalid("include", "enum", "must be diff".to_owned())),
    }
}

/// A text of at most `len_max` characters.
pub(crate) fn text(query: &Query, name: &str, len_max: usize) -> Result<Option<String>, Invalid> {
    let Some(value) = query.text(name) else { return Ok(None) };
    fault::text(name, value, len_max).map_err(|fault| query.refuse(fault))?;
    Ok(Some(value.to_owned()))
}

/// The value, or the fault kept for the answer.
pub(crate) fn keep<T>(invalid: &mut Vec<Invalid>, result: Result<T, Invalid>) -> Option<T> {
    result.map_err(|found| invalid.push(found)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<history::Query, Failure> {
        parse(&Query::parse(query).unwrap(), &Viewer::default(), &CursorKey::new(b"k"), &Tenant::new("acme").unwrap())
    }

    fn refused(query: &str) -> (u16, &'static str, Vec<String>) {
        let problem = parsed(query).unwrap_err().0;
        let fields = problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect();
        (problem.status().as_u16(), problem.code(), fields)
    }

    #[test]
    fn reads_all_parameters() {
        let query =
            parsed("limit=500&action=created,deleted&action=x&category=auth&correlationId=c1&timeStart=2024-01-01T00:00:00Z&q=fire&module=copilot").unwrap();
        assert_eq!((query.limit, query.actions.len(), query.categories.as_slice()), (500, 3, [Category::Auth].as_slice()));
        assert_eq!((query.correlation_id.as_deref(), query.text.as_deref(), query.filter.modules.len()), (Some("c1"), Some("fire"), 1));
        let plain = parsed("").unwrap();
        assert_eq!((plain.limit, plain.after), (50, None));
    }

    #[test]
    fn names_all_faults_at_once() {
        let query = "limit=501&severity=bad&timeStart=yesterday&timeEnd=x&category=zoo&q=%00";
        assert_eq!(refused(query), (422, "validation", ["limit", "severity", "timeStart", "timeEnd", "category", "q"].map(str::to_owned).to_vec()));
        assert_eq!(refused("limit=0").0, 422);
        assert_eq!(refused(&format!("action={}", "a,".repeat(60))).0, 422);
    }

    #[test]
    fn an_inverted_range_names_both_ends() {
        let both = vec!["timeStart".to_owned(), "timeEnd".to_owned()];
        assert_eq!(refused("timeStart=2026-01-02T00:00:00Z&timeEnd=2026-01-01T00:00:00Z"), (422, "validation", both));
        assert!(parsed("timeStart=2026-01-02T00:00:00Z&timeEnd=2026-01-02T00:00:00Z").is_ok());
    }

    #[test]
    fn a_cursor_is_bound_to_what_was_asked_for() {
        let (key, tenant) = (CursorKey::new(b"k"), Tenant::new("acme").unwrap());
        let keyset = Keyset { timestamp: slipstream_event::Timestamp::from_micros(7).unwrap(), id: uuid::Uuid::from_u128(7) };
        let cursor = next_cursor(&parsed("severity=error&q=x").unwrap(), Some(keyset), &key, &tenant).unwrap();
        for same in ["severity=error&q=x", "q=x&severity=error&limit=7&total=true"] {
            assert_eq!(parsed(&format!("{same}&cursor={cursor}")).unwrap().after, Some(keyset), "{same}");
        }
        for other in ["severity=error", "severity=info&q=x", "severity=error&q=x&timeEnd=2026-01-01T00:00:00Z"] {
            assert_eq!(refused(&format!("{other}&cursor={cursor}")).1, "cursor_invalid", "{other}");
        }
    }

    #[test]
    fn a_bad_cursor_is_not_page_one() {
        for bad in ["x", "2024-01-01T00:00:00Z|nonsense", "%20"] {
            assert_eq!(refused(&format!("cursor={bad}")), (400, "cursor_invalid", vec!["cursor".to_owned()]), "{bad}");
        }
        let old = "cursor=2024-01-01T00:00:00.5+00:00|00000000-0000-0000-0000-000000000007";
        assert_eq!(parsed(old).unwrap().after.unwrap().timestamp.to_string(), "2024-01-01T00:00:00.500000Z");
    }
}
