//! The broker's log alone: batched direct gets, one after the other, whose messages are counted and not looked at.

use std::time::Duration;

use async_nats::header::NATS_LAST_SEQUENCE;
use async_nats::{Client, HeaderMap, Subscriber};
use futures_util::StreamExt;
use serde_json::json;

/// Messages of one request, as many as the broker gives.
const BATCH: usize = 1_000;
/// Bytes of one request: more than so many messages have.
const BYTES: u64 = 4 * 1024 * 1024;
/// Longest time between two messages.
const SILENCE: Duration = Duration::from_secs(10);

/// Reads so many messages of `filter` from `from_seq` on. They have to be there, and none may be left out.
pub(crate) async fn read(client: &Client, filter: &str, from_seq: u64, messages: usize) {
    let (mut next, mut left) = (from_seq, messages);
    while left > 0 {
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.unwrap();
        let ask = json!({"seq": next, "next_by_subj": filter, "batch": left.min(BATCH), "max_bytes": BYTES});
        client.publish_with_reply("$JS.API.DIRECT.GET.EVENTS", inbox, ask.to_string().into()).await.unwrap();
        let page = page(&mut answers).await;
        assert!(page.messages > 0 && page.messages <= left, "{} messages came where {left} were to come", page.messages);
        assert!(page.pending > 0 || page.messages == left, "the log ends {} messages early", left - page.messages);
        left -= page.messages;
        next = page.last_seq + 1;
    }
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
