//! What is asked of a large archive, over HTTP: how long each kind of request takes, and how Postgres goes about it.

mod plan;
mod plans;

use std::time::Instant;

use slipstream_tests::{Answer, Http, Node};

use crate::args::Args;
use crate::filled::Filled;
use crate::report::{Section, progress};
use crate::stats::Samples;

/// The page whose time is compared with that of the first.
const FAR_PAGE: usize = 1_000;
/// Requests that are not counted, before each kind.
const WARM_UP: usize = 5;
const COLUMNS: &[&str] = &["p50 ms", "p90 ms", "p99 ms", "max ms", "items"];

/// A kind of request.
struct Kind {
    label: String,
    path: String,
    caller: Caller,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    /// An admin of the largest tenant.
    Admin,
    /// Somebody of the largest tenant, who sees what is for everyone there, and what concerns it.
    Reader,
    /// Somebody of the largest tenant, who sees only what concerns it.
    User,
    /// An admin of one of the others.
    AdminOfSmall,
}

/// The times, and the ratio of the far page to the first.
pub(crate) async fn run(args: &Args, filled: &Filled) -> Vec<Section> {
    let node = filled.stack.node("api").await;
    let title = format!("history: of {} events, {} of them the largest tenant's; one request at a time", filled.corpus.events(), filled.corpus.events() / 2);
    let mut section = Section::new("history", title, COLUMNS);
    let large = client(filled, &node, Caller::Admin);
    progress(format_args!("going to page {FAR_PAGE}"));
    let far = page(&large, FAR_PAGE).await;
    let first = "/api/events/history?limit=50".to_owned();
    progress("page 1 and page 1,000 in turn");
    let both = alternate(&large, [&first, &far], args.archive.requests as usize).await;
    for (label, (times, items)) in ["page 1", "page 1,000"].into_iter().zip(&both) {
        section.row(label, times.iter().copied().collect::<Samples>().quantiles().into_iter().chain([Some(*items as f64)]));
    }
    let [near, away] = [0, 1].map(|side| both[side].0.iter().copied().collect::<Samples>().quantiles());
    let ratio = |place: usize| away[place].zip(near[place]).map(|(away, near)| away / near);
    section.row("  page 1,000 / page 1", (0..4).map(ratio));
    let kinds = kinds(filled).await;
    for kind in &kinds {
        progress(&kind.label);
        let http = client(filled, &node, kind.caller);
        let [(times, items), _] = alternate(&http, [&kind.path, &kind.path], args.archive.requests as usize / 4).await;
        section.row(&kind.label, times.into_iter().collect::<Samples>().quantiles().into_iter().chain([Some(items as f64)]));
    }
    section.note("a search that takes longer than two seconds is answered by 503, and has no items here");
    section.note("with Postgres' own defaults (128 MiB of shared buffers); everything was read before, and lies in memory");
    if let Some(file) = &args.archive.plans {
        progress("plans");
        let near = Kind { label: "page 1".to_owned(), path: first, caller: Caller::Admin };
        let far = Kind { label: "page 1,000".to_owned(), path: far, caller: Caller::Admin };
        plans::write(file, filled, [near, far].into_iter().chain(kinds)).await;
    }
    vec![section]
}

pub(super) fn client(filled: &Filled, node: &Node, caller: Caller) -> Http {
    let (user, role) = match caller {
        Caller::Admin | Caller::AdminOfSmall => ("auditor", "admin"),
        Caller::Reader => ("u-123", "reader"),
        Caller::User => ("u-123", "user"),
    };
    let tenant = if matches!(caller, Caller::AdminOfSmall) { filled.corpus.small() } else { filled.corpus.largest() };
    Http::new(node.url(), Some(filled.stack.token_of(user, tenant.as_str(), &[role])))
}

/// The request for a page, by going there.
async fn page(http: &Http, number: usize) -> String {
    let mut path = "/api/events/history?limit=50".to_owned();
    for _ in 1..number {
        let answer = http.get(&path).await.expect(200);
        let Some(cursor) = answer["next_cursor"].as_str() else { panic!("there is no page {number}") };
        path = format!("/api/events/history?limit=50&cursor={cursor}");
    }
    path
}

