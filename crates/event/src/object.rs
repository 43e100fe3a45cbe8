//! Free JSON objects, kept to the letter.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{Fault, limits};

/// A JSON object whose values are kept as they were written (digits of numbers, order of keys), without insignificant
/// white space, so that it is one line. A key given twice keeps its last value.
#[derive(Clone, Default)]
pub struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// The error of the JSON reader when `json` is not an object.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The raw JSON of a key's value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value.get())
    }

    /// The text of a key's value, when it is a JSON string.
    pub fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?).ok()
    }

    /// Sets a key, at its old place or at the end.
    ///
    /// # Errors
    /// When `value` does not serialise to JSON.
    pub fn set(&mut self, key: &str, value: &impl Serialize) -> Result<(), serde_json::Error> {
        self.put(key.to_owned(), serde_json::value::to_raw_value(value)?);
        Ok(())
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k != key);
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and raw values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.get()))
    }

    /// Refuses an object over the limits of nesting and of keys.
    ///
    /// # Errors
    /// A [`Fault`] of `field` with code `too_deep` or `too_many_keys`.
    pub fn check(&self, field: &str) -> Result<(), Fault> {
        if self.0.len() > limits::OBJECT_KEYS_MAX {
            return Err(Fault::new(field, "too_many_keys", format!("must hold at most {} keys", limits::OBJECT_KEYS_MAX)));
        }
        if self.0.iter().any(|(_, value)| depth(value.get()) >= limits::OBJECT_DEPTH_MAX) {
            return Err(Fault::new(field, "too_deep", format!("must be nested at most {} deep", limits::OBJECT_DEPTH_MAX)));
        }
        Ok(())
    }

    /// Adds a value that came out of another object.
    pub(crate) fn push_raw(&mut self, key: &str, value: &str) {
        if let Ok(value) = RawValue::from_string(value.to_owned()) {
            self.put(key.to_owned(), value);
        }
    }

    fn put(&mut self, key: String, value: Box<RawValue>) {
        let value = compact(value);
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some(slot) => slot.1 = value,
            None => self.0.push((key, value)),
        }
    }
}

/// The value without insignificant white space.
fn compact(value: Box<RawValue>) -> Box<RawValue> {
    let text = value.get();
    if !text.bytes().any(|b| b.is_ascii_whitespace()) {
        return value;
    }
    let (mut out, mut in_string, mut escaped) = (String::with_capacity(text.len()), false, false);
    for c in text.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            in_string = c == '"';
        }
        out.push(c);
    }
    RawValue::from_string(out).unwrap_or(value)
}

/// How deep arrays and objects nest in a JSON text; 0 for a plain value.
fn depth(json: &str) -> usize {
    let (mut deepest, mut now, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for b in json.bytes() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_string => now -= 1,
            _ => {}
        }
    }
    deepest
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(k, v)| (k, v.get()))).finish()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::new();
                while let Some((key, value)) = map.next_entry()? {
                    object.put(key, value);
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_values_to_the_letter_on_one_line() {
        let json = "{ \"b\": 1.50,\n \"a\": [ 12345678901234567890123, \"x \\\" y\" ],\r\n\"b\":2 }";
        let object = Object::parse(json).unwrap();
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"b":2,"a":[12345678901234567890123,"x \" y"]}"#);
        assert_eq!(object.get("a"), Some(r#"[12345678901234567890123,"x \" y"]"#));
        assert!(Object::parse("[]").is_err() && Object::parse("null").is_err());
    }

    #[test]
    fn measures_depth_outside_of_strings() {
        assert_eq!((depth("1"), depth(r#""[[[""#), depth(r#"[{"a":[]}]"#), depth(r#"["\"[",{}]"#)), (0, 0, 3, 2));
        let nested = |n: usize| Object::parse(&format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n))).unwrap();
        assert!(nested(limits::OBJECT_DEPTH_MAX - 1).check("metadata").is_ok());
        assert_eq!(nested(limits::OBJECT_DEPTH_MAX).check("metadata").unwrap_err().code, "too_deep");
    }
}
