//! Handing a connection over: from the HTTP library, which reads the request and writes the head of the answer, to the writer of the stream.
//!
//! A handler that finds a [`Handover`] among its request's extensions may answer with [`Handover::stream`], whose body never comes, or with
//! [`Handover::upgrade`]. When the head has left, the connection's task takes the socket back from the library and gives it on. What
//! decided about the request is the same for every kind of connection: routes, guards and layers stand before the handover.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::frame::Wire;
use crate::stream::session::Session;

/// What goes on with an upgraded connection: gets the socket and what was read of it beyond the request.
pub(crate) type Upgraded = Box<dyn FnOnce(TcpStream, Bytes) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What takes a connection over.
enum Taker {
    Stream(Box<Session>),
    Upgrade(Upgraded),
}

/// The place where handler and connection meet; one for each connection.
#[derive(Clone)]
pub(crate) struct Handover {
    wire: Wire,
    place: Arc<Place>,
}

struct Place {
    taker: Mutex<Option<Taker>>,
    /// Whether the library has nothing more to write.
    flushed: AtomicBool,
}

impl Handover {
    pub(crate) fn new() -> Self {
        Self { wire: Wire::Chunked, place: Arc::new(Place { taker: Mutex::default(), flushed: AtomicBool::new(false) }) }
    }

    /// The same place, for a request of a version without chunks.
    pub(crate) fn unchunked(&self) -> Self {
        Self { wire: Wire::Sse, place: self.place.clone() }
    }

    /// What surrounds the frames of a stream that answers this request.
    pub(crate) fn wire(&self) -> Wire {
        self.wire
    }

    /// A body that never comes: once the library asks for it, it has the head, and the session is offered.
    pub(crate) fn stream(&self, session: Session) -> Body {
        Body::new(Parked { handover: self.clone(), session: Some(Box::new(session)) })
    }

    /// Offers what goes on after the library has written `101`.
    pub(crate) fn upgrade(&self, upgraded: Upgraded) {
        self.put(Taker::Upgrade(upgraded));
    }

    /// The stream that takes over, once the head has left. For when the library waits.
    pub(crate) fn take_stream(&self) -> Option<Session> {
        let mut taker = self.place.taker.lock().unwrap_or_else(PoisonError::into_inner);
        match taker.take() {
            Some(Taker::Stream(session)) if self.place.flushed.load(Ordering::Acquire) => Some(*session),
            other => {
                *taker = other;
                None
            }
        }
    }

    /// The protocol that takes over. For when the library is done.
    pub(crate) fn take_upgrade(&self) -> Option<Upgraded> {
        match self.place.taker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Taker::Upgrade(upgraded)) => Some(upgraded),
            _ => None,
        }
    }

    fn put(&self, taker: Taker) {
        // What is buffered now has not left yet.
        self.place.flushed.store(false, Ordering::Release);
        *self.place.taker.lock().unwrap_or_else(PoisonError::into_inner) = Some(taker);
    }
}

struct Parked {
    handover: Handover,
    session: Option<Box<Session>>,
}

impl http_body::Body for Parked {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        // The connection's task is the one that polls here: it looks for the taker when the library returns.
        if let Some(session) = self.session.take() {
            self.handover.put(Taker::Stream(session));
        }
        Poll::Pending
    }
}

/// A socket that tells whether what was written to it has left.
pub(crate) struct Tap {
    io: TokioIo<TcpStream>,
    handover: Handover,
}

impl Tap {
    pub(crate) fn new(socket: TcpStream, handover: Handover) -> Self {
        Self { io: TokioIo::new(socket), handover }
    }

    pub(crate) fn into_socket(self) -> TcpStream {
        self.io.into_inner()
    }
}

impl Read for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        self.handover.place.flushed.store(false, Ordering::Release);
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[std::io::IoSlice<'_>]) -> Poll<std::io::Result<usize>> {
        self.handover.place.flushed.store(false, Ordering::Release);
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// The library comes here when its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.handover.place.flushed.store(true, Ordering::Release);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
