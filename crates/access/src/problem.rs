//! The one shape of HTTP errors: RFC 9457 problem details with a stable `code` and the `request_id`.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use slipstream_event::Fault;

use crate::{Class, Denied, limits, metrics, request_id};

/// How long a caller should wait when nothing better is known.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(2);

/// An error answer: `{type, title, status, detail, code, request_id, fields?}` as `application/problem+json`.
///
/// `detail` is a sentence, except for [`Problem::invalid`], where existing clients read a list.
#[derive(Clone, Debug)]
#[must_use]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: Value,
    fields: Vec<Fault>,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
    challenge: Option<&'static str>,
}

/// Where a refused value stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// In the query string.
    Query,
    /// In the path.
    Path,
}

impl Location {
    fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
            Self::Path => "path",
        }
    }
}

/// A refused value: where, what is wrong, and the value when it may be repeated (`null` otherwise).
#[derive(Clone, Debug)]
pub struct Invalid {
    /// Where it stood.
    pub location: Location,
    /// Which field, and why.
    pub fault: Fault,
    /// The value, for values that cannot be secret; `null` else.
    pub input: Box<Value>,
}

impl Problem {
    /// An error with a status, a stable word and a sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            detail: Value::String(detail.into()),
            fields: Vec::new(),
            members: Map::new(),
            retry_after: None,
            challenge: None,
        }))
    }

    /// 400: a rule is violated.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401 with a challenge.
    pub fn unauthorized(denied: Denied) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, denied.code(), denied.to_string());
        problem.0.challenge = Some(if denied == Denied::Missing { "Bearer" } else { "Bearer error=\"invalid_token\"" });
        problem
    }

    /// 403.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 403 `role_forbidden` or `super_admin_required`: the caller is not of `class`.
    pub fn class_required(class: Class) -> Self {
        match class {
            Class::SuperAdmin => Self::forbidden("super_admin_required", "only super-admins may do this"),
            _ => Self::forbidden("role_forbidden", format!("the class {} is required", class.as_str())),
        }
    }

    /// 404 for everything that is not there, or not for this caller.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not Found")
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method Not Allowed")
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 413.
    pub fn too_large(bytes_max: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", format!("the body must be at most {bytes_max} bytes"))
    }

    /// 415.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_unsupported", detail)
    }

    /// 422 with a sentence, for routes without older clients; name the fields with [`Problem::with_fields`].
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 422 `validation`, whose `detail` is the list `[{type, loc, msg, input}]` that existing clients read.
    pub fn invalid(mut invalid: Vec<Invalid>) -> Self {
        invalid.truncate(limits::FAULTS_MAX);
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", "");
        problem.0.detail = invalid.iter().map(Invalid::listed).collect();
        problem.0.fields = invalid.into_iter().map(|invalid| invalid.fault).collect();
        problem
    }

    /// 429.
    pub fn too_many_requests(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail).with_retry_after(retry_after)
    }

    /// 500. What went wrong is for the log, not for the caller.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side")
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).with_retry_after(RETRY_AFTER_DEFAULT)
    }

    /// The same with the refused fields named in `fields`.
    pub fn with_fields(mut self, fields: Vec<Fault>) -> Self {
        self.0.fields = fields;
        self
    }

    /// The same with a further member.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// The same with another `Retry-After`, in whole seconds, at least one.
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable word.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The body, with the id of the request that is being answered.
    pub fn body(&self) -> Value {
        let parts = &*self.0;
        let mut body = Map::new();
        let mut set = |member: &str, value: Value| body.insert(member.to_owned(), value);
        set("type", json!("about:blank"));
        set("title", json!(parts.status.canonical_reason().unwrap_or("Error")));
        set("status", json!(parts.status.as_u16()));
        set("detail", parts.detail.clone());
        set("code", json!(parts.code));
        set("request_id", json!(request_id::current()));
        if !parts.fields.is_empty() {
            set("fields", json!(parts.fields));
        }
        body.extend(parts.members.clone());
        Value::Object(body)
    }
}

impl Invalid {
    /// A refused value that is not repeated.
    pub fn new(location: Location, fault: Fault) -> Self {
        Self { location, fault, input: Box::new(Value::Null) }
    }

    fn listed(&self) -> Value {
        let mut loc = vec![json!(self.location.as_str())];
        loc.extend(
            self.fault.field.split('.').filter(|part| !part.is_empty()).map(|part| part.parse::<u64>().map_or_else(|_| json!(part), |index| json!(index))),
        );
        json!({"type": self.fault.code, "loc": loc, "msg": self.fault.message, "input": self.input})
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if matches!(self.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            ::metrics::counter!(metrics::DENIED_TOTAL, "code" => self.code()).increment(1);
        }
        let mut response = (self.status(), self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if let Some(challenge) = self.0.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}
