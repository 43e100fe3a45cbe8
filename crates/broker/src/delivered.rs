//! What a consumer says of a message it delivers, in the reply subject: `$JS.ACK.…`.

use slipstream_event::Timestamp;
use time::OffsetDateTime;

/// The place and the history of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// The how-manieth delivery of this message, from 1.
    pub(crate) attempt: u64,
    pub(crate) stream_seq: u64,
    /// The how-manieth delivery of this consumer, from 1.
    pub(crate) consumer_seq: u64,
    pub(crate) stored_at: Option<OffsetDateTime>,
    /// Messages that the consumer has yet to deliver.
    pub(crate) pending: u64,
}

impl Delivered {
    /// Reads both forms: `$JS.ACK.<stream>.<consumer>.<numbers…>`, and the one with domain and account ahead of the stream (and perhaps a token at the end).
    pub(crate) fn parse(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let numbers = match tokens.len() {
            7 => &tokens[2..7],
            9.. => &tokens[4..9],
            _ => return None,
        };
        let number = |i: usize| numbers[i].parse::<u64>().ok();
        let stored_at = numbers[3].parse::<i64>().ok().and_then(|nanos| Timestamp::from_micros(nanos / 1_000)).map(|t| t.datetime());
        Some(Self { attempt: number(0)?, stream_seq: number(1)?, consumer_seq: number(2)?, stored_at, pending: number(4)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        let want = Delivered {
            attempt: 2,
            stream_seq: 30,
            consumer_seq: 4,
            stored_at: Timestamp::parse("2026-11-20T22:44:39.702735Z").map(|t| t.datetime()),
            pending: 5,
        };
        for reply in [
            "$JS.ACK.EVENTS.x.2.30.4.1795214679702735132.5",
            "$JS.ACK._.hash.EVENTS.x.2.30.4.1795214679702735132.5",
            "$JS.ACK.hub.hash.EVENTS.x.2.30.4.1795214679702735132.5.token",
        ] {
            assert_eq!(Delivered::parse(reply), Some(want), "{reply}");
        }
        for bad in ["", "$JS.ACK.", "$JS.ACK.E.c.1.2.3.4", "$JS.ACK.E.c.1.2.x.4.5", "_INBOX.a"] {
            assert_eq!(Delivered::parse(bad), None, "{bad}");
        }
    }
}
