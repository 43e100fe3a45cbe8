//! Ids in paths.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use slipstream_access::Problem;
use uuid::Uuid;

/// The one parameter of a path. What is no UUID is no row: it is refused as such, but not before the caller.
pub(crate) struct Id(Option<Uuid>);

impl Id {
    /// The id.
    ///
    /// # Errors
    /// 404 when it is no UUID.
    pub(crate) fn known(self) -> Result<Uuid, Problem> {
        self.0.ok_or_else(Problem::not_found)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok())))
    }
}
