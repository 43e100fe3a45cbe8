//! Rows in the binary form of COPY: <https://www.postgresql.org/docs/current/sql-copy.html>.

use time::OffsetDateTime;
use uuid::Uuid;

/// What a stream of rows begins with: the signature, no flags, no extension.
const HEAD: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const END: [u8; 2] = (-1_i16).to_be_bytes();
/// Microseconds from 1970 to 2000, where Postgres begins to count.
const POSTGRES_EPOCH_MICROS: i128 = 946_684_800_000_000;

/// Columns of a row, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(Vec<u8>);

/// Rows, one after the other.
#[derive(Debug)]
pub(super) struct Rows {
    values: Values,
    columns: i16,
}

impl Values {
    /// Those that were made before.
    pub(super) fn append(&mut self, before: &Self) -> &mut Self {
        self.0.extend_from_slice(&before.0);
        self
    }

    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.value(value.as_bytes())
    }

    pub(super) fn maybe_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => {
                self.0.extend_from_slice(&(-1_i32).to_be_bytes());
                self
            }
        }
    }

    pub(super) fn bigint(&mut self, value: i64) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    pub(super) fn integer(&mut self, value: i32) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    pub(super) fn boolean(&mut self, value: bool) -> &mut Self {
        self.value(&[u8::from(value)])
    }

    pub(super) fn uuid(&mut self, value: Uuid) -> &mut Self {
        self.value(value.as_bytes())
    }

    pub(super) fn time(&mut self, value: OffsetDateTime) -> &mut Self {
        let micros = value.unix_timestamp_nanos().div_euclid(1_000) - POSTGRES_EPOCH_MICROS;
        self.bigint(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// A value of up to 1 GiB, which no column comes near: an event is 64 KiB at most.
    fn value(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }
}

impl Rows {
    /// No rows yet, of so many columns each.
    pub(super) fn new(columns: i16) -> Self {
        Self { values: Values(HEAD.to_vec()), columns }
    }

    /// Begins a row: its columns follow, in order.
    pub(super) fn row(&mut self) -> &mut Values {
        self.values.0.extend_from_slice(&self.columns.to_be_bytes());
        &mut self.values
    }

    /// How many bytes wait to be taken.
    pub(super) fn len(&self) -> usize {
        self.values.0.len()
    }

    /// The bytes so far; what comes next follows them.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let next = Vec::with_capacity(self.values.0.len());
        std::mem::replace(&mut self.values.0, next)
    }

    /// The rest, with the end of the rows.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.values.0.extend_from_slice(&END);
        self.values.0
    }
}
