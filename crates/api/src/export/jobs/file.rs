//! `GET /api/exports/{id}/file`: the file, whole or in parts, piece by piece out of the database.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use slipstream_access::{Admin, Problem};
use slipstream_store::Store;
use slipstream_store::export::{self as table, Job};

use super::range::{self, Asked, Part};
use crate::ApiState;
use crate::export::body::{Cut, Sink, produced};
use crate::export::{file_headers, set};
use crate::failure::Failure;
use crate::id::Id;

pub(super) async fn read(State(state): State<ApiState>, admin: Admin, id: Id, headers: HeaderMap) -> Result<Response, Failure> {
    let job = super::job(&state, &admin, id).await?;
    let tag = format!("\"{}\"", super::finished(&job)?);
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (status, part) = match range::asked(text(header::RANGE), text(header::IF_RANGE), &tag, job.bytes) {
        Asked::Whole => (StatusCode::OK, None),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, Some(part)),
        Asked::Unsatisfiable => return Ok(unsatisfiable(job.bytes)),
    };
    let mut answer = head(&job, &tag);
    if let Some(Part { first, last }) = part {
        set(&mut answer, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", job.bytes));
    }
    let (first, end) = part.map_or((0, job.bytes), |part| (part.first, part.last + 1));
    answer.insert(header::CONTENT_LENGTH, HeaderValue::from(end - first));
    Ok((status, answer, body(state.domain.clone(), job, first, end)).into_response())
}

fn head(job: &Job, tag: &str) -> HeaderMap {
    let date = job.created_at.to_string();
    let time: String = date.chars().filter(|c| !matches!(c, '-' | ':')).take("YYYYMMDDThhmmss".len()).collect();
    let mut headers = file_headers(job.format.content_type(), &format!("history_{}_{time}Z.{}", job.tenant, job.format.extension()));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set(&mut headers, header::ETAG, tag);
    headers
}

fn body(store: Store, job: Job, first: u64, end: u64) -> Body {
    produced(move |sink: Sink| async move {
        let mut place = first;
        while place < end {
            // Expired or taken away in between: the body is shorter than its head said, and so seen to be cut.
            let Some(mut piece) = table::chunk(&store, &job.tenant, job.id, place).await? else { return Err(Cut::Gone) };
            piece.truncate(usize::try_from(end - place).unwrap_or(usize::MAX));
            place += piece.len() as u64;
            sink.send(piece).await?;
        }
        Ok(())
    })
}

fn unsatisfiable(bytes: u64) -> Response {
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", "the file has no such part");
    let mut response = problem.into_response();
    set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{bytes}"));
    response
}
