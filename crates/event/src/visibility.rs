//! Who may see an event: named classes, enforced on the stream, in history and in exports alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Event, Fault, fault, limits};

/// The class of readers that may see an event, within its tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Visibility {
    /// Every member of the tenant.
    #[default]
    Tenant,
    /// Members of one department, and admins.
    Department(Box<str>),
    /// Quality roles, and admins.
    Quality,
    /// The person concerned, and admins.
    Subject,
    /// Quality roles, admins, and the outside party concerned.
    External,
    /// Admins of the tenant.
    Admin,
    /// Super-admins only.
    Platform,
}

impl Visibility {
    /// The class of a word on the wire.
    ///
    /// # Errors
    /// A [`Fault`] of `visibility` with code `visibility_invalid`.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        Ok(match word {
            "tenant" => Self::Tenant,
            "quality" => Self::Quality,
            "subject" => Self::Subject,
            "external" => Self::External,
            "admin" => Self::Admin,
            "platform" => Self::Platform,
            _ => {
                let message = "must be tenant, department:<name>, quality, subject, external, admin or platform";
                let invalid = || Fault::new("visibility", "visibility_invalid", message);
                let name = word.strip_prefix("department:").ok_or_else(invalid)?;
                fault::text("visibility", name, limits::NAME_LEN_MAX)?;
                Self::Department(name.into())
            }
        })
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("tenant"),
            Self::Department(name) => write!(f, "department:{name}"),
            Self::Quality => f.write_str("quality"),
            Self::Subject => f.write_str("subject"),
            Self::External => f.write_str("external"),
            Self::Admin => f.write_str("admin"),
            Self::Platform => f.write_str("platform"),
        }
    }
}

impl TryFrom<String> for Visibility {
    type Error = Fault;
    fn try_from(value: String) -> Result<Self, Fault> {
        Self::parse(&value)
    }
}

impl From<Visibility> for String {
    fn from(value: Visibility) -> Self {
        value.to_string()
    }
}

/// What a reader of a tenant may see. The default sees nothing but what concerns a user without an id: nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Viewer {
    /// The reader's user id.
    pub user_id: Option<Box<str>>,
    /// The reader's department.
    pub department: Option<Box<str>>,
    /// A member of the tenant, and not an outside party.
    pub member: bool,
    /// Holds a quality role.
    pub quality: bool,
    /// Administers the tenant.
    pub admin: bool,
    /// A super-admin of the platform.
    pub platform: bool,
}

impl Viewer {
    /// A reader that sees every event of a tenant: for the platform's own work, never for a person's request.
    pub fn everything() -> Self {
        Self { user_id: None, department: None, member: true, quality: true, admin: true, platform: true }
    }

    /// Whether this reader may see an event of class `visibility` that concerns the user `concerned`.
    pub fn sees(&self, visibility: &Visibility, concerned: Option<&str>) -> bool {
        self.sees_as(self.user_id.as_deref(), visibility, concerned)
    }

    /// The same for the user `user` with this reader's rights: so that many users can share one viewer.
    pub fn sees_as(&self, user: Option<&str>, visibility: &Visibility, concerned: Option<&str>) -> bool {
        if self.platform {
            return true;
        }
        let is_concerned = || concerned.is_some() && user == concerned;
        match visibility {
            Visibility::Tenant => self.member || self.admin,
            Visibility::Department(name) => self.admin || (self.member && self.department.as_deref() == Some(name)),
            Visibility::Quality => self.quality || self.admin,
            Visibility::Subject => self.admin || is_concerned(),
            Visibility::External => self.quality || self.admin || is_concerned(),
            Visibility::Admin => self.admin,
            Visibility::Platform => false,
        }
    }

    /// Whether this reader may see `event`.
    pub fn sees_event(&self, event: &Event) -> bool {
        self.sees(&event.visibility, event.concerned().as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for word in ["tenant", "department:line", "quality", "subject", "external", "admin", "platform"] {
            assert_eq!(Visibility::parse(word).unwrap().to_string(), word);
        }
        for bad in ["", "all", "department:", "Tenant"] {
            assert!(Visibility::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fails_closed() {
        let nobody = Viewer::default();
        let member = Viewer { member: true, user_id: Some("u1".into()), department: Some("line".into()), ..Viewer::default() };
        let admin = Viewer { member: true, admin: true, ..Viewer::default() };
        for word in ["tenant", "department:line", "quality", "subject", "external", "admin", "platform"] {
            assert!(!nobody.sees(&Visibility::parse(word).unwrap(), None), "{word}");
        }
        assert!(member.sees(&Visibility::Tenant, None));
        assert!(member.sees(&Visibility::Department("line".into()), None));
        assert!(!member.sees(&Visibility::Department("stores".into()), None));
        assert!(member.sees(&Visibility::Subject, Some("u1")) && !member.sees(&Visibility::Subject, Some("u2")) && !member.sees(&Visibility::Subject, None));
        assert!(!member.sees(&Visibility::Quality, None) && admin.sees(&Visibility::Quality, None));
        assert!(!admin.sees(&Visibility::Platform, None));
    }
}
