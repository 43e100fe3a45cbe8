//! `GET /api/ledger/export`: the ledger as lines of JSON, by which it is checked without the platform (`slipstream verify`).
//!
//! An export as the others are: it takes a slot of its user and tenant, and is told of before its first byte. Its end is fixed at the start, so that it can be read while events come in.
//! When the database fails in between, the connection is cut, and the last line is missing.

use std::collections::VecDeque;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderName;
use slipstream_access::Admin;
use slipstream_domain::export::{Export, Filters};
use slipstream_event::Tenant;
use slipstream_event::export::Format;
use slipstream_event::ledger::export::{Entry, Head, Line, VERSION};
use slipstream_store::export::rows_next;
use slipstream_store::{Store, ledger, limits::EXPORT_ROWS_FIRST};
use uuid::Uuid;

use crate::export::body::{Cut, Sink, produced};
use crate::export::{file_headers, record, set};
use crate::failure::Failure;
use crate::origin::Origin;
use crate::{ApiState, limits};

/// Streams the ledger.
pub(super) async fn read(State(state): State<ApiState>, admin: Admin, origin: Origin) -> Result<Response, Failure> {
    let tenant = admin.tenant();
    let slot = state.exports.take(tenant, &admin.principal().actor.user_id)?;
    let now = ledger::state(&state.archive, tenant).await?;
    let format = Format::Ndjson;
    let export = Export { id: Uuid::now_v7(), what: "the ledger", format: format.as_str(), filters: &Filters::new(), rows: Some(now.size), job: None };
    record(&state, &admin, &origin, &export).await?;
    let mut headers = file_headers(format.content_type(), &format!("ledger_{tenant}_{}.{}", now.size, format.extension()));
    set(&mut headers, HeaderName::from_static("x-export-upper-seq"), &now.size.to_string());
    let head = Head { version: VERSION, tenant: tenant.clone(), size: now.size, root: now.root, keys: super::keys(&state.ledger_keys) };
    let store = state.archive.clone();
    let body = produced(async move |sink| {
        let _slot = slot;
        write(&store, head, &sink).await
    });
    Ok((headers, body).into_response())
}

/// Writes the whole file. A ledger that has lost leaves ends before them, which its size and its checkpoints tell.
async fn write(store: &Store, head: Head, sink: &Sink) -> Result<(), Cut> {
    let (tenant, size) = (head.tenant.clone(), head.size);
    let mut notes = notes(store, &tenant, size).await?;
    sink.send(text(&[Line::Ledger(head)])?).await?;
    let (mut at, mut rows) = (0, EXPORT_ROWS_FIRST);
    loop {
        let before = at;
        let entries = ledger::entries(store, &tenant, at, size, u32::try_from(rows).unwrap_or(u32::MAX)).await?;
        rows = rows_next(entries.iter().map(bytes).sum(), entries.len());
        let mut lines = Vec::with_capacity(entries.len());
        for entry in entries {
            let number = entry.leaf.is_some().then_some(entry.number);
            lines.push(Line::Entry(entry));
            at = number.unwrap_or(at);
            while let Some((_, note)) = notes.pop_front_if(|(size, _)| Some(*size) == number) {
                lines.push(Line::Checkpoint(note));
            }
        }
        let is_last = at >= size || at == before;
        if is_last {
            lines.extend(notes.drain(..).map(|(_, note)| Line::Checkpoint(note)));
            lines.push(Line::End(at));
        }
        sink.send(text(&lines)?).await?;
        if is_last {
            return Ok(());
        }
    }
}

/// The checkpoints up to `size`, ascending: at most so many, spread over the ledger, and the last one in any case.
async fn notes(store: &Store, tenant: &Tenant, size: u64) -> Result<VecDeque<(u64, String)>, Cut> {
    let every = size.div_ceil(u64::from(limits::LEDGER_CHECKPOINTS_MAX));
    let found = ledger::checkpoints(store, tenant, 0, every, limits::LEDGER_CHECKPOINTS_MAX + 1).await?;
    Ok(found.into_iter().filter(|(at, _)| *at <= size).collect())
}

fn bytes(entry: &Entry) -> usize {
    entry.payload.as_ref().map_or(0, String::len)
}

fn text(lines: &[Line]) -> Result<Vec<u8>, Cut> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}
