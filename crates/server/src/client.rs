//! The client side of the platform's HTTP API: what `import`, `publish`, `tail`, `history`, `export` and `verify` are made of.
//!
//! Promises:
//! - Every request that may be repeated is repeated, with the same ids, until the server answers or the [`limits`] say stop; `Retry-After` is honoured.
//! - A [`Tail`] goes on after the last event that it handed out: no event is handed out twice, none is left out.
//! - No credential is ever shown, and none is sent to another place than the configured one: redirects are not followed.

pub mod connection;
mod error;
mod export;
mod history;
mod ingest;
mod ledger;
pub mod limits;
mod problem;
mod retry;
pub mod sse;
mod tail;

use std::sync::Arc;

use reqwest::{Method, RequestBuilder, Response, header};
use slipstream_access::Secret;
use slipstream_event::Tenant;
use url::Url;

pub use connection::{Connection, Reach, Target};
pub use error::Error;
pub use export::{Job, Manifest};
pub use history::{Page, Pages};
pub use ingest::{Batch, Form, Receipt};
pub use ledger::LedgerLines;
pub use problem::{Problem, Refused};
pub use retry::{Backoff, Patience};
pub use tail::{Item, Tail};

/// Talks to one deployment with one credential. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    base: Url,
    token: Secret,
    tenant: Option<Tenant>,
    hint: Option<String>,
    notify: Box<dyn Fn(&str) + Send + Sync>,
}

impl Client {
    /// A client of `target`. What a person should know meanwhile (the server does not answer, a new try follows) goes to `notify`.
    ///
    /// # Errors
    /// [`Error::Setup`] when TLS cannot be set up.
    pub fn new(target: Target, notify: impl Fn(&str) + Send + Sync + 'static) -> Result<Self, Error> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("slipstream/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits::CONNECT)
            .redirect(reqwest::redirect::Policy::none());
        // Without TLS no certificates are needed, and a machine may have none. What is on this machine needs no proxy.
        let builder = if target.url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        let builder = if is_loopback(&target.url) { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(Error::Setup)?;
        Ok(Self(Arc::new(Inner { http, base: target.url, token: target.token, tenant: target.tenant, hint: target.hint, notify: Box::new(notify) })))
    }

    /// The tenant that every request names, unless it names another.
    pub fn tenant(&self) -> Option<&Tenant> {
        self.0.tenant.as_ref()
    }

    /// A request to `path` below the base URL, with credential, tenant and query.
    fn request(&self, method: Method, path: &str, tenant: Option<&Tenant>, query: &[(&'static str, String)]) -> RequestBuilder {
        let mut url = self.0.base.clone();
        url.set_path(&format!("{}{path}", self.0.base.path().trim_end_matches('/')));
        if let Some(tenant) = tenant.or(self.tenant()) {
            url.query_pairs_mut().append_pair("account_id", tenant.as_str());
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.0.http.request(method, url).bearer_auth(self.0.token.expose())
    }

    /// Sends a request and takes its answer's head; an answer that is no success is an error.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Error::of_answer(response).await)
    }

    /// Reads an answer's whole body.
    async fn body(&self, response: Response) -> Result<bytes::Bytes, Error> {
        response.bytes().await.map_err(|error| self.unreachable(&error))
    }

    /// The error of a request without an answer.
    fn unreachable(&self, error: &reqwest::Error) -> Error {
        if error.is_builder() {
            return Error::Unsendable(error::root(error));
        }
        let hint = self.0.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        Error::Unreachable { url: self.0.base.to_string(), reason: format!("{}{hint}", error::root(error)) }
    }

    fn notify(&self, line: &str) {
        (self.0.notify)(line);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.0.base.as_str()).field("tenant", &self.0.tenant).finish_non_exhaustive()
    }
}

/// The media type of an answer, without parameters.
fn media_type(response: &Response) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
