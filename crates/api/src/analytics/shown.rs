//! Counts, as clients read them.

use serde_json::{Map, Value, json};
use slipstream_domain::analytics::{Change, Range, share};
use slipstream_event::{Category, Severity};
use slipstream_store::analytics::heatmap::Week;
use slipstream_store::analytics::series::Series;
use slipstream_store::analytics::summary::Totals;
use slipstream_store::analytics::top::{Of, Ranked, Ranking};

use super::request::Asked;

/// Counts over time.
pub(super) fn series(asked: &Asked, series: &Series) -> Map<String, Value> {
    let counted = |counts: &[u64]| json!({"total": counts.iter().sum::<u64>(), "counts": counts});
    let group = |group: &slipstream_store::analytics::series::Group| {
        let mut shown = counted(&group.counts);
        shown["key"] = json!(group.key);
        shown
    };
    members(
        asked.query.range,
        [
            ("zone", json!(asked.query.zone.to_string())),
            ("bucket", json!(asked.step.as_str())),
            ("by", json!(asked.by.map(slipstream_store::analytics::Dimension::as_str))),
            ("buckets", json!(series.begins)),
            ("counts", json!(series.counts)),
            ("total", json!(series.counts.iter().sum::<u64>())),
            ("groups", series.groups.iter().map(group).collect()),
            ("other", json!(series.other.as_deref().map(counted))),
        ],
    )
}

/// A ranking.
pub(super) fn top(asked: &Asked, found: &Ranking) -> Map<String, Value> {
    let mut shown = members(asked.query.range, [("of", json!(asked.of.as_str()))]);
    shown.extend(ranking(asked.of, found));
    shown
}

/// The members of a ranking: its items, and what is beside them.
pub(super) fn ranking(of: Of, ranking: &Ranking) -> [(String, Value); 4] {
    let listed: u64 = ranking.items.iter().map(|item| item.count).sum();
    [
        ("items".to_owned(), ranking.items.iter().map(|item| ranked(of, item, ranking.total)).collect()),
        ("other".to_owned(), json!(ranking.total.saturating_sub(listed))),
        ("total".to_owned(), json!(ranking.total)),
        ("distinct".to_owned(), json!(ranking.distinct)),
    ]
}

fn ranked(of: Of, item: &Ranked, total: u64) -> Value {
    let mut shown = match of {
        Of::Actors => json!({"actorId": item.key}),
        Of::Actions => json!({"action": item.key}),
        Of::Entities => json!({"entityType": item.entity_type, "entityId": item.key}),
        Of::Tenants => json!({"tenantId": item.key}),
    };
    if let Some(tenant) = &item.tenant {
        shown["tenantId"] = json!(tenant);
    }
    shown["count"] = json!(item.count);
    shown["share"] = json!(share(item.count, total));
    shown["errors"] = json!(item.errors);
    shown["errorShare"] = json!(share(item.errors, item.count));
    shown
}

/// Totals, those before, and how they have changed.
pub(super) fn summary(asked: &Asked, now: &Totals, before: &Totals) -> Map<String, Value> {
    let share_change = share(now.errors(), now.total()).zip(share(before.errors(), before.total())).map(|(now, before)| now - before);
    members(
        asked.query.range,
        [
            ("current", totals(asked.query.range, now)),
            ("previous", totals(asked.previous, before)),
            (
                "change",
                json!({
                    "total": Change::between(before.total(), now.total()),
                    "errors": Change::between(before.errors(), now.errors()),
                    "errorShare": {"difference": share_change},
                }),
            ),
        ],
    )
}

fn totals(range: Range, totals: &Totals) -> Value {
    let of = |counts: &std::collections::BTreeMap<String, u64>, word: &str| json!(counts.get(word).copied().unwrap_or_default());
    let severities: Map<String, Value> =
        Severity::ALL.map(|severity| (severity.as_str().to_owned(), of(&totals.severities, severity.as_str()))).into_iter().collect();
    let categories: Map<String, Value> =
        Category::ALL.map(|category| (category.as_str().to_owned(), of(&totals.categories, category.as_str()))).into_iter().collect();
    json!({
        "from": range.from,
        "to": range.to,
        "total": totals.total(),
        "errors": totals.errors(),
        "errorShare": share(totals.errors(), totals.total()),
        "bySeverity": severities,
        "byCategory": categories,
    })
}

/// Counts by weekday, from Monday, and hour.
pub(super) fn heatmap(asked: &Asked, week: &Week) -> Map<String, Value> {
    let cells = || week.iter().flatten();
    members(
        asked.query.range,
        [("zone", json!(asked.query.zone.to_string())), ("cells", json!(week)), ("total", json!(cells().sum::<u64>())), ("max", json!(cells().max()))],
    )
}

/// The range that was counted, which may be larger than what was asked for, and further members.
fn members<const N: usize>(range: Range, further: [(&str, Value); N]) -> Map<String, Value> {
    let range = [("from", json!(range.from)), ("to", json!(range.to))];
    range.into_iter().chain(further).map(|(name, value)| (name.to_owned(), value)).collect()
}
