//! Checkpoints: what the ledgers of the shard's tenants are, signed every minute.
//!
//! A ledger is signed only when it begins with what was signed of it before (a consistency proof over what the database holds now). So whoever rewrites the archive does not
//! get the rewritten one signed: the refusal is told, and the checkpoints stay at what was there before.

use metrics::counter;
use slipstream_event::Timestamp;
use slipstream_event::ledger::{Checkpoint, Signers, Verifiers, proof};
use slipstream_store::Error as StoreError;
use slipstream_store::ledger::{Checkpoints, Grown};

use super::Signing;
use crate::failpoint::Point;
use crate::{FailPoints, metrics as names};

/// Signs every ledger of the shard that has grown. Returns how many.
pub(super) async fn sign(checkpoints: &Checkpoints, shard: u16, signing: &Signing, fail_points: &FailPoints) -> Result<u64, StoreError> {
    let (mut signed, mut after) = (0, None);
    loop {
        let grown = checkpoints.grown(shard, after.as_ref()).await?;
        let Some(last) = grown.last() else { return Ok(signed) };
        after = Some(last.tenant.clone());
        for ledger in &grown {
            match continues(checkpoints, ledger, &signing.trusted).await? {
                Ok(()) => {
                    keep(checkpoints, ledger, &signing.signers, fail_points).await?;
                    signed += 1;
                }
                Err(why) => refuse(ledger, &why),
            }
        }
    }
}

async fn keep(checkpoints: &Checkpoints, ledger: &Grown, signers: &Signers, fail_points: &FailPoints) -> Result<(), StoreError> {
    let checkpoint = Checkpoint { tenant: ledger.tenant.clone(), size: ledger.size, root: ledger.root, at: Timestamp::now() };
    let note = signers.sign(&checkpoint);
    let key_name = signers.verifiers().first().map(|key| key.name().to_owned()).unwrap_or_default();
    fail_points.visit(Point::CheckpointSigned).await;
    checkpoints.keep(&checkpoint, &key_name, &note).await?;
    fail_points.visit(Point::CheckpointKept).await;
    counter!(names::CHECKPOINTS_TOTAL).increment(1);
    Ok(())
}

/// Whether a ledger begins with what was signed of it; else why it is not known to.
async fn continues(checkpoints: &Checkpoints, ledger: &Grown, trusted: &Verifiers) -> Result<Result<(), String>, StoreError> {
    let Some(note) = &ledger.signed else { return Ok(Ok(())) };
    let before = match trusted.open_of(&ledger.tenant, note) {
        Ok(before) => before,
        Err(refused) => return Ok(Err(format!("its last checkpoint does not hold: {refused}"))),
    };
    let path = match checkpoints.consistency(ledger, before.size).await {
        Ok(path) => path,
        Err(StoreError::Bug(why)) => return Ok(Err(why)),
        Err(error) => return Err(error),
    };
    let Some(path) = path else { return Ok(Err("it is smaller than what was signed of it".to_owned())) };
    Ok(proof::verify_consistency(before.size, before.root, ledger.size, ledger.root, &path)
        .map_err(|broken| format!("it does not begin with what was signed of it: {broken}")))
}

fn refuse(ledger: &Grown, why: &str) {
    counter!(names::CHECKPOINTS_REFUSED_TOTAL).increment(1);
    tracing::error!(tenant = %ledger.tenant, size = ledger.size, why, "a ledger was not signed: the archive is not what it was; run `slipstream verify`");
}
