//! Keysets: where a page of history ends.

use crate::cursor::Invalid;
use crate::{CursorKey, Tenant, Timestamp};
use uuid::Uuid;

/// The order key of history, newest first: the next page holds what is strictly older than this pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keyset {
    /// When the last event of the page happened.
    pub timestamp: Timestamp,
    /// Its id, which breaks ties.
    pub id: Uuid,
}

impl Keyset {
    /// Seals the keyset for `tenant` and the query that it is a place of, as an opaque, URL-safe cursor. `query` stands for what was asked for, as any text.
    pub fn seal(&self, key: &CursorKey, tenant: &Tenant, query: &str) -> String {
        let mut plain = [0; 24];
        plain[..8].copy_from_slice(&self.timestamp.micros().to_be_bytes());
        plain[8..].copy_from_slice(self.id.as_bytes());
        key.seal_bytes(&purpose(query), tenant, &plain)
    }

    /// Opens a sealed keyset, or the older form `<RFC 3339 time>|<event id>` that existing clients keep.
    ///
    /// # Errors
    /// [`Invalid`] for everything else, a keyset of another tenant or query included.
    pub fn open(key: &CursorKey, tenant: &Tenant, query: &str, cursor: &str) -> Result<Self, Invalid> {
        if let Some((time, id)) = cursor.split_once('|') {
            let timestamp = Timestamp::parse(time).ok_or(Invalid)?;
            return Ok(Self { timestamp, id: Uuid::try_parse(id).map_err(|_| Invalid)? });
        }
        let plain: [u8; 24] = key.open_bytes(&purpose(query), tenant, cursor)?.try_into().map_err(|_| Invalid)?;
        let (micros, id) = plain.split_at(8);
        let micros = i64::from_be_bytes(micros.try_into().map_err(|_| Invalid)?);
        Ok(Self { timestamp: Timestamp::from_micros(micros).ok_or(Invalid)?, id: Uuid::from_slice(id).map_err(|_| Invalid)? })
    }
}

fn purpose(query: &str) -> String {
    format!("history\0{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_both_forms_and_no_foreign_one() {
        let (key, a, b) = (CursorKey::new(b"k"), Tenant::new("a").unwrap(), Tenant::new("b").unwrap());
        let keyset = Keyset { timestamp: Timestamp::parse("2023-07-10T11:42:18.000001Z").unwrap(), id: Uuid::from_u128(7) };
        let sealed = keyset.seal(&key, &a, "q");
        assert_eq!(Keyset::open(&key, &a, "q", &sealed), Ok(keyset));
        assert_eq!(Keyset::open(&key, &a, "other", &sealed), Err(Invalid));
        assert_eq!(Keyset::open(&key, &b, "q", &sealed), Err(Invalid));
        assert_eq!(Keyset::open(&key, &a, "q", "2023-07-10T11:42:18.000001+00:00|00000000-0000-0000-0000-000000000007"), Ok(keyset));
        for bad in ["", "|", "x|y", "2023-07-10T11:42:18Z|", "2023-07-10T11:42:18 00:00|00000000-0000-0000-0000-000000000007"] {
            assert_eq!(Keyset::open(&key, &a, "q", bad), Err(Invalid), "{bad}");
        }
    }
}
