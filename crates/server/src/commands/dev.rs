//! `slipstream dev`: everything on this machine, private to the checkout.

mod login;
mod secrets;
mod servers;

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use slipstream_access::Secret;
use slipstream_broker::Broker;
use slipstream_gateway::serve::listen;
use slipstream_store::migrate;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::import::load_sample;
use super::out;
use super::provision::wanted;
use crate::children::{Lock, NatsUser};
use crate::config::Config;
use crate::roles::{Process, broker_config};
use crate::telemetry;
use login::Login;
use secrets::Secrets;
use servers::Servers;

/// The port that is tried first; any free one when it is taken.
const PORT: u16 = 4180;
/// Name of the database in the private Postgres.
const DATABASE: &str = "slipstream";
/// Events per second of the sample on the first start: slow enough to watch.
const SAMPLE_RATE: f64 = 12.0;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Starts nats-server and Postgres as private children in DIR, migrates, provisions, serves all roles and the cockpit, and on the\nfirst start loads a sample of real events. Ctrl-C stops everything; the data stays. To begin anew: stop it and remove DIR."
)]
pub struct Args {
    /// Where everything is kept.
    #[arg(long, value_name = "DIR", default_value = ".slipstream")]
    dir: PathBuf,
    /// Port of HTTP on loopback. Default: 4180, or a free one when that is taken.
    #[arg(long)]
    port: Option<u16>,
    /// Do not load the sample.
    #[arg(long)]
    no_sample: bool,
}

/// Tells what is being done.
struct Progress {
    begun: Instant,
}

/// Runs everything until a signal.
///
/// # Errors
/// What is missing, and how to get it; a second start in the same directory; a part that does not start.
pub async fn run(mut args: Args, mut config: Config) -> anyhow::Result<ExitCode> {
    quiet(&mut config);
    telemetry::logs(&config)?;
    let mut interrupt = Interrupt::new()?;
    let lock = lock(&args.dir)?;
    // The children have working directories of their own.
    args.dir = args.dir.canonicalize()?;
    let listener = bind(&args)?;
    let progress = Progress { begun: Instant::now() };
    let servers = tokio::select! {
        servers = Servers::start(&args.dir, &progress) => servers?,
        () = interrupt.wait() => return Ok(ExitCode::SUCCESS),
    };
    let ran = serve(&args, config, listener, &servers, &progress, &mut interrupt).await;
    progress.step("stopping")?;
    servers.stop().await;
    drop(lock);
    ran.map(|()| ExitCode::SUCCESS)
}

/// The secret that signs tokens of the private deployment in the working directory or above it, when there is one.
pub fn token_secret() -> Option<Secret> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find_map(|dir| Secrets::load(&dir.join(".slipstream"))).map(|secrets| Secret::new(secrets.token))
}

async fn serve(
    args: &Args,
    mut config: Config,
    listener: TcpListener,
    servers: &Servers,
    progress: &Progress,
    interrupt: &mut Interrupt,
) -> anyhow::Result<()> {
    let secrets = Secrets::load_or_create(&args.dir)?;
    servers.postgres.ensure_database(DATABASE).await?;
    configure(&mut config, servers, &secrets);
    let migrated = migrate::up(config.database_url_admin(), None)
        .await
        .with_context(|| format!("migrating the database (when it is of a version that was never released, remove {} to begin anew)", args.dir.display()))?;
    progress.step(&format!("database: {} migrations applied", migrated.len()))?;
    let streams = provision(&config).await.context("provisioning the streams")?;
    progress.step(&format!("broker: {streams} streams ready"))?;
    let mut process = Process::start(&config, listener).await?;
    let url = format!("http://{}", process.address());
    let login = Login::write(&args.dir, &url, &config.token_secret)?;
    progress.ready(&login)?;
    let sample = sample(args, &login);
    let failed = tokio::select! {
        () = interrupt.wait() => None,
        task = process.failed() => Some(task),
        never = servers.keep_alive() => never?,
        never = sample => never?,
    };
    Login::remove(&args.dir);
    tokio::select! {
        () = process.stop() => {}
        () = interrupt.wait() => warn!("told twice to stop: stopping at once"),
    }
    match failed {
        Some(task) => bail!("the task {task:?} ended by itself"),
        None => Ok(()),
    }
}

