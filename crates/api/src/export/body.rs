//! Bodies that are written while they are sent.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

/// Where the pieces of a body go.
pub(crate) struct Sink(Arc<Mutex<Option<Bytes>>>);

/// Why a body ends before its end. The connection is cut, so that nobody takes what came for the whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    /// The archive did not answer, or a stored event cannot be read.
    #[error(transparent)]
    Store(#[from] slipstream_store::Error),
    /// What was read cannot be written in the format.
    #[error("an archived event cannot be written: {0}")]
    Format(#[from] serde_json::Error),
    /// The archive file cannot be written.
    #[error("the zip file cannot be written: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The same.
    #[error("the file cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The file was taken away while it was read.
    #[error("the file is not there any more")]
    Gone,
}

impl Sink {
    /// Hands a piece on. Goes on when the next one is asked for: nothing is begun for a client that does not read, which could hold a connection of the database for as long as it likes.
    pub(crate) async fn send(&self, piece: Vec<u8>) -> Result<(), Cut> {
        let mut piece = Some(piece).filter(|piece| !piece.is_empty());
        poll_fn(|_| match piece.take() {
            None => Poll::Ready(Ok(())),
            Some(piece) => {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(piece.into());
                Poll::Pending
            }
        })
        .await
    }
}

/// The body that `work` writes. It is worked on only while the body is read; whoever drops the body stops the work.
pub(crate) fn produced<F>(work: impl FnOnce(Sink) -> F) -> Body
where
    F: Future<Output = Result<(), Cut>> + Send + 'static,
{
    let slot = Arc::new(Mutex::new(None));
    // Dropped at its end, with what it holds.
    let mut work = Some(Box::pin(work(Sink(slot.clone()))));
    Body::from_stream(stream::poll_fn(move |cx| {
        let Some(running) = work.as_mut() else { return Poll::Ready(None) };
        let result = match running.as_mut().poll(cx) {
            Poll::Pending => {
                let piece: Option<Bytes> = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                return piece.map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(piece))));
            }
            Poll::Ready(result) => result,
        };
        work = None;
        if let Err(cut) = &result {
            tracing::warn!(error = %cut, "an export was cut off");
        }
        Poll::Ready(result.err().map(Err))
    }))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn works_only_while_it_is_read_and_ends_with_its_error() {
        let steps = Arc::new(Mutex::new(0));
        let counted = steps.clone();
        let mut body = produced(async move |sink| {
            for step in 1..=2 {
                *counted.lock().unwrap() = step;
                sink.send(vec![step; 3]).await?;
            }
            Err(Cut::Gone)
        });
        assert_eq!(*steps.lock().unwrap(), 0);
        for step in 1..=2 {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), vec![step; 3]);
            assert_eq!(*steps.lock().unwrap(), step, "the next step waits to be asked for");
        }
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none() && Arc::strong_count(&steps) == 1, "what the work held is let go");
    }
}
