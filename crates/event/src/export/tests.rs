//! What every format promises, on events of all shapes.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{Actor, ActorKind, EventType, Object, Severity, Tenant, Timestamp};

mod standards;

/// Texts as people, machines and attackers write them.
fn text() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "",
        "=",
        "+",
        "-",
        "@",
        "\t",
        "\r",
        "\n",
        "＝",
        "＋",
        "－",
        "＠",
        " =",
        "\u{3000}＠",
        "\u{feff}=",
        "  ",
        "\"",
        ",",
        "'",
        "\u{200b}-",
        "\0=",
    ]);
    (start, "(?s).{0,20}").prop_map(|(start, rest)| format!("{start}{rest}"))
}

prop_compose! {
    fn event()(
        texts in prop::array::uniform8(text()),
        optional in any::<[bool; 4]>(),
        severity in prop::sample::select(Severity::ALL.to_vec()),
        kind in prop::sample::select(vec![ActorKind::User, ActorKind::Service, ActorKind::Agent, ActorKind::System]),
        action in prop::sample::select(vec!["created", "viewed", "updated", "removed", "moved", "enrolled", "disabled", "resumed", "paid", "other"]),
        micros in -2_208_988_800_000_000_i64..=253_402_300_799_999_999,
    ) -> Event {
        let [entity_id, entity_name, message, correlation, user, name, key, value] = texts;
        let given = |is_given: bool, text: String| is_given.then_some(text);
        let actor = Actor { name: given(optional[0], name), kind, on_behalf_of: given(optional[3], "u2".to_owned()), ..Actor::user(user) };
        let event_type = EventType::new(&format!("shop.order.{action}")).unwrap();
        let mut event = Event::new(&Tenant::new("acme").unwrap(), &event_type, entity_id, actor);
        event.timestamp = Timestamp::from_micros(micros).unwrap();
        event.severity = severity;
        event.entity_name = given(optional[1], entity_name);
        event.message = given(optional[2], message);
        event.correlation_id = given(optional[3], correlation);
        event.metadata.set(&key, &value).unwrap();
        event.changes = optional[0].then(|| Object::parse(r#"{"price":{"before":1.10,"after":2}}"#).unwrap());
        event
    }
}

fn file(format: Format, events: &[Event]) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(format, csv::HISTORY_WITH_CHANGES).with_end_line(true), Vec::new());
    encoder.begin(&mut out);
    for event in events {
        encoder.event(&event.to_json(), &mut out).unwrap();
    }
    encoder.end(&mut out);
    out
}

/// What a spreadsheet makes of a file: its cells.
fn cells(file: &[u8]) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(file);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

proptest! {
    /// No cell of any export starts a formula; and apart from the guard, each cell is what the event holds.
    #[test]
    fn no_cell_starts_a_formula(events in prop::collection::vec(event(), 0..5)) {
        let rows = cells(&file(Format::Csv, &events));
        prop_assert_eq!(rows.len(), events.len() + 1);
        prop_assert_eq!(rows[0].join(","), "id,timestamp,type,entityType,entityId,entityName,action,severity,category,module,actorId,actorName,actorKind,message,correlationId,metadata,changes");
        for (row, event) in rows[1..].iter().zip(&events) {
            for cell in row {
                prop_assert!(!formula::starts_formula(cell), "{:?}", cell);
            }
            prop_assert_eq!(&row[4], &*formula::guard(&event.entity_id));
            prop_assert_eq!(&row[13], &*formula::guard(event.message.as_deref().unwrap_or_default()));
            prop_assert_eq!(&row[15], &serde_json::to_string(&event.metadata).unwrap());
        }
    }

    /// A whole file is read back; each cut of it is seen.
    #[test]
    fn what_is_cut_off_is_no_shorter_valid_file(events in prop::collection::vec(event(), 0..4), at in any::<prop::sample::Index>()) {
        let array = file(Format::Json, &events);
        let read: Vec<Event> = serde_json::from_slice(&array).unwrap();
        prop_assert_eq!(&read, &events);
        prop_assert!(serde_json::from_slice::<Value>(&array[..at.index(array.len() - 1)]).is_err());
        for format in [Format::Ndjson, Format::CloudEvents, Format::Ocsf] {
            let whole = String::from_utf8(file(format, &events)).unwrap();
            let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(lines.len(), events.len() + 1);
            prop_assert_eq!(&lines[events.len()], &serde_json::json!({"_end": true, "count": events.len()}));
        }
    }

    /// A file that is gone on with is the file that was not interrupted.
    #[test]
    fn going_on_gives_the_same_bytes(events in prop::collection::vec(event(), 1..5), at in any::<prop::sample::Index>()) {
        let (first, rest) = events.split_at(at.index(events.len()));
        for format in Format::ALL {
            let (mut encoder, mut out) = (Encoder::new(format, csv::HISTORY_WITH_CHANGES).with_end_line(true), Vec::new());
            encoder.begin(&mut out);
            first.iter().for_each(|event| encoder.event(&event.to_json(), &mut out).unwrap());
            let mut other = Encoder::new(format, csv::HISTORY_WITH_CHANGES).with_end_line(true).resumed(encoder.count());
            rest.iter().for_each(|event| other.event(&event.to_json(), &mut out).unwrap());
            other.end(&mut out);
            prop_assert_eq!(out, file(format, &events), "{:?}", format);
        }
    }
}

#[test]
fn ocsf_and_cloudevents_say_the_same_event() {
    let mut event = Event::new(&Tenant::new("acme").unwrap(), &EventType::new("shop.order.deleted").unwrap(), "o1", Actor::system());
    event.severity = Severity::Critical;
    event.metadata = Object::parse(r#"{"sum":1.10,"reason":"a mistake"}"#).unwrap();
    let one = |format| {
        let file = String::from_utf8(file(format, std::slice::from_ref(&event))).unwrap();
        assert!(file.contains("\"sum\":1.10"), "numbers keep their digits: {file}");
        serde_json::from_str::<Value>(file.lines().next().unwrap()).unwrap()
    };
    let ocsf = one(Format::Ocsf);
    for (pointer, want) in [
        ("/class_uid", Value::from(3004)),
        ("/category_uid", 3.into()),
        ("/activity_id", 4.into()),
        ("/type_uid", 300_404.into()),
        ("/severity_id", 5.into()),
        ("/metadata/tenant_uid", "acme".into()),
        ("/metadata/event_code", "shop.order.deleted".into()),
        ("/actor/user/type_id", 3.into()),
        ("/entity/uid", "o1".into()),
        ("/entity/type", "shop.order".into()),
        ("/comment", "a mistake".into()),
    ] {
        assert_eq!(ocsf.pointer(pointer), Some(&want), "{pointer}");
    }
    let cloud = one(Format::CloudEvents);
    assert_eq!((&cloud["specversion"], &cloud["id"]), (&"1.0".into(), &event.id.to_string().into()));
    assert!(cloud.get("changes").is_none());
}

#[test]
fn an_empty_export_is_a_valid_file() {
    assert_eq!(file(Format::Json, &[]), b"[]\n");
    assert_eq!(file(Format::Ndjson, &[]), b"{\"_end\":true,\"count\":0}\n");
    assert_eq!(cells(&file(Format::Csv, &[])).len(), 1);
}

#[test]
fn words_round_trip() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.as_str()), Some(format));
        assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
    }
    assert_eq!(Format::parse("CSV"), None);
}
