//! What OCSF 1.3 and CloudEvents 1.0 demand, as their texts have it.

use proptest::prelude::*;
use serde_json::Value;

use super::{event, file};
use crate::export::{Format, ocsf};
use crate::{Event, Timestamp};

/// Objects of Entity Management (3004): by their place, the attributes that they must have, and those that they may have.
const OCSF: &[(&str, &[&str], &[&str])] = &[
    (
        "",
        &["activity_id", "category_uid", "class_uid", "entity", "metadata", "severity_id", "time", "type_uid"],
        &["activity_name", "actor", "category_name", "class_name", "comment", "message", "severity", "type_name", "unmapped"],
    ),
    ("/metadata", &["product", "version"], &["correlation_uid", "event_code", "original_time", "tenant_uid", "uid"]),
    ("/metadata/product", &["name", "vendor_name"], &[]),
    ("/actor", &["user"], &[]),
    ("/actor/user", &["uid"], &["name", "type", "type_id"]),
    ("/entity", &["uid"], &["name", "type", "type_id"]),
];

/// A place of a number, the place of the name beside it, and the names of its values.
type Numbers = (&'static str, &'static str, &'static [(i64, &'static str)]);

/// Enumerations. 99 takes the source's word.
const NUMBERS: &[Numbers] = &[
    (
        "/activity_id",
        "/activity_name",
        &[
            (1, "Create"),
            (2, "Read"),
            (3, "Update"),
            (4, "Delete"),
            (5, "Move"),
            (6, "Enroll"),
            (7, "Unenroll"),
            (8, "Enable"),
            (9, "Disable"),
            (10, "Activate"),
            (11, "Deactivate"),
            (12, "Suspend"),
            (13, "Resume"),
        ],
    ),
    ("/severity_id", "/severity", &[(1, "Informational"), (2, "Low"), (3, "Medium"), (4, "High"), (5, "Critical"), (6, "Fatal")]),
    ("/actor/user/type_id", "/actor/user/type", &[(1, "User"), (2, "Admin"), (3, "System")]),
    ("/entity/type_id", "/entity/type", &[(1, "Device"), (2, "User"), (3, "Group"), (4, "Organization"), (5, "Policy"), (6, "Email")]),
];

fn first(format: Format, event: &Event) -> Value {
    let file = String::from_utf8(file(format, std::slice::from_ref(event))).unwrap();
    serde_json::from_str(file.lines().next().unwrap()).unwrap()
}

fn name_of(number: i64, names: &[(i64, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(n, _)| *n == number).map(|(_, name)| *name)
}

proptest! {
    #[test]
    fn ocsf_is_as_the_schema_has_it(event in event()) {
        let shown = first(Format::Ocsf, &event);
        let number = |place: &str| shown.pointer(place).and_then(Value::as_i64).unwrap_or_else(|| panic!("no number at {place}: {shown}"));
        for (place, required, optional) in OCSF {
            let object = shown.pointer(place).and_then(Value::as_object).unwrap();
            prop_assert!(required.iter().all(|name| object.contains_key(*name)), "{} lacks something: {}", place, shown);
            prop_assert!(object.keys().all(|name| required.contains(&name.as_str()) || optional.contains(&name.as_str())), "{} has more: {}", place, shown);
            prop_assert!(object.values().all(|value| !value.is_null()), "{}", shown);
        }
        for (place, beside, names) in NUMBERS {
            let (number, shown) = (number(place), shown.pointer(beside).unwrap());
            prop_assert!(number == 99 || name_of(number, names).is_some_and(|name| shown == name), "{} is {} beside {}", place, number, shown);
        }
        prop_assert_eq!(number("/class_uid"), i64::from(ocsf::CLASS_UID));
        prop_assert_eq!(number("/category_uid"), number("/class_uid") / 1_000);
        prop_assert_eq!(number("/type_uid"), number("/class_uid") * 100 + number("/activity_id"));
        let activity = name_of(number("/activity_id"), NUMBERS[0].2).unwrap_or("Other");
        prop_assert_eq!(&shown["type_name"], &format!("{}: {activity}", shown["class_name"].as_str().unwrap()));
        prop_assert_eq!(number("/time"), event.timestamp.micros().div_euclid(1_000), "milliseconds");
        prop_assert_eq!(&shown["metadata"]["original_time"], &event.timestamp.to_string());
        prop_assert_eq!(&shown["metadata"]["version"], ocsf::VERSION);
        prop_assert_eq!(&shown["unmapped"]["metadata"], &serde_json::to_value(&event.metadata).unwrap());
    }

    #[test]
    fn cloudevents_are_as_the_specification_has_them(event in event()) {
        let shown = first(Format::CloudEvents, &event);
        let attributes = shown.as_object().unwrap();
        for required in ["specversion", "id", "source", "type"] {
            prop_assert!(attributes[required].as_str().is_some_and(|text| !text.is_empty()), "{}: {}", required, shown);
        }
        for (name, value) in attributes.iter().filter(|(name, _)| *name != "data") {
            prop_assert!((1..=20).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{}", name);
            let is_allowed = |c: char| !matches!(u32::from(c), 0..=0x1f | 0x7f..=0x9f | 0xfdd0..=0xfdef) && u32::from(c) % 0x1_0000 < 0xfffe;
            prop_assert!(value.as_str().is_some_and(|text| text.chars().all(is_allowed)), "{}: {}", name, value);
        }
        prop_assert_eq!(&attributes["specversion"], "1.0");
        prop_assert_eq!(&attributes["datacontenttype"], "application/json");
        prop_assert!(attributes["source"].as_str().unwrap().bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_".contains(&b)), "a URI reference");
        prop_assert_eq!(Timestamp::parse(attributes["time"].as_str().unwrap()), Some(event.timestamp));
        prop_assert_eq!(&attributes["data"], &serde_json::to_value(&event.metadata).unwrap());
        // What we write, we read.
        let read = crate::cloudevents::from_json(shown.to_string().as_bytes());
        prop_assert!(event.entity_id.is_empty() || read.is_ok(), "{:?}", read);
    }
}
