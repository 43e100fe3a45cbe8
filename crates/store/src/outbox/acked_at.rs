//! What was acknowledged at one place.

use slipstream_event::{Position, Tenant};
use uuid::Uuid;

use super::Outbox;
use crate::Error;
use crate::number::signed;

impl Outbox {
    /// The event that was acknowledged at a position, as far as the outbox still knows.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn acked_at(&self, at: Position) -> Result<Option<(Tenant, Uuid)>, Error> {
        let statement = sqlx::query_as(
            "select tenant_id, event_id from slipstream.outbox where published_at is not null and shard = $1 and epoch = $2 and seq = $3 order by id limit 1",
        );
        let statement = statement.bind(i32::from(at.shard)).bind(signed(at.epoch)).bind(signed(at.seq));
        let row: Option<(String, Uuid)> = statement.fetch_optional(&self.store.pool).await?;
        row.map(|(tenant, id)| Ok((Tenant::new(&tenant).map_err(|fault| Error::Bug(fault.to_string()))?, id))).transpose()
    }
}
