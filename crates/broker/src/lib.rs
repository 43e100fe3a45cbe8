//! JetStream, behind one handle: provision, publish, the live tail, fills, replays, disposable log readers, background work, dead letters and key-value buckets.
//!
//! What every other crate may rely on:
//! - An [`Ack`] means: stored by the stream's leader (and its quorum). Whatever has no ack may or may not be stored; publishing it again under the
//!   same message id is safe within the duplicate window, and answers with the position of the first copy.
//! - A reader never skips silently. What it cannot prove to be whole is an [`Error`] ([`Error::Gap`], [`Error::Expired`], [`Error::Beyond`], …) or is
//!   stated in the answer ([`ReplayPage::through_seq`], [`Fill::through_seq`]). The one exception is [`Live`], which is at most once by nature: its user checks contiguity and fills.
//! - Every position carries the epoch of its stream; positions of two epochs have no order.
//! - Nothing here spawns a task or waits without a bound; a broker that is down gives an error within the request time-out, and everything works again by itself when it is back.
//! - The subject grammar, streams and consumers stand in `nats/` as plain JetStream API JSON.

mod api;
mod broker;
mod bucket;
mod config;
mod connection;
mod dead_letters;
mod delivered;
mod epoch;
mod error;
mod fill;
mod header;
mod live;
mod log;
mod message;
mod provision;
mod publish;
mod pull;
mod reader;
mod replay;
mod work;

pub mod limits;
pub mod metrics;
pub mod subject;

pub use broker::Broker;
pub use bucket::watch::{Update, Watch};
pub use bucket::{Bucket, Entry};
pub use config::Config;
pub use dead_letters::{DeadLetter, StoredDeadLetter};
pub use epoch::StreamState;
pub use error::{Error, PublishError};
pub use fill::Fill;
pub use live::Live;
pub use log::LogConsumer;
pub use message::{Ack, Message, Outgoing};
pub use provision::{Drift, Outcome, Provision, Provisioned, Report};
pub use replay::ReplayPage;
pub use work::{Delivery, Start, Verdict, WorkConfig, WorkConsumer};
