//! Times and durations, as people write them. Pure.

use slipstream_event::Timestamp;
use time::{Date, Duration, Time, macros::format_description};

/// Reads a duration such as `90s`, `15m`, `1h30m`, `7d`; at least one second, at most 100 years.
///
/// # Errors
/// A sentence for people.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "give a duration such as 90s, 15m, 1h30m or 7d".to_owned();
    let (mut seconds, mut rest) = (0_i64, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: i64 = rest[..end].parse().map_err(|_| wrong())?;
        let unit = match rest.as_bytes()[end] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            _ => return Err(wrong()),
        };
        seconds = count.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[end + 1..];
    }
    if (1..=100 * 366 * 86_400).contains(&seconds) { Ok(Duration::seconds(seconds)) } else { Err(wrong()) }
}

/// Reads a moment: RFC 3339, a day (its begin, UTC), or how long ago (`2h`), from `now`.
///
/// # Errors
/// A sentence for people.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(moment) = Timestamp::parse(text) {
        return Ok(moment);
    }
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Ok(day.with_time(Time::MIDNIGHT).assume_utc().into());
    }
    let wrong = || "give a time such as 2026-11-20T21:00:00Z, a day such as 2026-11-20, or how long ago, such as 2h".to_owned();
    let ago = duration(text).map_err(|_| wrong())?;
    now.datetime().checked_sub(ago).map(Timestamp::from).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        let seconds = |text| duration(text).map(|d: Duration| d.whole_seconds());
        assert_eq!((seconds("90s"), seconds("1h30m"), seconds("7d")), (Ok(90), Ok(5_400), Ok(604_800)));
        for bad in ["", "5", "h", "1y", "-1s", "1.5h", "0s", "1 h", "99999999999999999999s", "40000d", "9é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_moments() {
        let now = Timestamp::parse("2026-11-20T21:00:00Z").unwrap();
        let text = |given| moment(given, now).map(|t| t.to_string());
        assert_eq!(text("2026-11-20T22:00:00+02:00"), Ok("2026-11-20T20:00:00.000000Z".into()));
        assert_eq!(text("2026-11-01"), Ok("2026-11-01T00:00:00.000000Z".into()));
        assert_eq!(text("1d2h"), Ok("2026-11-19T19:00:00.000000Z".into()));
        assert!(text("yesterday").is_err() && text("2026-13-01").is_err());
    }
}
