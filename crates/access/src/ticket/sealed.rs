//! A caller as it is kept under a ticket.

use serde::{Deserialize, Serialize};
use slipstream_event::{Actor, Tenant, Viewer};
use time::OffsetDateTime;

use crate::{Classes, Principal};

/// The caller, the tenant, and until when the ticket may be used. Unknown fields are an error: a right that is not understood must not get lost.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    tenant: Tenant,
    /// Of the ticket; in nanoseconds since 1970, as the others.
    until: i128,
    issuer: String,
    own_tenant: Option<Tenant>,
    super_admin: bool,
    user_id: Option<String>,
    email: Option<String>,
    actor: Actor,
    viewer: SealedViewer,
    /// User, reader, writer, admin.
    classes: [bool; 4],
    roles: Vec<String>,
    scopes: Vec<String>,
    session_id: Option<String>,
    token_id: Option<String>,
    issued_at: Option<i128>,
    expires_at: Option<i128>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SealedViewer {
    user_id: Option<Box<str>>,
    department: Option<Box<str>>,
    member: bool,
    quality: bool,
    admin: bool,
    platform: bool,
}

impl Sealed {
    pub(super) fn new(principal: &Principal, tenant: &Tenant, until: OffsetDateTime) -> Self {
        let Principal { issuer, tenant: own, super_admin, user_id, email, actor, viewer, classes, roles, scopes, session_id, token_id, issued_at, expires_at } =
            principal.clone();
        let Viewer { user_id: viewer_id, department, member, quality, admin, platform } = viewer;
        Self {
            tenant: tenant.clone(),
            until: until.unix_timestamp_nanos(),
            issuer: issuer.to_string(),
            own_tenant: own,
            super_admin,
            user_id,
            email,
            actor,
            viewer: SealedViewer { user_id: viewer_id, department, member, quality, admin, platform },
            classes: [classes.user, classes.reader, classes.writer, classes.admin],
            roles,
            scopes,
            session_id,
            token_id,
            issued_at: issued_at.map(OffsetDateTime::unix_timestamp_nanos),
            expires_at: expires_at.map(OffsetDateTime::unix_timestamp_nanos),
        }
    }

    pub(super) fn to_json(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    pub(super) fn of_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The caller and the tenant, unless the time is over.
    pub(super) fn open(self, now: OffsetDateTime) -> Option<(Principal, Tenant)> {
        if now.unix_timestamp_nanos() >= self.until {
            return None;
        }
        let moment = |nanos: Option<i128>| nanos.map(OffsetDateTime::from_unix_timestamp_nanos).transpose().ok();
        let SealedViewer { user_id, department, member, quality, admin, platform } = self.viewer;
        let principal = Principal {
            issuer: self.issuer.into(),
            tenant: self.own_tenant,
            super_admin: self.super_admin,
            user_id: self.user_id,
            email: self.email,
            actor: self.actor,
            viewer: Viewer { user_id, department, member, quality, admin, platform },
            classes: Classes { user: self.classes[0], reader: self.classes[1], writer: self.classes[2], admin: self.classes[3] },
            roles: self.roles,
            scopes: self.scopes,
            session_id: self.session_id,
            token_id: self.token_id,
            issued_at: moment(self.issued_at)?,
            expires_at: moment(self.expires_at)?,
        };
        Some((principal, self.tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_comes_out_as_it_went_in_until_its_time() {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let principal = Principal {
            issuer: "own".into(),
            tenant: None,
            super_admin: true,
            user_id: Some("u".into()),
            email: Some("u@x".into()),
            actor: Actor { department: Some("d".into()), ..Actor::user("u") },
            viewer: Viewer { department: Some("d".into()), ..Viewer::everything() },
            classes: Classes { user: true, reader: true, writer: false, admin: true },
            roles: vec!["r".into()],
            scopes: vec!["s".into()],
            session_id: Some("sid".into()),
            token_id: Some("jti".into()),
            issued_at: Some(now),
            expires_at: Some(now + time::Duration::seconds(90)),
        };
        let tenant = Tenant::new("acme").unwrap();
        let seal = || Sealed::of_json(&Sealed::new(&principal, &tenant, now + time::Duration::seconds(60)).to_json().unwrap()).unwrap();
        let (opened, opened_tenant) = seal().open(now + time::Duration::seconds(59)).unwrap();
        assert_eq!((format!("{opened:?}"), opened_tenant), (format!("{principal:?}"), tenant.clone()));
        assert!(seal().open(now + time::Duration::seconds(60)).is_none());
        assert!(Sealed::of_json(b"{}").is_none());
    }
}
