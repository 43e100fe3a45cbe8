//! Why a credential was refused.

use crate::Problem;
use crate::revocation::Reason;

/// Why a credential was refused. Tells nothing of the credential itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// None was given.
    #[error("a credential is required")]
    Missing,
    /// What was given cannot be a credential.
    #[error("the credential is malformed")]
    Malformed,
    /// No configured key or secret fits it.
    #[error("the credential is not recognised")]
    Unrecognised,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Signed with a known key, in the name of another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// Made for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// A required claim is absent.
    #[error("the token lacks the claim {0}")]
    ClaimMissing(&'static str),
    /// A claim has a form that cannot be used.
    #[error("the token's claim {0} cannot be used")]
    ClaimInvalid(&'static str),
    /// A cookie was sent with a write by another site, or by a client that does not say which.
    #[error("a write with a cookie must come from the same origin")]
    CrossSite,
    /// The issuer's keys could not be fetched, and there are none from before. Worth a retry.
    #[error("the issuer's keys are not available")]
    KeysUnavailable,
    /// It was good, and its holder is cut off.
    #[error("the credential has been revoked ({})", .0.as_str())]
    Revoked(Reason),
    /// Who is cut off is not known yet. Worth a retry.
    #[error("the revocations are not known yet")]
    RevocationsUnknown,
    /// The ticket is used, unknown or expired.
    #[error("the ticket is not valid (any more): each is for one use within a minute")]
    Ticket,
    /// Where tickets are kept cannot be reached. Worth a retry, with a new ticket.
    #[error("tickets cannot be issued or taken now")]
    TicketsUnavailable,
}

impl Denied {
    /// The stable machine word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "auth_required",
            Self::Expired => "token_expired",
            Self::CrossSite => "cross_site",
            Self::KeysUnavailable => "issuer_unavailable",
            Self::Revoked(_) => "token_revoked",
            Self::RevocationsUnknown => "revocations_unavailable",
            Self::Ticket => "ticket_invalid",
            Self::TicketsUnavailable => "tickets_unavailable",
            _ => "auth_invalid",
        }
    }

    /// Whether only a retry can tell.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::RevocationsUnknown | Self::TicketsUnavailable)
    }
}

/// The answer of a platform route: 401 with a challenge; 503 when only a retry can tell.
impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            _ if denied.is_passing() => Self::unavailable(denied.code(), denied.to_string()),
            Denied::CrossSite => Self::forbidden(denied.code(), denied.to_string()),
            Denied::Revoked(reason) => Self::unauthorized(denied).with("reason", reason.as_str()),
            _ => Self::unauthorized(denied),
        }
    }
}
