//! Looking at events: never at what they say.

use slipstream_event::{Category, Tenant, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::progress::{Seen, Step};
use crate::number::{signed, unsigned};
use crate::{Error, Tx, limits};

/// Events of a step, in its order: at most [`limits::RETENTION_ROWS`].
pub(super) async fn look(tx: &mut Tx, tenant: &Tenant, step: &Step) -> Result<Vec<Seen>, Error> {
    let most = signed(limits::RETENTION_ROWS);
    let (by_number, by_time) =
        (sqlx::query(include_str!("../../queries/retention/examine_numbers.sql")), sqlx::query(include_str!("../../queries/retention/examine_times.sql")));
    let statement = match step {
        Step::Late { after_seq, through_seq, before } => {
            by_number.bind(tenant.as_str()).bind(signed(*after_seq)).bind(signed(*through_seq)).bind(before.datetime()).bind(most)
        }
        Step::Trim { after_seq, through_seq, .. } => {
            by_number.bind(tenant.as_str()).bind(signed(*after_seq)).bind(signed(*through_seq)).bind(far_future()).bind(most)
        }
        Step::Aged { after: (at, id), before } => by_time.bind(tenant.as_str()).bind(before.datetime()).bind(at.datetime()).bind(*id).bind(most),
        Step::Count { .. } => return Ok(Vec::new()),
    };
    statement.fetch_all(tx.connection()).await?.iter().map(seen).collect()
}

/// How many events of these categories there are between two numbers.
pub(super) async fn count(tx: &mut Tx, tenant: &Tenant, categories: &[Category], after_seq: u64, through_seq: u64) -> Result<u64, Error> {
    let categories: Vec<&str> = categories.iter().map(|category| category.as_str()).collect();
    let statement = sqlx::query_scalar::<_, i64>(include_str!("../../queries/retention/count.sql")).bind(tenant.as_str());
    Ok(unsigned(statement.bind(signed(after_seq)).bind(signed(through_seq)).bind(categories).fetch_one(tx.connection()).await?))
}

/// Later than any event: none is more than minutes ahead of the clock.
fn far_future() -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::days(3_650)
}

fn seen(row: &PgRow) -> Result<Seen, Error> {
    let at: OffsetDateTime = row.try_get("occurred_at")?;
    Ok(Seen {
        number: unsigned(row.try_get("tenant_seq")?),
        at: Timestamp::from(at),
        id: row.try_get::<Uuid, _>("event_id")?,
        category: Category::parse(row.try_get("category")?),
        kept: row.try_get("kept")?,
        held: row.try_get("held")?,
    })
}
