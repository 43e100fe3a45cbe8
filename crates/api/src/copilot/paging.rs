//! Paging of lists: `limit` and `offset`, or `limit` and `cursor`.

use slipstream_access::copilot::Accounts;
use slipstream_access::problem::Invalid;
use slipstream_access::{Problem, Query};
use slipstream_event::{CursorKey, Fault, Tenant, Timestamp};
use uuid::Uuid;

use crate::limits::{LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, LIST_OFFSET_MAX};

/// The order key of a list: when a row was made, and its id.
pub(crate) type RowKey = (Timestamp, Uuid);

/// Which page of a list is asked for.
pub(crate) struct Paging {
    /// The list: a cursor of one does not open for another.
    list: &'static str,
    /// Most rows.
    pub(crate) limit: u32,
    /// Rows to leave out at the beginning; 0 with a cursor.
    pub(crate) offset: u32,
    cursor: Option<String>,
}

impl Paging {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn of(list: &'static str, query: &Query) -> Result<Self, Vec<Invalid>> {
        let (limit, offset) = (query.integer("limit", LIST_LIMIT_DEFAULT, 1..=LIST_LIMIT_MAX), query.integer("offset", 0, 0..=LIST_OFFSET_MAX));
        let cursor = query.text("cursor").map(str::to_owned);
        match (limit, offset) {
            (Ok(limit), Ok(offset)) => {
                let within = |number: i64| u32::try_from(number).unwrap_or_default();
                Ok(Self { list, limit: within(limit), offset: if cursor.is_some() { 0 } else { within(offset) }, cursor })
            }
            (limit, offset) => Err([limit.err(), offset.err()].into_iter().flatten().collect()),
        }
    }

    /// The last row of the page before.
    ///
    /// # Errors
    /// 400 `cursor_invalid`, also for a cursor of another list or of other accounts.
    pub(crate) fn after(&self, key: &CursorKey, accounts: &Accounts) -> Result<Option<RowKey>, Problem> {
        let invalid = || {
            let fault = Fault::new("cursor", "cursor_invalid", "is no cursor of this list");
            Problem::bad_request("cursor_invalid", fault.to_string()).with_fields(vec![fault])
        };
        self.cursor.as_deref().map(|cursor| self.open(key, accounts, cursor).ok_or_else(invalid)).transpose()
    }

    /// The cursor of the next page; `None` when this one, with `len` rows up to `last`, is the last.
    pub(crate) fn next(&self, key: &CursorKey, accounts: &Accounts, len: usize, last: Option<RowKey>) -> Option<String> {
        let (at, id) = last.filter(|_| len >= self.limit as usize)?;
        let plain = [at.micros().to_be_bytes().as_slice(), id.as_bytes()].concat();
        Some(key.seal_bytes(self.list, &owner(accounts), &plain))
    }

    fn open(&self, key: &CursorKey, accounts: &Accounts, cursor: &str) -> Option<RowKey> {
        let plain = key.open_bytes(self.list, &owner(accounts), cursor).ok()?;
        let (micros, id) = plain.split_at_checked(8)?;
        Some((Timestamp::from_micros(i64::from_be_bytes(micros.try_into().ok()?))?, Uuid::from_slice(id).ok()?))
    }
}

/// For whom a cursor is sealed. Cursors over all accounts are the platform's.
fn owner(accounts: &Accounts) -> Tenant {
    match accounts {
        Accounts::All => Tenant::platform(),
        Accounts::One(account) => account.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(query: &str) -> Result<Paging, Vec<Invalid>> {
        Paging::of("tickets", &Query::parse(query).unwrap())
    }

    #[test]
    fn has_bounds() {
        let (usual, given) = (paging("").unwrap(), paging("limit=500&offset=7").unwrap());
        assert_eq!((usual.limit, usual.offset, given.limit, given.offset), (100, 0, 500, 7));
        assert_eq!(paging("cursor=x&offset=7").unwrap().offset, 0);
        for bad in ["limit=501", "limit=0", "limit=-1", "offset=-1", "limit=x"] {
            assert_eq!(paging(bad).err().unwrap().len(), 1, "{bad}");
        }
        assert_eq!(paging("limit=0&offset=-1").err().unwrap().len(), 2);
    }

    #[test]
    fn cursors_open_for_their_own_list_and_accounts() {
        let (key, one) = (CursorKey::new(b"k"), Accounts::One(Tenant::new("acme").unwrap()));
        let row = (Timestamp::from_micros(1_700_000_000_000_001).unwrap(), Uuid::from_u128(7));
        let full = paging("limit=2").unwrap();
        assert_eq!(full.next(&key, &one, 1, Some(row)), None);
        let cursor = full.next(&key, &one, 2, Some(row)).unwrap();
        let after = |list, accounts: &Accounts| Paging::of(list, &Query::parse(&format!("cursor={cursor}")).unwrap()).ok().unwrap().after(&key, accounts);
        assert_eq!(after("tickets", &one).unwrap(), Some(row));
        assert_eq!(after("users", &one).unwrap_err().code(), "cursor_invalid");
        assert_eq!(after("tickets", &Accounts::All).unwrap_err().code(), "cursor_invalid");
    }
}
