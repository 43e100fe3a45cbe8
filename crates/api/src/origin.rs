//! Where a write comes from: what goes into its events beside the actor.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use slipstream_access::copilot::Caller;
use slipstream_access::request_id;
use slipstream_domain::declared::By;
use slipstream_event::{Actor, fault};

/// The correlation id and the trace of a request. Never refused: what is not sane is left out.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// `X-Correlation-Id`, else the request id.
    pub(crate) correlation_id: Option<String>,
    /// W3C `traceparent`.
    pub(crate) traceparent: Option<String>,
}

impl Origin {
    /// The caller as the one who does it, in this request.
    pub(crate) fn by<'a, C>(&'a self, caller: &'a Caller<C>) -> By<'a> {
        self.of(caller.actor())
    }

    /// The actor as the one who does it, in this request.
    pub(crate) fn of<'a>(&'a self, actor: &'a Actor) -> By<'a> {
        By { actor, correlation_id: self.correlation_id.as_deref(), batch_id: None }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let sane = |id: &&str| fault::text("correlationId", id, slipstream_event::limits::NAME_LEN_MAX).is_ok();
        let correlation_id = header("x-correlation-id").filter(sane).map(str::to_owned).or_else(request_id::current);
        let traceparent = header("traceparent").filter(|trace| is_traceparent(trace)).map(str::to_owned);
        Ok(Self { correlation_id, traceparent })
    }
}

/// Whether it is a trace context of version 00: `00-<32 hex>-<16 hex>-<2 hex>`.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), ["00", trace, span, flags] if hex(trace, 32) && hex(span, 16) && hex(flags, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_trace_contexts() {
        assert!(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        for bad in ["", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-y-z-w"] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
