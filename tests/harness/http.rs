//! A client of request/response routes.

use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method};
use serde_json::Value;

use crate::Sse;

/// A client with a base address and (or not) a token.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    base: String,
    token: Option<String>,
}

/// What a server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub text: String,
}

impl Http {
    /// A client of `base`, `http://host:port`.
    pub fn new(base: impl Into<String>, token: Option<String>) -> Self {
        // One connection per request: a server that was killed leaves none behind.
        let client = Client::builder().pool_max_idle_per_host(0).no_proxy().timeout(crate::PATIENCE).build().unwrap();
        Self { client, base: base.into(), token }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await.unwrap()
    }

    /// `POST` of a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    /// `POST` of a JSON body. `Err`: whether the server did it is not known.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.send("POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// Any request.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.request(method.parse::<Method>().unwrap(), format!("{}{path}", self.base));
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = request.body(body.to_owned()).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    /// The value of a metric without labels; 0 before it was first set.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap_or_default()
    }

    /// Publishes one event and gives its acknowledgement.
    pub async fn publish(&self, event: &Value) -> Value {
        self.post("/api/events", event).await.expect(202)
    }

    /// Opens the stream. `query` begins with `?` or is empty.
    ///
    /// # Errors
    /// What the server said instead.
    pub async fn stream(&self, query: &str, last_event_id: Option<&str>) -> Result<Sse, Answer> {
        self.try_stream(query, last_event_id).await.unwrap()
    }

    /// Opens the stream of a server that may not be there.
    ///
    /// # Errors
    /// When the server cannot be reached; inside, what it said instead.
    pub async fn try_stream(&self, query: &str, last_event_id: Option<&str>) -> Result<Result<Sse, Answer>, reqwest::Error> {
        Sse::open(&self.base, self.token.as_deref(), query, last_event_id).await
    }

    /// All pages of history, newest first.
    pub async fn history(&self, query: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/api/events/history?limit=100{query}{cursor}")).await.expect(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>()),
                None => return items,
            }
        }
    }
}

impl Answer {
    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e} in the answer {self:?}"))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// The body of a refusal, which must be problem details with this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json", "{self:?}");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{body}");
        body
    }
}
