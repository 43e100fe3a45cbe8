//! The streams that ought to be, from the JSON in `nats/streams/`, and how to compare them with those that are.

use async_nats::jetstream::stream::{Config, SubjectTransform};
use serde_json::Value;
use slipstream_event::subject;

use super::{Drift, Provision};
use crate::Error;

const EVENTS: &str = include_str!("../../../../nats/streams/events.json");
const DEAD_LETTERS: &str = include_str!("../../../../nats/streams/dead_letters.json");
const REVOCATIONS: &str = include_str!("../../../../nats/streams/revocations.json");
const TICKETS: &str = include_str!("../../../../nats/streams/tickets.json");

/// What a stream must agree in. The rest is the server's own, or the operator's.
const FIELDS: [&str; 22] = [
    "description",
    "subjects",
    "retention",
    "storage",
    "compression",
    "num_replicas",
    "discard",
    "max_age",
    "max_bytes",
    "max_msgs",
    "max_msgs_per_subject",
    "max_msg_size",
    "max_consumers",
    "duplicate_window",
    "allow_direct",
    "allow_atomic",
    "allow_msg_ttl",
    "deny_delete",
    "deny_purge",
    "republish",
    "subject_transform",
    "mirror",
];

/// All streams of a deployment with `shards` shards.
pub(super) fn streams(provision: &Provision, shards: u16) -> Result<Vec<Config>, Error> {
    let events = template(EVENTS)?;
    let mut streams: Vec<Config> = (0..shards).map(|shard| event_stream(&events, provision, shards, shard)).collect();
    for json in [DEAD_LETTERS, REVOCATIONS, TICKETS] {
        streams.push(template(json)?);
    }
    for stream in &mut streams {
        stream.num_replicas = provision.replicas.unwrap_or(stream.num_replicas);
    }
    Ok(streams)
}

/// Whether positions in a stream have an epoch: those of events do.
pub(super) fn has_epoch(name: &str) -> bool {
    name.starts_with("EVENTS")
}

/// The differences that matter, by field.
pub(super) fn differences(want: &Config, have: &Config) -> Vec<Drift> {
    let (want_fields, have_fields) = (fields(want), fields(have));
    let differing = FIELDS.iter().filter_map(|field| {
        let (w, h) = (present(&want_fields, field), present(&have_fields, field));
        (w != h).then(|| Drift { stream: want.name.clone(), field: (*field).to_owned(), want: w.to_string(), have: h.to_string() })
    });
    differing.collect()
}

fn event_stream(template: &Config, provision: &Provision, shards: u16, shard: u16) -> Config {
    let mut stream = template.clone();
    stream.name = subject::stream(shards, shard);
    let taken = subject::taken(shards, shard);
    if taken != subject::EVENTS_ALL {
        stream.subject_transform = Some(SubjectTransform { source: taken.clone(), destination: subject::EVENTS_ALL.to_owned() });
    }
    stream.subjects = vec![taken];
    stream.max_age = provision.max_age.unwrap_or(stream.max_age);
    stream.duplicate_window = provision.duplicate_window.unwrap_or(stream.duplicate_window);
    stream.max_bytes = provision.bytes_max.map_or(stream.max_bytes, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    stream
}

fn template(json: &str) -> Result<Config, Error> {
    serde_json::from_str(json).map_err(|e| Error::Invalid(format!("the stream's JSON: {e}")))
}

fn fields(config: &Config) -> Value {
    // Plain data with text keys always serialises.
    serde_json::to_value(config).unwrap_or_default()
}

/// A field's value; what is left out, null or false is the same to the server.
fn present(fields: &Value, field: &str) -> Value {
    fields.get(field).filter(|value| **value != Value::Bool(false)).cloned().unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_field_of_the_json_is_lost_on_the_way() {
        // The client's type ignores names it does not know: a misspelt field would silently not be sent.
        for json in [EVENTS, DEAD_LETTERS, REVOCATIONS, TICKETS] {
            let raw: serde_json::Map<String, Value> = serde_json::from_str(json).unwrap();
            let sent = fields(&template(json).unwrap());
            for (field, value) in &raw {
                let same = match (field.as_str(), value) {
                    ("republish", Value::Object(_)) => sent[field]["src"] == value["src"] && sent[field]["dest"] == value["dest"],
                    _ => sent.get(field) == Some(value),
                };
                assert!(same, "{field}: {value} is sent as {:?}", sent.get(field));
                assert!(field == "name" || FIELDS.contains(&field.as_str()), "{field} is not compared");
            }
        }
    }

    #[test]
    fn names_streams_by_shard() {
        let one = streams(&Provision::default(), 1).unwrap();
        assert_eq!(one.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["EVENTS", "DEAD_LETTERS", "KV_revocations", "KV_tickets"]);
        assert!(one[0].subject_transform.is_none());
        let three = streams(&Provision { replicas: Some(3), ..Provision::default() }, 3).unwrap();
        assert_eq!(
            three.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
            ["EVENTS_0", "EVENTS_1", "EVENTS_2", "DEAD_LETTERS", "KV_revocations", "KV_tickets"]
        );
        assert_eq!(three[2].subjects, ["shard.2.events.>"]);
        assert!(three.iter().all(|s| s.num_replicas == 3));
    }

    #[test]
    fn names_what_differs() {
        let want = &streams(&Provision::default(), 1).unwrap()[0];
        assert_eq!(differences(want, want), []);
        let mut have = want.clone();
        have.max_age = Duration::from_secs(1);
        have.allow_atomic_publish = false;
        have.metadata.insert("other".to_owned(), "kept".to_owned());
        let drift = differences(want, &have);
        let drift: Vec<_> = drift.iter().map(|d| (d.field.as_str(), d.want.as_str(), d.have.as_str())).collect();
        assert_eq!(drift, [("max_age", "604800000000000", "1000000000"), ("allow_atomic", "true", "null")]);
    }
}
