//! What requests about redaction ask for.

use serde_json::{Map, Value};
use slipstream_domain::limits::{REASON_LEN_MAX, REDACTION_DAYS, REDACTION_FIELDS_BYTES_MAX, REDACTION_FIELDS_MAX, REDACTION_IDS_MAX};
use slipstream_domain::redaction::Rule;
use slipstream_event::Fault;
use slipstream_event::limits::{ENTITY_ID_LEN_MAX, FILTER_VALUES_MAX, NAME_LEN_MAX, REDACTED_PATH_LEN_MAX, TYPE_LEN_MAX};
use slipstream_event::redaction::Field;
use slipstream_store::redaction::{Events, Selection};
use uuid::Uuid;

use crate::failure::Failure;
use crate::strict::Strict;

/// A redaction that is asked for.
#[derive(Debug)]
pub(super) struct Redaction {
    pub(super) events: Events,
    pub(super) fields: Vec<String>,
    pub(super) reason: String,
    pub(super) dry_run: bool,
}

/// Reads a request: which events (ids, or at least one criterion), which fields, and why. All faults are reported at once.
pub(super) fn redaction(body: Map<String, Value>) -> Result<Redaction, Failure> {
    let mut body = Strict::new(body);
    let ids = ids(&mut body);
    let (from, to) = body.times("from", "to");
    let selection = Selection {
        types: types(&mut body),
        category: body.category("category"),
        entity_type: body.text("entityType", TYPE_LEN_MAX),
        entity_id: body.text("entityId", ENTITY_ID_LEN_MAX),
        actor_user_id: body.text("actorUserId", NAME_LEN_MAX),
        from,
        to,
    };
    let fields = fields(&mut body);
    let (reason, dry_run) = (body.required_text("reason", REASON_LEN_MAX), body.boolean("dryRun", false));
    let events = match ids {
        Some(_) if !selection.is_empty() => body.refuse(Fault::new("ids", "ambiguous", "name events by their ids or by criteria, not both")),
        Some(ids) => Some(Events::Ids(ids)),
        None if selection.is_empty() && !body.is_faulty() => body.refuse(Fault::new("ids", "missing", "name events by their ids, or at least one criterion")),
        None => Some(Events::Selection(selection)),
    };
    body.finish()?;
    Ok(Redaction { events: events.unwrap_or(Events::Ids(Vec::new())), fields, reason, dry_run })
}

/// Reads a rule. All faults are reported at once.
pub(super) fn rule(body: Map<String, Value>) -> Result<Rule, Failure> {
    let mut body = Strict::new(body);
    let rule = Rule {
        name: body.required_text("name", NAME_LEN_MAX),
        types: types(&mut body),
        category: body.category("category"),
        fields: fields(&mut body),
        after_days: u32::try_from(body.required_integer("afterDays", REDACTION_DAYS)).unwrap_or_default(),
        enabled: body.boolean("enabled", true),
    };
    body.finish()?;
    Ok(rule)
}

