//! One connection: which protocol it speaks, its requests, and its handover.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Duration, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::debug;

use super::Seat;
use crate::handover::{Handover, Tap};
use crate::limits;
use crate::sockets::Sockets;
use crate::stream::session::Session;

/// What every connection of HTTP/2 begins with, and no request of HTTP/1 (RFC 9113 §3.4).
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What a connection needs.
pub(super) struct Connection {
    pub(super) router: Router,
    pub(super) sockets: Option<Sockets>,
    pub(super) shutdown: CancellationToken,
}

/// How HTTP/1 ended.
enum Ended {
    Done(hyper::Result<()>),
    Stream(Session),
}

impl Connection {
    /// Serves it to its end, or to its handover.
    pub(super) async fn run(self, socket: TcpStream, seat: Seat) {
        let speaks = tokio::select! {
            biased;
            speaks = timeout(limits::HEAD_READ, speaks_http2(&socket)) => speaks,
            () = self.shutdown.cancelled() => return,
        };
        match speaks {
            Ok(Ok(false)) => self.http1(socket, seat).await,
            Ok(Ok(true)) => Box::pin(self.http2(socket)).await,
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// The version of the request decides what surrounds a stream.
    async fn http1(self, socket: TcpStream, seat: Seat) {
        let handover = Handover::new();
        let (router, hands_over, offered) = (self.router.clone(), self.sockets.is_some(), handover.clone());
        let service = service_fn(move |mut request: Request<Incoming>| -> Answering {
            if hands_over {
                let offered = if request.version() < Version::HTTP_11 { offered.unchunked() } else { offered.clone() };
                request.extensions_mut().insert(offered);
            }
            Box::pin(router.clone().oneshot(request))
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(limits::HEAD_READ).max_buf_size(limits::HEAD_BYTES_MAX).keep_alive(true);
        let mut connection = builder.serve_connection(Tap::new(socket, handover.clone()), service);
        let mut stopping = pin!(self.shutdown.cancelled());
        let mut is_stopping = false;
        let ended = poll_fn(|cx| {
            if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
                return Poll::Ready(Ended::Done(result));
            }
            handover.take_stream().map_or(Poll::Pending, |session| Poll::Ready(Ended::Stream(session)))
        })
        .await;
        let parts = connection.into_parts();
        let (socket, read) = (parts.io.into_socket(), parts.read_buf);
        match ended {
            Ended::Stream(session) => self.hand_over(socket, session, seat),
            Ended::Done(Ok(())) => match handover.take_upgrade() {
                Some(upgraded) => upgraded(socket, read).await,
                None => shut(socket).await,
            },
            Ended::Done(Err(error)) => debug!(%error, "a connection ended with an error"),
        }
    }

    fn hand_over(&self, socket: TcpStream, session: Session, seat: Seat) {
        match (socket.into_std(), &self.sockets) {
            (Ok(socket), Some(sockets)) => sockets.adopt(socket, session, seat),
            (Err(error), _) => debug!(%error, "a socket could not be handed over"),
            (_, None) => {}
        }
    }

    async fn http2(self, socket: TcpStream) {
        let router = self.router.clone();
        let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(250).keep_alive_interval(Duration::from_secs(20)).keep_alive_timeout(Duration::from_secs(20));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            debug!(%error, "a connection ended with an error");
        }
    }
}

async fn shut(mut socket: TcpStream) {
    if let Err(error) = socket.shutdown().await {
        debug!(%error, "a connection could not be shut");
    }
}

/// Whether the peer begins with HTTP/2's preface. Looked at without taking it, so that a connection has one buffer of the usual size and not a second that is put before it.
async fn speaks_http2(socket: &TcpStream) -> io::Result<bool> {
    let mut start = [0; PREFACE.len()];
    loop {
        let length = socket.peek(&mut start).await?;
        if length == 0 || start[..length] != PREFACE[..length] {
            return Ok(false);
        }
        if length == PREFACE.len() {
            return Ok(true);
        }
        sleep(limits::ACCEPT_RETRY).await;
    }
}
