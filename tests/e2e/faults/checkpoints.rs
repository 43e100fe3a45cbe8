//! kill -9 of the archiver between any two steps of signing the ledgers.

use std::collections::BTreeMap;

use slipstream_event::Tenant;
use slipstream_event::ledger::{Checkpoint, Hash, Signer, Verifiers, proof};
use slipstream_tests::{Node, Setup, Stack, eventually};
use slipstream_workers::failpoint::Point;

use crate::event;
use crate::ledger::hashes;

/// Two ledgers, so that one is signed when the process dies at the other.
const TENANTS: [&str; 2] = ["acme", "other"];
/// The process aborts at the third visit: each ledger was signed before.
const VISIT: u32 = 3;

/// What was seen to be signed: roots, by tenant and size.
type Seen = BTreeMap<(&'static str, u64), Hash>;

/// A deployment whose ledgers are signed every second.
struct Signed {
    stack: Stack,
    front: Node,
    trusted: Verifiers,
    published: u64,
    seen: Seen,
}

impl Signed {
    /// Publishes an event of each tenant.
    async fn publish(&mut self) {
        for tenant in TENANTS {
            self.stack.http(&self.front, tenant).publish(&event(&format!("e{}", self.published))).await;
        }
        self.published += 1;
    }

    /// All checkpoints of a tenant, ascending.
    async fn listed(&self, tenant: &str) -> Vec<Checkpoint> {
        let listed = self.stack.http(&self.front, tenant).get("/api/ledger/checkpoints?limit=500").await.expect(200);
        let name = Tenant::new(tenant).unwrap();
        listed["items"].as_array().unwrap().iter().map(|item| self.trusted.open_of(&name, item["checkpoint"].as_str().unwrap()).unwrap()).collect()
    }

    /// Notes what is shown to be signed. No size has two roots, at whatever moment one looks.
    async fn note(&mut self) {
        for tenant in TENANTS {
            for checkpoint in self.listed(tenant).await {
                let root = *self.seen.entry((tenant, checkpoint.size)).or_insert(checkpoint.root);
                assert_eq!(root, checkpoint.root, "{tenant} has two roots with {} events", checkpoint.size);
            }
        }
    }

    /// Waits until everything that was published is signed.
    async fn all(&self) {
        for tenant in TENANTS {
            eventually("all is signed", async || match self.listed(tenant).await.last().map(|checkpoint| checkpoint.size) {
                Some(size) if size == self.published => Ok(()),
                size => Err((size, self.published)),
            })
            .await;
        }
    }

    /// Each checkpoint's ledger begins with that of the one before; what was seen is among them.
    async fn check(&self) {
        for tenant in TENANTS {
            let listed = self.listed(tenant).await;
            for pair in listed.windows(2) {
                let (before, after) = (&pair[0], &pair[1]);
                assert!(before.size < after.size, "{tenant}: {before:?} {after:?}");
                let path = format!("/api/ledger/consistency?from={}&to={}", before.size, after.size);
                let proof = self.stack.http(&self.front, tenant).get(&path).await.expect(200);
                proof::verify_consistency(before.size, before.root, after.size, after.root, &hashes(&proof["path"])).unwrap();
            }
            let kept = |size: u64| listed.iter().find(|checkpoint| checkpoint.size == size).map(|checkpoint| checkpoint.root);
            let lost: Vec<_> = self.seen.iter().filter(|((of, size), root)| *of == tenant && kept(*size) != Some(**root)).collect();
            assert!(lost.is_empty(), "{lost:?} is there no more");
        }
    }
}

#[tokio::test]
async fn an_archiver_killed_while_it_signs_leaves_one_chain_of_checkpoints() {
    let signer = Signer::generate("ledger-1").unwrap();
    let setup = Setup::default().env("SLIPSTREAM_LEDGER_CHECKPOINT_SECONDS", "1").env("SLIPSTREAM_LEDGER_KEY", &signer.to_secret());
    let stack = setup.start().await;
    let front = stack.node("api,gateway").await;
    let mut signed = Signed { stack, front, trusted: Verifiers(vec![signer.verifier()]), published: 0, seen: Seen::new() };
    for point in Point::OF_CHECKPOINTS {
        let armed = format!("{}@{VISIT}", point.name());
        let mut workers = signed.stack.node_with("relay,archiver", &[("SLIPSTREAM_FAIL_POINTS", &armed)]).await;
        eventually(&format!("it dies at {armed}"), async || {
            signed.publish().await;
            signed.note().await;
            if workers.is_running().await { Err(signed.published) } else { Ok(()) }
        })
        .await;
        signed.publish().await;
        workers.restart_with("SLIPSTREAM_FAIL_POINTS", "").await;
        signed.all().await;
        signed.note().await;
        signed.check().await;
        workers.kill().await;
    }
    let key = signer.verifier().to_string();
    for tenant in TENANTS {
        let token = signed.stack.token(tenant);
        let env = [("SLIPSTREAM_URL", signed.front.url()), ("SLIPSTREAM_TOKEN", token)];
        let env = [(env[0].0, env[0].1.as_str()), (env[1].0, env[1].1.as_str())];
        let checked = signed.stack.run(&["verify", "--json", "--key", &key], &env).await;
        assert!(checked.status.success(), "{}", crate::ledger::report(&checked));
    }
}