fn ids(body: &mut Strict) -> Option<Vec<Uuid>> {
    let items = match body.take("ids")? {
        Value::Array(items) => items,
        _ => return body.refuse(Fault::new("ids", "list_type", "must be an array of ids")),
    };
    if items.is_empty() || items.len() > REDACTION_IDS_MAX {
        body.refuse_any([Fault::new("ids", "length", format!("must be 1 to {REDACTION_IDS_MAX} ids"))]);
        return Some(Vec::new());
    }
    let mut ids = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        match item.as_str().and_then(|text| Uuid::try_parse(text).ok()) {
            Some(id) => ids.push(id),
            None => body.refuse_any([Fault::new(format!("ids.{place}"), "uuid_parsing", "must be a UUID")]),
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
}

/// Prefixes of types, in whole tokens.
fn types(body: &mut Strict) -> Vec<String> {
    let types = body.texts("types", FILTER_VALUES_MAX, TYPE_LEN_MAX);
    let is_prefix = |text: &str| {
        let tokens = text.strip_suffix(".*").unwrap_or(text);
        !tokens.split('.').any(|token| token.is_empty() || !token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
    };
    for (place, _) in types.iter().enumerate().filter(|(_, text)| !text.is_empty() && !is_prefix(text)) {
        body.refuse_any([Fault::new(format!("types.{place}"), "type_invalid", "must be a type or the first tokens of one: a-z, 0-9 and _, joined by dots")]);
    }
    types
}

fn fields(body: &mut Strict) -> Vec<String> {
    let mut fields = body.texts("fields", REDACTION_FIELDS_MAX, REDACTED_PATH_LEN_MAX);
    if fields.is_empty() && !body.is_faulty_in("fields") {
        body.refuse_any([Fault::new("fields", "missing", "name at least one field")]);
    }
    let parsed =
        fields.iter().enumerate().filter(|(_, path)| !path.is_empty()).filter_map(|(place, path)| Field::parse(&format!("fields.{place}"), path).err());
    let faults: Vec<Fault> = parsed.filter(|fault| !body.is_faulty_in(&fault.field)).collect();
    body.refuse_any(faults);
    if fields.iter().map(String::len).sum::<usize>() > REDACTION_FIELDS_BYTES_MAX {
        body.refuse_any([Fault::new("fields", "too_long", format!("must be at most {REDACTION_FIELDS_BYTES_MAX} bytes together"))]);
    }
    fields.sort_unstable();
    fields.dedup();
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipstream_event::Category;

    use super::*;

    fn map(body: Value) -> Map<String, Value> {
        body.as_object().unwrap().clone()
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> Vec<String> {
        let problem = result.unwrap_err().0;
        assert_eq!((problem.status().as_u16(), problem.code()), (422, "validation"));
        problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn reads_ids_or_criteria() {
        let id = Uuid::from_u128(1);
        let by_id = redaction(map(json!({"ids": [id, id], "fields": ["message", "actor", "actor"], "reason": "r"}))).unwrap();
        assert_eq!((by_id.events, by_id.fields, by_id.dry_run), (Events::Ids(vec![id]), vec!["actor".to_owned(), "message".to_owned()], false));
        let body = json!({"types": ["auth", "shop.order.*"], "category": "auth", "entityId": "1", "actorUserId": "u1", "from": "2026-01-01T00:00:00Z", "fields": ["metadata.a b.c"],
                          "reason": "r", "dryRun": true});
        let wanted = redaction(map(body)).unwrap();
        let Events::Selection(selection) = wanted.events else { panic!("criteria") };
        assert_eq!((selection.types.len(), selection.category, selection.entity_id.as_deref(), wanted.dry_run), (2, Some(Category::Auth), Some("1"), true));
    }

    #[test]
    fn names_all_faults_at_once() {
        let id = Uuid::from_u128(1).to_string();
        assert_eq!(refused(redaction(map(json!({"fields": ["actor"], "reason": "r"})))), ["ids"]);
        assert_eq!(refused(redaction(map(json!({"ids": [id], "entityId": "1", "fields": ["actor"], "reason": "r"})))), ["ids"]);
        assert_eq!(refused(redaction(map(json!({"ids": [], "fields": [], "dryRun": 1})))), ["ids", "fields", "reason", "dryRun"]);
        let body = json!({"ids": ["x", id], "types": ["A.b", ""], "fields": ["id", "", "metadata.amoId"], "reason": "", "from": "x", "ipAddress": "1"});
        assert_eq!(refused(redaction(map(body))), ["ids.0", "from", "types.1", "types.0", "fields.1", "fields.0", "fields.2", "reason", "ids", "ipAddress"]);
        assert_eq!(refused(redaction(map(json!({"ids": vec![id; 1001], "fields": ["actor"], "reason": "r"})))), ["ids"]);
        let long: Vec<String> = (0..40).map(|n| format!("metadata.{n}{}", "x".repeat(200))).collect();
        assert_eq!(
            refused(rule(map(json!({"fields": long, "afterDays": 3651, "types": 5, "enabled": "no", "category": "zoo"})))),
            ["name", "types", "category", "fields", "afterDays", "enabled"]
        );
    }
}
