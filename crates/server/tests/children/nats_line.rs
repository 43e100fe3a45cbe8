//! The NATS protocol by hand, so that the tests see what the server says, word for word.

use slipstream_server::children::{Nats, NatsUser};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A connection as one user.
pub(crate) struct Line {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    inbox: String,
}

impl Line {
    pub(crate) async fn connect(nats: &Nats, user: NatsUser) -> Self {
        Self::connect_as(nats, user.name(), nats.password(user)).await
    }

    pub(crate) async fn connect_as(nats: &Nats, user: &str, password: &str) -> Self {
        let (reader, writer) = TcpStream::connect(("127.0.0.1", nats.port())).await.unwrap().into_split();
        let mut line = Self { reader: BufReader::new(reader), writer, inbox: format!("_INBOX_{user}.answer") };
        assert!(line.read().await.starts_with("INFO "));
        let options = format!(r#"{{"verbose":false,"user":"{user}","pass":"{password}"}}"#);
        line.send(&format!("CONNECT {options}\r\nSUB {} 1\r\n", line.inbox)).await;
        line
    }

    /// What the server says to a ping: `PONG`, or the refusal of what was sent before.
    pub(crate) async fn ping(&mut self) -> String {
        self.send("PING\r\n").await;
        self.read().await
    }

    /// What the server says to a message without an answer.
    pub(crate) async fn publish(&mut self, subject: &str) -> String {
        self.send(&format!("PUB {subject} 2\r\n{{}}\r\n")).await;
        self.ping().await
    }

    pub(crate) async fn subscribe(&mut self, subject: &str) -> String {
        self.send(&format!("SUB {subject} 2\r\n")).await;
        self.ping().await
    }

    /// The payload of the answer to a request, or the refusal.
    pub(crate) async fn request(&mut self, subject: &str, payload: &str) -> String {
        self.send(&format!("PUB {subject} {} {}\r\n{payload}\r\n", self.inbox, payload.len())).await;
        let head = self.read().await;
        let Some(size) = head.strip_prefix("MSG ").and_then(|rest| rest.rsplit(' ').next()?.parse().ok()) else {
            return head;
        };
        let mut body = vec![0; size];
        self.reader.read_exact(&mut body).await.unwrap();
        assert_eq!(self.read().await, "");
        String::from_utf8(body).unwrap()
    }

    async fn send(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
    }

    async fn read(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }
}
