//! What an admin asks for, and what is wrong with it.

use serde::Deserialize;
use slipstream_access::revocation::{Reason, Revocation, Target};
use slipstream_access::{Admin, Problem, limits};
use slipstream_event::{Fault, Timestamp, fault, limits as vocabulary};
use uuid::Uuid;

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Asked {
    user_id: Option<String>,
    session_id: Option<String>,
    token_id: Option<String>,
    reason: Option<Reason>,
    until: Option<Timestamp>,
    note: Option<String>,
}

impl Asked {
    /// The entry that is asked for, by this admin for this tenant, from now on.
    ///
    /// # Errors
    /// 422 that names the fields; nothing is changed.
    pub(super) fn finish(self, admin: &Admin) -> Result<Revocation, Problem> {
        let now = Timestamp::now();
        let (until, note) = (self.until, self.note.clone());
        let mut faults = Vec::new();
        if until.is_some_and(|until| until <= now) {
            faults.push(Fault::new("until", "past", "must be in the future"));
        }
        faults.extend(note.as_deref().and_then(|note| fault::text("note", note, limits::NOTE_LEN_MAX).err()));
        let reason = self.reason.unwrap_or(Reason::AccessRevoked);
        let target = self.target().map_err(|fault| faults.push(fault)).ok();
        let entry = target.map(|target| {
            let (tenant_id, revoked_by) = (admin.tenant().clone(), admin.principal().actor.clone());
            Revocation { id: Uuid::now_v7(), tenant_id, target, reason, revoked_at: now, until, revoked_by, note }
        });
        match entry {
            Some(entry) if faults.is_empty() && entry.locks_out(admin.principal()) => {
                Err(refused(vec![Fault::new("userId", "own_user", "this would keep you out for good: let another admin do it")]))
            }
            Some(entry) if faults.is_empty() => Ok(entry),
            _ => Err(refused(faults)),
        }
    }

    fn target(self) -> Result<Target, Fault> {
        let checked = |field: &str, id: String| fault::text(field, &id, vocabulary::NAME_LEN_MAX).map(|()| id);
        match (self.user_id, self.session_id, self.token_id) {
            (Some(id), None, None) => checked("userId", id).map(Target::UserId),
            (None, Some(id), None) => checked("sessionId", id).map(Target::SessionId),
            (None, None, Some(id)) => checked("tokenId", id).map(Target::TokenId),
            _ => Err(Fault::new("userId", "one_required", "give exactly one of userId, sessionId and tokenId")),
        }
    }
}

fn refused(faults: Vec<Fault>) -> Problem {
    let first = faults.first().map(|fault| (fault.code, fault.to_string()));
    let (code, detail) = first.unwrap_or(("validation", String::new()));
    Problem::unprocessable(code, detail).with_fields(faults)
}
