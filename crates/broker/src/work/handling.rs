//! One delivery, from the server to its ack.

use std::time::Duration;

use async_nats::HeaderMap;
use metrics::counter;

use super::{Delivery, Verdict, WorkConfig};
use crate::delivered::Delivered;
use crate::{Broker, DeadLetter, Message, limits, metrics as names};

/// What the server is told.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Done,
    Again(Duration),
    Never,
}

/// What is to be done with a verdict.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Reply(Reply),
    /// To the dead letters, with this reason.
    Bury(String),
}

/// Handles one message and tells the server. A reply that gets lost brings the message again.
pub(super) async fn handle<H, F>(broker: &Broker, config: &WorkConfig, shard: u16, epoch: u64, message: async_nats::Message, handler: &H)
where
    H: Fn(Delivery) -> F + Sync,
    F: Future<Output = Verdict> + Send,
{
    let Some(reply) = message.reply.clone() else { return };
    let Some(delivered) = Delivered::parse(&reply) else { return };
    let attempt = delivered.attempt;
    let message = Message::delivered(message, &delivered, shard, epoch);
    let foreign = message.redriven.as_ref().is_some_and(|consumer| *consumer != config.name);
    let verdict = if foreign {
        // Put back for another consumer; this one has had the first copy.
        Verdict::Ack
    } else if attempt > config.max_deliver {
        // Earlier attempts ended without any word, such as with the process.
        Verdict::Reject(format!("no word after {} attempts", attempt - 1))
    } else {
        let handling = handler(Delivery { message: message.clone(), attempt });
        let late = |_| Verdict::Retry(Duration::ZERO);
        tokio::time::timeout(config.ack_wait, handling).await.unwrap_or_else(late)
    };
    let answer = match step(verdict, attempt, config) {
        Step::Reply(reply) => reply,
        Step::Bury(reason) => bury(broker, config, &message, reason).await,
    };
    let label = match answer {
        Reply::Done => "ack",
        Reply::Again(_) => "retry",
        Reply::Never => "reject",
    };
    counter!(names::WORK_TOTAL, "consumer" => config.name.clone(), "verdict" => label).increment(1);
    if let Err(error) = broker.connection().send(reply.to_string(), None, HeaderMap::new(), answer.wire().into(), broker.timeout()).await {
        tracing::debug!(consumer = config.name, %error, "verdict not sent; the message comes again");
    }
}

/// Gives a message back untouched, so that it need not wait for its time-out.
pub(super) async fn decline(broker: &Broker, message: async_nats::Message) {
    let Some(reply) = message.reply else { return };
    if let Err(error) = broker.connection().send(reply.to_string(), None, HeaderMap::new(), Reply::Again(Duration::ZERO).wire().into(), broker.timeout()).await
    {
        tracing::debug!(%error, "message not given back; it comes again later");
    }
}

fn step(verdict: Verdict, attempt: u64, config: &WorkConfig) -> Step {
    match verdict {
        Verdict::Ack => Step::Reply(Reply::Done),
        Verdict::Retry(delay) if attempt < config.max_deliver => Step::Reply(Reply::Again(delay)),
        Verdict::Retry(_) => Step::Bury(format!("not handled in {attempt} attempts")),
        Verdict::Reject(reason) => Step::Bury(reason),
    }
}

/// The message leaves the consumer only once the dead letter is stored.
async fn bury(broker: &Broker, config: &WorkConfig, message: &Message, reason: String) -> Reply {
    let position = message.position();
    match broker.reject(DeadLetter::of(message, config.name.clone(), reason.clone())).await {
        Ok(()) => {
            tracing::warn!(
                consumer = config.name,
                subject = message.subject,
                shard = position.shard,
                seq = position.seq,
                reason,
                "message rejected to the dead letters"
            );
            Reply::Never
        }
        Err(error) => {
            tracing::warn!(consumer = config.name, seq = position.seq, %error, "dead letter not stored; trying again");
            Reply::Again(limits::WORK_RETRY_DELAY_MAX)
        }
    }
}

impl Reply {
    fn wire(&self) -> String {
        match self {
            Self::Done => "+ACK".to_owned(),
            Self::Again(delay) => format!(r#"-NAK {{"delay":{}}}"#, delay.as_nanos()),
            Self::Never => "+TERM".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Start;

    #[test]
    fn buries_what_is_rejected_or_tried_out() {
        let config = WorkConfig {
            name: "c".to_owned(),
            filter: "events.>".to_owned(),
            start: Start::All,
            ack_wait: Duration::from_secs(1),
            max_deliver: 3,
            max_in_flight: 1,
        };
        let retry = Duration::from_millis(5);
        assert_eq!(step(Verdict::Ack, 9, &config), Step::Reply(Reply::Done));
        assert_eq!(step(Verdict::Retry(retry), 2, &config), Step::Reply(Reply::Again(retry)));
        assert!(matches!(step(Verdict::Retry(retry), 3, &config), Step::Bury(_)));
        assert_eq!(step(Verdict::Reject("bad".to_owned()), 1, &config), Step::Bury("bad".to_owned()));
    }

    #[test]
    fn speaks_the_servers_words() {
        assert_eq!(Reply::Again(Duration::from_millis(5)).wire(), r#"-NAK {"delay":5000000}"#);
        assert_eq!((Reply::Done.wire().as_str(), Reply::Never.wire().as_str()), ("+ACK", "+TERM"));
    }
}
