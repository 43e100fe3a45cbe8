//! A gateway and its streams.

use slipstream_tests::{Node, Stack};

use super::stack;
use crate::args::Args;
use crate::http;
use crate::machine::{child, has_loaded};
use crate::publisher::{self, Pace, Times};
use crate::readers::{Ask, Opening, Readers, Task};
use crate::serial::Expect;

/// The text of a stream that is ready.
const READY: &[u8] = b"event: ready";
/// The tenant, where there is only one.
pub(super) const TENANT: &str = "acme";

/// A deployment with one process that is a gateway and nothing else.
pub(super) struct Edge {
    pub(super) stack: Stack,
    pub(super) gateway: Node,
    /// The gateway's process.
    pub(super) pid: u32,
}

impl Edge {
    /// Starts it.
    pub(super) async fn start(args: &Args) -> Self {
        Self::with(args, &[]).await
    }

    /// The same with these settings.
    pub(super) async fn with(args: &Args, settings: &[(&str, &str)]) -> Self {
        let stack = stack(args, settings).await;
        let gateway = stack.node("gateway").await;
        let pid = child("--role gateway");
        if let Some(library) = &args.preload {
            assert!(has_loaded(pid, library), "the gateway runs without {}", library.display());
        }
        Self { stack, gateway, pid }
    }

    /// Kills the gateway.
    pub(super) async fn kill(&self) {
        self.gateway.kill().await;
    }

    /// Starts the gateway again, at another address and with nothing in memory.
    pub(super) async fn restart(&mut self) {
        self.gateway.restart().await;
        self.pid = child("--role gateway");
    }

    /// `host:port` of the gateway.
    pub(super) fn address(&self) -> String {
        http::address(&self.gateway.url()).to_owned()
    }

    /// The request of a reader's stream. Each is a user of its own.
    pub(super) fn request(&self, tenant: &str, number: usize, cursor: Option<&str>) -> Vec<u8> {
        http::stream(&self.stack.token_of(&format!("reader-{number}"), tenant, &["reader"]), cursor)
    }

    /// So many streams of the tenant that show all this, each a user of its own.
    pub(super) fn asks(&self, tenant: &str, streams: usize, expect: Expect) -> Vec<Ask> {
        (0..streams).map(|number| Ask::once(self.request(tenant, number, None), expect)).collect()
    }

    /// What reads these streams.
    pub(super) fn task(&self, asks: Vec<Ask>, opening: Opening, keep_times: bool) -> Task {
        Task { address: self.address(), asks, opened: READY, opening, keep_times, gives_way: false }
    }

    /// What reads streams whose clients' processor time is no part of what is measured.
    pub(super) fn noise(&self, asks: Vec<Ask>) -> Task {
        Task { gives_way: true, ..self.task(asks, Opening::CALM, false) }
    }

    /// Opens such streams.
    pub(super) async fn open(&self, asks: Vec<Ask>, keep_times: bool) -> Readers {
        Readers::open(self.task(asks, Opening::CALM, keep_times)).await
    }

    /// Sends events of the tenant through the gateway.
    pub(super) async fn publish(&self, tenant: &str, pace: Pace) -> Times {
        publisher::publish(&self.address(), &self.stack.token_of(crate::load::USER, tenant, &["writer"]), pace).await
    }
}
