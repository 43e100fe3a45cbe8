//! A client of streams, with a parser of its own.

use std::time::Duration;

use serde_json::Value;
use slipstream_fuzz::sse::{Block, Parser};
use tokio::time::{Instant, timeout_at};

use crate::{Answer, PATIENCE};

/// One open stream, and all that came over it.
#[derive(Debug)]
pub struct Sse {
    response: reqwest::Response,
    parser: Parser,
    /// The blocks that came, in order.
    pub blocks: Vec<Block>,
    /// The last id, as a browser keeps it.
    pub last_id: Option<String>,
    /// How many blocks the test has looked at.
    seen: usize,
}

impl Sse {
    pub(crate) async fn open(base: &str, token: Option<&str>, query: &str, last_event_id: Option<&str>) -> Result<Result<Self, Answer>, reqwest::Error> {
        let client = reqwest::Client::builder().no_proxy().connect_timeout(PATIENCE).build()?;
        let mut request = client.get(format!("{base}/api/events{query}")).header("accept", "text/event-stream");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Self::of(request).await
    }

    /// Opens the stream that this request asks for.
    ///
    /// # Errors
    /// When the server cannot be reached; inside, what it said instead.
    pub async fn of(request: reqwest::RequestBuilder) -> Result<Result<Self, Answer>, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if status != 200 {
            return Ok(Err(Answer { status, headers, text: response.text().await? }));
        }
        assert!(headers.get("content-type").unwrap().to_str().unwrap().starts_with("text/event-stream"), "{headers:?}");
        Ok(Ok(Self { response, parser: Parser::default(), blocks: Vec::new(), last_id: None, seen: 0 }))
    }

    /// The next block; `None` when the stream has ended, or its connection broke.
    pub async fn next(&mut self, deadline: Instant) -> Option<Block> {
        while self.seen == self.blocks.len() {
            let Ok(chunk) = timeout_at(deadline, self.response.chunk()).await else { panic!("nothing came in time, after {:#?}", self.blocks) };
            for block in self.parser.feed(&chunk.ok().flatten()?) {
                self.last_id = block.id.clone().or(self.last_id.take());
                self.blocks.push(block);
            }
        }
        self.seen += 1;
        self.blocks.get(self.seen - 1).cloned()
    }

    /// Reads on until a block for which this holds, and gives it.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Block) -> bool) -> Block {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next(deadline).await {
                Some(block) if holds(&block) => return block,
                Some(_) => {}
                None => panic!("the stream ended before {what}: {:#?}", self.blocks),
            }
        }
    }

    /// Reads on until a control event of this name; its data.
    pub async fn until_control(&mut self, name: &str) -> Value {
        let block = self.until(name, |block| block.event.as_deref() == Some(name)).await;
        assert_eq!(block.id, None, "control events carry no id");
        data(&block)
    }

    /// Reads on until the event with this id; the event.
    pub async fn until_event(&mut self, id: &str) -> Value {
        let block = self.until(id, |block| is_event(block) && data(block)["id"] == id).await;
        data(&block)
    }

    /// Reads on until `count` further events came; these.
    pub async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(data(&self.until("an event", is_event).await));
        }
        events
    }

    /// The events that came so far.
    pub fn all_events(&self) -> Vec<Value> {
        self.blocks.iter().filter(|block| is_event(block)).map(data).collect()
    }

    /// Reads to the end of the stream.
    pub async fn to_end(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.next(deadline).await.is_some() {}
    }
}

/// Whether a block is a domain event: it has an id and data. The priming block has no data, control events no id.
fn is_event(block: &Block) -> bool {
    block.id.is_some() && block.data.is_some()
}

fn data(block: &Block) -> Value {
    serde_json::from_str(block.data.as_deref().unwrap()).unwrap()
}
