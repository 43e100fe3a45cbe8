//! An export as a job: asked for, waited for, fetched in parts, checked.

use anyhow::Context;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::place::Place;
use super::{Args, Done, bytes_progress};
use crate::client::{Backoff, Client, Error, Manifest, limits};
use crate::commands::Output;

/// How often it is asked where a job stands.
const POLL: Duration = Duration::from_millis(500);

pub(super) async fn run(args: &Args, client: &Client, output: &mut Output, shutdown: &CancellationToken) -> anyhow::Result<Done> {
    let id = match &args.resume {
        Some(id) => id.clone(),
        None => client.export_job(args.format.as_str(), args.end, &args.selection.query()).await?.id,
    };
    eprintln!("export {id}");
    ready(client, &id, shutdown).await?;
    let manifest = client.manifest(&id, shutdown).await?;
    let mut place = Place::open(args.output.as_deref(), output, args.resume.is_some()).await?;
    if place.bytes() > manifest.bytes {
        place.clear().await?;
    }
    let before = place.bytes();
    fetch(client, &id, &manifest, &mut place).await.with_context(|| format!("the file was not fetched whole; go on with --job --resume {id}"))?;
    let sha256 = place.sha256();
    if sha256 != manifest.sha256 {
        place.clear().await?;
        anyhow::bail!("what was fetched is not the file of the job; it was thrown away");
    }
    let bytes = place.finish().await?;
    Ok(Done { bytes, fetched: bytes - before, rows: Some(manifest.rows), job: Some(id), sha256: Some(sha256) })
}

async fn ready(client: &Client, id: &str, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let progress = bytes_progress(None);
    loop {
        let job = client.job(id, shutdown).await?;
        let of_all = job.rows_estimated.map(|rows| format!(" of {rows}")).unwrap_or_default();
        progress.set_position(job.bytes);
        progress.set_message(format!("{}{of_all} events", job.rows));
        match job.state.as_str() {
            "ready" => break progress.finish_and_clear(),
            "queued" | "running" => sleep(POLL).await,
            state => anyhow::bail!("the export is {state}{}", job.failure.map(|reason| format!(": {reason}")).unwrap_or_default()),
        }
    }
    Ok(())
}

/// Goes on where it broke off, until nothing has come for a while.
async fn fetch(client: &Client, id: &str, manifest: &Manifest, place: &mut Place<'_>) -> anyhow::Result<()> {
    let progress = bytes_progress(Some(manifest.bytes));
    let (mut backoff, mut give_up) = (Backoff::new(limits::PAUSE_FIRST), Instant::now() + limits::PATIENCE_COMMAND);
    while place.bytes() < manifest.bytes {
        let from = place.bytes();
        let error = match part(client, id, manifest, place, &progress).await {
            Ok(None) => continue,
            Ok(Some(error)) => error,
            Err(error) => return Err(error),
        };
        if place.bytes() > from {
            backoff.succeed();
            give_up = Instant::now() + limits::PATIENCE_COMMAND;
        }
        let pause = backoff.fail(error.retry_after(), 0.5);
        if !error.is_retriable() || Instant::now() + pause > give_up {
            return Err(error.into());
        }
        eprintln!("{error}; going on at byte {} in {:.1} s", place.bytes(), pause.as_secs_f64());
        sleep(pause).await;
    }
    progress.finish_and_clear();
    Ok(())
}

/// Fetches what is missing; what broke it off, if anything did.
async fn part(client: &Client, id: &str, manifest: &Manifest, place: &mut Place<'_>, progress: &indicatif::ProgressBar) -> anyhow::Result<Option<Error>> {
    let mut answer = match client.file(id, manifest, place.bytes()).await {
        Ok(answer) => answer,
        Err(error) => return Ok(Some(error)),
    };
    loop {
        match client.chunk(&mut answer).await {
            Ok(Some(piece)) => place.write(&piece).await?,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
        progress.set_position(place.bytes());
    }
}
