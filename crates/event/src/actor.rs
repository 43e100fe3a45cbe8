//! Who did it.

use serde::{Deserialize, Serialize};

use crate::{Fault, fault, limits};

/// What kind of actor it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// A person.
    #[default]
    User,
    /// A program with a credential of its own.
    Service,
    /// An AI agent.
    Agent,
    /// The platform itself.
    System,
}

/// Who did it: taken from the verified token unless the caller may write as others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Actor {
    /// Stable id of the actor.
    pub user_id: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Department at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// What kind of actor.
    #[serde(default)]
    pub kind: ActorKind,
    /// The user for whom a service or agent acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

impl Actor {
    /// A person.
    pub fn user(user_id: impl Into<String>) -> Self {
        Self { user_id: user_id.into(), name: None, department: None, kind: ActorKind::User, on_behalf_of: None }
    }

    /// The platform itself.
    pub fn system() -> Self {
        Self { kind: ActorKind::System, ..Self::user("system") }
    }

    /// All that is wrong with it, with fields below `actor`.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let optional = [("name", &self.name), ("department", &self.department), ("onBehalfOf", &self.on_behalf_of)];
        let given = optional.into_iter().filter_map(|(field, value)| Some((field, value.as_ref()?)));
        std::iter::once(("userId", &self.user_id))
            .chain(given)
            .filter_map(|(field, value)| fault::text(field, value, limits::NAME_LEN_MAX).err())
            .map(|fault| fault.below("actor"))
            .collect()
    }
}
