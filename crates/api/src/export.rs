//! `GET /api/events/export`: a tenant's history as a file, streamed.
//!
//! Order: the caller, the parameters, a slot, the place at which the export ends, its event, and only then the head of the answer. What is read is held for one batch only, and nothing is
//! read while the client does not take what was. When the database fails in between, the connection is cut: a file that came to its end is whole.

pub(crate) mod body;
pub(crate) mod jobs;
pub(crate) mod pack;
mod request;
mod slots;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use slipstream_access::{Admin, Class, Query, Route};
use slipstream_domain::declared::By;
use slipstream_domain::export::{self as rules, Export};
use slipstream_event::export::{Encoder, csv};
use slipstream_event::{Position, Tenant, Timestamp, subject};
use slipstream_store::Tx;
use slipstream_store::export::{self as archive, Bound, Order, Reading};
use uuid::Uuid;

use crate::failure::Failure;
use crate::origin::Origin;
use crate::routes::Endpoint;
use crate::{ApiState, limits};
use body::{Cut, Sink, produced};
use request::Wanted;
pub(crate) use slots::Slots;

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[Endpoint { route: Route::new("GET", "/api/events/export", Class::Admin), query: request::TAKES, handler: || get(read) }];

async fn read(State(state): State<ApiState>, admin: Admin, query: Query, origin: Origin) -> Result<Response, Failure> {
    let tenant = admin.tenant();
    let wanted = request::parse(&query, &admin.principal().viewer)?;
    let slot = state.exports.take(tenant, &admin.principal().actor.user_id)?;
    let bound = archive::bound(&state.archive, tenant, subject::shard_of(tenant, state.shards)).await?;
    let rows = archive::count(&state.archive, tenant, &wanted.query, bound, limits::EXPORT_COUNT_WAIT).await?;
    let export = Export { id: Uuid::now_v7(), what: "the history", format: wanted.format.as_str(), filters: &wanted.filters, rows, job: None };
    record(&state, &admin, &origin, &export).await?;
    let mut headers = file_headers(wanted.format.content_type(), &file_name("history", tenant, wanted.format.extension()));
    bound_headers(&mut headers, &state, tenant, bound, rows);
    let (store, reading) = (state.archive.clone(), Reading::new(tenant, wanted.query.clone(), bound, Order::NewestFirst));
    let body = produced(async move |sink| {
        let _slot = slot;
        write(&store, reading, &wanted, &sink).await
    });
    Ok((headers, body).into_response())
}

/// Writes the whole file.
async fn write(store: &slipstream_store::Store, mut reading: Reading, wanted: &Wanted, sink: &Sink) -> Result<(), Cut> {
    let columns = if wanted.query.with_changes { csv::HISTORY_WITH_CHANGES } else { csv::HISTORY };
    let mut encoder = Encoder::new(wanted.format, columns).with_end_line(wanted.end_line);
    let mut out = Vec::new();
    encoder.begin(&mut out);
    sink.send(std::mem::take(&mut out)).await?;
    while let Some(items) = reading.next(store).await? {
        for item in &items {
            encoder.event(&item.payload, &mut out)?;
        }
        sink.send(std::mem::take(&mut out)).await?;
    }
    encoder.end(&mut out);
    sink.send(out).await
}

/// Commits the event of an export. Without it nothing may go out.
pub(crate) async fn record(state: &ApiState, admin: &Admin, origin: &Origin, export: &Export<'_>) -> Result<(), Failure> {
    let by = By { actor: &admin.principal().actor, correlation_id: origin.correlation_id.as_deref(), batch_id: None };
    let event = rules::created(export, admin.tenant(), by)?;
    let work = async |tx: &mut Tx| -> Result<(), Failure> {
        tx.trace(origin.traceparent.clone());
        tx.emit(event);
        Ok(())
    };
    state.domain.write(admin.tenant(), work).await
}

/// `<what>_<tenant>_<time>.<extension>`.
pub(crate) fn file_name(what: &str, tenant: &Tenant, extension: &str) -> String {
    let now = Timestamp::now().datetime();
    let (date, (hour, minute, second)) = (now.date(), now.to_hms());
    let month = u8::from(date.month());
    format!("{what}_{tenant}_{:04}{month:02}{:02}T{hour:02}{minute:02}{second:02}Z.{extension}", date.year(), date.day())
}

/// The head of a file that is not to be kept by anyone in between.
pub(crate) fn file_headers(content_type: &'static str, name: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(&mut headers, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
    headers
}

/// Where the export ends: the largest number that an event in it can have, as in the activity log and the ledger, and the cursor at which a stream goes on; and how many events it holds, when that is known.
fn bound_headers(headers: &mut HeaderMap, state: &ApiState, tenant: &Tenant, bound: Bound, rows: Option<u64>) {
    let cursor = state.cursor_key.seal(tenant, Position::new(bound.shard, bound.epoch, bound.seq));
    set(headers, HeaderName::from_static("x-export-upper-seq"), &bound.number.to_string());
    set(headers, HeaderName::from_static("x-export-through"), &cursor);
    if let Some(rows) = rows {
        set(headers, HeaderName::from_static("x-export-rows"), &rows.to_string());
    }
}

pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Tokens, numbers and sealed cursors: always header values.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
