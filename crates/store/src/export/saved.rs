//! What a job reads, kept with it: the query, with the rights of whoever asked.

use serde::{Deserialize, Serialize};
use slipstream_event::{Category, Filter, Timestamp, Viewer};

use crate::history::Query;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    viewer: Viewer,
    filter: Filter,
    actions: Vec<String>,
    categories: Vec<Category>,
    correlation_id: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    text: Option<String>,
    with_changes: bool,
}

impl From<Query> for Saved {
    fn from(query: Query) -> Self {
        let Query { viewer, filter, actions, categories, correlation_id, from, until, text, after: _, limit: _, with_changes, .. } = query;
        Self { viewer, filter, actions, categories, correlation_id, from, until, text, with_changes }
    }
}

impl From<Saved> for Query {
    fn from(saved: Saved) -> Self {
        let Saved { viewer, filter, actions, categories, correlation_id, from, until, text, with_changes } = saved;
        Self { viewer, filter, actions, categories, correlation_id, from, until, text, with_changes, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let query = Query {
            viewer: Viewer { user_id: Some("u1".into()), member: true, ..Viewer::default() },
            filter: Filter { modules: vec!["shop".into()], ..Filter::default() },
            categories: vec![Category::Device],
            from: Timestamp::parse("2026-01-01T00:00:00Z"),
            with_changes: true,
            ..Query::default()
        };
        let json = serde_json::to_string(&Saved::from(query.clone())).unwrap();
        assert_eq!(format!("{:?}", Query::from(serde_json::from_str::<Saved>(&json).unwrap())), format!("{query:?}"));
    }
}
