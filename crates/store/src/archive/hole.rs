//! What was never archived.

use super::Archive;
use crate::Error;
use crate::number::signed;

impl Archive {
    /// Notes that messages of an epoch, the last of them at `through_seq`, will never be archived: from now on cold replays that begin before it are refused.
    /// To be called before the watermark moves over them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn note_hole(&self, shard: u16, epoch: u64, through_seq: u64) -> Result<(), Error> {
        let statement = sqlx::query("update slipstream.stream_epoch set began_seq = greatest(began_seq, $3) where shard = $1 and epoch = $2");
        statement.bind(i32::from(shard)).bind(signed(epoch)).bind(signed(through_seq)).execute(&self.store.pool).await?;
        Ok(())
    }
}
