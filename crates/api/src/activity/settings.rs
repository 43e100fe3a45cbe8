//! `GET` and `PUT /api/v1/activity-log/settings`.

use axum::extract::State;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use slipstream_access::{Admin, Json, User};

use slipstream_domain::activity::{Settings, reason};
use slipstream_domain::limits::{ACTIVITY_DAYS, ACTIVITY_ENTRIES};
use slipstream_event::Timestamp;
use slipstream_store::Tx;
use slipstream_store::activity::{self as log, prune, settings};

use super::progress::Progress;
use crate::ApiState;
use crate::copilot::fields::Fields;
use crate::failure::Failure;
use crate::keyed::Keyed;
use crate::origin::Origin;

/// The settings that hold now, and what the log holds of what the caller may see: how many entries, when the oldest of them happened, when those beyond the limits
/// go next, and whether the log lags.
pub(super) async fn read(State(state): State<ApiState>, reader: User) -> Result<Json<Value>, Failure> {
    let (tenant, now) = (reader.tenant(), Timestamp::now());
    let progress = Progress::of(&state, tenant).await?;
    let shown = log::shown(&state.archive, tenant, now).await?;
    let all = log::Query { viewer: reader.principal().viewer.clone(), ..log::Query::default() };
    let total = log::total(&state.archive, tenant, &shown, &all, 0).await?;
    let oldest = log::page(&state.archive, tenant, &shown, &all, log::Range { after_seq: Some(0), limit: 1, ..log::Range::default() }).await?;
    let mut body = shown_as(&shown.settings);
    body["entries"] = json!(total.count);
    body["entries_is_estimate"] = json!(total.is_estimate);
    body["oldest"] = json!(oldest.items.first().map(|item| item.event.timestamp));
    body["next_prune_at"] = json!(prune::next(now));
    if let Some(body) = body.as_object_mut() {
        progress.add_to(body);
    }
    Ok(Json(body))
}

/// New settings: all three. Answers what is kept, once the log tells of it: what is published after the answer finds the activity log on or off. While the log cannot be written
/// the answer waits for [`ACTIVITY_SETTLED`](slipstream_store::limits::ACTIVITY_SETTLED) at most; the change holds as soon as the log tells of it.
pub(super) async fn change(
    State(state): State<ApiState>,
    admin: Admin,
    origin: Origin,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Result<Json<Value>, Failure> {
    let keyed = Keyed::of(&headers, "activity", admin.principal(), &("settings", &body))?;
    let (after, reason) = wanted(body)?;
    let mut last = None;
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        tx.trace(origin.traceparent.clone());
        let (before, at) = settings::lock(tx).await?;
        let answer = shown_as(&after);
        if let Some(before) = keyed.take(tx, admin.tenant(), &answer).await? {
            return Ok(before);
        }
        settings::save(tx, &before, &after, at).await?;
        for event in super::change(&admin, &origin, reason.as_deref(), at).settings(&before, &after)? {
            last = Some(event.id);
            tx.emit(event);
        }
        Ok(answer)
    };
    let answer = state.domain.write(admin.tenant(), write).await?;
    if let Some(last) = last {
        settings::settle(&state.domain, admin.tenant(), last).await;
    }
    Ok(Json(answer))
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
