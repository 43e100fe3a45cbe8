//! The broker's log alone: batched direct gets, one after the other, whose messages are counted and not looked at.

use std::time::{Duration, Instant};

use async_nats::header::NATS_LAST_SEQUENCE;
use async_nats::{Client, HeaderMap, Subscriber};
use futures_util::StreamExt;
use serde_json::json;

/// Messages of one request, as many as the broker gives.
const BATCH: u64 = 1_000;
/// Bytes of one request: more than so many messages have.
const BYTES: u64 = 4 * 1024 * 1024;
/// Longest time between two messages.
const SILENCE: Duration = Duration::from_secs(10);

/// Reads all messages of `filter` from `from_seq` on; how long it took. There have to be `messages` of them, and none may be left out.
pub(crate) async fn read(client: &Client, filter: &str, from_seq: u64, messages: usize) -> Duration {
    let (mut next, mut count) = (from_seq, 0);
    let begun = Instant::now();
    loop {
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.unwrap();
        let ask = json!({"seq": next, "next_by_subj": filter, "batch": BATCH, "max_bytes": BYTES});
        client.publish_with_reply("$JS.API.DIRECT.GET.EVENTS", inbox, ask.to_string().into()).await.unwrap();
        let page = page(&mut answers).await;
        count += page.messages;
        next = page.last_seq + 1;
        if page.pending == 0 {
            break;
        }
    }
    let took = begun.elapsed();
    assert!(count == messages, "{count} messages came, of {messages}");
    took
}

struct Page {
    messages: usize,
    last_seq: u64,
    pending: u64,
}

async fn page(answers: &mut Subscriber) -> Page {
    let mut messages = 0;
    loop {
        let answer = tokio::time::timeout(SILENCE, answers.next()).await.unwrap().unwrap();
        match answer.status.map(|status| status.as_u16()) {
            None | Some(200) => messages += 1,
            Some(204) => {
                let headers = answer.headers.unwrap_or_default();
                return Page { messages, last_seq: number(&headers, NATS_LAST_SEQUENCE.as_ref()), pending: number(&headers, "Nats-Num-Pending") };
            }
            Some(status) => panic!("direct get answered {status}"),
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> u64 {
    headers.get(name).unwrap_or_else(|| panic!("no {name} in {headers:?}")).as_str().parse().unwrap()
}
