//! `GET /api/v1/activity-log/export`: the log as a file, streamed; in the order of the list, with its filters and its visibility.
//!
//! The export ends at the number that is the archive's last at its start, so what comes in meanwhile is not in it. Its event is committed before the first byte goes out.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use slipstream_access::{Admin, Query};
use slipstream_domain::export::{Export, Filters};
use slipstream_event::activity::Entry;
use slipstream_event::activity::columns::COLUMNS;
use slipstream_event::export::{Format, csv, json, ndjson};
use slipstream_event::{Tenant, Timestamp, Viewer};
use slipstream_store::activity::{self as log, Fault, Page, Range, Shown};
use slipstream_store::export::rows_next;
use slipstream_store::{Store, limits::EXPORT_ROWS_FIRST};
use uuid::Uuid;

use super::request;
use crate::ApiState;
use crate::export::body::{Cut, Sink, produced};
use crate::export::{file_headers, file_name, record, set};
use crate::failure::Failure;
use crate::origin::Origin;

/// What is exported, and as what.
struct Wanted {
    query: log::Query,
    filters: Filters,
    format: Format,
    end_line: bool,
}

/// Hands out the file.
pub(super) async fn export(State(state): State<ApiState>, admin: Admin, query: Query, origin: Origin) -> Result<Response, Failure> {
    let tenant = admin.tenant();
    let wanted = wanted(&query, &admin.principal().viewer)?;
    let slot = state.exports.take(tenant, &admin.principal().actor.user_id)?;
    let shown = log::shown(&state.archive, tenant, Timestamp::now()).await?;
    // Before the head: what is too slow, or not there, is told by a status.
    let first = log::page(&state.archive, tenant, &shown, &wanted.query, range(shown.size.saturating_add(1), EXPORT_ROWS_FIRST)).await?;
    let total = log::total(&state.archive, tenant, &shown, &wanted.query, 0).await?;
    let rows = (!total.is_estimate).then_some(total.count);
    let export = Export { id: Uuid::now_v7(), what: "the activity log", format: wanted.format.as_str(), filters: &wanted.filters, rows, job: None };
    record(&state, &admin, &origin, &export).await?;
    let mut headers = file_headers(wanted.format.content_type(), &file_name("activity-log", tenant, wanted.format.extension()));
    set(&mut headers, http::HeaderName::from_static("x-export-upper-seq"), &shown.size.to_string());
    let (store, tenant) = (state.archive.clone(), tenant.clone());
    let body = produced(async move |sink| {
        let _slot = slot;
        write(&store, &tenant, &shown, &wanted, first, &sink).await
    });
    Ok((headers, body).into_response())
}

fn wanted(query: &Query, viewer: &Viewer) -> Result<Wanted, Failure> {
    let mut invalid = Vec::new();
    let filters = request::filters(query, viewer, &mut invalid);
    let format = match query.text("format") {
        None => Some(Format::Csv),
        Some(word) => Format::parse(word).filter(|format| matches!(format, Format::Csv | Format::Json | Format::Ndjson)),
    };
    if format.is_none() {
        invalid.push(query.invalid("format", "enum", "must be csv, json or ndjson".to_owned()));
    }
    let end_line = query.boolean("end", false).map_err(|fault| invalid.push(fault)).unwrap_or_default();
    let (Some(format), true) = (format, invalid.is_empty()) else { return Err(invalid.into()) };
    Ok(Wanted { query: filters, filters: request::named(query), format, end_line })
}

fn range(before_seq: u64, rows: usize) -> Range {
    Range { before_seq: Some(before_seq), after_seq: None, limit: u32::try_from(rows).unwrap_or(u32::MAX) }
}

/// Writes the whole file, a page at a time. Large entries come in smaller pages.
async fn write(store: &Store, tenant: &Tenant, shown: &Shown, wanted: &Wanted, mut page: Page, sink: &Sink) -> Result<(), Cut> {
    let (mut out, mut count) = (Vec::new(), 0);
    match wanted.format {
        Format::Csv => csv::header(COLUMNS, &mut out),
        Format::Json => json::begin(&mut out),
        _ => {}
    }
    loop {
        for item in &page.items {
            row(wanted.format, Entry::of(&item.event, Some(item.seq)), count == 0, &mut out);
            count += 1;
        }
        let rows = rows_next(page.items.iter().map(|item| item.bytes).sum(), page.items.len());
        sink.send(std::mem::take(&mut out)).await?;
        let Some(last) = page.items.last().filter(|_| page.has_more) else { break };
        page = log::page(store, tenant, shown, &wanted.query, range(last.seq, rows)).await.map_err(cut)?;
    }
    match wanted.format {
        Format::Json => json::end(count == 0, &mut out),
        Format::Ndjson if wanted.end_line => ndjson::end(count, &mut out),
        _ => {}
    }
    sink.send(out).await
}

fn row(format: Format, entry: Entry<'_>, is_first: bool, out: &mut Vec<u8>) {
    match format {
        Format::Csv => csv::row(COLUMNS, &entry.into_owned(), out),
        Format::Json => json::item(is_first, &entry.to_json(), out),
        _ => ndjson::line(&entry.to_json(), out),
    }
}

fn cut(fault: Fault) -> Cut {
    match fault {
        Fault::TooSlow => Cut::Store(slipstream_store::Error::Unavailable("the search took too long".to_owned())),
        Fault::Store(error) => Cut::Store(error),
    }
}
