//! Fields of a body whose every word counts: a field that is not known is refused, because what is mistyped would change less, or more, than was meant. Null is absent. All
//! faults are kept, to be answered at once.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use slipstream_access::problem::{Invalid, Location};
use slipstream_event::{Category, Fault, Timestamp, fault};

use crate::failure::Failure;

/// The fields of a body, and what is wrong with those that were read.
pub(crate) struct Strict {
    object: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Strict {
    pub(crate) fn new(object: Map<String, Value>) -> Self {
        Self { object, faults: Vec::new() }
    }

    /// A value that the caller reads itself.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// A text of at most so many characters, trimmed, without control characters.
    pub(crate) fn text(&mut self, name: &str, len_max: usize) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => {
                let text = text.trim().to_owned();
                self.refuse_any(fault::text(name, &text, len_max).err());
                Some(text)
            }
            _ => self.refuse(Fault::new(name, "string_type", "must be a string")),
        }
    }

    /// The same, which must be there.
    pub(crate) fn required_text(&mut self, name: &str, len_max: usize) -> String {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.object.remove(name);
            self.refuse::<()>(Fault::new(name, "missing", "is required"));
            return String::new();
        }
        self.text(name, len_max).unwrap_or_default()
    }

    /// Texts in an array of at most so many, each of at most so many characters. Absent is empty.
    pub(crate) fn texts(&mut self, name: &str, count_max: usize, len_max: usize) -> Vec<String> {
        let items = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => return self.refuse(Fault::new(name, "list_type", "must be an array of strings")).unwrap_or_default(),
        };
        if items.len() > count_max {
            return self.refuse(Fault::new(name, "too_long", format!("must be at most {count_max}"))).unwrap_or_default();
        }
        let mut texts = Vec::with_capacity(items.len());
        for (place, item) in items.into_iter().enumerate() {
            let place = format!("{name}.{place}");
            match item {
                Value::String(text) => {
                    self.refuse_any(fault::text(&place, &text, len_max).err());
                    texts.push(text);
                }
                _ => drop(self.refuse::<()>(Fault::new(place, "string_type", "must be a string"))),
            }
        }
        texts
    }

    /// An RFC 3339 timestamp.
    pub(crate) fn time(&mut self, name: &str) -> Option<Timestamp> {
        let read = self.take(name).map(|value| value.as_str().and_then(Timestamp::parse));
        match read? {
            Some(time) => Some(time),
            None => self.refuse(Fault::new(name, "datetime_parsing", "must be an RFC 3339 timestamp")),
        }
    }

    /// Two times, of which the first must not be later.
    pub(crate) fn times(&mut self, from: &str, to: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        let times = (self.time(from), self.time(to));
        if times.0.zip(times.1).is_some_and(|(earliest, latest)| earliest > latest) {
            self.refuse::<()>(Fault::new(from, "range", format!("must not be later than {to}")));
        }
        times
    }

    /// `true` or `false`; absent is `default`.
    pub(crate) fn boolean(&mut self, name: &str, default: bool) -> bool {
        match self.take(name) {
            None => default,
            Some(Value::Bool(value)) => value,
            Some(_) => self.refuse(Fault::new(name, "bool_type", "must be true or false")).unwrap_or(default),
        }
    }

    /// A whole number within `range`, which must be there.
    pub(crate) fn required_integer(&mut self, name: &str, range: RangeInclusive<i64>) -> i64 {
        let (low, high) = (*range.start(), *range.end());
        match self.take(name).map(|value| value.as_i64()) {
            None => self.refuse(Fault::new(name, "missing", "is required")).unwrap_or_default(),
            Some(Some(number)) if range.contains(&number) => number,
            Some(_) => self.refuse(Fault::new(name, "range", format!("must be a whole number from {low} to {high}"))).unwrap_or_default(),
        }
    }

    /// A category of events.
    pub(crate) fn category(&mut self, name: &str) -> Option<Category> {
        let read = self.take(name).map(|value| value.as_str().and_then(Category::parse));
        match read? {
            Some(category) => Some(category),
            None => self.refuse(Fault::new(name, "enum", "must be auth, device, entity, capture or system")),
        }
    }

    /// Notes a fault.
    pub(crate) fn refuse<T>(&mut self, fault: Fault) -> Option<T> {
        self.faults.push(fault);
        None
    }

    /// Notes faults.
    pub(crate) fn refuse_any(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.extend(faults);
    }

    /// Whether a fault was noted.
    pub(crate) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Whether a fault of this field was noted.
    pub(crate) fn is_faulty_in(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }

    /// Ends the reading; what was not read is not known.
    ///
    /// # Errors
    /// 422 with all faults.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let faults = self.faults();
        if faults.is_empty() {
            return Ok(());
        }
        Err(faults.into_iter().map(|fault| Invalid::new(Location::Body, fault)).collect::<Vec<_>>().into())
    }

    /// Ends the reading of a part of a body: what is wrong with it.
    pub(crate) fn faults(mut self) -> Vec<Fault> {
        let unknown = self.object.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            Fault::new(shown, "field_unknown", "is not known")
        });
        self.faults.extend(unknown);
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strict(value: Value) -> Strict {
        Strict::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn reads_what_is_there() {
        let mut body = strict(json!({"a": " x ", "b": null, "list": ["p", "q"], "on": true, "at": "2026-01-01T00:00:00Z", "category": "auth"}));
        assert_eq!((body.text("a", 5), body.text("b", 5), body.texts("list", 2, 1)), (Some("x".into()), None, vec!["p".into(), "q".into()]));
        assert_eq!((body.boolean("on", false), body.boolean("off", false), body.category("category")), (true, false, Some(Category::Auth)));
        assert_eq!(body.times("at", "none"), (Timestamp::parse("2026-01-01T00:00:00Z"), None));
        assert!(body.finish().is_ok());
    }

    #[test]
    fn names_all_faults_and_what_it_does_not_know() {
        let mut body = strict(json!({
            "a": "", "list": ["p", 7], "long": ["1", "2"], "on": "yes", "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z", "at": 1, "category": "zoo", "typo": 1
        }));
        body.text("a", 5);
        body.required_text("gone", 5);
        body.texts("list", 2, 1);
        body.texts("long", 1, 1);
        body.boolean("on", false);
        body.times("from", "to");
        body.time("at");
        body.category("category");
        let problem = body.finish().unwrap_err().0;
        let fields: Vec<String> = problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect();
        assert_eq!(fields, ["a", "gone", "list.1", "long", "on", "from", "at", "category", "typo"]);
    }
}
