//! Names on the wire stand in one place each: metrics in `metrics.rs`, subjects in `event/src/subject.rs`.

use std::collections::HashMap;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

use crate::expect_none;
use crate::source::{Source, production};

/// What a metric's name may end in: its unit, the things that it counts, or what holds as a small number.
const UNITS: &[&str] = &["total", "seconds", "bytes", "ratio", "messages", "events", "rows", "streams", "connections", "months", "info", "connected", "state"];
/// The macros that make a metric.
const METRIC_MACROS: &[&str] = &["counter", "gauge", "histogram", "describe_counter", "describe_gauge", "describe_histogram"];
/// How subjects begin.
const SUBJECTS: &[&str] = &["events.", "live.", "shard.", "dead.", "$KV.", "kv."];
/// Where subjects are joined: the grammar, and the one of dead letters.
const SUBJECT_FILES: &[&str] = &["crates/event/src/subject.rs", "crates/broker/src/subject.rs"];

#[test]
fn metrics_are_named_in_metrics_rs() {
    let mut faults = Vec::new();
    let mut known: HashMap<String, String> = HashMap::new();
    for (source, name) in constants() {
        if let Some(other) = known.insert(name.clone(), source.clone()) {
            faults.push(format!("{source}: {name} is declared in {other} too; use one of them"));
        }
    }
    for source in production().into_iter().filter(|source| !is_metrics(source)) {
        let spelled = source.literals().into_iter().filter(|literal| known.contains_key(&literal.value));
        faults.extend(spelled.map(|literal| format!("{}:{}: use the constant of {}", source.path, literal.line, known[&literal.value])));
        faults.extend(metric_calls(&source).into_iter().filter_map(|call| {
            let literal = matches!(call.name, Some(TokenTree::Literal(_)));
            literal.then(|| format!("{}:{}: name the metric by a constant in metrics.rs", source.path, call.line))
        }));
    }
    expect_none("A metric's name stands in `metrics.rs` only.", faults);
}

#[test]
fn metrics_say_what_they_measure() {
    let faults = constants().filter_map(|(source, name)| {
        let tokens: Vec<&str> = name.split('_').collect();
        let fits = tokens.len() >= 3 && tokens[0] == "slipstream" && tokens.iter().all(|t| !t.is_empty()) && UNITS.contains(tokens.last().unwrap());
        (!fits).then(|| format!("{source}: {name}: call it slipstream_<area>_<thing>_<unit>, the unit one of {}", UNITS.join(", ")))
    });
    expect_none("A metric's name tells its area, thing and unit.", faults);
}

#[test]
fn every_metric_is_described() {
    let faults = production().into_iter().filter(is_metrics).flat_map(|source| {
        let described: Vec<String> = metric_calls(&source).into_iter().filter_map(|call| Some(call.name?.to_string())).collect();
        let constants = declared(&source).into_iter().map(|(constant, _)| constant);
        constants
            .filter(|constant| !described.contains(constant))
            .map(|constant| format!("{}: {constant}: add a describe_counter!, describe_gauge! or describe_histogram! to `describe`", source.path))
            .collect::<Vec<_>>()
    });
    expect_none("A metric comes with its description.", faults);
}

#[test]
fn no_metric_is_labelled_with_a_tenant() {
    let faults = production().into_iter().flat_map(|source| {
        let labelled = metric_calls(&source)
            .into_iter()
            .filter(|call| ["tenant", "tenant_id", "account", "user"].iter().any(|label| call.labels.contains(&format!("\"{label}\""))));
        labelled
            .map(|call| format!("{}:{}: leave the label out; figures per tenant are for super-admins, under /api/ops", source.path, call.line))
            .collect::<Vec<_>>()
    });
    expect_none("The main endpoint has no label per tenant.", faults);
}

#[test]
fn subjects_are_joined_in_one_place() {
    let faults = production().into_iter().filter(|source| !SUBJECT_FILES.contains(&source.path.as_str())).flat_map(|source| spelled_subjects(&source));
    expect_none("Subjects are joined in event/src/subject.rs only.", faults);
}

#[test]
fn the_scans_see_what_they_look_for() {
    let source = Source::parse(
        "x.rs",
        r#"
            fn f() { g(&[format!("events.{t}.>")]); counter!(crate::metrics::NAME, "tenant" => t).increment(1); gauge!("slipstream_a_b") }
            #[cfg(test)] mod tests { const T: &str = "events.a"; }
        "#,
    );
    assert_eq!(spelled_subjects(&source).len(), 1);
    let calls = metric_calls(&source);
    assert_eq!(calls.iter().map(|call| call.name.as_ref().unwrap().to_string()).collect::<Vec<_>>(), ["NAME", "\"slipstream_a_b\""]);
    assert!(calls[0].labels.contains("\"tenant\""));
}

fn spelled_subjects(source: &Source) -> Vec<String> {
    let found = source.literals().into_iter().filter(|literal| SUBJECTS.iter().any(|start| literal.value.starts_with(start)));
    found.map(|literal| format!("{}:{}: {:?}: use or add a function of event/src/subject.rs", source.path, literal.line, literal.value)).collect()
}

fn is_metrics(source: &Source) -> bool {
    source.path.ends_with("/metrics.rs")
}

/// File and name of every metric.
fn constants() -> impl Iterator<Item = (String, String)> {
    production()
        .into_iter()
        .filter(is_metrics)
        .flat_map(|source| declared(&source).into_iter().map(move |(_, name)| (source.path.clone(), name)).collect::<Vec<_>>())
}

/// The text constants of a file: their names and their texts.
fn declared(source: &Source) -> Vec<(String, String)> {
    let constant = |item: &syn::Item| match item {
        syn::Item::Const(constant) => match &*constant.expr {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some((constant.ident.to_string(), text.value())),
            _ => None,
        },
        _ => None,
    };
    source.syntax.items.iter().filter_map(constant).collect()
}

/// A call of a metric's macro.
struct Call {
    line: usize,
    /// The last part of the first argument.
    name: Option<TokenTree>,
    labels: String,
}

fn metric_calls(source: &Source) -> Vec<Call> {
    let mut found = Vec::new();
    walk(source.syntax.to_token_stream(), &mut found);
    found
}

fn walk(tokens: TokenStream, found: &mut Vec<Call>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for window in tokens.windows(3) {
        if let [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(arguments)] = window
            && bang.as_char() == '!'
            && METRIC_MACROS.iter().any(|known| name == known)
        {
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            let first: Vec<TokenTree> = arguments.stream().into_iter().take_while(|token| !is_comma(token)).collect();
            let rest: TokenStream = arguments.stream().into_iter().skip_while(|token| !is_comma(token)).collect();
            found.push(Call { line: name.span().start().line, name: first.last().cloned(), labels: rest.to_string() });
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            walk(group.stream(), found);
        }
    }
}
