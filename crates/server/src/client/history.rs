//! `GET /api/events/history`.

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::{Client, Error, Patience, limits};

/// A part of history, newest first.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The events, as the server wrote them.
    pub items: Vec<Box<RawValue>>,
    /// Where the next page begins; `None` on the last.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Reads history page by page.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    query: Vec<(&'static str, String)>,
    cursor: Option<String>,
    has_ended: bool,
}

impl Pages {
    /// The history that `query` (filters, times, text) asks for.
    pub fn new(client: Client, query: Vec<(&'static str, String)>) -> Self {
        Self { client, query, cursor: None, has_ended: false }
    }

    /// The next at most `limit` events (cut to [`limits::PAGE_EVENTS`]); `None` after the last page.
    ///
    /// # Errors
    /// [`Error`], when the server does not answer for [`limits::PATIENCE_COMMAND`] or refuses.
    pub async fn next(&mut self, limit: usize, shutdown: &CancellationToken) -> Result<Option<Vec<Box<RawValue>>>, Error> {
        if self.has_ended || limit == 0 {
            return Ok(None);
        }
        let mut query = self.query.clone();
        query.push(("limit", limit.min(limits::PAGE_EVENTS).to_string()));
        query.extend(self.cursor.clone().map(|cursor| ("cursor", cursor)));
        let page = self.client.persist(Patience::new(limits::PATIENCE_COMMAND), shutdown, async || self.client.page(&query).await).await?;
        // A cursor that does not move would never end.
        self.has_ended = page.next_cursor.is_none() || page.next_cursor == self.cursor || page.items.is_empty();
        self.cursor = page.next_cursor;
        Ok(Some(page.items))
    }
}

impl Client {
    async fn page(&self, query: &[(&'static str, String)]) -> Result<Page, Error> {
        let request = self.request(Method::GET, "/api/events/history", None, query).timeout(limits::REQUEST);
        let response = self.send(request).await?;
        let body = self.body(response).await?;
        serde_json::from_slice(&body).map_err(|error| Error::Protocol(format!("a page of history was expected: {error}")))
    }
}
