//! Any number of messages of any shard: grouped by shard, cut into batches, each answer back in its place.

use futures_util::future::join_all;

use super::{batch, many};
use crate::{Ack, Broker, Outgoing, PublishError};

type Outcome = Result<Ack, PublishError>;

pub(super) async fn publish(broker: &Broker, outgoing: Vec<Outgoing>) -> Vec<Outcome> {
    let total = outgoing.len();
    let mut groups: Vec<(Vec<usize>, Vec<Outgoing>)> = (0..broker.shards()).map(|_| Default::default()).collect();
    for (place, message) in outgoing.into_iter().enumerate() {
        let (places, messages) = &mut groups[usize::from(broker.shard_of(&message.tenant))];
        places.push(place);
        messages.push(message);
    }
    let shards = groups.iter().zip(0..).map(|((_, messages), shard)| publish_shard(broker, shard, messages));
    let outcomes = join_all(shards).await;
    let mut results = vec![Err(PublishError::Unavailable("not sent".to_owned())); total];
    for ((places, _), outcomes) in groups.iter().zip(outcomes) {
        for (place, outcome) in places.iter().zip(outcomes) {
            results[*place] = outcome;
        }
    }
    results
}

/// One after the other; once the broker is away, the rest is not tried.
async fn publish_shard(broker: &Broker, shard: u16, messages: &[Outgoing]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(messages.len());
    for piece in batch::pieces(messages) {
        match broker.publish_whole(shard, piece).await {
            Ok(Some(acks)) => outcomes.extend(acks.into_iter().map(Ok)),
            Ok(None) => outcomes.extend(many::publish(broker, piece).await),
            Err(error) => outcomes.extend(piece.iter().map(|_| Err(error.clone()))),
        }
        if let Some(Err(error @ PublishError::Unavailable(_))) = outcomes.last() {
            let error = error.clone();
            outcomes.resize_with(messages.len(), || Err(error.clone()));
            break;
        }
    }
    outcomes
}
