//! `POST /api/events/ticket`, and where tickets are kept: the broker's bucket, in which a ticket is used up for all gateways at once.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use slipstream_access::ticket::{Answer, Tickets, Unavailable};
use slipstream_access::{Json, Problem, Reader};
use slipstream_broker::{Broker, Bucket, Error};
use slipstream_event::Timestamp;
use tracing::warn;

use crate::routes::Gateway;
use crate::stream;

/// Makes a ticket: `{ticket, expiresAt}`. Counts as an opening of a stream, in a measure of its own.
pub(crate) async fn post(State(gateway): State<Gateway>, reader: Reader) -> Result<Response, Problem> {
    let (principal, tenant) = (reader.principal(), reader.tenant());
    gateway.ticket_opens.take(tenant, &principal.actor.user_id).map_err(stream::too_soon)?;
    let ticket = gateway.access.issue_ticket(principal, tenant).await?;
    let body = json!({"ticket": ticket.secret.expose(), "expiresAt": Timestamp::from(ticket.expires_at)});
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    Ok((StatusCode::CREATED, headers, Json(body)).into_response())
}

/// Tickets in the broker's bucket.
#[derive(Clone, Debug)]
pub struct BrokerTickets(pub Broker);

impl Tickets for BrokerTickets {
    fn keep<'a>(&'a self, hash: &'a str, sealed: Vec<u8>) -> Answer<'a, ()> {
        Box::pin(async move { self.0.kv_put(Bucket::Tickets, hash, sealed.into(), None).await.map(drop).map_err(|error| unavailable(&error.into())) })
    }

    /// The last to write the key has used the ticket: that of two gateways one sees another's mark first is decided by the bucket's leader.
    fn take<'a>(&'a self, hash: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let Some(entry) = self.0.kv_get(Bucket::Tickets, hash).await.map_err(|error| unavailable(&error))? else { return Ok(None) };
            let Some(value) = entry.value else { return Ok(None) };
            let is_ours = self.0.kv_take(Bucket::Tickets, hash, entry.revision).await.map_err(|error| unavailable(&error))?;
            Ok(is_ours.then(|| value.to_vec()))
        })
    }
}

fn unavailable(error: &Error) -> Unavailable {
    warn!(%error, "the broker does not answer for a ticket");
    Unavailable
}
