//! Whether the archive knows a message of the stream as the one of that place.

use slipstream_broker::{Error as BrokerError, Message};
use slipstream_store::archive::Row;
use slipstream_store::cold;

use super::Archiver;
use super::stop::Stop;

/// What a message tells about its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The archive holds this event from this place.
    Same,
    /// The archive never saw it: another message was there when the place was archived.
    Other,
    /// Nothing: no event, a second copy, or a message that went to quarantine.
    Silent,
}

impl Archiver {
    /// What the message nearest to `from` tells that tells anything, of the messages between `from` and `to` (which may lie before it).
    pub(super) async fn evidence(&self, from: u64, to: u64) -> Result<Evidence, Stop> {
        let (first, last) = (from.min(to), from.max(to));
        let fill = self.broker.fill(self.config.shard, first, last).await?;
        if fill.through_seq < last {
            return Err(BrokerError::Unavailable("messages could not be read in time".to_owned()).into());
        }
        let mut messages = fill.messages;
        messages.sort_unstable_by_key(|message| message.seq.abs_diff(from));
        for message in &messages {
            let told = self.judge(message).await?;
            if told != Evidence::Silent {
                return Ok(told);
            }
        }
        Ok(Evidence::Silent)
    }

    async fn judge(&self, message: &Message) -> Result<Evidence, Stop> {
        let Some((tenant, _)) = message.tenant_and_type() else { return Ok(Evidence::Silent) };
        let Ok(row) = Row::parse(message.seq, message.payload.clone()) else { return Ok(Evidence::Silent) };
        if row.event.tenant_id != tenant {
            return Ok(Evidence::Silent);
        }
        let known = cold::known(&self.reader, &tenant, &[(row.event.id, row.event.timestamp)]).await?;
        match known.into_iter().next().flatten() {
            // Of whatever epoch: a stream that lost its end keeps the numbers of what it still holds.
            Some(place) if place.shard == self.config.shard && place.seq == message.seq => Ok(Evidence::Same),
            Some(_) => Ok(Evidence::Silent),
            None if self.archive.is_quarantined(self.config.shard, message.seq).await? => Ok(Evidence::Silent),
            None => Ok(Evidence::Other),
        }
    }
}
