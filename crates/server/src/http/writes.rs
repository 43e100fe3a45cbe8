//! Writes in hand: counted, so that a stop can refuse new ones and wait for these.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use slipstream_access::Problem;
use tokio::sync::Notify;

/// The writes in hand of a process.
#[derive(Clone, Debug, Default)]
pub struct Writes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    refusing: AtomicBool,
    in_hand: AtomicUsize,
    done: Notify,
}

struct Held(Arc<Inner>);

impl Writes {
    /// From now on new writes are answered with 503.
    pub fn refuse(&self) {
        self.0.refusing.store(true, Ordering::SeqCst);
    }

    /// Waits until no write is in hand.
    pub async fn finished(&self) {
        loop {
            let done = self.0.done.notified();
            if self.0.in_hand.load(Ordering::SeqCst) == 0 {
                return;
            }
            done.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Ordering::SeqCst);
        self.0.done.notify_waiters();
    }
}

/// Counts a write while it is in hand, or refuses it.
pub(super) async fn hold(State(writes): State<Writes>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    // Counted before the look, so that a stop either sees it or is seen by it.
    writes.0.in_hand.fetch_add(1, Ordering::SeqCst);
    let _held = Held(writes.0.clone());
    if writes.0.refusing.load(Ordering::SeqCst) {
        return Problem::unavailable("draining", "this server is shutting down").into_response();
    }
    next.run(request).await
}
