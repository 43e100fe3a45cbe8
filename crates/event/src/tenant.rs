//! Tenants: the first token of every subject, and the wall between customers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Fault, limits};

/// The id of a tenant: 1 to 64 characters of `[A-Za-z0-9_-]`, so that it is one subject token. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The reserved tenant of events that belong to no account.
    pub const PLATFORM: &'static str = "platform";

    /// The reserved tenant [`Tenant::PLATFORM`].
    pub fn platform() -> Self {
        Self(Self::PLATFORM.into())
    }

    /// Checks and takes `value`.
    ///
    /// # Errors
    /// A [`Fault`] of `tenantId` with code `tenant_invalid`.
    pub fn new(value: &str) -> Result<Self, Fault> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if value.is_empty() || value.len() > limits::TENANT_LEN_MAX || !value.bytes().all(valid) {
            return Err(Fault::new("tenantId", "tenant_invalid", "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"));
        }
        Ok(Self(value.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tenant {
    type Err = Fault;
    fn from_str(value: &str) -> Result<Self, Fault> {
        Self::new(value)
    }
}

impl TryFrom<String> for Tenant {
    type Error = Fault;
    fn try_from(value: String) -> Result<Self, Fault> {
        Self::new(&value)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_subject_token_only() {
        for good in ["a", "acme-1", "A_b-9", &"x".repeat(64)] {
            assert_eq!(Tenant::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "a.b", "a b", "*", ">", "é", "a\n", "a/b", &"x".repeat(65)] {
            assert_eq!(Tenant::new(bad).unwrap_err().code, "tenant_invalid", "{bad:?}");
        }
    }
}
