//! The opening handshake (RFC 6455 §4.2): pure, and fed with hostile input.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use slipstream_access::Problem;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The only version that there is.
const VERSION: &str = "13";

/// What `Sec-WebSocket-Accept` must say.
///
/// # Errors
/// 426 when the request asks for no WebSocket, or for another version; 400 when its key is none.
pub fn check(method: &Method, version: Version, headers: &HeaderMap) -> Result<String, Problem> {
    let asks = method == Method::GET && version == Version::HTTP_11;
    if !asks || !lists(headers, &header::CONNECTION, "upgrade") || !lists(headers, &header::UPGRADE, "websocket") {
        return Err(upgrade_required());
    }
    if text(headers, &header::SEC_WEBSOCKET_VERSION) != Some(VERSION) {
        let detail = format!("Sec-WebSocket-Version must be {VERSION}");
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket_version_unsupported", detail));
    }
    match text(headers, &header::SEC_WEBSOCKET_KEY) {
        Some(key) if is_key(key) => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(Problem::bad_request("websocket_key_invalid", "Sec-WebSocket-Key must be 16 bytes in base64, once")),
    }
}

/// The answer to what is no handshake.
pub(super) fn upgrade_required() -> Problem {
    Problem::new(
        StatusCode::UPGRADE_REQUIRED,
        "upgrade_required",
        "this is a WebSocket: connect over HTTP/1.1 with Upgrade: websocket; for server-sent events use /api/events",
    )
}

/// A refusal that says what would be taken.
pub(super) fn refuse(problem: Problem) -> Response {
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

/// The answer to a handshake.
pub(super) fn switching(accept: String) -> Response {
    let headers = [(header::CONNECTION, "upgrade".to_owned()), (header::UPGRADE, "websocket".to_owned()), (header::SEC_WEBSOCKET_ACCEPT, accept)];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The value of a header that stands there once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(one), None) => one.to_str().ok().map(str::trim),
        _ => None,
    }
}

/// Whether a header's list has this word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// 16 bytes in base64: 22 digits and the padding.
fn is_key(key: &str) -> bool {
    let digits = key.strip_suffix("==").unwrap_or_default();
    digits.len() == 22 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] =
        [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];

    fn checked(method: &Method, version: Version, pairs: &[(&'static str, &'static str)]) -> Result<String, (u16, &'static str)> {
        let headers = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        check(method, version, &headers).map_err(|problem| (problem.status().as_u16(), problem.code()))
    }

    #[test]
    fn takes_what_the_rfc_says() {
        assert_eq!(checked(&Method::GET, Version::HTTP_11, &GOOD).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn refuses_everything_else_by_name() {
        assert_eq!(checked(&Method::HEAD, Version::HTTP_11, &GOOD), Err((426, "upgrade_required")));
        assert_eq!(checked(&Method::GET, Version::HTTP_10, &GOOD), Err((426, "upgrade_required")));
        let codes = [(426, "upgrade_required"), (426, "upgrade_required"), (426, "websocket_version_unsupported"), (400, "websocket_key_invalid")];
        for (missing, code) in codes.into_iter().enumerate() {
            let mut pairs = GOOD.to_vec();
            pairs.remove(missing);
            assert_eq!(checked(&Method::GET, Version::HTTP_11, &pairs), Err(code));
            pairs.push((GOOD[missing].0, "12"));
            assert_eq!(checked(&Method::GET, Version::HTTP_11, &pairs), Err(code));
        }
        let twice = [&GOOD[..], &GOOD[3..]].concat();
        assert_eq!(checked(&Method::GET, Version::HTTP_11, &twice), Err((400, "websocket_key_invalid")));
    }
}
