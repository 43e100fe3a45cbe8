//! What clients ask: bodies of ingest, parameters of streams, filters; and what is repeated to them.

use serde_json::Value;
use slipstream_event::{Actor, Event, EventType, Filter, Tenant, limits};
use slipstream_gateway::frame::{Wire, control as frames};
use slipstream_gateway::ingest::body::{Body, Item, Refused};
use slipstream_gateway::stream::request::Request;
use slipstream_gateway::websocket::handshake;
use slipstream_gateway::websocket::hello::{Hello, Proof, is_ping};

use crate::events::{TENANT, only_block};
use crate::{head_and_rest, text};

/// A request of ingest, head and body: refused, or a list in which every item has its name.
pub fn ingest_body(data: &[u8]) {
    let (headers, body) = head_and_rest(data);
    match Body::parse(&headers, body) {
        Ok(Body { is_single: true, items }) => assert!(matches!(items.as_slice(), [Item { name, .. }] if name.is_empty())),
        Ok(Body { is_single: false, items }) => {
            assert!((1..=limits::BATCH_EVENTS_MAX).contains(&items.len()), "{} items", items.len());
            let place = |item: &Item| -> usize {
                let name = item.name.trim_start_matches("line ").trim_start_matches('[').trim_end_matches(']');
                name.parse().unwrap_or_else(|_| panic!("no place: {}", item.name))
            };
            assert!(items.windows(2).all(|pair| place(&pair[0]) < place(&pair[1])), "in the order of the request");
            let lines = body.split(|byte| *byte == b'\n').count();
            assert!(items.iter().all(|item| place(item) <= lines.max(items.len())));
        }
        Err(Refused::Unreadable(fault)) => assert!(!fault.code.is_empty() && !fault.message.is_empty()),
        Err(Refused::MediaType | Refused::TooMany) => {}
    }
}

/// A stream's head, its query in the first line: refused by the name of a parameter, or within the limits.
pub fn stream_request(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (headers, _) = head_and_rest(&data[end..]);
    match Request::parse(&headers, &text(&data[..end])) {
        Ok(request) => {
            assert!(request.last_event_id.is_none_or(|id| !id.is_empty()));
            check_filter(&request.filter);
        }
        Err(fault) => assert!(!fault.field.is_empty() && !fault.code.is_empty(), "{fault:?}"),
    }
}

/// A filter in a query: what it takes is what a plain reading of it takes.
pub fn filter(data: &[u8]) {
    let pairs: Vec<_> = url::form_urlencoded::parse(data).into_owned().collect();
    let Ok(filter) = Filter::from_query(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))) else { return };
    check_filter(&filter);
    for name in ["copilot.agent.created", "copilot.agent.created.x", "a.b.c", "ab.b.c"] {
        let (tenant, event_type) = (Tenant::new(TENANT).expect("a tenant"), EventType::new(name).expect("a type"));
        let event = Event::new(&tenant, &event_type, "e1", Actor::user("u1"));
        assert_eq!(filter.takes(&event), plainly(&filter, &event), "{filter:?} and {name}");
        assert!(!filter.is_empty() || filter.takes(&event), "an empty filter takes all");
    }
}

fn check_filter(filter: &Filter) {
    let lists = [&filter.types, &filter.modules, &filter.entity_types, &filter.entity_ids, &filter.actors];
    for list in lists {
        assert!(list.len() <= limits::FILTER_VALUES_MAX);
        assert!(list.iter().all(|value| !value.is_empty() && value.chars().count() <= limits::FILTER_VALUE_LEN_MAX && !value.contains(char::is_control)));
    }
}

/// The rules of filters, token by token.
fn plainly(filter: &Filter, event: &Event) -> bool {
    let tokens: Vec<&str> = event.event_type.as_str().split('.').collect();
    let is_prefix = |wanted: &String| {
        let wanted = wanted.trim_end_matches(".*").trim_end_matches('.');
        let wanted: Vec<&str> = wanted.split('.').collect();
        tokens.starts_with(&wanted)
    };
    let one_of = |list: &[String], value: &str| list.is_empty() || list.iter().any(|wanted| wanted == value);
    (filter.types.is_empty() || filter.types.iter().any(is_prefix))
        && one_of(&filter.modules, tokens[0])
        && one_of(&filter.entity_types, &event.entity_type)
        && one_of(&filter.entity_ids, "e1")
        && one_of(&filter.actors, "u1")
        && (filter.severities.is_empty() || filter.severities.contains(&event.severity))
}

/// A `reset` repeats what the client said: whatever that is, it stays inside one event's data.
pub fn control(data: &[u8]) {
    let said = text(data);
    let block = only_block(&frames::reset("cursor_invalid", &said, "cursor").bytes(Wire::Sse));
    assert_eq!((block.id, block.event.as_deref()), (None, Some("reset")));
    let body: Value = serde_json::from_str(&block.data.expect("data")).expect("JSON");
    assert_eq!((body["lastEventId"].as_str(), body["code"].as_str(), body["cursor"].as_str()), (Some(said.as_str()), Some("cursor_invalid"), Some("cursor")));
}

/// The beginning of a WebSocket, head and first message: refused by a code of its own, or answered with a key, and a credential with parameters of which none can
/// become another.
pub fn websocket(data: &[u8]) {
    let (headers, message) = head_and_rest(data);
    match handshake::check(&http::Method::GET, http::Version::HTTP_11, &headers) {
        Ok(accept) => assert_eq!(accept.len(), 28, "20 bytes in base64"),
        Err(problem) => assert!(matches!(problem.status().as_u16(), 400 | 426), "{problem:?}"),
    }
    let message = text(message);
    match Hello::parse(&message) {
        Ok(hello) => {
            let (Proof::Token(shown) | Proof::Ticket(shown)) = &hello.proof;
            assert!(!shown.is_empty() && !is_ping(&message));
            let said: Value = serde_json::from_str(&message).expect("JSON");
            for (name, value) in url::form_urlencoded::parse(hello.parameters.as_bytes()) {
                let member = &said[name.as_ref()];
                let is_said = member == value.as_ref() || member.as_array().is_some_and(|list| list.iter().any(|one| one == value.as_ref()));
                assert!(is_said && name != "token", "{name} in {said}");
            }
        }
        Err(close) => assert!(matches!(close.code, 4400 | 4401) && !close.reason.is_empty(), "{close:?}"),
    }
}
