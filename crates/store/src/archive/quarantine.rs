//! What was kept aside.

use slipstream_event::Position;

use super::Archive;
use crate::Error;
use crate::number::signed;

impl Archive {
    /// Whether the message at a position went to quarantine.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn is_quarantined(&self, at: Position) -> Result<bool, Error> {
        let statement = sqlx::query_scalar("select exists (select from slipstream.archive_quarantine where shard = $1 and epoch = $2 and seq = $3)");
        Ok(statement.bind(i32::from(at.shard)).bind(signed(at.epoch)).bind(signed(at.seq)).fetch_one(&self.store.pool).await?)
    }
}
