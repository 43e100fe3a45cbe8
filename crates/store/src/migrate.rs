//! The schema: reversible migrations, embedded in the program. Run them as the owner of the database.

use std::collections::HashMap;

use slipstream_event::Timestamp;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use time::OffsetDateTime;

use crate::{Error, limits};

/// A migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// When it was applied; `None` when it was not.
    pub applied_at: Option<Timestamp>,
    /// Whether its text differs from what was applied.
    pub changed: bool,
}

/// Applies all migrations that are missing, or those up to `target`. Returns what was applied.
/// Two calls at the same time do no harm, in one database or in several of one cluster.
///
/// # Errors
/// [`Error`]; what was applied before the failing migration stays.
pub async fn up(url: &str, target: Option<i64>) -> Result<Vec<Migration>, Error> {
    let mut connection = connect(url).await?;
    let before = read_status(&mut connection).await?;
    migrator().run_direct(target, &mut connection, false).await.map_err(translate)?;
    let after = read_status(&mut connection).await?;
    connection.close().await?;
    Ok(after.into_iter().zip(before).filter(|(now, then)| now.applied_at.is_some() && then.applied_at.is_none()).map(|(now, _)| now).collect())
}

/// Takes back all migrations above `target`, or only the newest. Returns what was taken back. Their data is lost.
/// Roles stay: they belong to the cluster, and another database may use them.
///
/// # Errors
/// [`Error`]; what was taken back before the failing migration stays so.
pub async fn down(url: &str, target: Option<i64>) -> Result<Vec<Migration>, Error> {
    let mut connection = connect(url).await?;
    let applied: Vec<Migration> = read_status(&mut connection).await?.into_iter().filter(|m| m.applied_at.is_some()).collect();
    let one_less = applied.iter().rev().nth(1).map_or(0, |m| m.version);
    let target = target.unwrap_or(one_less);
    if !applied.is_empty() {
        migrator().undo(&mut connection, target).await.map_err(translate)?;
    }
    connection.close().await?;
    Ok(applied.into_iter().rev().filter(|m| m.version > target).collect())
}

/// All migrations of this program, in order.
///
/// # Errors
/// [`Error`].
pub async fn status(url: &str) -> Result<Vec<Migration>, Error> {
    let mut connection = connect(url).await?;
    let status = read_status(&mut connection).await?;
    connection.close().await?;
    Ok(status)
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.create_schema("slipstream");
    migrator.dangerous_set_table_name("slipstream.migration");
    migrator
}

async fn connect(url: &str) -> Result<PgConnection, Error> {
    let options: PgConnectOptions = url.parse()?;
    let wait = limits::MIGRATION_LOCK_TIMEOUT.as_millis().to_string();
    let options = options.application_name("slipstream_migrate").options([("lock_timeout", wait.as_str()), ("client_min_messages", "warning")]);
    let connecting = tokio::time::timeout(limits::ACQUIRE_TIMEOUT, options.connect());
    Ok(connecting.await.map_err(|_| Error::Unavailable("no answer to a new connection".to_owned()))??)
}

async fn read_status(connection: &mut PgConnection) -> Result<Vec<Migration>, Error> {
    let exists: bool = sqlx::query_scalar("select to_regclass('slipstream.migration') is not null").fetch_one(&mut *connection).await?;
    let mut applied: HashMap<i64, (Vec<u8>, OffsetDateTime)> = HashMap::new();
    if exists {
        let rows: Vec<(i64, Vec<u8>, OffsetDateTime)> =
            sqlx::query_as("select version, checksum, installed_on from slipstream.migration where success").fetch_all(connection).await?;
        applied.extend(rows.into_iter().map(|(version, checksum, at)| (version, (checksum, at))));
    }
    let ours = migrator();
    let ups = ours.iter().filter(|m| m.migration_type.is_up_migration());
    Ok(ups
        .map(|m| {
            let found = applied.get(&m.version);
            Migration {
                version: m.version,
                name: m.description.replace(' ', "_"),
                applied_at: found.map(|(_, at)| Timestamp::from(*at)),
                changed: found.is_some_and(|(checksum, _)| *checksum != *m.checksum),
            }
        })
        .collect())
}

fn translate(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(inner) => inner.into(),
        MigrateError::ExecuteMigration(inner, version) => match Error::from(inner) {
            retriable if retriable.is_retriable() => retriable,
            other => Error::Setup(format!("migration {version}: {other}")),
        },
        MigrateError::VersionMissing(version) => Error::Setup(format!("the database has migration {version}, which this program does not know: it is older")),
        MigrateError::VersionMismatch(version) => Error::Setup(format!("migration {version} was applied with another text")),
        other => Error::Setup(other.to_string()),
    }
}
