//! Error answers (RFC 9457), as the client reads them. Pure.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// What a server said was wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable machine word; empty when the answer is no problem document.
    pub code: String,
    /// Sentence for people.
    pub detail: String,
    /// The refused fields.
    pub fields: Vec<Refused>,
}

/// A refused field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refused {
    /// Its path: `entityId`, `[3].entityId` in an array, `line 37.entityId` in NDJSON.
    #[serde(default)]
    pub field: String,
    /// Stable machine word.
    #[serde(default)]
    pub code: String,
    /// Sentence for people.
    #[serde(default)]
    pub message: String,
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: Value,
    #[serde(default)]
    code: String,
    #[serde(default)]
    fields: Vec<Refused>,
}

impl Problem {
    /// Reads an error answer. A body that is no problem document (a proxy's page, say) leaves what the status tells.
    pub fn read(status: u16, body: &[u8]) -> Self {
        let document: Document = serde_json::from_slice(body).unwrap_or_default();
        let detail = match document.detail {
            Value::String(text) => text,
            Value::Array(items) => items.iter().filter_map(|item| item.get("msg")?.as_str()).collect::<Vec<_>>().join("; "),
            _ => String::new(),
        };
        Self { status, code: document.code, detail: if detail.is_empty() { document.title } else { detail }, fields: document.fields }
    }
}

impl Refused {
    /// Which line of the request's body is meant, from 1, and which field of it; `None` when no line is.
    pub fn line(&self) -> Option<(usize, &str)> {
        let rest = self.field.strip_prefix("line ")?;
        let (number, field) = rest.split_once('.').unwrap_or((rest, ""));
        Some((number.parse().ok().filter(|line| *line > 0)?, field))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.field, self.message) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        match (self.detail.as_str(), self.fields.as_slice()) {
            // A sentence that already names the only refused field stands for itself.
            (detail, [] | [_]) if !detail.is_empty() => write!(f, ": {detail}"),
            (_, []) => Ok(()),
            (_, fields) => fields.iter().try_for_each(|field| write!(f, "\n  {field}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_of_detail() {
        let sentence = br#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"no","code":"cursor_invalid","request_id":"r"}"#;
        assert_eq!(Problem::read(400, sentence).to_string(), "400 cursor_invalid: no");
        let list = br#"{"title":"Unprocessable","detail":[{"loc":["query","limit"],"msg":"too large"}],"code":"validation","fields":[{"field":"limit","code":"x","message":"too large"}]}"#;
        let problem = Problem::read(422, list);
        assert_eq!((problem.to_string(), problem.fields[0].to_string()), ("422 validation: too large".into(), "limit: too large".into()));
    }

    #[test]
    fn lives_with_other_answers() {
        assert_eq!(Problem::read(502, b"<html>bad gateway</html>").to_string(), "502");
        assert_eq!(Problem::read(502, b"").to_string(), "502");
        assert_eq!(Problem::read(500, br#"{"detail":{"x":1},"title":"Error"}"#).to_string(), "500: Error");
    }

    #[test]
    fn finds_the_line() {
        let line = |field: &str| Refused { field: field.into(), code: String::new(), message: String::new() }.line().map(|(n, f)| (n, f.to_owned()));
        assert_eq!(line("line 37"), Some((37, String::new())));
        assert_eq!(line("line 37.actor.userId"), Some((37, "actor.userId".into())));
        assert_eq!((line("[3].type"), line("line x"), line("line 0"), line("entityId")), (None, None, None, None));
    }
}
