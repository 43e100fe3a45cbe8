//! What an ingest request holds: one event or many, in any of the forms that are taken. Pure.
//!
//! | content type | body |
//! |---|---|
//! | `application/json` | one event, or an array of events |
//! | `application/x-ndjson` (`ndjson`, `jsonl`) | one event a line; blank lines are passed over |
//! | `application/cloudevents+json` | one CloudEvent, structured |
//! | `application/cloudevents-batch+json` | an array of CloudEvents |
//! | any, with a `ce-specversion` header | one CloudEvent, binary: the attributes are headers, the body is the data |

use http::HeaderMap;
use serde_json::value::RawValue;
use slipstream_event::draft::reader_fault;
use slipstream_event::{Draft, Fault, Object, cloudevents, limits};

/// The events of a request, each with its name in error messages.
#[derive(Debug)]
pub struct Body {
    /// Whether the request holds one event and not a list.
    pub is_single: bool,
    /// The events, or what is wrong with each.
    pub items: Vec<Item>,
}

/// One event of a request.
#[derive(Debug)]
pub struct Item {
    /// Its name in error messages: empty for a single event, `[3]` in an array (from 0), `line 37` in NDJSON (from 1).
    pub name: String,
    /// The event, or why it is none.
    pub draft: Result<Draft, Fault>,
}

/// Why a request as a whole was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// No form of it is taken.
    MediaType,
    /// More than [`limits::BATCH_EVENTS_MAX`] events.
    TooMany,
    /// Not to be read.
    Unreadable(Fault),
}

