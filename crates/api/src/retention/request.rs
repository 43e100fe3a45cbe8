//! What requests about retention ask for.

use serde_json::{Map, Value};
use slipstream_domain::retention::{Rule, faults};
use slipstream_event::{Category, Fault};

use crate::failure::Failure;
use crate::strict::Strict;

/// Most rules: one of each category, and one for the rest.
const RULES_MAX: usize = Category::ALL.len() + 1;

/// All rules. Every fault is reported at once; a field that is not known is one.
pub(super) fn rules(body: Map<String, Value>) -> Result<Vec<Rule>, Failure> {
    let mut body = Strict::new(body);
    let rules = match body.take("rules") {
        Some(given) => list(&mut body, given),
        None => body.refuse(Fault::new("rules", "missing", "is required")).unwrap_or_default(),
    };
    body.finish()?;
    Ok(sorted(rules))
}

/// Rules to be tried, if the request has any.
pub(super) fn proposed(body: Map<String, Value>) -> Result<Option<Vec<Rule>>, Failure> {
    let mut body = Strict::new(body);
    let rules = body.take("rules").map(|given| list(&mut body, given));
    body.finish()?;
    Ok(rules.map(sorted))
}

/// In the order in which they are kept.
fn sorted(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by_key(Rule::name);
    rules
}

fn list(body: &mut Strict, given: Value) -> Vec<Rule> {
    let Value::Array(items) = given else { return body.refuse(Fault::new("rules", "list_type", "must be an array")).unwrap_or_default() };
    if items.len() > RULES_MAX {
        let what = format!("must be at most {RULES_MAX}: one for each category and one for the rest");
        return body.refuse(Fault::new("rules", "too_long", what)).unwrap_or_default();
    }
    let mut found = Vec::new();
    let mut rules = Vec::new();
    for (place, item) in items.into_iter().enumerate() {
        let name = format!("rules.{place}");
        match item {
            Value::Object(fields) => {
                let (rule, of_rule) = rule(fields);
                found.extend(of_rule.into_iter().map(|fault| fault.below(&name)));
                rules.push(rule);
            }
            _ => found.push(Fault::new(name, "object_type", "must be an object")),
        }
    }
    // What rules say together is only known when each can be read.
    if found.is_empty() {
        found = faults(&rules);
    }
    body.refuse_any(found);
    rules
}

fn rule(fields: Map<String, Value>) -> (Rule, Vec<Fault>) {
    let mut fields = Strict::new(fields);
    let category = fields.category("category");
    let enabled = match fields.take("enabled") {
        None => true,
        Some(Value::Bool(enabled)) => enabled,
        Some(_) => fields.refuse(Fault::new("enabled", "bool_type", "must be true or false")).unwrap_or_default(),
    };
    let max_days = number(&mut fields, "maxDays").map(|days| u32::try_from(days).unwrap_or(u32::MAX));
    let max_entries = number(&mut fields, "maxEntries");
    (Rule { category, enabled, max_days, max_entries }, fields.faults())
}

/// A whole number; what is below zero is zero, which is out of all bounds.
fn number(fields: &mut Strict, name: &str) -> Option<u64> {
    let value = fields.take(name)?;
    match (value.as_u64(), value.as_i64()) {
        (Some(number), _) => Some(number),
        (None, Some(_)) => Some(0),
        (None, None) => fields.refuse(Fault::new(name, "int_type", "must be a whole number")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(body: Value) -> Vec<String> {
        let problem = rules(body.as_object().unwrap().clone()).unwrap_err().0;
        assert_eq!((problem.status().as_u16(), problem.code()), (422, "validation"));
        problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn reads_rules_in_their_order() {
        let body = json!({"rules": [{"category": "device", "maxDays": 30}, {"category": null, "enabled": false}, {"category": "auth", "maxEntries": 5}]});
        let names: Vec<_> = rules(body.as_object().unwrap().clone()).unwrap().iter().map(|rule| (rule.name(), rule.enabled)).collect();
        assert_eq!(names, [("*", false), ("auth", true), ("device", true)]);
        assert_eq!(proposed(Map::new()).unwrap(), None);
    }

    #[test]
    fn names_all_faults() {
        assert_eq!(refused(json!({})), ["rules"]);
        assert_eq!(refused(json!({"rules": 5, "typo": 1})), ["rules", "typo"]);
        assert_eq!(refused(json!({"rules": vec![json!({}); 7]})), ["rules"]);
        let bad = json!({"rules": [{"category": "zoo", "enabled": "yes", "maxDays": "x", "maxEntries": 1.5, "typo": 1}, 5]});
        assert_eq!(refused(bad), ["rules.0.category", "rules.0.enabled", "rules.0.maxDays", "rules.0.maxEntries", "rules.0.typo", "rules.1"]);
        let together = json!({"rules": [{"maxDays": 0}, {"maxDays": 36_501}, {"category": "auth"}, {"category": "device", "maxEntries": -1}]});
        assert_eq!(refused(together), ["rules.0.maxDays", "rules.1.category", "rules.1.maxDays", "rules.2.maxDays", "rules.3.maxEntries"]);
    }
}
