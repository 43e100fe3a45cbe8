//! What goes wrong in a handler, as the answer to the caller. Foreign errors become answers here and nowhere else.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use slipstream_access::Problem;
use slipstream_access::problem::{Invalid, Location};
use slipstream_domain::Refusal;
use slipstream_domain::declared::Broken;
use slipstream_event::Fault;
use slipstream_store::Error;

/// The answer to a call that failed.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Problem);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Vec<Invalid>> for Failure {
    fn from(invalid: Vec<Invalid>) -> Self {
        Self(Problem::invalid(invalid))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        Self(match refusal {
            Refusal::Invalid(fault) => Problem::invalid(vec![Invalid::new(Location::Body, fault)]),
            Refusal::Blank(field) => Problem::bad_request("field_empty", &detail).with_fields(vec![Fault::new(field, "field_empty", detail)]),
            Refusal::NoFields | Refusal::NoTargets => Problem::bad_request(refusal.code(), detail),
        })
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        tracing::error!(error = %broken, "a change was refused because its event does not fit its declaration");
        Self(Problem::internal())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::Unavailable(_) => {
                tracing::warn!(%error, "the database did not answer");
                Problem::unavailable("storage_unavailable", "the database does not answer; try again")
            }
            Error::Contended(_) => Problem::unavailable("storage_unavailable", "others changed the same; try again").with_retry_after(Duration::from_secs(1)),
            Error::SearchTimeout => {
                Problem::unavailable("search_timeout", "the search took too long: narrow its time range (timeStart, timeEnd) or its filters")
                    .with_retry_after(Duration::from_secs(5))
            }
            Error::Conflict { .. } => Problem::conflict("duplicate", "the same exists already"),
            Error::Reference { .. } => Problem::not_found(),
            Error::Refused { .. } | Error::EventTooLarge { .. } | Error::TooManyEvents { .. } => {
                tracing::warn!(%error, "the database refused a value that the rules had let pass");
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", "a value cannot be kept")
            }
            Error::Setup(_) => {
                tracing::error!(%error, "the database is not set up");
                Problem::unavailable("storage_unavailable", "the database is not set up")
            }
            Error::Bug(_) => {
                tracing::error!(%error, "a fault in the use of the database");
                Problem::internal()
            }
        })
    }
}
