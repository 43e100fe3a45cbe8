//! The cockpit: the built web app, inside the binary.

use axum::body::Body;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

/// The build of `dashboards/cockpit`. Debug builds read it from disk at each request. A build without it serves a page that says so.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../dashboards/cockpit/dist"]
#[allow_missing = true]
struct Dist;

/// Only our own files, only our own server; no frame, no plug-in, no form elsewhere.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A file of the build; every other path gets the app, which has routes of its own.
pub(super) fn page(path: &str) -> Response {
    let name = path.trim_start_matches('/');
    let is_asset = name.starts_with("assets/");
    let found = Dist::get(name).filter(|_| !name.is_empty()).map(|file| (name, file));
    let Some((name, file)) = found.or_else(|| (!is_asset).then(|| Dist::get("index.html")).flatten().map(|file| ("index.html", file))) else {
        return missing(is_asset);
    };
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    // Assets are named by their content.
    let cache = if is_asset { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, with_charset(mime.essence_str())),
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin".to_owned()),
    ];
    (StatusCode::OK, headers, Body::from(file.data.into_owned())).into_response()
}

fn with_charset(mime: &str) -> String {
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}

fn missing(is_asset: bool) -> Response {
    if is_asset {
        return StatusCode::NOT_FOUND.into_response();
    }
    (
        StatusCode::NOT_FOUND,
        "The cockpit is not built into this binary. Run scripts/setup (or npm ci && npm run build in dashboards/cockpit), then build again.\n",
    )
        .into_response()
}
