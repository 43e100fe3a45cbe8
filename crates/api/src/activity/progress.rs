//! Whether the log lags: how far the archive is complete that it shows, and whether that is late.

use serde_json::{Map, Value, json};
use slipstream_event::{Position, Tenant, subject};
use slipstream_store::history;

use crate::ApiState;
use crate::failure::Failure;

/// What a list and the settings tell of it.
pub(super) struct Progress {
    /// A cursor and a time, as history tells them; `null` when nothing was archived yet.
    archived_through: Value,
    /// Whether what happened more than a second ago may be missing.
    pub(super) is_catching_up: bool,
}

impl Progress {
    /// How far a tenant's log is. Read before what is shown, which then holds at least that.
    pub(super) async fn of(state: &ApiState, tenant: &Tenant) -> Result<Self, Failure> {
        let shard = subject::shard_of(tenant, state.shards);
        let Some((mark, is_late)) = history::progress(&state.archive, shard).await? else {
            return Ok(Self { archived_through: Value::Null, is_catching_up: true });
        };
        let cursor = state.cursor_key.seal(tenant, Position::new(shard, mark.epoch, mark.seq));
        Ok(Self { archived_through: json!({"cursor": cursor, "at": mark.updated_at}), is_catching_up: is_late })
    }

    /// Adds it to an answer.
    pub(super) fn add_to(self, body: &mut Map<String, Value>) {
        body.insert("archived_through".to_owned(), self.archived_through);
        body.insert("catching_up".to_owned(), json!(self.is_catching_up));
    }

    /// As the last members of an object that is written as text.
    pub(super) fn members(&self) -> String {
        format!("\"archived_through\":{},\"catching_up\":{}", self.archived_through, self.is_catching_up)
    }
}
