//! Timestamps: UTC, in microseconds, in one text form.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment in UTC, to the microsecond (what Postgres keeps). Text form: RFC 3339, always with six digits and `Z`, so that texts sort as moments do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// Now.
    pub fn now() -> Self {
        Self::from(OffsetDateTime::now_utc())
    }

    /// Reads RFC 3339 with any offset; digits beyond the microsecond are cut. `None` for everything else.
    pub fn parse(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().filter(|t| t.to_offset(UtcOffset::UTC).year() > 0).map(Self::from)
    }

    /// Microseconds since 1970.
    pub fn micros(&self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
    }

    /// The moment `micros` microseconds after 1970. `None` outside the years 1 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok().filter(|t| t.year() > 0).map(Self)
    }

    /// As the time library's type.
    pub fn datetime(&self) -> OffsetDateTime {
        self.0
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(value: OffsetDateTime) -> Self {
        let utc = value.to_offset(UtcOffset::UTC);
        Self(utc.replace_microsecond(utc.microsecond()).unwrap_or(utc))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        let (h, m, s) = t.to_hms();
        write!(f, "{:04}-{:02}-{:02}T{h:02}:{m:02}:{s:02}.{:06}Z", t.year(), u8::from(t.month()), t.day(), t.microsecond())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("must be an RFC 3339 timestamp"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_micros_round_trip(micros in -2_000_000_000_000_000_i64..100_000_000_000_000_000) {
            let t = Timestamp::from_micros(micros).unwrap();
            prop_assert_eq!(Timestamp::parse(&t.to_string()), Some(t));
            prop_assert_eq!(t.micros(), micros);
        }
    }

    #[test]
    fn cuts_below_the_microsecond_and_moves_to_utc() {
        assert_eq!(Timestamp::parse("2023-07-10T13:42:18.1234569+02:00").unwrap().to_string(), "2023-07-10T11:42:18.123456Z");
        for bad in ["", "2023-07-10", "2023-07-10T11:42:18", "1688989338", "2023-13-10T11:42:18Z"] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }
}
