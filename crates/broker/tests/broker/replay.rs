use std::time::Duration;

use slipstream_broker::{Broker, Error, Message, Provision};

use crate::events::{eventually, numbered, outgoing, payloads, seqs, tenant};
use crate::server::Server;

/// Fifty tenants, `each` messages of every one, mixed.
async fn mixed(broker: &Broker, each: usize) {
    let messages = (0..each).flat_map(|n| (0..50).map(move |t| outgoing(&format!("t{t}"), format!("t{t}-{n}")))).collect();
    assert!(broker.publish_all(messages).await.iter().all(Result::is_ok));
}

/// All pages of one tenant.
async fn all(broker: &Broker, name: &str, up_to: u64, max_messages: usize, max_bytes: usize) -> (Vec<Message>, usize) {
    let (mut messages, mut after, mut pages) = (Vec::new(), 0, 0);
    loop {
        let page = broker.replay(&tenant(name), after, up_to, max_messages, max_bytes).await.unwrap();
        assert!(page.messages.len() <= max_messages && (page.through_seq > after || page.done), "no progress after {after}");
        assert_eq!(page.done, page.through_seq >= up_to);
        pages += 1;
        messages.extend(page.messages);
        after = page.through_seq;
        if page.done {
            assert_eq!(after, up_to);
            return (messages, pages);
        }
    }
}

#[tokio::test]
async fn reads_one_tenant_of_many_page_by_page() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        mixed(&broker, 40).await;
        for name in ["t0", "t17", "t49"] {
            let want: Vec<_> = (0..40).map(|n| format!("{name}-{n}")).collect();
            let last = broker.stream_state(broker.shard_of(&tenant(name))).await.unwrap().last_seq;
            for (max_messages, pages_max) in [(1, 41), (7, 7), (40, 2), (1_000, 1)] {
                let (messages, pages) = all(&broker, name, last, max_messages, 1 << 20).await;
                assert_eq!(payloads(&messages), want);
                assert!(pages <= pages_max, "{pages} pages of {max_messages}");
            }
            let (messages, pages) = all(&broker, name, last, 1_000, 500).await;
            assert_eq!(payloads(&messages), want);
            assert!(pages > 3, "{pages}");
        }
    }
}

#[tokio::test]
async fn begins_after_and_ends_at_what_is_asked() {
    let server = Server::start();
    let broker = server.broker(1).await;
    mixed(&broker, 3).await; // t7 stands at 8, 58 and 108 of 150.
    for (after, up_to, want) in
        [(0, 150, &[8, 58, 108][..]), (8, 150, &[58, 108]), (7, 8, &[8]), (8, 57, &[]), (57, 107, &[58]), (108, 150, &[]), (9, 9, &[]), (20, 10, &[])]
    {
        let page = broker.replay(&tenant("t7"), after, up_to, 100, 1 << 20).await.unwrap();
        assert_eq!((seqs(&page.messages).as_slice(), page.done, page.through_seq), (want, true, up_to.max(after)), "{after}..={up_to}");
    }
    let page = broker.replay(&tenant("nobody"), 0, 150, 100, 1 << 20).await.unwrap();
    assert!(page.messages.is_empty() && page.done);
}

#[tokio::test]
async fn a_tenant_whose_name_begins_another_is_not_mixed_in() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish_all(vec![outgoing("a", "1"), outgoing("ab", "2"), outgoing("a-b", "3"), outgoing("A", "4"), outgoing("a", "5")]).await;
    assert_eq!(payloads(&all(&broker, "a", 5, 100, 1_000).await.0), ["1", "5"]);
}

#[tokio::test]
async fn never_skips_in_silence() {
    let server = Server::start();
    let broker = server.connect(1).await;
    let short = Provision { max_age: Some(Duration::from_millis(300)), duplicate_window: Some(Duration::from_millis(200)), ..Provision::default() };
    broker.provision(&short).await.unwrap();
    broker.publish_all(numbered("a", 10)).await;
    eventually("expiry", async || (broker.stream_state(0).await.unwrap().messages == 0).then_some(())).await;
    broker.provision(&Provision::default()).await.unwrap();
    broker.publish_all(numbered("a", 5)).await;
    let replay = async |after, up_to| broker.replay(&tenant("a"), after, up_to, 100, 1 << 20).await;
    assert_eq!(replay(3, 15).await.unwrap_err(), Error::Expired { first_seq: 11 });
    assert_eq!(seqs(&replay(10, 15).await.unwrap().messages), [11, 12, 13, 14, 15]);
    assert_eq!(replay(10, 16).await.unwrap_err(), Error::Beyond { last_seq: 15 });

    let was = broker.stream_state(0).await.unwrap().epoch;
    let is = server.connect(1).await.bump_epoch(0).await.unwrap();
    assert_eq!(replay(10, 15).await.unwrap_err(), Error::EpochChanged { was, is });
    assert_eq!(replay(10, 15).await.unwrap().epoch, is);
}

#[tokio::test]
async fn reads_over_a_consumer_where_direct_get_is_silent() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        for shard in 0..shards {
            server.change(&slipstream_event::subject::stream(shards, shard), |config| config.allow_direct = false).await;
        }
        mixed(&broker, 20).await;
        let want: Vec<_> = (0..20).map(|n| format!("t3-{n}")).collect();
        let last = broker.stream_state(broker.shard_of(&tenant("t3"))).await.unwrap().last_seq;
        for max_messages in [7, 20, 1_000] {
            assert_eq!(payloads(&all(&broker, "t3", last, max_messages, 1 << 20).await.0), want);
        }
        assert!(all(&broker, "nobody", last, 10, 1_000).await.0.is_empty());
    }
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let server = Server::start();
    let broker = server.broker(1).await;
    mixed(&broker, 10).await;
    let (names, last) = ((0..500).map(|n| tenant(&format!("t{}", n % 50))).collect::<Vec<_>>(), 500);
    let pages = futures_util::future::join_all(names.iter().map(|name| broker.replay(name, 0, last, 100, 1 << 20))).await;
    for page in pages {
        let page = page.unwrap();
        assert!(page.done && page.messages.len() == 10);
    }
}
