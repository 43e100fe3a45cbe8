//! All HTTP of a process: the routes of its roles, the operators' routes, the cockpit, and what surrounds them.

pub mod cockpit;
pub mod observe;
pub mod ops;
pub mod writes;

use axum::Router;
use axum::body::HttpBody;
use axum::http::{Method, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use slipstream_access::{Problem, request_id};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};

use ops::Ops;
use writes::Writes;

/// Smallest answer that is compressed, in bytes.
const COMPRESSED_BYTES_MIN: u64 = 1_024;

/// The whole router. `compressed` holds routes whose answers may be compressed; `plain` the rest: ingest, streams.
pub fn router(plain: Router, compressed: Router, ops: Ops, writes: Writes) -> Router {
    let compression = CompressionLayer::new().gzip(true).compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESSED_BYTES_MIN)).and(Compressible));
    let compressed = compressed.merge(ops::router(ops)).fallback(fallback).layer(compression);
    compressed
        .merge(plain)
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(from_fn_with_state(writes, writes::hold))
        .layer(from_fn(observe::request))
        .layer(from_fn(request_id::assign))
}

/// Not what is compressed already, nor what may be asked for in parts: those are parts of the file as it is.
#[derive(Clone, Copy, Debug)]
struct Compressible;

impl Predicate for Compressible {
    fn should_compress<B: HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        let headers = response.headers();
        let is_zip = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/zip");
        !is_zip && !headers.contains_key(header::ACCEPT_RANGES)
    }
}

/// What no route takes: pages of the cockpit, else 404.
async fn fallback(method: Method, uri: Uri) -> Response {
    let is_page = !["/api", "/copilot", "/account", "/audit"]
        .iter()
        .any(|prefix| uri.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    if is_page && (method == Method::GET || method == Method::HEAD) { cockpit::page(uri.path()) } else { Problem::not_found().into_response() }
}
