//! Sends events that readers find again: through HTTP ingest, or to the broker itself.

pub(crate) mod direct;

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::machine::now_ns;
use crate::readers::{Read, Seen};
use crate::serial::{Expect, LANES, NUMBERS, Serial};
use crate::stats::Samples;
use crate::{http, load};

/// The time from now to the first request.
const LEAD: Duration = Duration::from_millis(200);

/// How events are sent: one request after the other, on each of the [`LANES`] connections in turn, so that one slow answer does not hold up the next event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Requests in all.
    pub(crate) requests: usize,
    /// Events of each.
    pub(crate) batch: usize,
    /// Time between the beginnings of two; none: as fast as it goes.
    pub(crate) period: Duration,
    /// When no further request is begun, however many are left.
    pub(crate) within: Duration,
}

/// When the events of a request were sent, and when they were acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) at_ns: u64,
    pub(crate) acked_ns: u64,
}

/// When the events of each lane were sent, request by request.
#[derive(Debug)]
pub(crate) struct Times {
    lanes: Vec<Vec<Sent>>,
    batch: usize,
}

impl Pace {
    /// Single events, so many a second for so long; one at least.
    pub(crate) fn steady(rate: f64, length: Duration) -> Self {
        let requests = ((rate * length.as_secs_f64()).round() as usize).max(1);
        Self { requests, batch: 1, period: Duration::from_secs_f64(1.0 / rate), within: Duration::MAX }
    }

    /// As fast as it goes.
    pub(crate) fn fast(events: usize, batch: usize) -> Self {
        Self { requests: events.div_ceil(batch), batch, period: Duration::ZERO, within: Duration::MAX }
    }

    /// Events in all.
    pub(crate) fn events(self) -> usize {
        self.requests * self.batch
    }

    /// What a stream that was open before has to show.
    pub(crate) fn expect(self) -> Expect {
        Expect::all(self.events())
    }
}

impl Times {
    /// Of the request with this event.
    pub(crate) fn of(&self, serial: Serial) -> Sent {
        self.lanes[usize::from(serial.lane)][serial.number as usize / self.batch]
    }

    /// How many events were sent.
    pub(crate) fn events(&self) -> usize {
        self.lanes.iter().map(Vec::len).sum::<usize>() * self.batch
    }

    /// From the first request to the last answer.
    pub(crate) fn took(&self) -> Duration {
        let all = || self.lanes.iter().flatten();
        let (first, last) = (all().map(|sent| sent.at_ns).min(), all().map(|sent| sent.acked_ns).max());
        Duration::from_nanos(last.unwrap_or(0) - first.unwrap_or(0))
    }

    /// For each event on each stream, the time from the request to the stream.
    pub(crate) fn since_request(&self, read: &Read) -> Samples {
        read.seen.iter().map(|seen: &Seen| seen.at_ns.saturating_sub(self.of(seen.serial).at_ns)).collect()
    }

    /// For each event on each stream, the time from the acknowledgement to the stream. A stream can be faster than that: it counts as none.
    pub(crate) fn since_ack(&self, read: &Read) -> Samples {
        read.seen.iter().map(|seen: &Seen| seen.at_ns.saturating_sub(self.of(seen.serial).acked_ns)).collect()
    }
}

/// Sends all, as far as there is time; every request has to be accepted.
pub(crate) async fn publish(address: &str, token: &str, pace: Pace) -> Times {
    assert!(pace.events() <= NUMBERS as usize, "{} events are more than there are numbers", pace.events());
    let mut lanes = Vec::with_capacity(LANES);
    for lane in 0..LANES {
        lanes.push((http::Connection::open(address).await, requests(token, lane, pace)));
    }
    let begin = Instant::now() + if pace.period.is_zero() { Duration::ZERO } else { LEAD };
    let mut senders = JoinSet::new();
    for (lane, (mut connection, requests)) in lanes.into_iter().enumerate() {
        senders.spawn(async move {
            let mut sent = Vec::with_capacity(requests.len());
            for (round, request) in requests.into_iter().enumerate() {
                sleep_until(begin + pace.period.mul_f64((round * LANES + lane) as f64)).await;
                if begin.elapsed() > pace.within {
                    break;
                }
                let at_ns = now_ns();
                connection.accepted(&request).await;
                sent.push(Sent { at_ns, acked_ns: now_ns() });
            }
            (lane, sent)
        });
    }
    let mut lanes = senders.join_all().await;
    lanes.sort_by_key(|(lane, _)| *lane);
    Times { lanes: lanes.into_iter().map(|(_, sent)| sent).collect(), batch: pace.batch }
}

/// The requests of a lane, made before the clock starts.
fn requests(token: &str, lane: usize, pace: Pace) -> Vec<Vec<u8>> {
    let serial = |number: usize| Serial { lane: lane as u8, number: number as u32 };
    let request = |round: usize| {
        let drafts: Vec<String> = (0..pace.batch).map(|event| load::tick(serial(round * pace.batch + event))).collect();
        http::post("/api/events", token, &if pace.batch == 1 { drafts.concat() } else { format!("[{}]", drafts.join(",")) })
    };
    (0..(pace.requests + LANES - 1 - lane) / LANES).map(request).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lanes_together_send_each_event_once() {
        let pace = Pace { requests: 6, batch: 2, period: Duration::ZERO, within: Duration::MAX };
        let bodies: Vec<String> = (0..LANES).flat_map(|lane| requests("t", lane, pace)).map(|request| String::from_utf8(request).unwrap()).collect();
        assert_eq!(bodies.len(), 6);
        let mut expect = pace.expect();
        for body in bodies {
            for at in body.match_indices("\"n-").map(|(at, mark)| at + mark.len()) {
                expect.take(Serial::parse(&body.as_bytes()[at..at + 7]).unwrap()).unwrap();
            }
        }
        assert_eq!(expect.left(), 0);
    }
}
