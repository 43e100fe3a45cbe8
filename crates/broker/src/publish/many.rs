//! Many messages side by side: sent in order from one place, so that their order does not hang on how tasks are scheduled; acks come to one inbox, numbered.

use std::time::Duration;

use async_nats::{StatusCode, Subscriber};
use futures_util::StreamExt;
use slipstream_event::subject;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::{Stored, of_read, of_server};
use crate::{Ack, Broker, Error, Outgoing, PublishError, api, limits};

type Outcome = Result<Ack, PublishError>;

struct Publishing<'a> {
    broker: &'a Broker,
    outgoing: &'a [Outgoing],
    results: Vec<Option<Outcome>>,
    /// The next one to send.
    next: usize,
    /// Sent, and neither acked nor given up; one permit each.
    in_flight: Vec<SemaphorePermit<'a>>,
    inbox: String,
    answers: Subscriber,
    connection: u64,
    /// When the last was sent into an empty flight, or the last ack came.
    progress_at: Instant,
}

pub(super) async fn publish(broker: &Broker, outgoing: &[Outgoing]) -> Vec<Outcome> {
    if outgoing.is_empty() {
        return Vec::new();
    }
    let mut publishing = match Publishing::open(broker, outgoing).await {
        Ok(publishing) => publishing,
        Err(error) => return outgoing.iter().map(|_| Err(of_read(error.clone()))).collect(),
    };
    if let Err(error) = publishing.run().await {
        publishing.give_up(usize::MAX, &of_read(error));
    }
    let lost = || Err(PublishError::Unavailable("not sent".to_owned()));
    publishing.results.into_iter().map(|result| result.unwrap_or_else(lost)).collect()
}

impl<'a> Publishing<'a> {
    async fn open(broker: &'a Broker, outgoing: &'a [Outgoing]) -> Result<Self, Error> {
        let inbox = broker.connection().client().new_inbox();
        let answers = broker.connection().subscribe(format!("{inbox}.*"), broker.timeout()).await?;
        let (results, connection) = (vec![None; outgoing.len()], broker.connection().number());
        Ok(Self { broker, outgoing, results, next: 0, in_flight: Vec::new(), inbox, answers, connection, progress_at: Instant::now() })
    }

    /// # Errors
    /// When the broker gave no sign within the request time-out.
    async fn run(&mut self) -> Result<(), Error> {
        while self.next < self.outgoing.len() || !self.in_flight.is_empty() {
            while self.next < self.outgoing.len() && self.in_flight.len() < limits::PUBLISH_ALL_IN_FLIGHT_MAX {
                if !self.send_next().await? {
                    break;
                }
            }
            if !self.in_flight.is_empty() {
                self.receive().await?;
            }
        }
        Ok(())
    }

    /// Sends one; `false` when others have all the permits and acks of one's own have to come first.
    async fn send_next(&mut self) -> Result<bool, Error> {
        let left = self.left();
        let connection = self.broker.connection();
        let permit = match self.broker.publishes().try_acquire() {
            Ok(permit) => permit,
            Err(_) if !self.in_flight.is_empty() => return Ok(false),
            Err(_) => connection.within(left, "no turn in time", self.broker.publishes().acquire()).await?.map_err(|e| Error::Unavailable(e.to_string()))?,
        };
        connection.ready(left).await?;
        let (number, message) = (self.next, &self.outgoing[self.next]);
        self.next += 1;
        let shard = self.broker.shard_of(&message.tenant);
        let prepared = self.broker.fits(message.payload.len()).and_then(|()| self.broker.headers_of(shard, message));
        let headers = match prepared {
            Ok(headers) => headers,
            Err(refused) => {
                self.results[number] = Some(Err(refused));
                return Ok(true);
            }
        };
        let to = subject::published(self.broker.shards(), &message.tenant, &message.event_type);
        match connection.send(to, Some(&format!("{}.{number}", self.inbox)), headers, message.payload.clone(), left).await {
            Ok(()) => {
                if self.in_flight.is_empty() {
                    self.progress_at = Instant::now();
                }
                self.in_flight.push(permit);
                Ok(true)
            }
            Err(Error::Invalid(description)) => {
                self.results[number] = Some(Err(PublishError::Rejected { code: 0, description }));
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for an ack and takes all that have come.
    async fn receive(&mut self) -> Result<(), Error> {
        if !self.broker.connection().holds(self.connection) {
            // The acks on their way went with the connection.
            self.give_up(self.next, &PublishError::Unavailable("the connection was lost".to_owned()));
            self.broker.connection().ready(self.left()).await?;
            self.connection = self.broker.connection().number();
            return Ok(());
        }
        let left = self.left();
        if left.is_zero() {
            return self.broker.connection().within(Duration::ZERO, "no ack in time", std::future::pending()).await;
        }
        let Ok(answer) = tokio::time::timeout(left.min(limits::CONNECTION_POLL), self.answers.next()).await else { return Ok(()) };
        let answer = answer.ok_or_else(|| Error::Unavailable("the connection is closed".to_owned()))?;
        self.progress_at = Instant::now();
        let number = answer.subject.rsplit('.').next().and_then(|token| token.parse::<usize>().ok());
        if let Some(number) = number.filter(|number| self.results.get(*number).is_some_and(Option::is_none)) {
            self.results[number] = Some(self.outcome(number, &answer).await);
            self.in_flight.pop();
        }
        Ok(())
    }

    async fn outcome(&self, number: usize, answer: &async_nats::Message) -> Outcome {
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(PublishError::Unavailable("nothing answers on the server".to_owned()));
        }
        let stored = api::read::<Stored>(&answer.payload).map_err(of_read)?.map_err(of_server)?;
        let shard = self.broker.shard_of(&self.outgoing[number].tenant);
        let known = self.broker.known_within(shard, limits::EPOCH_AGE_MAX).await.map_err(of_read)?;
        self.broker.ack(&known, stored.seq, stored.duplicate).await
    }

    /// Ends those ahead of `before` that have no result yet.
    fn give_up(&mut self, before: usize, error: &PublishError) {
        for result in self.results.iter_mut().take(before).filter(|result| result.is_none()) {
            *result = Some(Err(error.clone()));
        }
        self.in_flight.clear();
    }

    fn left(&self) -> Duration {
        self.broker.timeout().saturating_sub(self.progress_at.elapsed())
    }
}
