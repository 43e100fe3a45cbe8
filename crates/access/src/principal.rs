//! The caller, after verification.

use std::sync::Arc;

use slipstream_event::{Actor, Tenant, Viewer};
use time::OffsetDateTime;

/// What a caller may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// No credential is needed.
    Public,
    /// Any member of a tenant, end users included.
    User,
    /// Reads the tenant's events and objects.
    Reader,
    /// Writes events.
    Writer,
    /// Administers the tenant.
    Admin,
    /// Administers the platform.
    SuperAdmin,
}

impl Class {
    /// The word in tables and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::User => "user",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Admin => "admin",
            Self::SuperAdmin => "super_admin",
        }
    }
}

/// The classes that a caller's roles give it within its tenant. A higher class holds the lower ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// End user.
    pub user: bool,
    /// Reader.
    pub reader: bool,
    /// Writer of events.
    pub writer: bool,
    /// Admin of the tenant.
    pub admin: bool,
}

/// The caller: who, for which tenant, with which rights, until when. Made by verification only.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Principal {
    /// Name of the issuer whose key verified the credential.
    pub issuer: Arc<str>,
    /// The caller's tenant. `None` for a super-admin without one, and for tokens that name none, which no tenant route accepts.
    pub tenant: Option<Tenant>,
    /// Administers the platform.
    pub super_admin: bool,
    /// The caller's user id, when the credential names one.
    pub user_id: Option<String>,
    /// The caller's e-mail address, when the credential names one.
    pub email: Option<String>,
    /// The caller as the actor of events.
    pub actor: Actor,
    /// What the caller may see of a tenant's events.
    pub viewer: Viewer,
    /// What the roles allow.
    pub classes: Classes,
    /// The roles, as the credential spells them.
    pub roles: Vec<String>,
    /// The scopes.
    pub scopes: Vec<String>,
    /// Id of the session, for revocation.
    pub session_id: Option<String>,
    /// Id of the token (`jti`), for revocation.
    pub token_id: Option<String>,
    /// When the token was issued.
    pub issued_at: Option<OffsetDateTime>,
    /// When the token ends; streams end with it.
    pub expires_at: Option<OffsetDateTime>,
}

impl Principal {
    /// The scope that allows to write events without any role.
    pub const SCOPE_WRITE: &'static str = "events:write";
    /// The scope that allows to name another actor.
    pub const SCOPE_WRITE_AS: &'static str = "events:write-as";

    /// Whether the caller is of `class`. Says nothing of a tenant.
    pub fn is(&self, class: Class) -> bool {
        self.super_admin
            || match class {
                Class::Public => true,
                Class::User => self.classes.user,
                Class::Reader => self.classes.reader,
                Class::Writer => self.classes.writer || self.scopes.iter().any(|scope| scope == Self::SCOPE_WRITE),
                Class::Admin => self.classes.admin,
                Class::SuperAdmin => false,
            }
    }

    /// Whether the caller may name another actor in the events it writes.
    pub fn may_write_as(&self) -> bool {
        self.super_admin || self.scopes.iter().any(|scope| scope == Self::SCOPE_WRITE_AS)
    }
}
