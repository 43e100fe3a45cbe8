//! Publishing a tenant's rows.

use bytes::Bytes;
use metrics::{counter, histogram};
use slipstream_broker::{Ack, Outgoing, PublishError};
use slipstream_event::{Position, Tenant, Timestamp, id};
use slipstream_store::outbox::Row;
use tokio::time::Instant;

use super::context::Context;
use super::look;
use super::outcome::{Done, End, Failure};
use crate::failpoint::Point;
use crate::{limits, metrics as names};

/// A tenant's rows, to be published in this order.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) tenant: Tenant,
    pub(super) shard: u16,
    pub(super) rows: Vec<Row>,
    /// Whether to look for them in the log first.
    pub(super) look: bool,
    pub(super) claimed_at: Instant,
    /// [`Context::closings`] at the claim.
    pub(super) closings: u64,
    /// Number of the broker's connection, over which the stream was compared.
    pub(super) connection: u64,
    /// Where the stream ended, as far as it is known: when it was compared, or by a later ack.
    pub(super) floor: Position,
}

/// Publishes the rows, in turn with other tenants of the shard.
pub(super) async fn publish(context: Context, order: Order) -> Done {
    let mut done = Done::new(order.tenant.clone(), order.shard, order.floor);
    // The semaphore is never closed: an error cannot come.
    let _turn = context.turns(order.shard).acquire().await.ok();
    if let Err(end) = work(&context, &order, &mut done).await {
        done.end = end;
    }
    done
}

async fn work(context: &Context, order: &Order, done: &mut Done) -> Result<(), End> {
    let mut rows: Vec<&Row> = order.rows.iter().collect();
    if order.look {
        let found = look::find(context, order.floor, &order.tenant, &order.rows).await.map_err(|trouble| failed(rows.first(), &trouble))?;
        rows.retain(|row| !found.contains_key(&row.event_id));
        done.acks.extend(order.rows.iter().filter_map(|row| Some((row.id, *found.get(&row.event_id)?))));
        done.cleared = !rows.is_empty();
        counter!(names::RELAY_PUBLISHED_TOTAL, "outcome" => "found").increment(found.len() as u64);
    }
    if rows.is_empty() {
        return Ok(());
    }
    may_send(context, order)?;
    let batch: Vec<Outgoing> = rows.iter().map(|row| outgoing(row)).collect();
    match context.broker.publish_batch(&batch).await {
        Ok(acks) => rows.iter().zip(acks).for_each(|(row, ack)| note(context, row, ack, done)),
        Err(error) if error.retriable() => return Err(failed(rows.first(), &error)),
        Err(_) => one_by_one(context, order, &rows, done).await?,
    }
    context.config.fail_points.visit(Point::RelayPublished).await;
    Ok(())
}

/// For a batch that holds a row which the broker refuses: finds it, and publishes the others.
async fn one_by_one(context: &Context, order: &Order, rows: &[&Row], done: &mut Done) -> Result<(), End> {
    for row in rows {
        may_send(context, order)?;
        match context.broker.publish(outgoing(row)).await {
            Ok(ack) => note(context, row, ack, done),
            Err(error) if error.retriable() || !context.may_set_aside(order.shard, blame(&error)) => return Err(failed(Some(row), &error)),
            Err(error) => done.refused.push((row.id, error.to_string())),
        }
    }
    Ok(())
}

fn note(context: &Context, row: &Row, ack: Ack, done: &mut Done) {
    context.taken(done.shard);
    done.acks.push((row.id, ack.position));
    if !ack.duplicate {
        let (lowest, _) = done.new.unwrap_or((ack.position, ack.position));
        done.new = Some((lowest, ack.position));
    }
    counter!(names::RELAY_PUBLISHED_TOTAL, "outcome" => if ack.duplicate { "duplicate" } else { "stored" }).increment(1);
    let waited = Timestamp::now().micros().saturating_sub(row.created_at.micros()).max(0);
    histogram!(names::RELAY_LATENCY_SECONDS).record(waited as f64 / 1e6);
}

/// Rows that waited for their turn, or in a frozen process, may be another leader's business by now; and behind a new connection may be a broker that came back older.
fn may_send(context: &Context, order: &Order) -> Result<(), End> {
    let is_fresh = order.claimed_at.elapsed() < limits::CLAIM_AGE_MAX;
    let is_connected = context.broker.connected() && context.broker.connection_number() == order.connection;
    if is_fresh && is_connected && context.closings(order.shard) == order.closings { Ok(()) } else { Err(End::GivenBack) }
}

fn failed(row: Option<&&Row>, error: &dyn std::fmt::Display) -> End {
    row.map_or(End::Whole, |row| End::Failed(Failure { id: row.id, attempts: row.attempts.saturating_add(1), error: error.to_string() }))
}

fn outgoing(row: &Row) -> Outgoing {
    Outgoing {
        tenant: row.tenant.clone(),
        event_type: row.event_type.clone(),
        msg_id: id::message_id(&row.tenant, row.event_id),
        payload: Bytes::from(row.payload.clone()),
        traceparent: row.traceparent.clone(),
    }
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The row's: whatever the broker's state, it can never be published.
    Row,
    /// Perhaps the row's.
    Unknown,
    /// The broker's, or that of the settings: no row is to suffer for it.
    Broker,
}

fn blame(error: &PublishError) -> Blame {
    /// The message is larger than the stream takes.
    const MESSAGE_TOO_LARGE: u64 = 10_054;
    /// No such stream; a stream that counts shards otherwise; a stream that takes nothing any more.
    const OF_THE_STREAM: [u64; 3] = [10_059, 10_060, 10_109];
    match error {
        PublishError::TooLarge { .. } | PublishError::Rejected { code: 0 | MESSAGE_TOO_LARGE, .. } => Blame::Row,
        PublishError::Rejected { code, .. } if OF_THE_STREAM.contains(code) => Blame::Broker,
        PublishError::Rejected { .. } => Blame::Unknown,
        PublishError::Unavailable(_) => Blame::Broker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_suffers_for_the_broker() {
        let rejected = |code| PublishError::Rejected { code, description: String::new() };
        assert_eq!(blame(&PublishError::TooLarge { bytes: 2, bytes_max: 1 }), Blame::Row);
        assert_eq!((blame(&rejected(0)), blame(&rejected(10_054))), (Blame::Row, Blame::Row));
        assert_eq!((blame(&rejected(10_060)), blame(&rejected(10_109))), (Blame::Broker, Blame::Broker));
        assert_eq!(blame(&rejected(10_071)), Blame::Unknown);
    }
}
