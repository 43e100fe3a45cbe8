//! Tickets: how a browser whose client cannot set a header opens a stream. A ticket stands in the address for one use within a minute, in place of the credential itself.
//!
//! - 256 random bits; only their hash is kept, by whoever implements [`Tickets`].
//! - It holds its caller as the credential had proven it (rights, ids, end) and the tenant, fixed: what it opens ends with the credential and can be revoked by its ids.
//! - Used, unknown and expired tickets are not told apart.

mod sealed;

use std::pin::Pin;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use slipstream_event::Tenant;
use time::{Duration, OffsetDateTime};

use crate::{Access, Denied, Principal, Secret, limits, service};
use sealed::Sealed;

/// Where tickets are kept, for all processes that take them. What is kept may be forgotten after [`limits::TICKET_SECONDS`].
pub trait Tickets: Send + Sync {
    /// Keeps `sealed` under `hash`, 64 hexadecimal digits.
    fn keep<'a>(&'a self, hash: &'a str, sealed: Vec<u8>) -> Answer<'a, ()>;

    /// Takes what is kept under `hash`: of all that try, on any process, one gets it.
    fn take<'a>(&'a self, hash: &'a str) -> Answer<'a, Option<Vec<u8>>>;
}

/// What [`Tickets`] answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// The place of the tickets cannot be reached. A ticket that was to be taken may be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tickets cannot be reached")]
pub struct Unavailable;

/// A new ticket.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// What opens a stream.
    pub secret: Secret,
    /// Until when.
    pub expires_at: OffsetDateTime,
}

impl Access {
    /// Makes a ticket for this caller and tenant. It ends no later than the caller's credential.
    ///
    /// # Errors
    /// [`Denied::TicketsUnavailable`].
    pub async fn issue_ticket(&self, principal: &Principal, tenant: &Tenant) -> Result<Ticket, Denied> {
        let tickets = self.tickets().ok_or(Denied::TicketsUnavailable)?;
        let end = OffsetDateTime::now_utc() + Duration::seconds(limits::TICKET_SECONDS);
        let expires_at = principal.expires_at.map_or(end, |expires_at| end.min(expires_at));
        let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let sealed = Sealed::new(principal, tenant, expires_at).to_json().ok_or(Denied::TicketsUnavailable)?;
        tickets.keep(&service::hash(&secret), sealed).await.map_err(|Unavailable| Denied::TicketsUnavailable)?;
        Ok(Ticket { secret: Secret::new(secret), expires_at })
    }

    /// The caller and the tenant of a ticket, which is used up by it.
    ///
    /// # Errors
    /// [`Denied::Ticket`]; [`Denied::TicketsUnavailable`]; as [`Access::verify`] for a caller that is cut off.
    pub async fn redeem_ticket(&self, ticket: &str) -> Result<(Arc<Principal>, Tenant), Denied> {
        if !is_ticket(ticket) {
            return Err(Denied::Ticket);
        }
        let tickets = self.tickets().ok_or(Denied::TicketsUnavailable)?;
        let kept = tickets.take(&service::hash(ticket)).await.map_err(|Unavailable| Denied::TicketsUnavailable)?;
        let sealed = kept.and_then(|kept| Sealed::of_json(&kept)).ok_or(Denied::Ticket)?;
        let (principal, tenant) = sealed.open(OffsetDateTime::now_utc()).ok_or(Denied::Ticket)?;
        self.admit(&principal).await?;
        Ok((Arc::new(principal), tenant))
    }
}

/// Whether it has the form of a ticket: what has not is refused without asking anybody.
fn is_ticket(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_form_of_a_ticket() {
        assert!(is_ticket(&URL_SAFE_NO_PAD.encode([7; 32])));
        for bad in ["", "x", &"A".repeat(42), &"A".repeat(44), &format!("{}=", "A".repeat(43)), &format!("{}+", "A".repeat(42)), "eyJhbGciOiJub25lIn0.e30."] {
            assert!(!is_ticket(bad), "{bad}");
        }
    }
}
