//! `GET` and `PUT /api/v1/activity-log/settings`.

use axum::extract::State;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use slipstream_access::{Admin, Json, User};

use slipstream_domain::activity::{Settings, reason};
use slipstream_domain::limits::{ACTIVITY_DAYS, ACTIVITY_ENTRIES};
use slipstream_event::Timestamp;
use slipstream_store::Tx;
use slipstream_store::activity::{self as log, settings};

use super::keyed::Keyed;
use crate::ApiState;
use crate::copilot::fields::Fields;
use crate::failure::Failure;
use crate::origin::Origin;

/// The settings that hold now.
pub(super) async fn read(State(state): State<ApiState>, reader: User) -> Result<Json<Value>, Failure> {
    let shown = log::shown(&state.archive, reader.tenant(), Timestamp::now()).await?;
    Ok(Json(shown_as(&shown.settings)))
}

/// New settings: all three. Answers what is kept.
pub(super) async fn change(
    State(state): State<ApiState>,
    admin: Admin,
    origin: Origin,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Value>, Failure> {
    let keyed = Keyed::of(&headers, &format!("settings {}", json!(body)))?;
    let (after, reason) = wanted(body)?;
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        tx.trace(origin.traceparent.clone());
        let (before, at) = settings::lock(tx).await?;
        if let Some(answer) = keyed.answered(tx).await? {
            return Ok(answer);
        }
        settings::save(tx, &before, &after, at).await?;
        super::change(&admin, &origin, reason.as_deref(), at).settings(&before, &after)?.into_iter().for_each(|event| tx.emit(event));
        let answer = shown_as(&after);
        keyed.remember(tx, &answer).await?;
        Ok(answer)
    };
    Ok(Json(state.domain.write(admin.tenant(), write).await?))
}

/// What the body asks for. All faults are reported at once.
fn wanted(body: Map<String, Value>) -> Result<(Settings, Option<String>), Failure> {
    let mut fields = Fields::new(body);
    let enabled = fields.required_boolean("enabled");
    let max_days = fields.required_integer("max_days", ACTIVITY_DAYS);
    let max_entries = fields.required_integer("max_entries", ACTIVITY_ENTRIES);
    let given = fields.text("reason");
    fields.finish()?;
    let bounded = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok((Settings { enabled, max_days: bounded(max_days), max_entries: bounded(max_entries) }, reason(given.as_deref())?))
}

fn shown_as(settings: &Settings) -> Value {
    json!({"enabled": settings.enabled, "max_days": settings.max_days, "max_entries": settings.max_entries})
}
