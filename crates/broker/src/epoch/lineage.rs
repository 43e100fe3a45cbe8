//! The epochs that a stream carried before: whoever archived one of them finds its messages in the stream under the same numbers, as far as the stream still holds them.

use std::collections::HashMap;

use super::epoch_of;
use crate::{Broker, Error};

/// The key of a stream's metadata that holds its earlier epochs: decimal, joined by commas, the latest first.
const EARLIER_KEY: &str = "slipstream-epochs-before";

/// Most earlier epochs that are remembered. More: the oldest are forgotten, and whoever stands there reads the stream from its beginning.
const EARLIER_MAX: usize = 16;

impl Broker {
    /// Whether the shard's stream carried `epoch` before [`Broker::bump_epoch`] gave it another: what it still holds of that epoch has kept its sequences.
    /// `false` for a stream that was made anew.
    ///
    /// # Errors
    /// [`Error::NotProvisioned`], [`Error::Unavailable`].
    pub async fn continues(&self, shard: u16, epoch: u64) -> Result<bool, Error> {
        let stream = self.stream(shard)?;
        let info = self.stream_info(&stream).await?.ok_or(Error::NotProvisioned(stream))?;
        Ok(earlier(&info.config.metadata).contains(&epoch))
    }
}

/// Notes the present epoch as an earlier one. To be called before it is replaced.
pub(super) fn remember(metadata: &mut HashMap<String, String>) {
    let Some(present) = epoch_of(metadata) else { return };
    let epochs = std::iter::once(present).chain(earlier(metadata)).take(EARLIER_MAX);
    let text = epochs.map(|epoch| epoch.to_string()).collect::<Vec<_>>().join(",");
    metadata.insert(EARLIER_KEY.to_owned(), text);
}

fn earlier(metadata: &HashMap<String, String>) -> Vec<u64> {
    metadata.get(EARLIER_KEY).map_or_else(Vec::new, |text| text.split(',').filter_map(|epoch| epoch.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::EPOCH_KEY;

    #[test]
    fn remembers_the_latest_epochs() {
        let mut metadata = HashMap::new();
        remember(&mut metadata);
        assert!(earlier(&metadata).is_empty(), "a stream without epoch");
        for epoch in 1..=20_u64 {
            metadata.insert(EPOCH_KEY.to_owned(), epoch.to_string());
            remember(&mut metadata);
        }
        assert_eq!(earlier(&metadata), (5..=20).rev().collect::<Vec<_>>());
    }
}
