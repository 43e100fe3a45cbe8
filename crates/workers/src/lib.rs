//! The loops without HTTP: the relay from the outbox to the broker, the archiver from the broker to the archive, the exports from the archive to
//! files, redaction, the retention of the archive, and what keeps the activity log, the counts of analytics and the ledgers' batches up to date.
//!
//! What every other crate may rely on:
//! - **Nothing committed is lost, nothing is shown twice.** A row of the outbox goes out at least once and is deduplicated by `<tenant>:<event id>`: by the broker within its
//!   duplicate window, by a look into the log itself beyond it ([`relay`]).
//! - **A tenant's events keep the order of their commits**, also across retries. A tenant that fails delays itself, nobody else.
//! - **The archive's watermark is the only truth about what is archived.** The archiver keeps nothing of its own and may be killed, frozen or started twice at any moment ([`archiver`]).
//! - **Outages are waited out**, with pauses that grow up to a bound and are jittered. `run` ends when it is told to, after it has finished what it had in hand.
//! - Nothing here spawns a task: `run` is one future, and whoever drops it stops it.

pub mod activity;
pub mod analytics;
pub mod archiver;
pub mod batches;
pub mod denials;
pub mod exports;
pub mod failpoint;
pub mod limits;
pub mod metrics;
pub mod redaction;
pub mod relay;
pub mod retention;

mod backlog;
mod backoff;

pub use archiver::Archiver;
pub use backlog::Backlog;
pub use exports::Exports;
pub use failpoint::FailPoints;
pub use redaction::Redactions;
pub use relay::Relay;
pub use retention::Retention;
