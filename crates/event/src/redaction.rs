//! Redaction: taking fields of an event away, so that what is left is a whole event still. Pure.
//!
//! What an event must have, and what readers would miss, becomes [`MARK`]; the rest is absent. Texts that were taken away are taken out of the message too, because it was made
//! of them. What an event is known by (its id, type, entity, time and place in the log) cannot be taken away.

use std::fmt;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Event, Fault, Object, fault, limits, registry};

/// What stands where something was taken away.
pub const MARK: &str = "[redacted]";

/// A field that can be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Who did it: id, name, department and on whose behalf. The kind of actor stays.
    Actor,
    /// The entity's name.
    EntityName,
    /// The message.
    Message,
    /// The correlation id.
    CorrelationId,
    /// The producer's own id.
    SourceId,
    /// All changes.
    Changes,
    /// The value at a path within the changes.
    Change(Vec<String>),
    /// The value at a path within the metadata.
    Metadata(Vec<String>),
}

impl Field {
    /// Reads `actor`, `entityName`, `message`, `correlationId`, `sourceId`, `changes`, `changes.<field>…` or `metadata.<key>…`. A path leads through objects, and through lists into each
    /// element; a key with dots in it is found as well.
    ///
    /// # Errors
    /// A [`Fault`] of the field `name`.
    pub fn parse(name: &str, path: &str) -> Result<Self, Fault> {
        fault::text(name, path, limits::REDACTED_PATH_LEN_MAX)?;
        let unknown =
            || Fault::new(name, "field_unknown", "must be actor, entityName, message, correlationId, sourceId, changes, changes.<field> or metadata.<key>");
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let below = |rest: &str| -> Result<Vec<String>, Fault> {
            let path: Vec<String> = rest.split('.').map(str::to_owned).collect();
            if path.iter().any(String::is_empty) || path.len() > limits::OBJECT_DEPTH_MAX { Err(unknown()) } else { Ok(path) }
        };
        match (first, rest) {
            ("actor", None) => Ok(Self::Actor),
            ("entityName", None) => Ok(Self::EntityName),
            ("message", None) => Ok(Self::Message),
            ("correlationId", None) => Ok(Self::CorrelationId),
            ("sourceId", None) => Ok(Self::SourceId),
            ("changes", None) => Ok(Self::Changes),
            ("changes", Some(rest)) => below(rest).map(Self::Change),
            ("metadata", Some("amoId" | "module")) => Err(Fault::new(name, "field_fixed", "is set by the server and cannot be taken away")),
            ("metadata", Some(rest)) => below(rest).map(Self::Metadata),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor => f.write_str("actor"),
            Self::EntityName => f.write_str("entityName"),
            Self::Message => f.write_str("message"),
            Self::CorrelationId => f.write_str("correlationId"),
            Self::SourceId => f.write_str("sourceId"),
            Self::Changes => f.write_str("changes"),
            Self::Change(path) => write!(f, "changes.{}", path.join(".")),
            Self::Metadata(path) => write!(f, "metadata.{}", path.join(".")),
        }
    }
}

/// What is left of an event without these fields; `None` when it has none of them, or none any more.
pub fn redact(event: &Event, fields: &[Field]) -> Option<Event> {
    let (mut left, mut words) = (event.clone(), Words::default());
    for field in fields {
        match field {
            Field::Actor => actor(&mut left, &mut words),
            Field::EntityName => words.mark(&mut left.entity_name),
            Field::Message => words.mark(&mut left.message),
            Field::CorrelationId => words.take(&mut left.correlation_id),
            Field::SourceId => words.take(&mut left.source_id),
            Field::Changes => left.changes.take().into_iter().for_each(|changes| changes.iter().for_each(|(_, value)| words.of_json(value))),
            Field::Change(path) => left.changes = left.changes.map(|changes| in_object(&changes, path, &mut |value| change(value, path.len(), &mut words))),
            Field::Metadata(path) => left.metadata = in_object(&left.metadata, path, &mut |value| marked(value, &mut words)),
        }
    }
    if left == *event {
        return None;
    }
    message(event, &mut left, &words);
    Some(left)
}

