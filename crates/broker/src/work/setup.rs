//! The durable consumer of one shard, on the server.

use async_nats::jetstream::consumer::{self, DeliverPolicy};

use super::{Start, WorkConfig};
use crate::api::code;
use crate::{Broker, Error, limits, subject};

const TEMPLATE: &str = include_str!("../../../../nats/consumers/work.json");

/// Makes the consumer, or brings it up to date; its place in the stream stays.
pub(super) async fn ensure(broker: &Broker, config: &WorkConfig, shard: u16) -> Result<(), Error> {
    let stream = broker.stream(shard)?;
    let ask = subject::api_of_consumer("CONSUMER.INFO", &stream, &config.name);
    let existing = match broker.connection().api::<consumer::Info>(ask, &(), broker.timeout()).await? {
        Ok(info) => Some(info.config),
        Err(e) if e.err_code == code::CONSUMER_NOT_FOUND => None,
        Err(e) if e.err_code == code::STREAM_NOT_FOUND => return Err(Error::NotProvisioned(stream)),
        Err(e) => return Err(e.into()),
    };
    let mut wanted = wanted(config)?;
    if let Some(existing) = existing {
        // Where it once started cannot be changed, and does not matter any more.
        wanted.deliver_policy = existing.deliver_policy;
    }
    broker.connection().create_consumer(&stream, &config.name, &wanted, broker.timeout()).await?;
    Ok(())
}

fn wanted(config: &WorkConfig) -> Result<consumer::Config, Error> {
    let mut wanted: consumer::Config = serde_json::from_str(TEMPLATE).map_err(|e| Error::Invalid(format!("the consumer's JSON: {e}")))?;
    wanted.name = Some(config.name.clone());
    wanted.durable_name = Some(config.name.clone());
    wanted.filter_subject.clone_from(&config.filter);
    wanted.ack_wait = config.ack_wait + limits::ACK_MARGIN;
    wanted.max_ack_pending = i64::try_from(config.max_in_flight).unwrap_or(i64::MAX);
    wanted.deliver_policy = match config.start {
        Start::All => DeliverPolicy::All,
        Start::New => DeliverPolicy::New,
    };
    Ok(wanted)
}
