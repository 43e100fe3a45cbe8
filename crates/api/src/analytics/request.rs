//! What a request for counts asks for. What the counts cannot answer exactly is refused by its name.

use slipstream_access::problem::Invalid;
use slipstream_access::{Parameters, Query};
use slipstream_domain::analytics::{DAY, QUARTER, Range, Step, Zone};
use slipstream_event::{Timestamp, Viewer};
use slipstream_store::analytics::top::Of;
use slipstream_store::analytics::{self as counts, Dimension};

use crate::failure::Failure;
use crate::history::request::{FILTERS, filters, keep};
use crate::limits;

/// Which counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Over time.
    Series,
    /// Rankings.
    Top,
    /// Totals.
    Summary,
    /// By weekday and hour.
    Heatmap,
}

/// Whose events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The caller's tenant's.
    Tenant,
    /// All tenants'.
    Platform,
}

/// What was asked for. What its kind has no use for is at its default.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) query: counts::Query,
    /// As long as the query's range, and before it.
    pub(super) previous: Range,
    pub(super) step: Step,
    pub(super) by: Option<Dimension>,
    pub(super) of: Of,
    /// Groups or items.
    pub(super) most: u32,
}

/// The filters of history by which events are counted.
const NARROWING: [&str; 5] = ["types", "type", "module", "severity", "category"];
/// Filters of history by which nothing is counted by type.
const BY_DAY_ONLY: [&str; 2] = ["types", "type"];

impl Kind {
    /// What its routes take. Filters by which nothing is counted are refused where they are read, which says why.
    pub(super) const fn takes(self) -> Parameters {
        Parameters::Only(match self {
            Self::Series => &[&FILTERS, &["from", "to", "bucket", "by", "groups", "zone"]],
            Self::Top => &[&FILTERS, &["from", "to", "of", "limit"]],
            Self::Summary => &[&FILTERS, &["from", "to"]],
            Self::Heatmap => &[&FILTERS, &["from", "to", "zone"]],
        })
    }
}

/// Reads all parameters. All faults are reported at once.
pub(super) fn read(kind: Kind, query: &Query, viewer: &Viewer, reach: Reach, now: Timestamp) -> Result<Asked, Failure> {
    let mut invalid = unanswerable(query);
    let of = keep(&mut invalid, of(kind, query, reach)).unwrap_or(Of::Actions);
    let by = keep(&mut invalid, by(query, reach)).flatten();
    let is_by_day = by == Some(Dimension::Actor) || of.is_by_day();
    let range = range(query, if is_by_day { DAY } else { QUARTER }, now, &mut invalid);
    let step = keep(&mut invalid, step(query, range)).unwrap_or(Step::Day);
    let zone = keep(&mut invalid, zone(query)).unwrap_or_default();
    let most = keep(&mut invalid, most(kind, query)).unwrap_or_default();
    if is_by_day {
        invalid.extend(by_day(query, step, &zone));
    }
    let wanted = filters(&narrowing(query), viewer, &mut invalid);
    let Some((range, previous)) = range.filter(|_| invalid.is_empty()) else { return Err(invalid.into()) };
    let counted = counts::Query { viewer: viewer.clone(), filter: wanted.filter, categories: wanted.categories, range, zone };
    Ok(Asked { kind, query: counted, previous, step, by, of, most })
}

/// Filters of history by which nothing is counted.
fn unanswerable(query: &Query) -> Vec<Invalid> {
    let asked = FILTERS.into_iter().filter(|name| !NARROWING.contains(name) && query.pairs().any(|(given, _)| given == *name));
    asked.map(|name| query.invalid(name, "filter_unanswerable", "nothing is counted by it; history takes it".to_owned())).collect()
}