/// Makes the streams; returns how many there are.
async fn provision(config: &Config) -> anyhow::Result<usize> {
    let admin = Broker::connect(broker_config(config, "admin", config.nats_url_admin.expose())?).await?;
    Ok(admin.provision(&wanted(config)).await?.streams.len())
}

/// Loads the sample once in the life of a directory; then waits for ever.
async fn sample(args: &Args, login: &Login) -> anyhow::Result<Option<String>> {
    let done = args.dir.join("sample-loaded");
    if !args.no_sample && !done.exists() {
        match load_sample(&login.url().parse()?, &Secret::new(login.admin_token()), SAMPLE_RATE, &CancellationToken::new()).await {
            Ok(_) => std::fs::write(&done, "").with_context(|| format!("cannot write {}", done.display()))?,
            Err(error) => warn!(error = format!("{error:#}"), "the sample was not loaded whole; the next start goes on with it"),
        }
    }
    std::future::pending().await
}

/// The settings of a private deployment: everything on loopback, each service as its own user.
fn configure(config: &mut Config, servers: &Servers, secrets: &Secrets) {
    let nats = |user: NatsUser| Secret::new(servers.nats.url(user));
    config.database_url = Secret::new(servers.postgres.url(DATABASE));
    config.database_url_admin = config.database_url.clone();
    config.nats_url_gateway = nats(NatsUser::Gateway);
    config.nats_url_api = nats(NatsUser::Api);
    config.nats_url_relay = nats(NatsUser::Relay);
    config.nats_url_archiver = nats(NatsUser::Archiver);
    config.nats_url_admin = nats(NatsUser::Admin);
    config.nats_url = config.nats_url_gateway.clone();
    config.drain_wait_ms = 0;
    let given = |setting: &mut Secret, own: &str| {
        if setting.is_empty() {
            *setting = Secret::new(own);
        }
    };
    given(&mut config.token_secret, &secrets.token);
    given(&mut config.cursor_secret, &secrets.cursor);
    given(&mut config.master_key, &secrets.master);
    given(&mut config.ledger_key, &secrets.ledger);
}

/// On a terminal the steps are told by [`Progress`]; log lines only when something is wrong, unless asked for.
fn quiet(config: &mut Config) {
    if config.log == "info" {
        config.log = "warn".to_owned();
    }
}

fn lock(dir: &Path) -> anyhow::Result<Lock> {
    Lock::acquire(dir).context("is `slipstream dev` running in this directory already?")
}

/// The given port; else the usual one when it is free; else any. Held from here on, so that two checkouts that start at once do not choose the same.
fn bind(args: &Args) -> anyhow::Result<TcpListener> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match args.port {
        Some(port) => listen(at(port)).with_context(|| format!("cannot listen on {}", at(port))),
        None => match listen(at(PORT)) {
            Ok(listener) => Ok(listener),
            Err(_) => Ok(listen(at(0))?),
        },
    }
}

impl Progress {
    fn step(&self, what: &str) -> anyhow::Result<()> {
        out(&format!("[{:5.1} s] {what}", self.begun.elapsed().as_secs_f64()))
    }

    fn ready(&self, login: &Login) -> anyhow::Result<()> {
        self.step("ready")?;
        let bold = |text: &str| if std::io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
        let bin = program();
        out(&format!("\n  Cockpit, signed in as {} of tenant {}:\n\n  {}\n", login.user(), login.tenant(), bold(&login.page())))?;
        out(&format!("  Stream:  curl -N -H \"Authorization: Bearer $({bin} token show)\" {}/api/events", login.url()))?;
        out(&format!("  Also:    {bin} tail · {bin} history · {bin} publish --help"))?;
        out("  Stop:    Ctrl-C (the data stays)\n")
    }
}

/// How this program is called from here.
fn program() -> String {
    let this = std::env::current_exe().ok();
    let here = std::env::current_dir().ok();
    let relative = this.as_deref().zip(here.as_deref()).and_then(|(this, here)| this.strip_prefix(here).ok());
    relative.or(this.as_deref()).map_or_else(|| "slipstream".to_owned(), |path| path.display().to_string())
}

/// Signals that stop the process.
struct Interrupt {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Interrupt {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hangup: signal(SignalKind::hangup())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
