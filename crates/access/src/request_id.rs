//! One id per request: taken from the caller when it is sane, made otherwise, echoed in the answer and named in every problem.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::limits;

/// The header that carries the id in both directions.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// The caller's id, when it is 1 to 128 of `[A-Za-z0-9._:-]`; else a new one.
    pub fn take(given: Option<&HeaderValue>) -> Self {
        let sane =
            |text: &&str| (1..=limits::REQUEST_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
        given.and_then(|value| value.to_str().ok()).filter(sane).map_or_else(|| Self(Uuid::now_v7().to_string().into()), |text| Self(text.into()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of the request that is being handled; `None` outside of [`assign`].
pub fn current() -> Option<String> {
    CURRENT.try_with(|id| id.as_str().to_owned()).ok()
}

/// Middleware for `axum::middleware::from_fn`: gives the request its id (also as an extension), and echoes it. Put it outermost.
pub async fn assign(mut request: Request, next: Next) -> Response {
    let id = RequestId::take(request.headers().get(HEADER));
    request.extensions_mut().insert(id.clone());
    let mut response = CURRENT.scope(id.clone(), next.run(request)).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_sane_ids_only() {
        let take = |text: &'static str| RequestId::take(Some(&HeaderValue::from_static(text)));
        assert_eq!(take("req-1.a:B_2".trim_end_matches("_2")).as_str(), "req-1.a:B");
        for bad in ["", "a b", "a\"b", "<x>", "a,b"] {
            assert_eq!(take(bad).as_str().len(), 36, "{bad:?}");
        }
        assert_eq!(RequestId::take(None).as_str().len(), 36);
    }
}