/// The filters alone: their reader knows other names too.
fn narrowing(query: &Query) -> Query {
    Query::of_pairs(query.pairs().filter(|(name, _)| NARROWING.contains(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The time that is counted, in whole pieces of `grain`, and the time before it. What is wrong is added to `invalid`.
fn range(query: &Query, grain: i64, now: Timestamp, invalid: &mut Vec<Invalid>) -> Option<(Range, Range)> {
    let (from, to) = (keep(invalid, query.timestamp("from"))?, keep(invalid, query.timestamp("to"))?);
    let both = |code: &'static str, message: String| ["from", "to"].map(|name| query.invalid(name, code, message.clone()));
    let to = to.unwrap_or(now);
    let Some(from) = from.or_else(|| Timestamp::from_micros(to.micros() - limits::ANALYTICS_DAYS_DEFAULT * DAY)) else {
        invalid.extend(both("out_of_range", "must lie in the years 1 to 9999".to_owned()));
        return None;
    };
    if from >= to {
        invalid.extend(both("range_inverted", "from must be before to".to_owned()));
        return None;
    }
    if to.micros() - from.micros() > limits::ANALYTICS_DAYS_MAX * DAY {
        invalid.extend(both("range_too_long", format!("must be at most {} days apart", limits::ANALYTICS_DAYS_MAX)));
        return None;
    }
    let ranges = Range::outward(from, to, grain).and_then(|range| Some((range, range.previous()?)));
    if ranges.is_none() {
        invalid.extend(both("out_of_range", "must lie in the years 1 to 9999".to_owned()));
    }
    ranges
}

/// The step: when the request does not say, one that gives up to a hundred steps or so.
fn step(query: &Query, range: Option<(Range, Range)>) -> Result<Step, Invalid> {
    let micros = range.map_or(0, |(range, _)| range.micros());
    let Some(word) = query.text("bucket") else {
        let fits = |step: &Step| micros / step.micros_min() < 100;
        return Ok(if micros <= 3 * DAY { Step::Hour } else { [Step::Day, Step::Week].into_iter().find(fits).unwrap_or(Step::Month) });
    };
    let step = Step::parse(word).ok_or_else(|| query.invalid("bucket", "enum", "must be hour, day, week or month".to_owned()))?;
    if micros / step.micros_min() + 2 > limits::ANALYTICS_STEPS_MAX {
        let message = format!("gives more than {} buckets: take a longer one, or a shorter time", limits::ANALYTICS_STEPS_MAX);
        return Err(query.invalid("bucket", "too_many_buckets", message));
    }
    Ok(step)
}

fn by(query: &Query, reach: Reach) -> Result<Option<Dimension>, Invalid> {
    let Some(word) = query.text("by") else { return Ok(None) };
    let known = || Dimension::ALL.into_iter().filter(move |by| *by != Dimension::Tenant || reach == Reach::Platform);
    let names = || known().map(Dimension::as_str).collect::<Vec<_>>().join(", ");
    known().find(|by| by.as_str() == word).map(Some).ok_or_else(|| query.invalid("by", "enum", format!("must be one of {}", names())))
}

fn of(kind: Kind, query: &Query, reach: Reach) -> Result<Of, Invalid> {
    if kind != Kind::Top {
        return Ok(Of::Actions);
    }
    let known = || Of::ALL.into_iter().filter(move |of| *of != Of::Tenants || reach == Reach::Platform);
    let names = || known().map(Of::as_str).collect::<Vec<_>>().join(", ");
    let found = known().find(|of| query.text("of") == Some(of.as_str()));
    found.ok_or_else(|| query.invalid("of", "enum", format!("must be one of {}", names())))
}

fn zone(query: &Query) -> Result<Zone, Invalid> {
    // The `+` of an offset that nobody encoded arrives as a space.
    let Some(text) = query.text("zone").map(|text| text.replace(' ', "+")) else { return Ok(Zone::utc()) };
    Zone::parse(&text).ok_or_else(|| query.invalid("zone", "zone_invalid", "must be UTC, a name such as Europe/Berlin, or an offset such as +05:30".to_owned()))
}

fn most(kind: Kind, query: &Query) -> Result<u32, Invalid> {
    let most = match kind {
        Kind::Series => query.integer("groups", limits::ANALYTICS_GROUPS_DEFAULT, 1..=limits::ANALYTICS_GROUPS_MAX)?,
        Kind::Top => query.integer("limit", limits::ANALYTICS_TOP_DEFAULT, 1..=limits::ANALYTICS_TOP_MAX)?,
        Kind::Summary | Kind::Heatmap => 0,
    };
    Ok(u32::try_from(most).unwrap_or_default())
}

/// What counts by day of UTC, which know no types, cannot answer.
fn by_day(query: &Query, step: Step, zone: &Zone) -> Vec<Invalid> {
    let mut invalid = Vec::new();
    let mut refuse = |name: &str, why: &str| invalid.push(query.invalid(name, "filter_unanswerable", why.to_owned()));
    for name in BY_DAY_ONLY.into_iter().filter(|name| query.text(name).is_some()) {
        refuse(name, "actors and entities are not counted by type; by module they are");
    }
    if query.text("bucket").is_some() && step == Step::Hour {
        refuse("bucket", "actors are counted by day");
    }
    if !zone.is_utc() {
        refuse("zone", "actors are counted by days of UTC");
    }
    invalid
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(kind: Kind, query: &str) -> Result<Asked, Failure> {
        let now = Timestamp::parse("2026-03-10T10:07:00Z").unwrap();
        read(kind, &Query::parse(query).unwrap(), &Viewer::default(), Reach::Tenant, now)
    }

    fn refused(kind: Kind, query: &str) -> Vec<String> {
        let problem = parsed(kind, query).unwrap_err().0;
        assert_eq!((problem.status().as_u16(), problem.code()), (422, "validation"), "{query}");
        problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    fn shown(asked: &Asked) -> (String, String) {
        (asked.query.range.from.to_string(), asked.query.range.to.to_string())
    }

    #[test]
    fn the_last_seven_days_by_quarters_or_days() {
        let asked = parsed(Kind::Series, "").unwrap();
        assert_eq!(shown(&asked), ("2026-03-03T10:00:00.000000Z".to_owned(), "2026-03-10T10:15:00.000000Z".to_owned()));
        assert_eq!((asked.step, asked.by, asked.most, asked.previous.to), (Step::Day, None, 10, asked.query.range.from));
        let asked = parsed(Kind::Top, "of=actors&limit=100&to=2026-03-01T00:00:00Z").unwrap();
        assert_eq!(shown(&asked), ("2026-02-22T00:00:00.000000Z".to_owned(), "2026-03-01T00:00:00.000000Z".to_owned()));
        let asked = parsed(Kind::Series, "from=2026-03-09T00:00:00Z&by=module&severity=error,critical&category=auth&types=a.b&zone=+05:30&groups=3").unwrap();
        assert_eq!((asked.step, asked.query.filter.severities.len(), asked.query.zone.to_string()), (Step::Hour, 2, "+05:30".to_owned()));
        assert_eq!(parsed(Kind::Series, "from=2025-03-09T00:00:00Z").unwrap().step, Step::Week);
        assert_eq!(parsed(Kind::Series, "from=2023-09-09T00:00:00Z").unwrap().step, Step::Month);
    }

    #[test]
    fn what_cannot_be_answered_is_named() {
        let all = "from=x&by=colour&bucket=year&groups=51&zone=X%2B5&severity=bad&q=a";
        assert_eq!(refused(Kind::Series, all), ["q", "by", "from", "bucket", "zone", "groups", "severity"]);
        assert_eq!(refused(Kind::Series, "from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z"), ["from", "to"]);
        assert_eq!(refused(Kind::Summary, "from=2020-03-02T00:00:00Z"), ["from", "to"]);
        assert_eq!(refused(Kind::Series, "from=2025-03-02T00:00:00Z&bucket=hour"), ["bucket"]);
        assert_eq!(refused(Kind::Series, "by=actor&bucket=hour&zone=Europe/Berlin&type=a.b.c"), ["type", "bucket", "zone"]);
        assert_eq!(refused(Kind::Top, "of=entities&types=a.b.c&limit=101"), ["limit", "types"]);
        assert_eq!(refused(Kind::Top, ""), ["of"]);
        assert_eq!(refused(Kind::Top, "of=tenants"), ["of"]);
        assert_eq!(refused(Kind::Series, "by=tenant"), ["by"]);
        assert_eq!(refused(Kind::Heatmap, "entityId=7&timeStart=x"), ["entityId", "timeStart"]);
        assert_eq!(refused(Kind::Summary, "from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z"), ["from", "to"]);
    }
}
