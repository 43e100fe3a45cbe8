//! Bodies and headers of saved views.

use http::{HeaderMap, header};
use serde_json::{Map, Value};
use slipstream_access::Query;
use slipstream_access::problem::{Invalid, Location};
use slipstream_event::{Fault, Viewer, fault};
use slipstream_store::saved_views::Content;

use crate::failure::Failure;
use crate::history::request;
use crate::limits::{VIEW_NAME_LEN_MAX, VIEW_QUERY_BYTES_MAX};

/// Parameters of history beside the filters that a view may hold.
const SHOWN: [&str; 3] = ["limit", "include", "total"];

/// What a view is to be made of. All faults at once; those of the query by the names of its parameters, below `query`.
pub(super) fn content(body: &Value, shared_before: Option<bool>) -> Result<Content, Failure> {
    let mut faults = Vec::new();
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    faults.extend(fault::text("name", &name, VIEW_NAME_LEN_MAX).err());
    let shared = match body.get("shared") {
        None | Some(Value::Null) => shared_before.unwrap_or_default(),
        Some(Value::Bool(shared)) => *shared,
        Some(_) => {
            faults.push(Fault::new("shared", "bool_parsing", "must be true or false"));
            false
        }
    };
    let query = match body.get("query") {
        Some(Value::Object(query)) => {
            faults.extend(query_faults(query));
            Value::Object(query.clone()).to_string()
        }
        _ => {
            faults.push(Fault::new("query", "field_invalid", "must be an object of history's parameters"));
            String::new()
        }
    };
    if query.len() > VIEW_QUERY_BYTES_MAX {
        faults.push(Fault::new("query", "too_long", format!("must be at most {VIEW_QUERY_BYTES_MAX} bytes of JSON")));
    }
    if faults.is_empty() { Ok(Content { name, query, shared }) } else { Err(invalid(faults)) }
}

/// The version that the caller means to change: `If-Match`, else `version` of the body.
pub(super) fn version(headers: &HeaderMap, body: &Value) -> Result<Option<i64>, Failure> {
    let number = |field: &str| invalid(vec![Fault::new(field, "int_parsing", "must be a version of the view")]);
    if let Some(tag) = headers.get(header::IF_MATCH) {
        let text = tag.to_str().unwrap_or_default().trim();
        let version = text.trim_start_matches("W/").trim_matches('"').parse();
        return if text == "*" { Ok(None) } else { version.map(Some).map_err(|_| number("If-Match")) };
    }
    match body.get("version") {
        None | Some(Value::Null) => Ok(None),
        Some(version) => version.as_i64().map(Some).ok_or_else(|| number("version")),
    }
}

/// What history would refuse of it.
fn query_faults(query: &Map<String, Value>) -> Vec<Fault> {
    let (mut pairs, mut faults) = (Vec::new(), Vec::new());
    for (name, value) in query {
        if !request::FILTERS.contains(&name.as_str()) && !SHOWN.contains(&name.as_str()) {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            faults.push(Fault::new(shown, "unknown_parameter", "is no parameter of history that a view keeps"));
            continue;
        }
        match values(value) {
            Some(values) => pairs.extend(values.into_iter().map(|value| (name.clone(), value))),
            None => faults.push(Fault::new(name, "field_invalid", "must be a text, a number, true or false, or an array of these")),
        }
    }
    let refused = request::read(&Query::of_pairs(pairs), &Viewer::default(), request::BOUNDS).err();
    faults.extend(refused.into_iter().flatten().map(|invalid| invalid.fault));
    faults.into_iter().map(|fault| fault.below("query")).collect()
}

/// The values of a parameter, as a query string has them.
fn values(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Bool(_) | Value::Number(_) => Some(vec![value.to_string()]),
        Value::Array(items) => items.iter().map(|item| values(item).filter(|_| !item.is_array())?.pop()).collect(),
        Value::Null | Value::Object(_) => None,
    }
}

fn invalid(faults: Vec<Fault>) -> Failure {
    faults.into_iter().map(|fault| Invalid::new(Location::Body, fault)).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(body: &Value) -> Vec<String> {
        let problem = content(body, None).unwrap_err().0;
        problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn keeps_what_history_takes() {
        let query = json!({"severity": ["error", "critical"], "q": "fire", "limit": 20, "timeStart": "2026-01-01T00:00:00Z"});
        let kept = content(&json!({"name": " Grave ", "query": query}), Some(true)).unwrap();
        assert_eq!((kept.name.as_str(), kept.shared, kept.query), ("Grave", true, query.to_string()));
    }

    #[test]
    fn names_all_faults_at_once() {
        let query = json!({"severity": "bad", "limit": 0, "cursor": "x", "q": {}, "actor": [["a"]]});
        let want = ["name", "shared", "query.cursor", "query.q", "query.actor", "query.limit", "query.severity"];
        assert_eq!(fields(&json!({"name": "", "shared": "yes", "query": query})), want);
        assert_eq!(fields(&json!({"name": "x".repeat(101), "query": []})), ["name", "query"]);
        assert_eq!(fields(&json!({"name": "x", "query": {"timeStart": "2026-02-01T00:00:00Z", "timeEnd": "2026-01-01T00:00:00Z"}})).len(), 2);
        assert_eq!(fields(&json!({"name": "x", "query": {"entityId": vec!["y".repeat(250); 40]}})), ["query"]);
        assert_eq!(fields(&json!(5)), ["name", "query"]);
    }

    #[test]
    fn a_version_comes_from_header_or_body() {
        let with = |tag: &'static str| HeaderMap::from_iter([(header::IF_MATCH, http::HeaderValue::from_static(tag))]);
        assert_eq!(version(&with("\"7\""), &json!({"version": 3})).unwrap(), Some(7));
        assert_eq!(version(&with("W/\"7\""), &Value::Null).unwrap(), Some(7));
        assert_eq!(version(&with("*"), &Value::Null).unwrap(), None);
        assert_eq!(version(&HeaderMap::new(), &json!({"version": 3})).unwrap(), Some(3));
        assert!(version(&with("\"x\""), &Value::Null).is_err() && version(&HeaderMap::new(), &json!({"version": "3"})).is_err());
    }
}
