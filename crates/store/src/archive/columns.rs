//! The columns of an event's row, in the order in which they are copied: first what the event says, then its place.

use slipstream_event::{Event, Severity};

use super::copy::{Rows, Values};
use super::{Batch, Row};
use crate::number::signed;

/// Their names.
pub(super) const NAMES: &str = "tenant_id, occurred_at, event_id, type, entity_type, entity_id, action, module, severity, category, visibility, concerned, actor_id, actor_name, \
                                entity_name, message, correlation_id, legacy_entity_type, has_changes, payload, shard, epoch, seq, tenant_seq";
/// How many they are.
pub(super) const COUNT: i16 = 24;

/// What an event says.
pub(super) fn of_event(event: &Event, payload: &str) -> Values {
    let mut values = Values::default();
    values.text(event.tenant_id.as_str()).time(event.timestamp.datetime()).uuid(event.id);
    values.text(event.event_type.as_str()).text(&event.entity_type).text(&event.entity_id).text(&event.action).text(&event.module);
    values.text(Severity::as_str(event.severity)).text(event.category.as_str()).text(&event.visibility.to_string());
    values.maybe_text(event.concerned().as_deref()).text(&event.actor.user_id).maybe_text(event.actor.name.as_deref());
    values.maybe_text(event.entity_name.as_deref()).maybe_text(event.message.as_deref()).maybe_text(event.correlation_id.as_deref());
    values.maybe_text(event.legacy.as_ref().map(|legacy| legacy.entity_type.as_str())).boolean(event.changes.is_some()).text(payload);
    values
}

/// Adds a row of a batch, with the number that it has in its tenant's ledger.
pub(super) fn push(into: &mut Rows, batch: &Batch, row: &Row, number: u64) {
    let values = into.row().append(&row.columns);
    values.integer(i32::from(batch.shard)).bigint(signed(batch.epoch)).bigint(signed(row.seq)).bigint(signed(number));
}
