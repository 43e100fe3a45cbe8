//! The private servers of a checkout.

use std::path::Path;

use anyhow::Context;

use super::{Progress, out};
use crate::children::{Nats, NatsConfig, Postgres, PostgresConfig, Search, find_nats, find_postgres, find_setpriv};
use crate::config;

/// The running children.
pub(super) struct Servers {
    pub(super) nats: Nats,
    pub(super) postgres: Postgres,
}

impl Servers {
    /// Finds and starts both.
    pub(super) async fn start(dir: &Path, progress: &Progress) -> anyhow::Result<Self> {
        let search =
            |variable: &str| Search { explicit: config::variable(variable).map(Into::into), path: config::variable("PATH"), local: Some(dir.join("bin")) };
        let nats_bin = find_nats(&search("SLIPSTREAM_NATS_BIN")).await?;
        let postgres_bin = find_postgres(&search("SLIPSTREAM_POSTGRES_BIN")).await?;
        let setpriv = find_setpriv(&search("")).await;
        progress.step(&format!("starting nats-server ({}) and Postgres ({})", nats_bin.display(), postgres_bin.display()))?;
        let nats = NatsConfig { bin: nats_bin, dir: dir.join("nats"), port: None, setpriv: setpriv.clone() };
        let elsewhere = Some("/var/tmp".into());
        let postgres = PostgresConfig { bin_dir: postgres_bin, dir: dir.join("postgres"), elsewhere, setpriv, settings: Vec::new() };
        let (nats, postgres) =
            tokio::try_join!(async { Nats::start(nats).await.context("nats-server") }, async { Postgres::start(postgres).await.context("Postgres") })?;
        progress.step(&format!("nats-server on {}, Postgres in {}", nats.address(), postgres.data_dir().display()))?;
        Ok(Self { nats, postgres })
    }

    /// Starts a server again that has ended, and says so. Never returns but with an error: a server that does not come up again.
    pub(super) async fn keep_alive(&self) -> anyhow::Result<Option<String>> {
        loop {
            let name = tokio::select! {
                status = self.nats.wait_exit() => {
                    out(&format!("nats-server ended ({status}); starting it again. Its log: {}", self.nats.log_path().display()))?;
                    self.nats.restart().await.context("nats-server did not start again")?;
                    "nats-server"
                }
                status = self.postgres.wait_exit() => {
                    out(&format!("Postgres ended ({status}); starting it again. Its log: {}", self.postgres.log_path().display()))?;
                    self.postgres.restart().await.context("Postgres did not start again")?;
                    "Postgres"
                }
            };
            out(&format!("{name} is up again; nothing that was acknowledged is lost"))?;
        }
    }

    /// Stops both in order.
    pub(super) async fn stop(self) {
        tokio::join!(self.nats.stop(), self.postgres.stop());
    }
}
