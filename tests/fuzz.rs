//! The bodies of the fuzz targets on stable Rust: over their seeds, over changed seeds and over random bytes.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the tests do")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use slipstream_fuzz::sse::{Block, Parser};
use slipstream_fuzz::{TARGETS, Target};

/// Inputs per target and kind.
const CASES: u32 = 3_000;

/// One change of a seed: what fuzzers do, without their memory.
#[derive(Clone, Debug)]
enum Change {
    Put(u8),
    Insert(Vec<u8>),
    Cut(usize),
    Repeat(usize),
}

#[test]
fn every_target_holds_on_its_seeds() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 3, "fuzz/seeds/{name}: put some inputs there");
        for (path, data) in seeds {
            let held = std::panic::catch_unwind(|| target(&data));
            assert!(held.is_ok(), "{name} fails on {}", path.display());
        }
    }
}

#[test]
fn every_target_holds_on_changed_seeds() {
    for (name, target) in TARGETS {
        let seeds: Vec<Vec<u8>> = seeds(name).into_iter().map(|(_, data)| data).collect();
        let changed = (prop::sample::select(seeds), prop::collection::vec((any::<Index>(), change()), 1..6))
            .prop_map(|(seed, changes)| changes.into_iter().fold(seed, apply));
        run(*target, &changed);
    }
}

#[test]
fn every_target_holds_on_random_bytes() {
    for (_, target) in TARGETS {
        run(*target, &prop::collection::vec(any::<u8>(), 0..200));
        run(*target, &".{0,80}".prop_map(String::into_bytes));
    }
}

#[test]
fn every_target_can_be_fuzzed() {
    let manifest: toml::Table = std::fs::read_to_string(fuzz("Cargo.toml")).unwrap().parse().unwrap();
    let bins: Vec<&str> = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    for (name, _) in TARGETS {
        assert!(bins.contains(name), "fuzz/Cargo.toml: add a [[bin]] for {name}");
        let source = std::fs::read_to_string(fuzz(&format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("slipstream_fuzz::{name}(data)")), "fuzz/fuzz_targets/{name}.rs: call slipstream_fuzz::{name}");
    }
    assert_eq!(bins.len(), TARGETS.len(), "fuzz/src/lib.rs: a target is missing in TARGETS");
}

#[test]
fn the_parser_of_streams_reads_the_examples_of_the_standard() {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let block = |id: &str, event: &str, data: &str| Block { id: some(id), event: some(event), data: some(data), retry: None };
    let stream = "\u{feff}: test stream\n\ndata: first event\nid: 1\n\ndata:second event\r\nid\r\n\r\ndata:  third event\rdata: two\r\revent: add\ndata: 73857293\nignored\n\n";
    let second = Block { id: Some(String::new()), ..block("", "", "second event") };
    let want = [block("1", "", "first event"), second, block("", "", " third event\ntwo"), block("", "add", "73857293")];
    for cut in 1..8 {
        let mut parser = Parser::default();
        let got: Vec<Block> = stream.as_bytes().chunks(cut).flat_map(|piece| parser.feed(piece)).collect();
        assert_eq!(got, want);
    }
    let mut parser = Parser::default();
    assert_eq!(parser.feed(b"retry: 20\nid: a\n\ndata: unfinished\n"), [Block { id: Some("a".into()), retry: Some(20), ..Block::default() }]);
}

fn run(target: Target, inputs: &impl Strategy<Value = Vec<u8>>) {
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    runner
        .run(inputs, |data| {
            target(&data);
            Ok(())
        })
        .unwrap();
}

fn change() -> impl Strategy<Value = Change> {
    let words: &[&[u8]] = &[b"\n", b"\r\n", b"\0", b"\"", b"\\", b"{", b"[", b"}", b".", b"null", b"-1e999", b"\\ud800", b"\xff", b"%", b"platform", b"  "];
    prop_oneof![
        any::<u8>().prop_map(Change::Put),
        prop::sample::select(words).prop_map(|word| Change::Insert(word.to_vec())),
        (1_usize..20).prop_map(Change::Cut),
        (1_usize..20).prop_map(Change::Repeat),
    ]
}

fn apply(mut data: Vec<u8>, (at, change): (Index, Change)) -> Vec<u8> {
    let at = at.index(data.len() + 1);
    let end = |length: usize| (at + length).min(data.len());
    match change {
        Change::Put(byte) if at < data.len() => data[at] = byte,
        Change::Put(byte) => data.push(byte),
        Change::Insert(word) => drop(data.splice(at..at, word)),
        Change::Cut(length) => drop(data.drain(at..end(length))),
        Change::Repeat(length) => {
            let piece = data[at..end(length)].to_vec();
            drop(data.splice(at..at, piece));
        }
    }
    data
}

fn seeds(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(fuzz(&format!("seeds/{name}"))).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(path)
}
