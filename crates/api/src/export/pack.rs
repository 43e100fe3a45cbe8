//! `GET /api/entities/{entityType}/{entityId}/evidence-pack`: all that is known of one thing, as a zip.
//!
//! | file | holds |
//! |---|---|
//! | `summary.json` | what the thing is, and counts |
//! | `timeline.json` | its events as history shows them, oldest first, up to the moment before this export |
//! | `events.ndjson` | the same events in the bytes that were published, for verifiers |
//! | `linked/*.json` | events of other things that share a correlation id with one of them |
//! | `manifest.json` | what was left out because the pack would have become too large; only then |
//!
//! Entry times are fixed and keys sorted, so that two packs of the same events differ in nothing. The pack is streamed: each file is read for itself, in batches, up to the same place.

mod entries;
mod sorted;
mod summary;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use slipstream_access::{Admin, Class, Parameters, Problem, Route};
use slipstream_domain::export::{Export, Filters};
use slipstream_event::{Event, Filter, Tenant, subject};
use slipstream_store::Store;
use slipstream_store::export::{self as archive, Bound, Order, Reading};
use slipstream_store::history::{Item, Query};
use uuid::Uuid;

use super::body::{Cut, Sink, produced};
use super::{file_headers, record};
use crate::ApiState;
use crate::failure::Failure;
use crate::limits::PACK_BYTES_MAX;
use crate::origin::Origin;
use crate::routes::Endpoint;
use entries::Entries;
use summary::Summary;

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    route: Route::new("GET", "/api/entities/{entityType}/{entityId}/evidence-pack", Class::Admin),
    query: Parameters::Only(&[]),
    handler: || get(read),
}];

/// The file of the published bytes. In two parts, because whole it looks like a subject of the broker.
const EVENTS: &str = concat!("events", ".ndjson");

/// What a pack is made of: one thing's events, up to one place.
struct Source {
    store: Store,
    tenant: Tenant,
    query: Query,
    bound: Bound,
    entity_type: String,
    entity_id: String,
}

async fn read(
    State(state): State<ApiState>,
    admin: Admin,
    Path((entity_type, entity_id)): Path<(String, String)>,
    origin: Origin,
) -> Result<Response, Failure> {
    let (tenant, viewer) = (admin.tenant(), &admin.principal().viewer);
    let slot = state.exports.take(tenant, &admin.principal().actor.user_id)?;
    let bound = archive::bound(&state.archive, tenant, subject::shard_of(tenant, state.shards)).await?;
    let filter = Filter { entity_types: vec![entity_type.clone()], entity_ids: vec![entity_id.clone()], ..Filter::default() };
    let query = Query { viewer: viewer.clone(), filter, ..Query::default() };
    let source = Source { store: state.archive.clone(), tenant: tenant.clone(), query, bound, entity_type, entity_id };
    if source.reading(false).next(&state.archive).await?.is_none() {
        return Err(Problem::not_found().into());
    }
    let filters = Filters::from([("entityType".to_owned(), vec![source.entity_type.clone()]), ("entityId".to_owned(), vec![source.entity_id.clone()])]);
    let export = Export { id: Uuid::now_v7(), what: "the evidence of an entity", format: "zip", filters: &filters, rows: None, job: None };
    record(&state, &admin, &origin, &export).await?;
    let name = format!("{}_{}_evidence_pack.zip", plain(&source.entity_type), plain(&source.entity_id));
    let body = produced(async move |sink| {
        let _slot = slot;
        write(&source, &sink).await
    });
    Ok((file_headers("application/zip", &name), body).into_response())
}

async fn write(source: &Source, sink: &Sink) -> Result<(), Cut> {
    let mut entries = Entries::new();
    let mut summary = Summary::new(&source.entity_type, &source.entity_id);
    timeline(source, &mut entries, &mut summary, sink).await?;
    let viewer = &source.query.viewer;
    events(source, viewer.admin || viewer.quality || viewer.platform, &mut entries, sink).await?;
    for (number, correlation_id) in summary.correlation_ids().iter().enumerate() {
        linked(source, number + 1, correlation_id, &mut entries, sink).await?;
    }
    entries.whole("summary.json", &sorted::json(&summary.shown().to_string())?)?;
    let mut left_out = entries.left_out();
    left_out.extend(summary.unlinked().map(|count| json!({"file": "linked/", "correlationIds": count})));
    if !left_out.is_empty() {
        let manifest = json!({"bytesMax": PACK_BYTES_MAX, "leftOut": left_out});
        entries.whole("manifest.json", &sorted::json(&manifest.to_string())?)?;
    }
    sink.send(entries.finish()?).await
}

/// At most half of what a pack may hold, so that there is room for the published bytes.
async fn timeline(source: &Source, entries: &mut Entries, summary: &mut Summary, sink: &Sink) -> Result<(), Cut> {
    entries.begin("timeline.json", PACK_BYTES_MAX / 2)?;
    let mut reading = source.reading(false);
    while let Some(items) = reading.next(&source.store).await? {
        for item in &items {
            summary.add(&Event::from_json(item.payload.as_bytes())?);
            entries.element(&sorted::json(&item.payload)?)?;
        }
        sink.send(entries.take()).await?;
    }
    entries.end_array()?;
    Ok(())
}

async fn events(source: &Source, as_published: bool, entries: &mut Entries, sink: &Sink) -> Result<(), Cut> {
    entries.begin(EVENTS, PACK_BYTES_MAX)?;
    let mut reading = source.reading(as_published);
    while let Some(items) = reading.next(&source.store).await? {
        for item in &items {
            entries.line(&item.payload)?;
        }
        sink.send(entries.take()).await?;
    }
    Ok(())
}

/// The events of other things under a correlation id; no file when there are none.
async fn linked(source: &Source, number: usize, correlation_id: &str, entries: &mut Entries, sink: &Sink) -> Result<(), Cut> {
    let query = Query { viewer: source.query.viewer.clone(), correlation_id: Some(correlation_id.to_owned()), ..Query::default() };
    let mut reading = Reading::new(&source.tenant, query, source.bound, Order::OldestFirst);
    let mut begun = false;
    while let Some(items) = reading.next(&source.store).await? {
        for item in &items {
            if source.is_own(item)? {
                continue;
            }
            if !begun {
                entries.begin(&format!("linked/{number:03}_{}.json", plain(correlation_id)), PACK_BYTES_MAX)?;
                begun = true;
            }
            entries.element(&sorted::json(&item.payload)?)?;
        }
        sink.send(entries.take()).await?;
    }
    if begun {
        entries.end_array()?;
    }
    Ok(())
}

impl Source {
    fn reading(&self, with_changes: bool) -> Reading {
        Reading::new(&self.tenant, Query { with_changes, ..self.query.clone() }, self.bound, Order::OldestFirst)
    }

    fn is_own(&self, item: &Item) -> Result<bool, serde_json::Error> {
        Ok(self.query.filter.takes(&Event::from_json(item.payload.as_bytes())?))
    }
}

/// The text as a part of a file's name, on any system.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().map(|c| if is_plain(c) { c } else { '_' }).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!(plain("shop.order"), "shop.order");
        assert_eq!(plain("../a b\"\r\nü"), ".._a_b____");
        assert_eq!(plain(&"x".repeat(500)).len(), 80);
    }
}
