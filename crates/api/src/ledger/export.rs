//! `GET /api/ledger/export`: the ledger as lines of JSON, by which it is checked without the platform (`slipstream verify`).
//!
//! Its end is fixed at the start, so that it can be read while events come in. When the database fails in between, the connection is cut, and the last line is missing.

use std::collections::VecDeque;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use slipstream_access::Admin;
use slipstream_domain::declared::By;
use slipstream_domain::export::{self as rules, Export, Filters};
use slipstream_event::Tenant;
use slipstream_event::ledger::export::{Head, Line, VERSION};
use slipstream_store::{Error, Store, Tx, ledger};
use uuid::Uuid;

use crate::failure::Failure;
use crate::origin::Origin;
use crate::{ApiState, limits};

/// Streams the ledger; the export is recorded before its first byte.
pub(super) async fn read(State(state): State<ApiState>, admin: Admin, origin: Origin) -> Result<Response, Failure> {
    let tenant = admin.tenant();
    let now = ledger::state(&state.archive, tenant).await?;
    record(&state, &admin, &origin, now.size).await?;
    let head = Head { version: VERSION, tenant: tenant.clone(), size: now.size, root: now.root, keys: super::keys(&state.ledger_keys) };
    let reading = Reading { store: state.archive.clone(), tenant: tenant.clone(), size: now.size, at: 0, notes: VecDeque::new(), step: Step::Head(head) };
    let body = Body::from_stream(stream::try_unfold(reading, Reading::next));
    let name = format!("attachment; filename=\"ledger_{tenant}_{}.ndjson\"", now.size);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"))),
    ];
    Ok((headers, body).into_response())
}

async fn record(state: &ApiState, admin: &Admin, origin: &Origin, size: u64) -> Result<(), Failure> {
    let export = Export { id: Uuid::now_v7(), what: "the ledger", format: "ndjson", filters: &Filters::new(), rows: Some(size), job: None };
    let by = By { actor: &admin.principal().actor, correlation_id: origin.correlation_id.as_deref(), batch_id: None };
    let event = rules::created(&export, admin.tenant(), by)?;
    let work = async |tx: &mut Tx| -> Result<(), Failure> {
        tx.trace(origin.traceparent.clone());
        tx.emit(event);
        Ok(())
    };
    state.domain.write(admin.tenant(), work).await
}

/// How far it is.
struct Reading {
    store: Store,
    tenant: Tenant,
    size: u64,
    /// The last number that was given out.
    at: u64,
    /// Checkpoints beyond it, ascending.
    notes: VecDeque<(u64, String)>,
    step: Step,
}

enum Step {
    Head(Head),
    Entries,
    Done,
}

impl Reading {
    /// The next piece; a slow reader is not read ahead for.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        let mut lines = Vec::new();
        match std::mem::replace(&mut self.step, Step::Entries) {
            Step::Head(head) => {
                // At most so many, spread over the ledger, and the last one in any case.
                let every = self.size.div_ceil(u64::from(limits::LEDGER_CHECKPOINTS_MAX));
                let found = ledger::checkpoints(&self.store, &self.tenant, 0, every, limits::LEDGER_CHECKPOINTS_MAX + 1).await?;
                self.notes = found.into_iter().filter(|(size, _)| *size <= self.size).collect();
                lines.push(Line::Ledger(head));
            }
            Step::Entries => self.entries(&mut lines).await?,
            Step::Done => return Ok(None),
        }
        let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap_or_default() + "\n").collect();
        Ok(Some((text.into(), self)))
    }

    /// A ledger that has lost leaves ends before them, which its size and its checkpoints tell.
    async fn entries(&mut self, lines: &mut Vec<Line>) -> Result<(), Error> {
        let before = self.at;
        for entry in ledger::entries(&self.store, &self.tenant, self.at, self.size, limits::LEDGER_ENTRIES).await? {
            let number = entry.leaf.is_some().then_some(entry.number);
            lines.push(Line::Entry(entry));
            self.at = number.unwrap_or(self.at);
            while let Some((_, note)) = self.notes.pop_front_if(|(size, _)| Some(*size) == number) {
                lines.push(Line::Checkpoint(note));
            }
        }
        if self.at >= self.size || self.at == before {
            lines.extend(self.notes.drain(..).map(|(_, note)| Line::Checkpoint(note)));
            lines.push(Line::End(self.at));
            self.step = Step::Done;
        }
        Ok(())
    }
}
