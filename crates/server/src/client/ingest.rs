//! `POST /api/events`.

use bytes::Bytes;
use reqwest::{Method, header};
use serde::Deserialize;
use slipstream_event::Tenant;
use tokio_util::sync::CancellationToken;

use super::{Client, Error, Patience, limits, media_type};

/// Events of one tenant that are sent in one request. Each must carry its own id: that is what makes a repeated request harmless.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Whose events; the client's tenant when `None`.
    pub tenant: Option<Tenant>,
    /// In which form.
    pub form: Form,
    /// How many.
    pub count: usize,
    /// The request's body.
    pub body: Bytes,
}

/// The form of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One event, or an array.
    Json,
    /// One event a line.
    Lines,
}

/// What the server says of one event that it has taken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// The event's id.
    pub id: String,
    /// Its place in the stream.
    pub cursor: String,
    /// Whether it was there before.
    pub duplicate: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Many { results: Vec<Receipt> },
    One(Receipt),
}

impl Client {
    /// Sends a batch until the server has all of it or refuses it. The receipts are in the batch's order.
    ///
    /// # Errors
    /// [`Error::Refused`] when nothing of it was stored and never will be; retriable errors when `patience` ended; then a part may be stored.
    pub async fn ingest(&self, batch: &Batch, patience: Patience, shutdown: &CancellationToken) -> Result<Vec<Receipt>, Error> {
        self.persist(patience, shutdown, async || self.ingest_once(batch).await).await
    }

    async fn ingest_once(&self, batch: &Batch) -> Result<Vec<Receipt>, Error> {
        let content_type = match batch.form {
            Form::Json => "application/json",
            Form::Lines => "application/x-ndjson",
        };
        let request = self.request(Method::POST, "/api/events", batch.tenant.as_ref(), &[]);
        let request = request.timeout(limits::REQUEST).header(header::CONTENT_TYPE, content_type).body(batch.body.clone());
        let response = self.send(request).await?;
        let form = media_type(&response);
        let body = self.body(response).await?;
        let answer = serde_json::from_slice(&body).map_err(|_| Error::Protocol(format!("an acknowledgement was expected, {form:?} came")))?;
        let receipts = match answer {
            Answer::Many { results } => results,
            Answer::One(receipt) => vec![receipt],
        };
        if receipts.len() == batch.count {
            Ok(receipts)
        } else {
            Err(Error::Protocol(format!("{} events were sent and {} acknowledged", batch.count, receipts.len())))
        }
    }
}
