//! What can go wrong between this program and the server, in words for the person at the terminal.

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Response, StatusCode, header};

use super::{Problem, limits};

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be set up: {}", root(.0))]
    Setup(#[source] reqwest::Error),
    /// The request could not even be made: the token or the cursor holds what no header may, say.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// No answer. Whether the request had an effect is not known; it may be repeated with the same ids.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The server.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server cannot answer now (408, 429, 5xx). May be repeated with the same ids.
    #[error("the server answered {problem}")]
    Unavailable {
        /// What it said.
        problem: Problem,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server refuses the request; repeating it gives the same answer.
    #[error("{_0}{}", hint(_0))]
    Refused(Problem),
    /// The server ended the stream and does not want it back.
    #[error("the server ended the stream: {0}")]
    Closed(String),
    /// What answered does not speak our protocol.
    #[error("the answer is not one of a Slipstream server: {0}")]
    Protocol(String),
    /// The command was told to end.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Whether the same request may have a better answer later.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Unavailable { retry_after, .. } = self { *retry_after } else { None }
    }

    /// The error of an answer that is no success.
    pub(super) async fn of_answer(mut response: Response) -> Self {
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        let location = response.headers().get(header::LOCATION).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > limits::PROBLEM_BYTES_MAX {
                break;
            }
        }
        if let (true, Some(location)) = (status.is_redirection(), location) {
            return Self::Protocol(format!("it redirects to {location}; use that address as --url"));
        }
        let problem = Problem::read(status.as_u16(), &body);
        let is_passing = status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        if is_passing { Self::Unavailable { problem, retry_after } } else { Self::Refused(problem) }
    }
}

/// What a person at the terminal can do about a refusal.
fn hint(problem: &Problem) -> &'static str {
    match problem.code.as_str() {
        "account_required" => "\n(name the tenant with --tenant)",
        "account_mismatch" => "\n(the token is of another tenant: use one of this tenant, or a super-admin's)",
        "token_expired" | "auth_invalid" => "\n(`slipstream token mint` makes a new token, `slipstream token inspect` shows what is in one)",
        _ => "",
    }
}

/// The wait of a `Retry-After` header: whole seconds, cut to the longest that we grant. Dates are not used by our servers and not read.
fn retry_after(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(|seconds| Duration::from_secs(seconds).min(limits::RETRY_AFTER_MAX))
}

/// The innermost cause of an error: the part that a person can act on.
pub(super) fn root(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.source().is_none() { error.to_string() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_waits_in_seconds() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("99999999"), Some(limits::RETRY_AFTER_MAX));
        for not_read in ["", "-1", "1.5", "Fri, 20 Nov 2026 22:00:00 GMT"] {
            assert_eq!(retry_after(not_read), None, "{not_read}");
        }
    }
}
