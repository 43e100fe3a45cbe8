//! Making one file, piece by piece.

use sha2::{Digest, Sha256};
use slipstream_event::export::{Encoder, csv};
use slipstream_store::Error as StoreError;
use slipstream_store::export::{Claimed, Order, Progress, Reading};
use slipstream_store::history::Item;
use tokio::time::Instant;

use super::{Exports, Patience};
use crate::failpoint::Point;
use crate::limits;

/// How the making of a file ended.
pub(super) enum End {
    /// The file is there, with so many events.
    Ready(u64),
    /// The job is somebody else's, or gone, or the database is away: whoever comes next goes on.
    Lost,
    /// It can never be made.
    Refused(String),
}

/// A file in the making.
struct Making<'a> {
    exports: &'a Exports,
    claimed: &'a Claimed,
    encoder: Encoder,
    hash: Sha256,
    /// Through here the file is kept.
    kept: Progress,
    /// What is written beyond that.
    piece: Vec<u8>,
    beat_at: Instant,
}

/// Makes the rest of the file.
pub(super) async fn make(exports: &Exports, claimed: &Claimed) -> End {
    match go_on(exports, claimed).await {
        Ok(end) => end,
        Err(error) if error.is_retriable() => {
            tracing::warn!(job = %claimed.job.id, %error, "an export is left where it is; it is gone on with");
            End::Lost
        }
        Err(error) => End::Refused(error.to_string()),
    }
}

async fn go_on(exports: &Exports, claimed: &Claimed) -> Result<End, StoreError> {
    let job = &claimed.job;
    let columns = if job.query.with_changes { csv::HISTORY_WITH_CHANGES } else { csv::HISTORY };
    let encoder = Encoder::new(job.format, columns).with_end_line(job.end_line).resumed(job.rows_done);
    let kept = Progress { rows: job.rows_done, bytes: job.bytes, chunks: job.chunks, last: job.last };
    let mut making = Making { exports, claimed, encoder, hash: Sha256::new(), kept, piece: Vec::new(), beat_at: Instant::now() };
    if !making.read_back().await? {
        return Ok(End::Lost);
    }
    if kept.chunks == 0 {
        making.encoder.begin(&mut making.piece);
    }
    let mut reading = Reading::new(&job.tenant, job.query.clone(), job.bound, Order::NewestFirst).after(job.last);
    let mut last = job.last;
    while let Some(items) = next(&mut reading, exports).await? {
        for item in &items {
            if making.encoder.event(&item.payload, &mut making.piece).is_err() {
                return Ok(End::Refused(format!("the event {} cannot be written", item.keyset.id)));
            }
            last = Some(item.keyset);
            if making.piece.len() >= limits::EXPORT_CHUNK_BYTES && !making.keep(last).await? {
                return Ok(End::Lost);
            }
        }
        if making.kept.bytes >= limits::EXPORT_BYTES_MAX {
            return Ok(End::Refused(format!("the file would be larger than {} bytes; choose fewer events", limits::EXPORT_BYTES_MAX)));
        }
        if !making.beat().await? {
            return Ok(End::Lost);
        }
    }
    making.finish(last).await
}

async fn next(reading: &mut Reading, exports: &Exports) -> Result<Option<Vec<Item>>, StoreError> {
    let mut patience = Patience::new();
    loop {
        match reading.next(&exports.reader).await {
            Err(error) => patience.after(error).await?,
            Ok(items) => return Ok(items),
        }
    }
}

impl Making<'_> {
    /// Takes up the hash of what is kept already. `false`: it is not all there any more.
    async fn read_back(&mut self) -> Result<bool, StoreError> {
        for number in 0..self.kept.chunks {
            let Some(piece) = self.piece(number).await? else { return Ok(false) };
            self.hash.update(&piece);
            if !self.beat().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn piece(&self, number: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let mut patience = Patience::new();
        loop {
            match self.exports.work.piece(self.claimed.job.id, number).await {
                Err(error) => patience.after(error).await?,
                Ok(piece) => return Ok(piece),
            }
        }
    }

    async fn keep(&mut self, last: Option<slipstream_event::Keyset>) -> Result<bool, StoreError> {
        let (piece, after) = (std::mem::take(&mut self.piece), self.after(last));
        self.hash.update(&piece);
        let after = Progress { bytes: self.kept.bytes + piece.len() as u64, ..after };
        if !self.exports.work.add(self.claimed, &piece, self.kept, after).await? {
            return Ok(false);
        }
        (self.kept, self.beat_at) = (after, Instant::now());
        self.exports.config.fail_points.visit(Point::ExportKept).await;
        Ok(true)
    }

    async fn finish(mut self, last: Option<slipstream_event::Keyset>) -> Result<End, StoreError> {
        self.encoder.end(&mut self.piece);
        self.hash.update(&self.piece);
        let after = Progress { bytes: self.kept.bytes + self.piece.len() as u64, ..self.after(last) };
        let sha256: [u8; 32] = self.hash.finalize().into();
        let is_ours = self.exports.work.finish(self.claimed, &self.piece, self.kept, after, &sha256).await?;
        Ok(if is_ours { End::Ready(after.rows) } else { End::Lost })
    }

    /// Where the file stands with one piece more; its bytes are the caller's to add.
    fn after(&self, last: Option<slipstream_event::Keyset>) -> Progress {
        Progress { rows: self.encoder.count(), bytes: self.kept.bytes, chunks: self.kept.chunks + 1, last }
    }

    async fn beat(&mut self) -> Result<bool, StoreError> {
        if self.beat_at.elapsed() < limits::EXPORT_BEAT {
            return Ok(true);
        }
        self.beat_at = Instant::now();
        let mut patience = Patience::new();
        loop {
            match self.exports.work.beat(self.claimed).await {
                Err(error) => patience.after(error).await?,
                Ok(is_ours) => return Ok(is_ours),
            }
        }
    }
}
