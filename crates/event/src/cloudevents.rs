//! CloudEvents 1.0 (JSON event format): what of it becomes an event, and back.
//!
//! | attribute | event |
//! |---|---|
//! | `id` | `id` |
//! | `type` | `type` |
//! | `subject` | `entityId` (else `source`) |
//! | `time` | `timestamp` |
//! | `data` | `metadata` when it is an object, else `metadata.data` |
//! | `data_base64` | `metadata.dataBase64` |
//! | `source`, `dataschema`, `datacontenttype` | `metadata.source`, … |
//! | extensions `correlationid`, `severity`, `entityname`, `message` | the field of that name |
//! | other extensions | `metadata.<name>` |

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::draft::reader_fault;
use crate::{Draft, Event, Fault, Object, Severity};

/// The version of the specification that is spoken.
pub const SPEC_VERSION: &str = "1.0";

/// Reads one event in structured JSON mode.
///
/// # Errors
/// A [`Fault`] that names the attribute.
pub fn from_json(json: &[u8]) -> Result<Draft, Fault> {
    let object: Object = serde_json::from_slice(json).map_err(|e| reader_fault(String::new(), &e))?;
    from_object(&object)
}

/// Makes a draft of the attributes of one event, with `data` among them.
///
/// # Errors
/// A [`Fault`] that names the attribute.
pub fn from_object(attributes: &Object) -> Result<Draft, Fault> {
    let mut draft = Draft::default();
    let mut seen_version = None;
    for (name, raw) in attributes.iter().filter(|(_, raw)| *raw != "null") {
        let text = || serde_json::from_str::<String>(raw).map_err(|_| Fault::new(name, "field_invalid", "must be a string"));
        match name {
            "specversion" => seen_version = Some(text()?),
            "id" => draft.id = Some(text()?),
            "type" => draft.event_type = text()?,
            "subject" => draft.entity_id = text()?,
            "time" => draft.timestamp = Some(text()?),
            "correlationid" => draft.correlation_id = Some(text()?),
            "entityname" => draft.entity_name = Some(text()?),
            "message" => draft.message = Some(text()?),
            "severity" => {
                let fault = || Fault::new("severity", "severity_invalid", "must be info, warning, error or critical");
                draft.severity = Some(Severity::parse(&text()?).ok_or_else(fault)?);
            }
            "data" => add_data(&mut draft.metadata, raw),
            "data_base64" => draft.metadata.push_raw("dataBase64", raw),
            other => {
                attribute_name(other)?;
                draft.metadata.push_raw(other, raw);
            }
        }
    }
    match seen_version.as_deref() {
        Some(SPEC_VERSION) => {}
        Some(_) => return Err(Fault::new("specversion", "version_unsupported", "must be 1.0")),
        None => return Err(Fault::new("specversion", "required", "is required")),
    }
    finish(draft)
}

/// The event as a CloudEvent in structured JSON mode, for streams and exports. `changes` are left out. Characters that CloudEvents allow in no attribute are U+FFFD in it; `data` is as it is.
pub fn to_json(event: &Event) -> String {
    let mut out = Map::new();
    let mut set = |name: &str, value: Value| out.insert(name.to_owned(), value);
    set("specversion", json!(SPEC_VERSION));
    set("id", json!(event.id));
    set("type", json!(event.event_type));
    set("source", json!(format!("/tenants/{}/{}", event.tenant_id, event.module)));
    set("subject", json!(allowed(&event.entity_id)));
    set("time", json!(event.timestamp));
    set("datacontenttype", json!("application/json"));
    set("tenant", json!(event.tenant_id));
    set("severity", json!(event.severity));
    set("actor", json!(allowed(&event.actor.user_id)));
    for (name, value) in [("correlationid", &event.correlation_id), ("entityname", &event.entity_name), ("message", &event.message)] {
        if let Some(value) = value {
            set(name, json!(allowed(value)));
        }
    }
    let envelope = serde_json::to_string(&Value::Object(out)).unwrap_or_default();
    let metadata = serde_json::to_string(&event.metadata).unwrap_or_default();
    format!("{},\"data\":{metadata}}}", envelope.strip_suffix('}').unwrap_or_default())
}

/// A text without control characters and noncharacters.
fn allowed(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| !c.is_control() && !matches!(c, '\u{fdd0}'..='\u{fdef}') && u32::from(c) & 0xfffe != 0xfffe;
    if text.chars().all(is_allowed) { text.into() } else { text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect() }
}

fn finish(mut draft: Draft) -> Result<Draft, Fault> {
    for (field, missing) in [("id", draft.id.is_none()), ("type", draft.event_type.is_empty()), ("source", draft.metadata.get("source").is_none())] {
        if missing {
            return Err(Fault::new(field, "required", "is required"));
        }
    }
    if draft.entity_id.is_empty() {
        draft.entity_id = draft.metadata.text("source").ok_or_else(|| Fault::new("source", "field_invalid", "must be a string"))?;
    }
    Ok(draft)
}

fn add_data(metadata: &mut Object, raw: &str) {
    match Object::parse(raw) {
        Ok(object) => object.iter().for_each(|(key, value)| metadata.push_raw(key, value)),
        Err(_) => metadata.push_raw("data", raw),
    }
}

fn attribute_name(name: &str) -> Result<(), Fault> {
    let valid = !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if valid { Ok(()) } else { Err(Fault::new("", "attribute_invalid", "attribute names are lower-case letters and digits")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_event() {
        let json = br#"{"specversion":"1.0","id":"x1","type":"shop.order.created","source":"/shop","subject":"o1","time":"2024-01-01T00:00:00Z","data":{"sum":1.10},"severity":"warning","region":"eu"}"#;
        let draft = from_json(json).unwrap();
        assert_eq!((draft.id.as_deref(), draft.entity_id.as_str(), draft.severity), (Some("x1"), "o1", Some(Severity::Warning)));
        assert_eq!(draft.metadata.iter().collect::<Vec<_>>(), [("source", "\"/shop\""), ("sum", "1.10"), ("region", "\"eu\"")]);
    }

    #[test]
    fn names_the_missing_or_wrong_attribute() {
        let field = |json: &str| from_json(json.as_bytes()).unwrap_err().field;
        assert_eq!(field(r#"{"id":"1"}"#), "specversion");
        assert_eq!(field(r#"{"specversion":"0.3","id":"1","type":"a.b.c","source":"/"}"#), "specversion");
        assert_eq!(field(r#"{"specversion":"1.0","type":"a.b.c","source":"/"}"#), "id");
        assert_eq!(field(r#"{"specversion":"1.0","id":"1","source":"/"}"#), "type");
        assert_eq!(field(r#"{"specversion":"1.0","id":"1","type":"a.b.c"}"#), "source");
        assert_eq!(field(r#"{"specversion":"1.0","id":1,"type":"a.b.c","source":"/"}"#), "id");
    }
}
