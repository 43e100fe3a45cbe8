//! The writer's side: appending as the last step of a transaction, and telling the relay after its commit.

use std::collections::BTreeMap;

use slipstream_event::limits::EVENT_BYTES_MAX;
use slipstream_event::{Event, Tenant};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Error, Scope, Store, limits};

/// Appends events as the last step of a transaction. Returns how many.
///
/// Events of several tenants are appended in the order of the tenants, so that two transactions never wait for each other's locks.
pub(crate) async fn append(connection: &mut PgConnection, scope: &Scope, events: &[Event], traceparent: Option<&str>) -> Result<usize, Error> {
    if events.len() > limits::WRITE_EVENTS_MAX {
        return Err(Error::TooManyEvents { count: events.len() });
    }
    let mut of_tenants: BTreeMap<&Tenant, Columns<'_>> = BTreeMap::new();
    for event in events {
        if scope.account().is_some_and(|account| *account != event.tenant_id) {
            return Err(Error::Bug(format!("an event {} of another tenant was emitted", event.event_type)));
        }
        of_tenants.entry(&event.tenant_id).or_default().push(event)?;
    }
    for (tenant, columns) in of_tenants {
        if scope.account().is_none() {
            let name = sqlx::query("select set_config('slipstream.tenant', $1, true)").bind(tenant.as_str());
            name.execute(&mut *connection).await?;
        }
        sqlx::query("select slipstream.append($1, $2, $3, $4, $5)")
            .bind(tenant.as_str())
            .bind(columns.ids)
            .bind(columns.types)
            .bind(columns.payloads)
            .bind(traceparent)
            .execute(&mut *connection)
            .await?;
    }
    Ok(events.len())
}

/// Tells the relay, wherever it leads, that rows were committed. Never fails: the relay polls in any case.
///
/// A NOTIFY holds a lock of the whole cluster until its transaction has committed, so inside of the writes it would make their commits, each with its
/// wait for the disk, follow one another. It is therefore sent after the commit, in a transaction of its own that does not wait for the disk, once for
/// all writes that end at the same time, and not at all when the leader sits in this process.
pub(crate) async fn wake(store: &Store) {
    store.wake.signal();
    if store.wake.is_led_here() {
        return;
    }
    let tell = async || {
        let notify = sqlx::raw_sql("begin; set local synchronous_commit = off; select pg_notify('slipstream_outbox', ''); commit");
        if let Err(error) = notify.execute(&store.pool).await {
            tracing::debug!(%error, "relays in other processes were not told of new rows; they poll");
        }
    };
    if tokio::time::timeout(limits::NOTIFY_WAIT, store.wake.tell_others(tell)).await.is_err() {
        tracing::debug!("relays in other processes were not told of new rows in time; they poll");
    }
}

/// The columns of one tenant's rows.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    types: Vec<&'a str>,
    payloads: Vec<String>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, event: &'a Event) -> Result<(), Error> {
        let payload = event.to_json();
        if payload.len() > EVENT_BYTES_MAX {
            return Err(Error::EventTooLarge { bytes: payload.len() });
        }
        self.ids.push(event.id);
        self.types.push(event.event_type.as_str());
        self.payloads.push(payload);
        Ok(())
    }
}
