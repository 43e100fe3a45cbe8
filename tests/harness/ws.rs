//! A client of streams over WebSocket.

use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::PATIENCE;

/// One open socket, and all that came over it.
#[derive(Debug)]
pub struct Ws {
    socket: WebSocketStream<TcpStream>,
    /// The messages that came, in order.
    pub messages: Vec<Value>,
    /// Where to resume: the cursor of the last message that moves it.
    pub last_id: Option<String>,
    /// How the server closed it: code and reason.
    pub closed: Option<(u16, String)>,
}

impl Ws {
    /// Opens `path` (with its query) of `base`, `http://host:port`.
    pub async fn open(base: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        let socket = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
        Self::over(socket, base, path, headers).await
    }

    /// Opens it with a token in the handshake.
    pub async fn with_token(base: &str, path: &str, token: &str) -> Self {
        Self::open(base, path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Opens it over a socket that is connected.
    pub async fn over(socket: TcpStream, base: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = format!("{}{path}", base.replace("http://", "ws://")).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let (socket, _) = tokio_tungstenite::client_async(request, socket).await.unwrap();
        Self { socket, messages: Vec::new(), last_id: None, closed: None }
    }

    /// Sends a text.
    ///
    /// # Errors
    /// When the server has closed the socket.
    pub async fn say(&mut self, text: impl ToString) -> Result<(), String> {
        self.socket.send(Message::text(text.to_string())).await.map_err(|error| error.to_string())
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// When the server has closed the socket.
    pub async fn say_binary(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.socket.send(Message::Binary(Bytes::from(bytes))).await.map_err(|error| error.to_string())
    }

    /// Pings, and waits for the pong.
    pub async fn ping(&mut self, payload: &'static str) {
        self.socket.send(Message::Ping(Bytes::from_static(payload.as_bytes()))).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        while let Ok(Some(Ok(message))) = timeout_at(deadline, self.socket.next()).await {
            match message {
                Message::Pong(answer) => return assert_eq!(answer, payload),
                message => self.keep(&message),
            }
        }
        panic!("no pong came, after {:#?}", self.messages);
    }

    /// The next message; `None` when the socket was closed ([`Ws::closed`] says how) or broke.
    pub async fn next(&mut self, deadline: Instant) -> Option<&Value> {
        let known = self.messages.len();
        while self.messages.len() == known {
            let Ok(message) = timeout_at(deadline, self.socket.next()).await else { panic!("nothing came in time, after {:#?}", self.messages) };
            self.keep(&message?.ok()?);
        }
        self.messages.last()
    }

    /// Reads on until a message of this type, and gives it.
    pub async fn until(&mut self, kind: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next(deadline).await {
                Some(message) if message["type"] == kind => return message.clone(),
                Some(_) => {}
                None => panic!("the socket ended before {kind} with {:?}: {:#?}", self.closed, self.messages),
            }
        }
    }

    /// Reads on until the event with this id; its message.
    pub async fn until_event(&mut self, id: &str) -> Value {
        loop {
            let message = self.until("event").await;
            if message["event"]["id"] == id {
                return message;
            }
        }
    }

    /// Reads on until `count` further events came; these.
    pub async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.until("event").await["event"].clone());
        }
        events
    }

    /// All events that came so far.
    pub fn all_events(&self) -> Vec<Value> {
        self.messages.iter().filter(|message| message["type"] == "event").map(|message| message["event"].clone()).collect()
    }

    /// Reads to the end: code and reason of the server.
    pub async fn end(&mut self) -> (u16, String) {
        self.rest().await;
        self.closed.clone().unwrap_or_else(|| panic!("the socket broke, after {:#?}", self.messages))
    }

    /// Reads to the end, however it comes.
    pub async fn rest(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.next(deadline).await.is_some() {}
    }

    fn keep(&mut self, message: &Message) {
        match message {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in the message {text}"));
                if matches!(message["type"].as_str(), Some("open" | "event" | "reset")) {
                    self.last_id = message["cursor"].as_str().map(str::to_owned).or(self.last_id.take());
                }
                self.messages.push(message);
            }
            Message::Close(frame) => self.closed = frame.as_ref().map(|frame| (frame.code.into(), frame.reason.to_string())),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("every message is a text: {other:?}"),
        }
    }
}
