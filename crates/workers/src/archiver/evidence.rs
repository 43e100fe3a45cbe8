//! Whether the archive knows a message of the stream as the one of that place.

use slipstream_broker::{Error as BrokerError, Message};
use slipstream_event::Position;
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

/// The first message that tells something.
pub(super) fn first_telling(evidence: impl IntoIterator<Item = Evidence>) -> Evidence {
    evidence.into_iter().find(|evidence| *evidence != Evidence::Silent).unwrap_or(Evidence::Silent)
}

impl Archiver {
    /// What the messages `from..=to` tell, in order. The archive's quarantine of `epoch` is consulted.
    pub(super) async fn evidence(&self, epoch: u64, from: u64, to: u64) -> Result<Vec<Evidence>, Stop> {
        let fill = self.broker.fill(self.config.shard, from, to).await?;
        if fill.through_seq < to {
            return Err(BrokerError::Unavailable("messages could not be read in time".to_owned()).into());
        }
        let mut evidence = Vec::with_capacity(fill.messages.len());
        for message in &fill.messages {
            evidence.push(self.judge(epoch, message).await?);
        }
        Ok(evidence)
    }

    async fn judge(&self, epoch: u64, message: &Message) -> Result<Evidence, Stop> {
        let Some((tenant, _)) = message.tenant_and_type() else { return Ok(Evidence::Silent) };
        let Ok(row) = Row::parse(message.seq, message.payload.clone()) else { return Ok(Evidence::Silent) };
        if row.event.tenant_id != tenant {
            return Ok(Evidence::Silent);
        }
        let place = Position::new(self.config.shard, epoch, message.seq);
        let known = cold::known(&self.reader, &tenant, &[(row.event.id, row.event.timestamp)]).await?;
        match known.into_iter().next().flatten() {
            // Of whatever epoch: a stream that lost its end keeps the numbers of what it still holds.
            Some(found) if found.shard == place.shard && found.seq == place.seq => Ok(Evidence::Same),
            Some(_) => Ok(Evidence::Silent),
            None if self.archive.is_quarantined(place).await? => Ok(Evidence::Silent),
            None => Ok(Evidence::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Evidence::{Other, Same, Silent};
    use super::*;

    #[test]
    fn silence_decides_nothing() {
        assert_eq!(first_telling([Silent, Other, Same]), Other);
        assert_eq!(first_telling([Silent, Silent, Same, Other]), Same);
        assert_eq!(first_telling([Silent]), Silent);
        assert_eq!(first_telling([]), Silent);
    }
}
