//! The crate `sse-stream` over `reqwest`. It does not connect anew by itself: this does, by the stream's own hint.

use std::time::Duration;

use futures_util::TryStreamExt;
use sse_stream::{Sse, SseByteStream};
use tokio::sync::mpsc::Sender;

use super::driver::Shown;

/// Reads the stream of this base address until nobody listens.
pub(super) async fn run(base: String, token: String, mut last_id: Option<String>, lines: Sender<Shown>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut retry_ms = 1_000;
    loop {
        let mut request = client.get(format!("{base}/api/events")).bearer_auth(&token);
        if let Some(id) = &last_id {
            request = request.header("last-event-id", id);
        }
        if let Ok(response) = request.send().await {
            let mut blocks = SseByteStream::new(response.bytes_stream());
            while let Ok(Some(Sse { event, data, id, retry })) = blocks.try_next().await {
                last_id = id.clone().or(last_id);
                retry_ms = retry.unwrap_or(retry_ms);
                let Some(data) = data else { continue };
                let shown = Shown { id: id.unwrap_or_default(), event: event.unwrap_or_else(|| "message".to_owned()), data };
                if lines.send(shown).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(retry_ms)).await;
    }
}
