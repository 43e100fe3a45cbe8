use slipstream_event::Actor;

use super::*;

fn ticket() -> Ticket {
    let at = Timestamp::from_micros(0).unwrap();
    Ticket {
        id: Uuid::from_u128(1),
        account_id: Tenant::new("acme").unwrap(),
        user_profile_id: None,
        subject: "Printer".into(),
        description: "It is on fire".into(),
        status: Status::Open,
        priority: Priority::Medium,
        assigned_to: None,
        created_by: Some("u1".into()),
        updated_by: None,
        created_at: at,
        updated_at: at,
    }
}

fn by(actor: &Actor) -> By<'_> {
    By { actor, correlation_id: Some("req-1"), batch_id: Some("b1") }
}

fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.action.as_str()).collect()
}

#[test]
fn a_new_ticket_is_trimmed_and_has_defaults() {
    let draft = Draft { subject: "  Printer ".into(), description: "x".into(), assigned_to: Some("  ".into()), ..Draft::default() };
    let new = draft.check().unwrap();
    assert_eq!((new.subject.as_str(), new.assigned_to, new.status, new.priority), ("Printer", None, Status::Open, Priority::Medium));
    let refused =
        |subject: &str, description: &str| Draft { subject: subject.into(), description: description.into(), ..Draft::default() }.check().unwrap_err();
    assert_eq!((refused(" ", "x"), refused("x", "\n")), (Refusal::Blank("subject"), Refusal::Blank("description")));
    assert_eq!((refused(&"x".repeat(501), "x").code(), refused("a\0b", "x").code()), ("validation", "validation"));
}

#[test]
fn a_change_needs_a_field() {
    assert_eq!(Change::default().check(), Err(Refusal::NoFields));
    let cleared = Change { assigned_to: Some(Some(" ".into())), ..Change::default() }.check().unwrap();
    assert_eq!(cleared.assigned_to, Some(None));
    assert_eq!(Change { subject: Some(" ".into()), ..Change::default() }.check(), Err(Refusal::Blank("subject")));
}

#[test]
fn every_change_is_told_by_the_most_specific_event() {
    let actor = Actor::user("u1");
    let (before, mut after) = (ticket(), ticket());
    assert!(changed(&before, &after, by(&actor)).unwrap().is_empty());
    after.updated_at = Timestamp::from_micros(5).unwrap();
    assert!(changed(&before, &after, by(&actor)).unwrap().is_empty(), "a touched row is no change");
    after.status = Status::Resolved;
    after.assigned_to = Some("u7".into());
    after.priority = Priority::Low;
    let events = changed(&before, &after, by(&actor)).unwrap();
    assert_eq!(types(&events), ["status_changed", "assigned", "updated"]);
    assert_eq!(events[0].changes.as_ref().unwrap().get("status"), Some(r#"{"before":"OPEN","after":"RESOLVED"}"#));
    assert_eq!(events[2].metadata.get("fields"), Some(r#"["priority"]"#));
    let first = &events[0];
    assert_eq!(
        (first.correlation_id.as_deref(), first.batch_id.as_deref(), first.message.as_deref()),
        (Some("req-1"), Some("b1"), Some("u1 moved the support ticket Printer from OPEN to RESOLVED"))
    );
}

#[test]
fn creation_and_deletion_tell_the_whole_row() {
    let actor = Actor::user("u1");
    let urgent = Ticket { priority: Priority::Urgent, subject: "a\nb".into(), ..ticket() };
    let event = created(&urgent, by(&actor)).unwrap();
    assert_eq!(
        (event.severity, event.entity_name.as_deref(), event.entity_id.as_str()),
        (Severity::Warning, Some("a b"), "00000000-0000-0000-0000-000000000001")
    );
    assert_eq!(event.metadata.iter().collect::<Vec<_>>()[..3], [("amoId", "\"acme\""), ("module", "\"copilot\""), ("status", "\"OPEN\"")]);
    assert_eq!(created(&ticket(), by(&actor)).unwrap().severity, Severity::Info);
    assert_eq!(deleted(&ticket(), by(&actor)).unwrap().changes.unwrap().get("subject"), Some(r#"{"before":"Printer","after":null}"#));
}

#[test]
fn the_largest_change_still_fits_into_an_event() {
    let actor = Actor::user("u1");
    let (before, mut after) = (ticket(), ticket());
    after.description = "\u{1F525}".repeat(TICKET_DESCRIPTION_LEN_MAX);
    let mut longer = before;
    longer.description = "\u{1F9EF}".repeat(TICKET_DESCRIPTION_LEN_MAX);
    let events = changed(&longer, &after, by(&actor)).unwrap();
    assert!(events[0].to_json().len() <= slipstream_event::limits::EVENT_BYTES_MAX, "{}", events[0].to_json().len());
}

#[test]
fn a_bulk_update_is_told_once_and_only_when_it_changed_something() {
    let actor = Actor::user("root");
    let change = Change { status: Some(Status::Closed), ..Change::default() };
    let tell = |account: Option<&Tenant>, changed| bulk_completed(account, Bulk { matched: 3, changed, skipped: 1 }, &[], &change, by(&actor)).unwrap();
    assert_eq!(tell(None, 0), None);
    let event = tell(None, 2).unwrap();
    assert_eq!((event.tenant_id.as_str(), event.entity_id.as_str(), event.severity), ("platform", "b1", Severity::Warning));
    assert_eq!(tell(Some(&ticket().account_id), 2).unwrap().tenant_id.as_str(), "acme");
}

#[test]
fn targets_are_counted_once() {
    let id = Uuid::from_u128;
    assert_eq!(targets(vec![id(2), id(1), id(2)]).unwrap(), [id(2), id(1)]);
    assert_eq!(targets(vec![]), Err(Refusal::NoTargets));
    assert_eq!(targets((0..=TICKET_BULK_MAX as u128).map(id).collect()).unwrap_err().code(), "validation");
}

#[test]
fn words_are_those_of_the_wire() {
    assert_eq!(Status::parse("IN_PROGRESS"), Some(Status::InProgress));
    assert_eq!((Status::parse("open"), Priority::parse("HIGH")), (None, None));
    assert_eq!(serde_json::to_value(Status::InProgress).unwrap(), "IN_PROGRESS");
    assert_eq!(Priority::ALL.len(), 4);
}
