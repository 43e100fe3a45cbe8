//! Real servers as child processes: `slipstream dev` and the tests run on these.
//!
//! What a caller may rely on:
//!
//! - **Durable.** NATS acknowledges after fsync, Postgres runs with fsync: [`Nats::kill`] and [`Postgres::kill`] lose
//!   nothing that was acknowledged, and `restart` continues on the same files and the same address.
//! - **Private.** NATS listens on loopback and asks for a password; Postgres listens on a Unix socket in a directory
//!   that only its own account (and root) can enter. Nothing is shared between two directories.
//! - **Bounded by us.** A child is killed by the kernel when this process ends, however that happens (`setpriv
//!   --pdeathsig`), and by `Drop` otherwise. A child that a killed process left behind all the same is ended before the
//!   same directory is used again. A directory is locked while its server is in use.
//! - **Not by the terminal.** Children have process groups of their own, so that Ctrl-C reaches us alone and we decide
//!   in which order they stop.

mod account;
mod binaries;
mod error;
mod limits;
mod lock;
mod nats;
mod postgres;
mod private_dir;
mod proc;
mod process;
mod slot;

pub use binaries::{Search, find_nats, find_postgres, find_setpriv};
pub use error::Error;
pub use lock::Lock;
pub use nats::{Nats, NatsConfig, NatsUser};
pub use postgres::{Postgres, PostgresConfig};
