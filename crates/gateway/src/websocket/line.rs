//! The two directions of a socket, with a limit on each.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use metrics::counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::allowance::Allowance;
use super::ending::{Close, Ending};
use crate::limits;
use crate::metrics::EVICTED;

/// A socket after its handshake.
pub(super) struct Line {
    socket: WebSocketStream<TcpStream>,
    allowance: Allowance,
    stall: Duration,
    drain: CancellationToken,
}

/// What a client said.
pub(super) enum Heard {
    Text(Utf8Bytes),
    Binary,
    /// A ping, which the library answers, or a pong.
    Nothing,
}

impl Line {
    /// The server's end of `socket`; `read` is what came after the handshake already.
    pub(super) async fn new(socket: TcpStream, read: &[u8], stall: Duration, drain: CancellationToken) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::MESSAGE_READ_BYTES)
            .write_buffer_size(limits::MESSAGE_WRITE_BYTES)
            .max_write_buffer_size(limits::MESSAGE_WRITE_BYTES_MAX)
            .max_message_size(Some(limits::CLIENT_MESSAGE_BYTES_MAX))
            .max_frame_size(Some(limits::CLIENT_MESSAGE_BYTES_MAX));
        let socket = WebSocketStream::from_partially_read(socket, read.to_vec(), Role::Server, Some(config)).await;
        Self { socket, allowance: Allowance::new(Instant::now()), stall, drain }
    }

    /// The client's next message. Cancel-safe.
    pub(super) async fn hear(&mut self) -> Result<Heard, Ending> {
        let message = match self.socket.next().await {
            Some(Ok(Message::Close(_))) => return Err(Ending::Left),
            Some(Ok(message)) => message,
            Some(Err(Error::Capacity(_))) => return Err(Close::TOO_LARGE.into()),
            Some(Err(Error::Protocol(_))) => return Err(Close::PROTOCOL.into()),
            Some(Err(Error::Utf8(_))) => return Err(Close::NOT_TEXT.into()),
            Some(Err(_)) | None => return Err(Ending::Gone),
        };
        if !self.allowance.take(Instant::now()) {
            return Err(Close::TOO_MANY.into());
        }
        Ok(match message {
            Message::Text(text) => Heard::Text(text),
            Message::Binary(_) => Heard::Binary,
            _ => Heard::Nothing,
        })
    }

    /// Writes each line as a message of its own. What the client does not take stays where it is: at most one write's lines are in hand.
    pub(super) async fn write(&mut self, mut lines: Bytes) -> Result<(), Ending> {
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let line = lines.split_to(end + 1).slice(..end);
            let Ok(text) = Utf8Bytes::try_from(line) else { return Err(Ending::Gone) };
            patiently(self.stall, &self.drain, self.socket.feed(Message::Text(text))).await?;
        }
        patiently(self.stall, &self.drain, self.socket.flush()).await
    }

    /// Says the last words, if there is somebody to hear them, and lets the socket go.
    pub(super) async fn end(mut self, ending: Ending) {
        let last = async {
            let said = match ending {
                Ending::Gone => return Ok(()),
                // The library has its answer ready.
                Ending::Left => self.socket.flush().await,
                Ending::Close(Close { code, reason }) => {
                    self.socket.send(Message::Close(Some(CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) }))).await
                }
            };
            if let Err(error) = said {
                debug!(%error, "a socket did not take its last words");
            }
            leave(self.socket.into_inner()).await
        };
        match timeout(limits::LAST_WRITE, last).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => debug!(%error, "a socket could not be shut"),
        }
    }
}

/// Ends our direction and reads the rest of the other: a peer whose bytes are left unread gets a reset in place of the last words.
async fn leave(mut socket: TcpStream) -> std::io::Result<()> {
    socket.shutdown().await?;
    let (mut buffer, mut left) = ([0; 1024], limits::CLIENT_REST_BYTES_MAX);
    while left > 0 {
        match socket.read(&mut buffer).await? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

/// A write, for as long as the socket may take no byte: less on a stop.
async fn patiently(stall: Duration, drain: &CancellationToken, write: impl Future<Output = Result<(), Error>>) -> Result<(), Ending> {
    let stopping = async {
        drain.cancelled().await;
        sleep(limits::LAST_WRITE).await;
    };
    tokio::select! {
        biased;
        written = write => written.map_err(|error| {
            debug!(%error, "a socket broke");
            Ending::Gone
        }),
        () = sleep(stall) => {
            counter!(EVICTED).increment(1);
            Err(Ending::Gone)
        }
        () = stopping => Err(Ending::Gone),
    }
}
