//! The bundled sample: what `slipstream dev` loads when it starts for the first time.

use slipstream_access::Secret;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Format, Options, Progress, Summary, load};
use crate::client::{Client, Target};

/// 500 real CloudTrail records, one a line; see `data/README.md`.
pub const SAMPLE: &[u8] = include_bytes!("../../../../../data/cloudtrail-sample.ndjson");

/// Loads the bundled sample through the public ingest of the server at `url`, `rate` events a second, so that a person sees them arrive.
/// Doing it again changes nothing. Shows nothing.
///
/// # Errors
/// When the server does not answer, refuses the token, or `shutdown` came first.
pub async fn load_sample(url: &Url, admin_token: &Secret, rate: f64, shutdown: &CancellationToken) -> anyhow::Result<Summary> {
    let target = Target { url: url.clone(), token: admin_token.clone(), tenant: None, hint: None };
    let client = Client::new(target, |line| tracing::warn!("{line}"))?;
    let options = Options { rate: Some(rate), batch: 100, concurrency: 4, limit: None, strict: false };
    let (summary, result) = load(&client, Format::Cloudtrail, SAMPLE, &options, &Progress::none(), shutdown).await;
    result.map(|()| summary)
}
