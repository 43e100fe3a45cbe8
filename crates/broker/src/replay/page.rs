//! Pages, and how far they are complete. Pure.

use crate::Message;

/// What one read gave: the messages that match, in order, from the asked-for start.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) messages: Vec<Message>,
    /// Whether messages that match were left, on the copy of the stream that answered.
    pub(crate) more: bool,
}

/// Where a page ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All that matches up to and including here is in the page.
    At(u64),
    /// With the copy of the stream that answered.
    Stream,
}

impl Page {
    pub(crate) fn last_seq(&self) -> Option<u64> {
        self.messages.last().map(|message| message.seq)
    }

    /// Cuts off what lies beyond `up_to` and tells how far the rest is complete.
    pub(crate) fn end(&mut self, up_to: u64) -> End {
        let within = self.messages.partition_point(|message| message.seq <= up_to);
        if within < self.messages.len() || self.last_seq() == Some(up_to) {
            self.messages.truncate(within);
            return End::At(up_to);
        }
        match self.last_seq() {
            Some(last) if self.more => End::At(last),
            _ => End::Stream,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(seqs: &[u64], more: bool) -> Page {
        let message = |seq: &u64| Message {
            shard: 0,
            epoch: 1,
            seq: *seq,
            subject: String::new(),
            payload: bytes::Bytes::new(),
            stored_at: None,
            traceparent: None,
            redriven: None,
        };
        Page { messages: seqs.iter().map(message).collect(), more }
    }

    #[test]
    fn is_complete_as_far_as_it_proves() {
        for (seqs, more, up_to, end, kept) in [
            (&[][..], false, 9, End::Stream, 0),
            (&[3, 5], false, 9, End::Stream, 2),
            (&[3, 5], true, 9, End::At(5), 2),
            (&[3, 9], false, 9, End::At(9), 2),
            (&[3, 9], true, 9, End::At(9), 2),
            (&[3, 11], true, 9, End::At(9), 1),
            (&[11], false, 9, End::At(9), 0),
        ] {
            let mut page = page(seqs, more);
            assert_eq!((page.end(up_to), page.messages.len()), (end, kept), "{seqs:?} {more} {up_to}");
        }
    }
}
