//! Exports: streamed, and as jobs whose files are fetched in parts.

use std::collections::BTreeMap;

use reqwest::{Method, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Client, Error, Patience, limits};

/// A job, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Id.
    pub id: String,
    /// queued, running, ready, failed or expired.
    pub state: String,
    /// Events so far.
    pub rows: u64,
    /// Events in all, when that is known.
    #[serde(default)]
    pub rows_estimated: Option<u64>,
    /// Bytes so far.
    pub bytes: u64,
    /// Why it failed.
    #[serde(default)]
    pub failure: Option<String>,
}

/// What a file is known by.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Length.
    pub bytes: u64,
    /// Events.
    pub rows: u64,
}

impl Client {
    /// Begins a streamed export. What follows on the answer may be cut off; then its reading fails.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn export(&self, query: &[(&'static str, String)]) -> Result<Response, Error> {
        self.send(self.request(Method::GET, "/api/events/export", None, query)).await
    }

    /// Asks for an export as a job.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn export_job(&self, format: &str, end: bool, filters: &[(&'static str, String)]) -> Result<Job, Error> {
        let mut grouped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in filters {
            grouped.entry(name).or_default().push(value);
        }
        let body = json!({"format": format, "end": end, "filters": grouped}).to_string();
        let request = self.request(Method::POST, "/api/exports", None, &[]).timeout(limits::REQUEST);
        let response = self.send(request.header(header::CONTENT_TYPE, "application/json").body(body)).await?;
        self.read("a job", response).await
    }

    /// Where a job stands.
    ///
    /// # Errors
    /// [`Error`], when the server does not answer for [`limits::PATIENCE_COMMAND`] or refuses.
    pub async fn job(&self, id: &str, shutdown: &CancellationToken) -> Result<Job, Error> {
        self.persist(Patience::new(limits::PATIENCE_COMMAND), shutdown, async || self.ask("a job", &format!("/api/exports/{id}")).await).await
    }

    /// What the file of a job is.
    ///
    /// # Errors
    /// As of [`Client::job`].
    pub async fn manifest(&self, id: &str, shutdown: &CancellationToken) -> Result<Manifest, Error> {
        self.persist(Patience::new(limits::PATIENCE_COMMAND), shutdown, async || self.ask("a manifest", &format!("/api/exports/{id}/manifest")).await).await
    }

    /// The file of a job, from byte `from` on.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Protocol`] when the file is another than the manifest's.
    pub async fn file(&self, id: &str, manifest: &Manifest, from: u64) -> Result<Response, Error> {
        let request = self.request(Method::GET, &format!("/api/exports/{id}/file"), None, &[]);
        let request = request.header(header::RANGE, format!("bytes={from}-")).header(header::IF_RANGE, format!("\"{}\"", manifest.sha256));
        let response = self.send(request).await?;
        if response.status() == StatusCode::PARTIAL_CONTENT { Ok(response) } else { Err(Error::Protocol("a part of a file was expected".to_owned())) }
    }

    /// The next bytes of an answer; `None` at its end.
    ///
    /// # Errors
    /// [`Error::Unreachable`], when it was cut off.
    pub async fn chunk(&self, response: &mut Response) -> Result<Option<bytes::Bytes>, Error> {
        response.chunk().await.map_err(|error| self.unreachable(&error))
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&self, what: &str, path: &str) -> Result<T, Error> {
        let response = self.send(self.request(Method::GET, path, None, &[]).timeout(limits::REQUEST)).await?;
        self.read(what, response).await
    }

    async fn read<T: for<'a> Deserialize<'a>>(&self, what: &str, response: Response) -> Result<T, Error> {
        let body = self.body(response).await?;
        serde_json::from_slice(&body).map_err(|error| Error::Protocol(format!("{what} was expected: {error}")))
    }
}
