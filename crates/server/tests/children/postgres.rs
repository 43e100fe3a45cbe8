//! `children::Postgres`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use slipstream_server::children::{Error, Postgres};

use crate::places::{eventually, postgres_config, runs, scratch};

#[tokio::test]
async fn committed_rows_survive_kill_9_and_the_address_stays() {
    let dir = scratch();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    postgres.create_database("kept").await.unwrap();
    postgres.sql("kept", "create table t (n int); insert into t select generate_series(1, 100)").await.unwrap();
    let (url, killed) = (postgres.url("kept"), postgres.pid());

    postgres.kill().await;
    assert!(!runs(killed));
    assert!(matches!(postgres.sql("kept", "select 1").await, Err(Error::Sql(_))));
    postgres.restart().await.unwrap();

    assert_eq!(postgres.url("kept"), url);
    assert_eq!(postgres.sql("kept", "select count(*) from t").await.unwrap(), "100");
    assert_eq!(postgres.sql("kept", "show fsync").await.unwrap(), "on");
}

#[tokio::test]
async fn a_kill_ends_busy_backends_too() {
    let dir = scratch();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    let sleeper = postgres.sql("postgres", "select pg_sleep(600)");
    let killer = async {
        let find = "select pid from pg_stat_activity where query like 'select pg_sleep%'";
        let pid = loop {
            if let Ok(pid) = postgres.sql("postgres", find).await.unwrap().parse::<u32>() {
                break pid;
            }
        };
        postgres.kill().await;
        assert!(!runs(pid));
    };
    let (answer, ()) = tokio::join!(sleeper, killer);
    assert!(answer.is_err());
    postgres.restart().await.unwrap();
}

#[tokio::test]
async fn databases_come_and_go() {
    let dir = scratch();
    let mut config = postgres_config(dir.path()).await;
    config.settings.push(("work_mem".into(), "7MB".into()));
    let postgres = Postgres::start(config).await.unwrap();
    assert_eq!(postgres.sql("postgres", "show work_mem").await.unwrap(), "7MB");
    postgres.ensure_database("one").await.unwrap();
    postgres.ensure_database("one").await.unwrap();
    postgres.sql("one", "create table t (n int)").await.unwrap();
    postgres.create_database_from("two", "one").await.unwrap();
    assert_eq!(postgres.sql("two", "select count(*) from t").await.unwrap(), "0");
    postgres.drop_database("two").await.unwrap();
    postgres.drop_database("two").await.unwrap();
    let gone = postgres.sql("two", "select 1").await.unwrap_err().to_string();
    assert!(gone.contains("does not exist"), "{gone}");
    assert!(matches!(postgres.create_database("no-such").await, Err(Error::DatabaseName(_))));
}

#[tokio::test]
async fn a_stopped_server_is_found_again_by_the_next_start() {
    let dir = scratch();
    let first = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    first.create_database("kept").await.unwrap();
    first.stop().await;
    assert!(!first.is_running());
    assert!(first.log_tail().contains("database system is shut down"), "{}", first.log_tail());
    let refusal = Postgres::start(postgres_config(dir.path()).await).await.unwrap_err();
    assert!(matches!(refusal, Error::InUse { .. }), "{refusal}");
    drop(first);
    let second = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    assert_eq!(second.sql("kept", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn nobody_else_gets_in() {
    let dir = scratch();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    let data = fs::metadata(postgres.data_dir()).unwrap();
    assert_ne!(data.uid(), 0, "runs as root");
    for private in [postgres.data_dir().to_owned(), postgres.data_dir().with_file_name("run")] {
        let found = fs::metadata(&private).unwrap();
        assert_eq!((found.uid(), found.permissions().mode() & 0o777), (data.uid(), 0o700), "{}", private.display());
    }
    assert_eq!(postgres.sql("postgres", "show listen_addresses").await.unwrap(), "");
}

#[tokio::test]
async fn a_long_path_with_blanks_commas_and_quotes_works() {
    let dir = scratch();
    let deep = dir.path().join(format!("a \"checkout\", with {}", "long name ".repeat(12)));
    fs::create_dir(&deep).unwrap();
    let postgres = Postgres::start(postgres_config(&deep).await).await.unwrap();
    assert_eq!(postgres.sql("postgres", "select 1").await.unwrap(), "1");
    assert!(postgres.url("postgres").contains("host=%2Ftmp%2Fslipstream"), "{}", postgres.url("postgres"));
    let sockets = fs::read_to_string(deep.join("postgres/sockets")).unwrap();
    drop(postgres);
    let again = Postgres::start(postgres_config(&deep).await).await.unwrap();
    assert_eq!(fs::read_to_string(deep.join("postgres/sockets")).unwrap(), sockets);
    drop(again);
    fs::remove_dir_all(sockets).unwrap();
}

#[tokio::test]
async fn a_short_path_with_blanks_and_quotes_keeps_its_socket() {
    let dir = scratch();
    let odd = dir.path().join("a \"b\" \\c");
    fs::create_dir(&odd).unwrap();
    let postgres = Postgres::start(postgres_config(&odd).await).await.unwrap();
    assert_eq!(postgres.sql("postgres", "select 1").await.unwrap(), "1");
    assert!(odd.join("postgres/run/.s.PGSQL.5432").exists());
}

/// As root, a checkout that only root can enter; for an ordinary user every directory of its own will do.
#[tokio::test]
async fn a_directory_that_its_account_cannot_enter_is_replaced_or_refused() {
    let dir = scratch();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let parent = scratch();
    let mut config = postgres_config(dir.path()).await;
    let as_root = fs::metadata(dir.path()).unwrap().uid() == 0;
    if as_root {
        let refusal = Postgres::start(config.clone()).await.unwrap_err();
        assert!(matches!(refusal, Error::NotEnterable { .. }), "{refusal}");
    }
    config.elsewhere = Some(parent.path().canonicalize().unwrap());
    let postgres = Postgres::start(config.clone()).await.unwrap();
    assert_eq!(postgres.data_dir().starts_with(parent.path()), as_root);
    postgres.create_database("kept").await.unwrap();
    let data = postgres.data_dir().to_owned();
    drop(postgres);
    let again = Postgres::start(config).await.unwrap();
    assert_eq!(again.data_dir(), data);
    assert_eq!(again.sql("kept", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn files_of_another_version_are_refused_by_name() {
    let dir = scratch();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    let data = postgres.data_dir().to_owned();
    drop(postgres);
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let refusal = Postgres::start(postgres_config(dir.path()).await).await.unwrap_err().to_string();
    assert!(refusal.contains("made by Postgres 9"), "{refusal}");
}

#[tokio::test]
async fn an_interrupted_initdb_is_begun_again() {
    let dir = scratch();
    let config = postgres_config(dir.path()).await;
    fs::create_dir_all(config.dir.join("data.new/base")).unwrap();
    let postgres = Postgres::start(config).await.unwrap();
    assert_eq!(postgres.sql("postgres", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn a_leftover_pid_file_with_a_strangers_id_does_not_stop_the_start() {
    let dir = scratch();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    postgres.kill().await;
    let pid_file = postgres.data_dir().join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    drop(postgres);
    let own = std::process::id().to_string();
    fs::write(&pid_file, text.replacen(text.lines().next().unwrap(), &own, 1)).unwrap();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    assert_eq!(postgres.sql("postgres", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn a_hung_server_is_stopped_all_the_same() {
    let dir = scratch();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    postgres.pause();
    let pid = postgres.pid();
    let stopped = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ");
    eventually("the server is hung", stopped).await;
    postgres.stop().await;
    assert!(!postgres.is_running());
}