/// Two requests in turn: the times of each in nanoseconds, and how many items its answer has.
async fn alternate(http: &Http, paths: [&String; 2], times: usize) -> [(Vec<u64>, usize); 2] {
    let mut sides = [(Vec::new(), 0), (Vec::new(), 0)];
    for round in 0..WARM_UP + times {
        for (path, (times, items)) in paths.iter().zip(&mut sides) {
            let begun = Instant::now();
            let answer = http.get(path).await;
            let took = u64::try_from(begun.elapsed().as_nanos()).unwrap();
            *items = count(&answer, path);
            if round >= WARM_UP {
                times.push(took);
            }
        }
    }
    sides
}

/// The times of a request, in nanoseconds.
pub(super) async fn timed(http: &Http, path: &String, times: usize) -> Vec<u64> {
    let [(times, _), _] = alternate(http, [path, path], times.div_ceil(2)).await;
    times
}

fn count(answer: &Answer, path: &str) -> usize {
    if answer.status == 503 {
        progress(format_args!("503 for {path}"));
        return 0;
    }
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    let json = answer.json();
    ["items", "entries"].iter().find_map(|name| json[name].as_array()).or_else(|| json.as_array()).map_or(1, Vec::len)
}

/// What is asked most, and what is hardest.
async fn kinds(filled: &Filled) -> Vec<Kind> {
    let corpus = &filled.corpus;
    // An event of the largest tenant in the middle of the year.
    let event = corpus.event(corpus.events() / 4 * 2);
    let day = corpus.time(corpus.events() / 3).date();
    let next = day.next_day().unwrap();
    let history = |label: &str, query: String| (label.to_owned(), format!("/api/events/history?limit=50&{query}"));
    let (entity_type, entity_id) = (&event.entity_type, &event.entity_id);
    let of_large = [
        history("one entity", format!("entityType={entity_type}&entityId={entity_id}")),
        ("one entity's timeline".to_owned(), format!("/api/entities/{entity_type}/{entity_id}/timeline?limit=50")),
        history("one actor", "actor=u-123".to_owned()),
        history("an actor who did nothing", "actor=u-999".to_owned()),
        history("errors", "severity=error".to_owned()),
        history("what belongs together", format!("correlationId={}", event.correlation_id.unwrap_or_else(|| "c-1".to_owned()))),
        history("one type", "types=quality.car.escalated".to_owned()),
        history("one day, 8 months ago", format!("timeStart={day}T00:00:00Z&timeEnd={next}T00:00:00Z")),
        history("text that is everywhere", "q=station%2012".to_owned()),
        history("text that is somewhere", format!("q={}", event.entity_name.unwrap_or_default().replace(' ', "%20"))),
        history("text that is nowhere", "q=zeppelin".to_owned()),
        history("page 1 with its total", "total=true".to_owned()),
        ("audit list".to_owned(), "/audit/?limit=50".to_owned()),
        ("activity log".to_owned(), "/api/v1/activity-log".to_owned()),
        ("activity log, errors".to_owned(), "/api/v1/activity-log?severities=error".to_owned()),
        ("activity log, text that is nowhere".to_owned(), "/api/v1/activity-log?q=zeppelin".to_owned()),
        ("a proof".to_owned(), format!("/api/events/{}/proof", event.id)),
    ];
    let of_small = [history("page 1 of a small tenant", String::new()), history("text that is nowhere, of a small tenant", "q=zeppelin".to_owned())];
    let log = |label: &str, caller: Caller| Kind { label: format!("activity log, of {label}"), path: "/api/v1/activity-log".to_owned(), caller };
    let kind = |caller: Caller| move |(label, path): (String, String)| Kind { label, path, caller };
    let of_large = of_large.into_iter().map(kind(Caller::Admin));
    of_large.chain([log("a reader", Caller::Reader), log("an end user", Caller::User)]).chain(of_small.into_iter().map(kind(Caller::AdminOfSmall))).collect()
}
