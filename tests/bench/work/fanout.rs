//! Many streams: what a delivery costs, how many there can be, how that grows, and what one tenant's load does to another.

use std::time::Duration;

use super::edge::Edge;
use super::paced::{self, Plan};
use super::{burst, growth, neighbour};
use crate::args::{Args, Part};
use crate::publisher::Pace;
use crate::report::{Section, progress};

/// Runs the parts that are asked for, each in a deployment of its own.
pub(crate) async fn run(args: &Args) -> Vec<Section> {
    let mut sections = Vec::new();
    if args.edge.has(Part::Paced) {
        sections.push(paced(args).await);
    }
    if args.edge.has(Part::Burst) {
        sections.push(burst::run(args).await);
    }
    if args.edge.has(Part::Streams) {
        sections.push(growth::of_streams(args).await);
    }
    if args.edge.has(Part::Tenants) {
        sections.push(growth::of_tenants(args).await);
    }
    if args.edge.has(Part::Neighbour) {
        sections.push(neighbour::run(args).await);
    }
    sections
}

async fn paced(args: &Args) -> Section {
    let (streams, rate, seconds) = (args.edge.fanout_streams, args.edge.rate, args.edge.seconds);
    progress(format_args!("{rate} events a second"));
    let title = format!("fan-out, paced: {streams} streams of one tenant, {rate} events a second for {seconds} s");
    let mut section = Section::new("fanout_paced", title, paced::COLUMNS);
    let edge = Edge::start(args).await;
    let pace = Pace::steady(f64::from(rate), Duration::from_secs(u64::from(seconds)));
    paced::compare(&edge, Plan { streams: streams as usize, pace }, &mut section).await;
    paced::NOTES.into_iter().for_each(|note| section.note(note));
    section
}
