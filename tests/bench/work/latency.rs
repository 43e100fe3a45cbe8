//! From the publisher to the byte on a stream's socket.
//!
//! Events go through HTTP ingest at a steady rate; every stream is one of the same tenant, and every stream's every event is a sample.

use std::time::Duration;

use super::edge::Edge;
use super::paced::{self, Plan};
use crate::args::Args;
use crate::publisher::Pace;
use crate::report::{Section, progress};

/// Runs it for each number of streams, beside a bare writer.
pub(crate) async fn run(args: &Args) -> Section {
    let (rate, seconds) = (args.edge.rate, args.edge.seconds);
    let title = format!("latency: {rate} events a second for {seconds} s, streams of one tenant");
    let mut section = Section::new("latency", title, paced::COLUMNS);
    let edge = Edge::start(args).await;
    for streams in &args.edge.streams {
        progress(format_args!("{streams} streams"));
        let pace = Pace::steady(f64::from(rate), Duration::from_secs(u64::from(seconds)));
        paced::compare(&edge, Plan { streams: *streams as usize, pace }, &mut section).await;
    }
    paced::NOTES.into_iter().for_each(|note| section.note(note));
    section
}