impl Body {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Refused`] when the request as a whole is refused; what is wrong with one event stands in its [`Item`].
    pub fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refused> {
        let media_type = media_type(headers);
        if headers.contains_key("ce-specversion") {
            return Ok(Self::single(binary(headers, &media_type, body)));
        }
        match media_type.as_str() {
            "" | "application/json" if is_array(body) => Self::array(body, Draft::from_json),
            "" | "application/json" => Ok(Self::single(Draft::from_json(body))),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => Self::lines(body),
            "application/cloudevents+json" => Ok(Self::single(cloudevents::from_json(body))),
            "application/cloudevents-batch+json" => Self::array(body, cloudevents::from_json),
            _ => Err(Refused::MediaType),
        }
    }

    fn single(draft: Result<Draft, Fault>) -> Self {
        Self { is_single: true, items: vec![Item { name: String::new(), draft }] }
    }

    fn array(body: &[u8], read: impl Fn(&[u8]) -> Result<Draft, Fault>) -> Result<Self, Refused> {
        let raw: Vec<&RawValue> = serde_json::from_slice(body).map_err(|e| Refused::Unreadable(reader_fault(String::new(), &e)))?;
        let items = raw.into_iter().enumerate().map(|(i, raw)| Item { name: format!("[{i}]"), draft: read(raw.get().as_bytes()) });
        Self::list(items)
    }

    fn lines(body: &[u8]) -> Result<Self, Refused> {
        let lines = body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).enumerate().filter(|(_, line)| !line.is_empty());
        Self::list(lines.map(|(i, line)| Item { name: format!("line {}", i + 1), draft: Draft::from_json(line) }))
    }

    fn list(items: impl Iterator<Item = Item>) -> Result<Self, Refused> {
        let items: Vec<Item> = items.take(limits::BATCH_EVENTS_MAX + 1).collect();
        match items.len() {
            0 => Err(Refused::Unreadable(Fault::new("", "empty", "the request holds no event"))),
            n if n > limits::BATCH_EVENTS_MAX => Err(Refused::TooMany),
            _ => Ok(Self { is_single: false, items }),
        }
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_array(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'[')
}

/// A CloudEvent in binary mode (CloudEvents HTTP protocol binding 1.0 §3.1).
fn binary(headers: &HeaderMap, media_type: &str, body: &[u8]) -> Result<Draft, Fault> {
    let mut attributes = Object::new();
    let broken = |name: &str| Fault::new(name, "field_invalid", "must be a percent-encoded UTF-8 text");
    for (header, value) in headers.iter().filter(|(header, _)| header.as_str().starts_with("ce-")) {
        let name = &header.as_str()[3..];
        let value = value.to_str().map_err(|_| broken(name))?;
        let value = percent_decode(value).ok_or_else(|| broken(name))?;
        attributes.set(name, &value).map_err(|_| broken(name))?;
    }
    let unreadable = |e: &serde_json::Error| reader_fault("data".to_owned(), e);
    if !media_type.is_empty() {
        attributes.set("datacontenttype", &media_type).map_err(|e| unreadable(&e))?;
    }
    if !body.trim_ascii().is_empty() {
        if media_type.is_empty() || media_type == "application/json" || media_type.ends_with("+json") {
            let data: Box<RawValue> = serde_json::from_slice(body).map_err(|e| unreadable(&e))?;
            attributes.set("data", &data).map_err(|e| unreadable(&e))?;
        } else {
            let text = std::str::from_utf8(body).map_err(|_| Fault::new("data", "field_invalid", "must be UTF-8 text or JSON"))?;
            attributes.set("data", &text).map_err(|e| unreadable(&e))?;
        }
    }
    cloudevents::from_object(&attributes)
}

fn percent_decode(value: &str) -> Option<String> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let hex = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(headers: &[(&str, &str)], body: &str) -> Result<Body, Refused> {
        let headers = headers.iter().map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())).collect();
        Body::parse(&headers, body.as_bytes())
    }

    const EVENT: &str = r#"{"type":"a.b.c","entityId":"1"}"#;

    #[test]
    fn reads_every_form() {
        let json = ("content-type", "application/json; charset=utf-8");
        assert!(parse(&[json], EVENT).unwrap().is_single);
        assert_eq!(parse(&[json], &format!(" [{EVENT},{EVENT}]")).unwrap().items.len(), 2);
        let lines = parse(&[("content-type", "application/x-ndjson")], &format!("{EVENT}\n\n{EVENT}\r\nx\n")).unwrap();
        assert_eq!(lines.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["line 1", "line 3", "line 4"]);
        assert!(lines.items[1].draft.is_ok() && lines.items[2].draft.is_err());
        let cloud = r#"{"specversion":"1.0","id":"1","type":"a.b.c","source":"/s"}"#;
        assert!(parse(&[("content-type", "application/cloudevents+json")], cloud).unwrap().items[0].draft.is_ok());
        assert_eq!(parse(&[("content-type", "application/cloudevents-batch+json")], &format!("[{cloud}]")).unwrap().items.len(), 1);
    }

    #[test]
    fn reads_a_cloudevent_in_binary_mode() {
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", "x"),
            ("ce-type", "a.b.c"),
            ("ce-source", "/s"),
            ("ce-subject", "caf%C3%A9"),
            ("content-type", "application/json"),
        ];
        let draft = parse(&headers, r#"{"sum":1.10}"#).unwrap().items.remove(0).draft.unwrap();
        assert_eq!(draft.entity_id, "café");
        assert_eq!(draft.metadata.get("sum"), Some("1.10"));
        assert!(parse(&headers, "{").unwrap().items[0].draft.is_err());
    }

    #[test]
    fn refuses_what_it_does_not_take() {
        assert_eq!(parse(&[("content-type", "text/plain")], EVENT).unwrap_err(), Refused::MediaType);
        assert_eq!(parse(&[("content-type", "application/x-ndjson")], &format!("{EVENT}\n").repeat(1_001)).unwrap_err(), Refused::TooMany);
        assert!(matches!(parse(&[], "[]").unwrap_err(), Refused::Unreadable(_)));
        assert!(matches!(parse(&[], "[{]").unwrap_err(), Refused::Unreadable(_)));
    }
}