fn actor(event: &mut Event, words: &mut Words) {
    let actor = &mut event.actor;
    for text in [&mut actor.name, &mut actor.department, &mut actor.on_behalf_of] {
        words.take(text);
    }
    if actor.user_id != MARK {
        words.add(std::mem::replace(&mut actor.user_id, MARK.to_owned()));
    }
}

/// The message of a declared type is made anew; in any other the words that were taken away are marked.
fn message(before: &Event, left: &mut Event, words: &Words) {
    let Some(text) = left.message.as_deref().filter(|text| *text != MARK) else { return };
    let declared = registry::find(left.event_type.as_str()).filter(|declared| declared.render(before) == text);
    left.message = Some(match declared {
        Some(declared) => declared.render(left),
        None => words.out_of(text).chars().take(limits::MESSAGE_LEN_MAX).collect(),
    });
}

/// The object with what lies at a path replaced by what `replace` makes of it.
fn in_object(object: &Object, path: &[String], replace: &mut dyn FnMut(&str) -> String) -> Object {
    let mut out = Object::new();
    for (key, value) in object.iter() {
        // A key may have dots in it.
        let found = (1..=path.len()).find(|n| path[..*n].join(".") == key);
        match found.map(|n| &path[n..]) {
            Some([]) => out.push_raw(key, &replace(value)),
            Some(rest) => out.push_raw(key, &in_value(value, rest, replace)),
            None => out.push_raw(key, value),
        }
    }
    out
}

fn in_value(json: &str, path: &[String], replace: &mut dyn FnMut(&str) -> String) -> String {
    match json.as_bytes().first() {
        Some(b'{') => match Object::parse(json) {
            Ok(object) => serde_json::to_string(&in_object(&object, path, replace)).unwrap_or_else(|_| json.to_owned()),
            Err(_) => json.to_owned(),
        },
        Some(b'[') => match serde_json::from_str::<Vec<Box<RawValue>>>(json) {
            Ok(items) => format!("[{}]", items.iter().map(|item| in_value(item.get(), path, replace)).collect::<Vec<_>>().join(",")),
            Err(_) => json.to_owned(),
        },
        _ => json.to_owned(),
    }
}

/// The mark for a value, as JSON. What is null, or the mark, stays.
fn marked(json: &str, words: &mut Words) -> String {
    let mark = format!("\"{MARK}\"");
    if json == "null" || json == mark {
        return json.to_owned();
    }
    words.of_json(json);
    mark
}

/// A whole change keeps its form, which readers rely on; of a part of one the value is marked.
fn change(json: &str, depth: usize, words: &mut Words) -> String {
    match Object::parse(json) {
        Ok(sides) if depth == 1 => {
            let mut out = Object::new();
            sides.iter().for_each(|(side, value)| out.push_raw(side, &marked(value, words)));
            serde_json::to_string(&out).unwrap_or_else(|_| marked(json, words))
        }
        _ => marked(json, words),
    }
}

/// Texts that were taken away.
#[derive(Debug, Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, word: String) {
        if !word.is_empty() && word != MARK && !self.0.contains(&word) {
            self.0.push(word);
        }
    }

    fn take(&mut self, text: &mut Option<String>) {
        self.add(text.take().unwrap_or_default());
    }

    fn mark(&mut self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.add(std::mem::replace(text, MARK.to_owned()));
        }
    }

    fn of_json(&mut self, json: &str) {
        if let Ok(value) = serde_json::from_str(json) {
            self.of_value(value);
        }
    }

    fn of_value(&mut self, value: Value) {
        match value {
            Value::String(text) => self.add(text),
            Value::Number(number) => self.add(number.to_string()),
            Value::Array(items) => items.into_iter().for_each(|item| self.of_value(item)),
            Value::Object(object) => object.into_iter().for_each(|(_, item)| self.of_value(item)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The text with the mark in place of each word that stands in it by itself, the longest first.
    fn out_of(&self, text: &str) -> String {
        let mut words: Vec<&str> = self.0.iter().map(String::as_str).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(c) = rest.chars().next() {
            let begins = !out.chars().next_back().is_some_and(char::is_alphanumeric);
            let ends = |word: &str| !rest[word.len()..].chars().next().is_some_and(char::is_alphanumeric);
            match words.iter().find(|word| begins && rest.starts_with(**word) && ends(word)) {
                Some(word) => {
                    out.push_str(MARK);
                    rest = &rest[word.len()..];
                }
                None => {
                    out.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
