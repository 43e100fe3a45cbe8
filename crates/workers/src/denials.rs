//! The recorder of refused calls: they are told in their tenant's log, some one by one and the others as a number.
//!
//! Whoever refuses a call never waits: a denial is offered to a queue of [`limits::DENIALS_WAITING_MAX`], and what does not fit, or cannot be written within [`limits::DENIAL_WRITE`], is
//! dropped and counted.

use std::convert::Infallible;

use metrics::counter;
use slipstream_domain::declared::Broken;
pub use slipstream_domain::denials::Denial;
use slipstream_domain::denials::{Throttle, Verdict};
use slipstream_event::{Event, Timestamp};
use slipstream_store::{Error, Store, Tx};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{limits, metrics as names};

/// Offers denials to a [`Recorder`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Teller(mpsc::Sender<Denial>);

/// Records what its tellers offer.
#[derive(Debug)]
pub struct Recorder {
    store: Store,
    told: mpsc::Receiver<Denial>,
    throttle: Throttle,
}

/// A recorder over a pool of [`slipstream_store::Role::Api`], and its teller.
pub fn new(store: Store) -> (Teller, Recorder) {
    let (teller, told) = mpsc::channel(limits::DENIALS_WAITING_MAX);
    (Teller(teller), Recorder { store, told, throttle: Throttle::default() })
}

impl Teller {
    /// Offers a denial. Never waits.
    pub fn tell(&self, denial: Denial) {
        if self.0.try_send(denial).is_err() {
            counter!(names::DENIALS_TOTAL, "outcome" => "dropped").increment(1);
        }
    }
}

impl Recorder {
    /// Runs until `shutdown`; then it tells what it has counted, as far as that goes within [`limits::DENIAL_WRITE`].
    ///
    /// # Errors
    /// Never.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut look = interval(limits::DENIALS_LOOK_EVERY);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = look.tick() => self.tell_rest(Some(Timestamp::now())).await,
                Some(denial) = self.told.recv() => self.take(&denial).await,
            }
        }
        timeout(limits::DENIAL_WRITE, self.tell_rest(None)).await.ok();
        Ok(())
    }

    async fn take(&mut self, denial: &Denial) {
        match self.throttle.take(denial) {
            Verdict::Tell => self.record(denial.event()).await,
            Verdict::Count => counter!(names::DENIALS_TOTAL, "outcome" => "counted").increment(1),
            Verdict::Drop => counter!(names::DENIALS_TOTAL, "outcome" => "dropped").increment(1),
        }
    }

    async fn tell_rest(&mut self, now: Option<Timestamp>) {
        for rest in self.throttle.over(now) {
            self.record(rest.event()).await;
        }
    }

    async fn record(&self, event: Result<Event, Broken>) {
        let write = async {
            let event = event.map_err(|broken| Error::Bug(broken.to_string()))?;
            let tenant = event.tenant_id.clone();
            let emit = async |tx: &mut Tx| -> Result<(), Error> {
                tx.emit(event);
                Ok(())
            };
            self.store.write(&tenant, emit).await
        };
        let outcome = if matches!(timeout(limits::DENIAL_WRITE, write).await, Ok(Ok(()))) { "told" } else { "dropped" };
        counter!(names::DENIALS_TOTAL, "outcome" => outcome).increment(1);
    }
}
