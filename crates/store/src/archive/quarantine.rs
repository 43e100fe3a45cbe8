//! What was kept aside.

use super::Archive;
use crate::Error;
use crate::number::signed;

impl Archive {
    /// Whether a message of this sequence went to quarantine, in whichever epoch.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn is_quarantined(&self, shard: u16, seq: u64) -> Result<bool, Error> {
        let statement = sqlx::query_scalar("select exists (select from slipstream.archive_quarantine where shard = $1 and seq = $2)");
        Ok(statement.bind(i32::from(shard)).bind(signed(seq)).fetch_one(&self.store.pool).await?)
    }
}
