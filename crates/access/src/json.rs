//! JSON bodies whose refusals name the field.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use slipstream_event::draft::reader_fault;

use crate::{Problem, limits};

/// A JSON body, in either direction.
///
/// As extractor: `application/json` (or `+json`) else 415; at most [`limits::BODY_BYTES_MAX`] bytes else 413; JSON else 400 `json_invalid`; of type `T`
/// else 422 `field_invalid` with the field named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media_type("send application/json"));
        }
        parse(&read(request.into_body()).await?).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

/// The whole body.
pub(crate) async fn read(body: axum::body::Body) -> Result<Vec<u8>, Problem> {
    match Limited::new(body, limits::BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Problem::too_large(limits::BODY_BYTES_MAX)),
        Err(_) => Err(Problem::bad_request("body_incomplete", "the body could not be read to its end")),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let result = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // Where the text breaks off, the reader's sentence says line and column; the path would name half a field.
        let path = if error.inner().is_data() { error.path().to_string() } else { ".".to_owned() };
        reader_fault(if path == "." { String::new() } else { path }, error.inner())
    });
    let fault = match result.and_then(|value| reader.end().map(|()| value).map_err(|error| reader_fault(String::new(), &error))) {
        Ok(value) => return Ok(value),
        Err(fault) => fault,
    };
    let status = if fault.code == "json_invalid" { StatusCode::BAD_REQUEST } else { StatusCode::UNPROCESSABLE_ENTITY };
    Err(Problem::new(status, fault.code, fault.to_string()).with_fields(vec![fault]))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Item {
        #[expect(dead_code, reason = "only its type matters here")]
        count: u32,
    }

    #[test]
    fn names_the_field() {
        let problem = |body: &str| {
            let problem = parse::<Vec<Item>>(body.as_bytes()).unwrap_err();
            (problem.status().as_u16(), problem.code(), problem.body()["fields"][0]["field"].as_str().unwrap().to_owned())
        };
        assert_eq!(problem(r#"[{"count":1},{"count":"x"}]"#), (422, "field_invalid", "[1].count".into()));
        assert_eq!(problem("[{"), (400, "json_invalid", String::new()));
        assert_eq!(problem("[] []"), (400, "json_invalid", String::new()));
    }

    #[test]
    fn knows_json_types() {
        let is = |value: &'static str| is_json(&[(header::CONTENT_TYPE, HeaderValue::from_static(value))].into_iter().collect());
        assert!(is("application/json") && is("Application/JSON; charset=utf-8") && is("application/cloudevents+json"));
        assert!(!is("text/json") && !is("") && !is("application/jsonp") && !is_json(&HeaderMap::new()));
    }
}
