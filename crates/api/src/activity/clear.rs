//! `DELETE /api/v1/activity-log`: hides all entries that there are. The archive is untouched, and the clearing is an entry itself.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use slipstream_access::problem::{Invalid, Location};
use slipstream_access::{Admin, Json, Query};
use slipstream_domain::{Refusal, activity};
use slipstream_event::Timestamp;
use slipstream_store::Tx;
use slipstream_store::activity::{self as log, Clearing, settings};

use crate::ApiState;
use crate::failure::Failure;
use crate::keyed::Keyed;
use crate::origin::Origin;

/// Clears the log. What was committed before the clearing is hidden, also what is archived only later.
pub(super) async fn clear(State(state): State<ApiState>, admin: Admin, query: Query, origin: Origin, headers: HeaderMap) -> Result<Response, Failure> {
    let reason = activity::reason(query.text("reason")).map_err(in_query)?;
    let keyed = Keyed::of(&headers, "activity", admin.principal(), &("clear", &reason))?;
    let shown = log::shown(&state.archive, admin.tenant(), Timestamp::now()).await?;
    let cleared = super::count(&state, &admin, admin.tenant(), &shown).await?;
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        tx.trace(origin.traceparent.clone());
        let (_, at) = settings::lock(tx).await?;
        let answer = json!({"cleared": cleared});
        if let Some(before) = keyed.take(tx, admin.tenant(), &answer).await? {
            return Ok(before);
        }
        let event = super::change(&admin, &origin, reason.as_deref(), at).cleared(cleared)?;
        settings::clear(tx, &Clearing { event_id: event.id, at, through_seq: shown.size }).await?;
        tx.emit(event);
        Ok(answer)
    };
    let answer = state.domain.write(admin.tenant(), write).await?;
    Ok(if wants_json(&headers) { Json(answer).into_response() } else { StatusCode::NO_CONTENT.into_response() })
}

/// Whether the caller asks for JSON by name.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|media| media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")))
}

fn in_query(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Invalid(fault) => vec![Invalid::new(Location::Query, fault)].into(),
        other => other.into(),
    }
}
