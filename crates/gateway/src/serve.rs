//! The accept loop: HTTP/1.1 and HTTP/2 over plain TCP, with a limit on everything that a peer can hold.
//!
//! `axum::serve` sets no time limit for a request's head and none for a peer that stops reading; this loop does.

use std::io;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use metrics::gauge;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::limits;
use crate::metrics::CONNECTIONS;

/// Limits that differ between deployments.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most open connections. Beyond: new ones wait in the kernel's queue.
    pub connections_max: usize,
    /// How long open connections may take to end after `shutdown`. Then they are cut.
    pub drain: Duration,
}

/// Serves `router` on `listener` until `shutdown`; then takes no new connection, lets requests in hand end, and returns.
///
/// # Errors
/// When the listener's address cannot be told.
pub async fn run(listener: TcpListener, router: Router, limits: Limits, shutdown: CancellationToken) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let (tracker, graceful) = (TaskTracker::new(), GracefulShutdown::new());
    info!(address = %listener.local_addr()?, "serving");
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        match accepted {
            Ok((socket, permit)) => {
                prepare(&socket);
                serve(socket, permit, &router, &tracker, &graceful);
            }
            Err(error) => {
                // Most often the process is out of file descriptors: others must end first.
                warn!(%error, "a connection could not be taken");
                sleep(limits::ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    tracker.close();
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        warn!(connections = tracker.len(), "connections did not end in time and are cut");
    }
    Ok(())
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (socket, _) = listener.accept().await?;
    Ok((socket, permit))
}

/// A peer that stops reading holds a small buffer for a short while; one that vanished is noticed.
fn prepare(socket: &TcpStream) {
    let options = SockRef::from(socket);
    let set = [
        options.set_tcp_nodelay(true),
        options.set_tcp_user_timeout(Some(limits::PEER_SILENCE)),
        options.set_send_buffer_size(limits::SEND_BUFFER_BYTES),
        options.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10))),
    ];
    for error in set.into_iter().filter_map(Result::err) {
        debug!(%error, "a socket option could not be set");
    }
}

fn serve(socket: TcpStream, permit: OwnedSemaphorePermit, router: &Router, tracker: &TaskTracker, graceful: &GracefulShutdown) {
    let service = TowerToHyperService::new(router.clone());
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits::HEAD_READ).max_buf_size(limits::HEAD_BYTES_MAX).keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(socket), service).into_owned());
    gauge!(CONNECTIONS).increment(1.0);
    // Tracked: `run` waits for all of them.
    tracker.spawn(async move {
        if let Err(error) = connection.await {
            debug!(error, "a connection ended with an error");
        }
        gauge!(CONNECTIONS).decrement(1.0);
        drop(permit);
    });
}
