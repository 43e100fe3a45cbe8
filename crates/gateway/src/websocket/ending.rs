//! How a socket ends: its close code (RFC 6455 §7.4; those above 4000 are ours) and its reason, a word that programs may compare.

use http::StatusCode;
use slipstream_access::Problem;

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The connection broke, or its client takes no byte: there is nobody to tell.
    Gone,
    /// The client has said goodbye.
    Left,
    /// The server says why.
    Close(Close),
}

/// The server's last words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The close code.
    pub code: u16,
    /// At most 123 bytes.
    pub reason: &'static str,
}

impl Close {
    pub(super) const ORIGIN: Self = Self::new(4403, "origin_forbidden");
    pub(super) const MISSING: Self = Self::new(4401, "auth_required");
    pub(super) const MALFORMED: Self = Self::new(4401, "auth_invalid");
    pub(super) const FAULTY: Self = Self::new(4400, "field_invalid");
    pub(super) const DRAINING: Self = Self::new(1012, "draining");
    pub(super) const PROTOCOL: Self = Self::new(1002, "protocol_error");
    pub(super) const NOT_TEXT: Self = Self::new(1007, "not_utf8");
    pub(super) const TOO_MANY: Self = Self::new(1008, "too_many_messages");
    pub(super) const TOO_LARGE: Self = Self::new(1009, "message_too_large");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// What an HTTP route would answer, as a close code.
    pub(super) fn refused(problem: &Problem) -> Self {
        let code = match problem.status() {
            StatusCode::UNAUTHORIZED => 4401,
            StatusCode::FORBIDDEN => 4403,
            StatusCode::TOO_MANY_REQUESTS => 4429,
            StatusCode::SERVICE_UNAVAILABLE if problem.code() == Self::DRAINING.reason => return Self::DRAINING,
            StatusCode::SERVICE_UNAVAILABLE => 1013,
            status if status.is_client_error() => 4400,
            _ => 1011,
        };
        Self::new(code, problem.code())
    }

    /// What follows the `close` message with this reason. None: the stream broke off, and the client resumes.
    pub(super) fn after(reason: Option<&'static str>) -> Self {
        match reason {
            None => Self::new(1013, "unavailable"),
            Some(reason @ "server_shutdown") => Self::new(1001, reason),
            Some(reason @ ("token_expired" | "access_revoked" | "user_disabled")) => Self::new(4401, reason),
            Some(reason) => Self::new(1000, reason),
        }
    }
}

impl From<Close> for Ending {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

#[cfg(test)]
mod tests {
    use slipstream_access::Denied;
    use tokio::time::Duration;

    use super::*;

    #[test]
    fn tells_authentication_from_authorisation_and_both_from_a_want_of_room() {
        let cases = [
            (Problem::from(Denied::Expired), 4401, "token_expired"),
            (Problem::from(Denied::KeysUnavailable), 1013, "issuer_unavailable"),
            (Problem::forbidden("account_mismatch", ""), 4403, "account_mismatch"),
            (Problem::bad_request("account_required", ""), 4400, "account_required"),
            (Problem::too_many_requests("too_many_streams", "", Duration::from_secs(1)), 4429, "too_many_streams"),
            (Problem::unavailable("streams_full", ""), 1013, "streams_full"),
            (Problem::unavailable("draining", ""), 1012, "draining"),
        ];
        for (problem, code, reason) in cases {
            assert_eq!(Close::refused(&problem), Close { code, reason });
        }
    }
}
