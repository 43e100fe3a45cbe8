//! Whose rows a transaction may see.

use slipstream_event::Tenant;

/// The accounts that a transaction is about. There is no scope without an account and without a word for it: a missing tenant sees nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The rows of one account.
    Account(Tenant),
    /// The rows of all accounts: for super-admins only. Runs under the database role `slipstream_platform`.
    AllAccounts,
}

impl Scope {
    /// The account, when the scope is one.
    pub fn account(&self) -> Option<&Tenant> {
        match self {
            Self::Account(tenant) => Some(tenant),
            Self::AllAccounts => None,
        }
    }

    /// The statement that narrows a transaction to it.
    pub(crate) fn to_sql(&self) -> String {
        match self {
            // The grammar of tenants has no character that could end the literal.
            Self::Account(tenant) => format!("set local slipstream.tenant = '{tenant}'"),
            Self::AllAccounts => "set local role slipstream_platform".to_owned(),
        }
    }
}
