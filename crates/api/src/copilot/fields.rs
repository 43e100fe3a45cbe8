//! Fields of a body, read with the tolerance that older clients rely on: unknown fields are ignored, null is absent. All faults are kept, to be
//! answered at once.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use slipstream_access::problem::{Invalid, Location};
use slipstream_event::Fault;
use uuid::Uuid;

use crate::failure::Failure;

/// The fields of a body, and what is wrong with those that were read.
pub(crate) struct Fields {
    object: Map<String, Value>,
    invalid: Vec<Invalid>,
}

impl Fields {
    pub(crate) fn new(object: Map<String, Value>) -> Self {
        Self { object, invalid: Vec::new() }
    }

    /// A text. Numbers are not turned into texts.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.object.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            _ => self.refuse(name, "string_type", "must be a string"),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> String {
        if self.object.get(name).is_none_or(Value::is_null) {
            return self.refuse(name, "missing", "is required").unwrap_or_default();
        }
        self.text(name).unwrap_or_default()
    }

    /// `true` or `false`, which must be there.
    pub(crate) fn required_boolean(&mut self, name: &str) -> bool {
        match self.object.get(name) {
            Some(Value::Bool(value)) => *value,
            None | Some(Value::Null) => self.refuse(name, "missing", "is required").unwrap_or_default(),
            Some(_) => self.refuse(name, "bool_type", "must be true or false").unwrap_or_default(),
        }
    }

    /// A whole number within `range`, which must be there.
    pub(crate) fn required_integer(&mut self, name: &str, range: RangeInclusive<i64>) -> i64 {
        let (low, high) = (*range.start(), *range.end());
        match self.object.get(name) {
            None | Some(Value::Null) => self.refuse(name, "missing", "is required").unwrap_or_default(),
            Some(value) => match value.as_i64() {
                None => self.refuse(name, "int_type", "must be a whole number").unwrap_or_default(),
                Some(number) if number < low => self.refuse(name, "greater_than_equal", &format!("must be at least {low}")).unwrap_or_default(),
                Some(number) if number > high => self.refuse(name, "less_than_equal", &format!("must be at most {high}")).unwrap_or_default(),
                Some(number) => number,
            },
        }
    }

    /// A text that null takes away: absent is `None`, null is `Some(None)`.
    pub(crate) fn nullable_text(&mut self, name: &str) -> Option<Option<String>> {
        if self.object.get(name)?.is_null() { Some(None) } else { self.text(name).map(Some) }
    }

    /// One of some words.
    pub(crate) fn word<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>, words: &str) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).or_else(|| self.refuse(name, "enum", &format!("must be {words}")))
    }

    /// Ids in an array; blank ones are left out. Absent is empty.
    pub(crate) fn ids(&mut self, name: &str) -> Vec<Uuid> {
        let items = match self.object.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items.clone(),
            Some(_) => return self.refuse(name, "list_type", "must be an array").unwrap_or_default(),
        };
        let id = |(i, item): (usize, &Value)| match item {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Uuid::try_parse(text.trim()).ok().or_else(|| self.refuse(&format!("{name}.{i}"), "uuid_parsing", "must be a UUID")),
            _ => self.refuse(&format!("{name}.{i}"), "string_type", "must be a string"),
        };
        items.iter().enumerate().filter_map(id).collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 with all faults.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.invalid.is_empty() { Ok(()) } else { Err(self.invalid.into()) }
    }

    fn refuse<T>(&mut self, name: &str, code: &'static str, message: &str) -> Option<T> {
        let given = name.split('.').try_fold(None, |value: Option<&Value>, part| match value {
            None => self.object.get(part).map(Some),
            Some(value) => value.get(part.parse::<usize>().ok()?).map(Some),
        });
        let input = match given.flatten() {
            Some(Value::String(text)) => Value::String(text.chars().take(100).collect()),
            Some(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.clone(),
            _ => Value::Null,
        };
        self.invalid.push(Invalid { location: Location::Body, fault: Fault::new(name, code, message), input: Box::new(input) });
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        Fields::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn reads_with_tolerance() {
        let mut fields = fields(json!({"a": "x", "b": null, "ids": ["", "00000000-0000-0000-0000-000000000001"], "more": {"deep": 1}}));
        assert_eq!((fields.text("a"), fields.text("b"), fields.text("none")), (Some("x".into()), None, None));
        assert_eq!((fields.nullable_text("a"), fields.nullable_text("b"), fields.nullable_text("none")), (Some(Some("x".into())), Some(None), None));
        assert_eq!((fields.ids("ids"), fields.ids("none")), (vec![Uuid::from_u128(1)], vec![]));
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn names_all_faults_with_their_place() {
        let mut fields = fields(json!({"a": 5, "w": "BLUE", "ids": ["x", 7], "list": "no"}));
        fields.text("a");
        fields.required_text("gone");
        fields.word("w", |_| None::<()>, "RED");
        fields.ids("ids");
        fields.ids("list");
        let problem = fields.finish().unwrap_err().0;
        let detail = problem.body()["detail"].clone();
        let want = json!([
            {"type": "string_type", "loc": ["body", "a"], "msg": "must be a string", "input": 5},
            {"type": "missing", "loc": ["body", "gone"], "msg": "is required", "input": null},
            {"type": "enum", "loc": ["body", "w"], "msg": "must be RED", "input": "BLUE"},
            {"type": "uuid_parsing", "loc": ["body", "ids", 0], "msg": "must be a UUID", "input": "x"},
            {"type": "string_type", "loc": ["body", "ids", 1], "msg": "must be a string", "input": 7},
            {"type": "list_type", "loc": ["body", "list"], "msg": "must be an array", "input": "no"},
        ]);
        assert_eq!(detail, want);
    }
}
