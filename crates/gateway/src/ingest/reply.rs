//! What ingest answers.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use slipstream_access::Problem;
use slipstream_broker::{Ack, PublishError};
use slipstream_event::{CursorKey, Event, Fault, limits};

use super::body::Refused;

/// Most faults that one answer names.
const FAULTS_MAX: usize = 100;

/// The answer to a request that is refused as a whole.
pub(super) fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::MediaType => Problem::unsupported_media_type(
            "take application/json, application/x-ndjson, application/cloudevents+json, application/cloudevents-batch+json, or CloudEvents in binary mode",
        ),
        Refused::TooMany => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_events", format!("a request holds at most {} events", limits::BATCH_EVENTS_MAX))
        }
        Refused::Unreadable(fault) => Problem::bad_request(fault.code, fault.to_string()).with_fields(vec![fault]),
    }
}

/// The answer to a request with faulty events: nothing of it is stored.
pub(super) fn faults(mut faults: Vec<Fault>, is_single: bool) -> Problem {
    let first = faults.first().cloned().unwrap_or_else(|| Fault::new("", "invalid", "invalid"));
    let more = faults.len().saturating_sub(1);
    let detail = match (is_single, more) {
        (_, 0) => first.to_string(),
        (_, 1) => format!("{first}, and one more fault"),
        _ => format!("{first}, and {more} more faults"),
    };
    faults.truncate(FAULTS_MAX);
    let problem = match first.code {
        "json_invalid" => Problem::bad_request(first.code, detail),
        "payload_too_large" => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, first.code, detail),
        code => Problem::unprocessable(code, detail),
    };
    problem.with_fields(faults)
}

/// The answer to checked events: 202 when the broker has all of them; else what became of each, so that the request can be repeated with the same ids.
pub(super) fn acks(key: &CursorKey, events: &[Event], acks: Vec<Result<Ack, PublishError>>, is_single: bool) -> Result<Response, Problem> {
    let failed = acks.iter().find_map(|ack| ack.as_ref().err()).cloned();
    let results: Vec<Value> = events.iter().zip(&acks).map(|(event, ack)| result(key, event, ack)).collect();
    let body = match (failed, is_single) {
        (Some(error), _) => return Err(problem(&error).with("results", results)),
        (None, true) => results.into_iter().next().unwrap_or_default(),
        (None, false) => json!({"accepted": results.len(), "duplicates": acks.iter().flatten().filter(|ack| ack.duplicate).count(), "results": results}),
    };
    Ok((StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body.to_string()).into_response())
}

fn result(key: &CursorKey, event: &Event, ack: &Result<Ack, PublishError>) -> Value {
    match ack {
        Ok(ack) => json!({"id": event.id, "cursor": key.seal(&event.tenant_id, ack.position), "duplicate": ack.duplicate}),
        Err(error) => json!({"id": event.id, "error": problem(error).code()}),
    }
}

fn problem(error: &PublishError) -> Problem {
    match error {
        PublishError::Unavailable(_) => Problem::unavailable("broker_unavailable", "the event log does not answer; repeat the request with the same ids"),
        PublishError::Rejected { .. } => Problem::unavailable("broker_rejected", "the event log does not take the event"),
        PublishError::TooLarge { bytes_max, .. } => Problem::too_large(*bytes_max),
    }
}
