//! Analytics: which time is counted, in which pieces, and how two times compare.

use std::fmt;

use serde::Serialize;
use slipstream_event::Timestamp;

/// Counts are exact to this, in microseconds: the offsets of all zones of today are whole quarters of an hour.
pub const QUARTER: i64 = 15 * 60 * 1_000_000;
/// An hour, in microseconds.
pub const HOUR: i64 = 4 * QUARTER;
/// A day of UTC, in microseconds.
pub const DAY: i64 = 24 * HOUR;

/// A stretch of time: `from` inclusive, `to` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Range {
    /// The least range of whole pieces of `grain` microseconds of UTC that holds both ends. `None` beyond the years that a timestamp has.
    pub fn outward(from: Timestamp, to: Timestamp, grain: i64) -> Option<Self> {
        let floor = |at: Timestamp| at.micros().div_euclid(grain) * grain;
        let end = if floor(to) == to.micros() { floor(to) } else { floor(to).checked_add(grain)? };
        Some(Self { from: Timestamp::from_micros(floor(from))?, to: Timestamp::from_micros(end)? })
    }

    /// The range of the same length that ends where this one begins. `None` beyond the years that a timestamp has.
    pub fn previous(&self) -> Option<Self> {
        Some(Self { from: Timestamp::from_micros(self.from.micros() - self.micros())?, to: self.from })
    }

    /// How long it is, in microseconds.
    pub fn micros(&self) -> i64 {
        self.to.micros() - self.from.micros()
    }

    /// Whether both ends are whole pieces of `grain` microseconds of UTC.
    pub fn is_whole(&self, grain: i64) -> bool {
        self.from.micros() % grain == 0 && self.to.micros() % grain == 0
    }
}

/// A part of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An hour: always sixty minutes, also where clocks are changed.
    Hour,
    /// A day of the zone: 23 or 25 hours long where clocks are changed.
    Day,
    /// A week, from Monday.
    Week,
    /// A month.
    Month,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word on the wire, which is Postgres's too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The step of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }

    /// The shortest that it can be, in microseconds, but for an hour where clocks are changed: so at most so many lie in a range.
    pub fn micros_min(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 28 * DAY,
        }
    }
}

/// A time zone: of the IANA database, or an offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    shown: String,
    postgres: String,
}

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self { shown: "UTC".to_owned(), postgres: "UTC".to_owned() }
    }

    /// Reads `UTC`, `Z`, an offset (`+05:30`) of whole quarters of an hour up to 14 hours, or a name such as `Asia/Kolkata`. Whether there is a zone of that name only Postgres knows. `None`: none of them.
    pub fn parse(text: &str) -> Option<Self> {
        if matches!(text, "UTC" | "Z") {
            return Some(Self::utc());
        }
        offset(text).or_else(|| is_name(text).then(|| Self { shown: text.to_owned(), postgres: text.to_owned() }))
    }

    /// As Postgres reads it.
    pub fn postgres(&self) -> &str {
        &self.postgres
    }

    /// Whether it is UTC itself.
    pub fn is_utc(&self) -> bool {
        self.shown == "UTC"
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// `+05:30`. Postgres reads the sign of an offset the other way round.
fn offset(text: &str) -> Option<Zone> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => ('-', rest),
        ("-", rest) => ('+', rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u32>().ok()).flatten();
    let (h, m) = (two(hours)?, two(minutes)?);
    (m < 60 && m % 15 == 0 && h * 60 + m <= 14 * 60).then(|| Zone { shown: text.to_owned(), postgres: format!("<{text}>{sign}{rest}") })
}

/// Whether a text looks like a name of the IANA database. What Postgres would read as a rule (`X+5`) does not.
fn is_name(text: &str) -> bool {
    if let Some(hours) = text.strip_prefix("Etc/GMT") {
        let digits = hours.strip_prefix(['+', '-']).unwrap_or(hours);
        return digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit()) && (digits.is_empty() == hours.is_empty());
    }
    let word = |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase()) && part.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'-');
    text.len() <= 64 && text.contains('/') && text.split('/').all(word)
}

/// How a count has changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Now, less before.
    pub difference: i64,
    /// Now, of before; `null` when there was none before.
    pub ratio: Option<f64>,
}

impl Change {
    /// Between two counts.
    pub fn between(before: u64, now: u64) -> Self {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self { difference: signed(now).saturating_sub(signed(before)), ratio: share(now, before) }
    }
}

/// A part of a whole; `None` of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn ranges_grow_to_whole_pieces() {
        let range = Range::outward(at("2026-03-01T10:07:00Z"), at("2026-03-01T10:15:00.000001Z"), QUARTER).unwrap();
        assert_eq!(range, Range { from: at("2026-03-01T10:00:00Z"), to: at("2026-03-01T10:30:00Z") });
        assert_eq!(Range::outward(range.from, range.to, QUARTER), Some(range));
        assert_eq!(range.previous(), Some(Range { from: at("2026-03-01T09:30:00Z"), to: range.from }));
        assert!(range.is_whole(QUARTER) && !range.is_whole(HOUR));
        let before = Range::outward(at("1969-12-31T23:59:00Z"), at("1970-01-01T00:00:00Z"), DAY).unwrap();
        assert_eq!((before.from, before.micros()), (at("1969-12-31T00:00:00Z"), DAY));
        assert_eq!(Range::outward(at("9999-12-31T23:59:59Z"), at("9999-12-31T23:59:59Z"), DAY), None);
    }

    #[test]
    fn zones_are_names_or_offsets_and_no_rules() {
        for good in ["Europe/Berlin", "America/Port-au-Prince", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Etc/GMT", "+05:30", "-03:00", "+14:00"] {
            assert_eq!(Zone::parse(good).unwrap().to_string(), good);
        }
        assert_eq!(Zone::parse("+05:30").unwrap().postgres(), "<+05:30>-05:30");
        assert!(Zone::parse("Z").unwrap().is_utc());
        let bad = [
            "",
            "+",
            "+5",
            "+05:7",
            "+05:10",
            "+15:00",
            "EST5EDT",
            "X+5",
            "Area/X+5",
            "europe/berlin",
            "Etc/GMT+",
            "Etc/GMT+123",
            "Europe/",
            "ä",
            "'",
            "+0a:00",
        ];
        for bad in bad {
            assert_eq!(Zone::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_compares_to_nothing() {
        assert_eq!(Change::between(0, 5), Change { difference: 5, ratio: None });
        assert_eq!(Change::between(4, 1), Change { difference: -3, ratio: Some(0.25) });
        assert_eq!((share(0, 0), share(1, 2)), (None, Some(0.5)));
    }
}
