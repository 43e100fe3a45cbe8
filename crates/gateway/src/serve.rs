//! The accept loop: HTTP/1 and HTTP/2 over plain TCP, with a limit on everything that a peer can hold.
//!
//! `axum::serve` sets no time limit for a request's head and none for a peer that stops reading; this loop does. A connection on which a stream begins leaves
//! the HTTP library and goes to [`crate::sockets`].

mod connection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use metrics::gauge;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::limits;
use crate::metrics::CONNECTIONS;
use crate::sockets::Sockets;
use connection::Connection;

/// Limits that differ between deployments.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most open connections. Beyond: new ones wait in the kernel's queue.
    pub connections_max: usize,
    /// How long open connections may take to end after `shutdown`. Then they are cut.
    pub drain: Duration,
}

/// The right to one open connection; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat(#[expect(dead_code, reason = "held for its end")] OwnedSemaphorePermit);

/// Listens on an address, with room for the connections of a storm: the kernel drops those beyond, and their peers try again only after seconds.
///
/// # Errors
/// When the address is taken, or not ours.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits::BACKLOG)
}

/// Serves `router` on `listener` until `shutdown`; then takes no new connection, lets requests in hand end, and returns. Streams over plain HTTP/1 go to `sockets`
/// and are not waited for here.
///
/// # Errors
/// When the listener's address cannot be told.
pub async fn run(listener: TcpListener, router: Router, sockets: Option<Sockets>, limits: Limits, shutdown: CancellationToken) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let tracker = TaskTracker::new();
    info!(address = %listener.local_addr()?, "serving");
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
        };
        match accepted {
            Ok((socket, seat)) => {
                prepare(&socket);
                let connection = Connection { router: router.clone(), sockets: sockets.clone(), shutdown: shutdown.clone() };
                // Tracked: this function waits for all of them.
                tracker.spawn(connection.run(socket, seat));
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
    if timeout(limits.drain, tracker.wait()).await.is_err() {
        warn!(connections = tracker.len(), "connections did not end in time and are cut");
    }
    Ok(())
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<(TcpStream, Seat)> {
    let permit = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (socket, _) = listener.accept().await?;
    gauge!(CONNECTIONS).increment(1.0);
    Ok((socket, Seat(permit)))
}

impl Drop for Seat {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
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
