use std::sync::{Arc, Mutex};

use clap::Parser;

use super::*;

#[derive(Debug, clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// Runs a command line; its output, and its error.
async fn run_line(line: &[&str], secret: Option<&str>) -> (String, Option<String>) {
    let cli = Cli::parse_from(std::iter::once("token").chain(line.iter().copied()));
    let text = Arc::new(Mutex::new(Vec::new()));
    let mut output = Output::to(Sink(text.clone()));
    let error = run(cli.args, secret.map(Secret::new), &mut output).await.err().map(|error| error.to_string());
    let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    (text.trim_end().to_owned(), error)
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl tokio::io::AsyncWrite for Sink {
    fn poll_write(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>, bytes: &[u8]) -> std::task::Poll<std::io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        std::task::Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_is_minted_is_trusted_by_a_server_with_the_secret() {
    let line =
        ["mint", "--tenant", "acme", "--user", "u1", "--name", "Ada", "--role", "writer", "--role", "quality", "--scope", "events:write-as", "--ttl", "2h"];
    let (token, error) = run_line(&line, Some("s3cret")).await;
    assert_eq!(error, None);
    let access = Access::new(&Config { issuers: vec![Issuer::slipstream("x", Secret::new("s3cret"))], query_token: false }, Revocations::none()).unwrap();
    let principal = access.verify(&token).await.unwrap();
    assert_eq!((principal.tenant.as_ref().unwrap().as_str(), principal.actor.name.as_deref(), principal.roles.len()), ("acme", Some("Ada"), 2));
    assert!(principal.may_write_as() && !principal.super_admin);
    let left = principal.expires_at.unwrap() - OffsetDateTime::now_utc();
    assert!(left > Duration::minutes(119) && left <= Duration::hours(2));

    let (admin, _) = run_line(&["mint", "--super-admin", "--user", "ops"], Some("s3cret")).await;
    assert!(access.verify(&admin).await.unwrap().super_admin);
    let (demanded, error) = run_line(&["mint", "--tenant", "a", "--user", "u", "--issuer", "me", "--audience", "you"], Some("s3cret")).await;
    assert_eq!((error, mint::inspect(&demanded).unwrap().1["aud"].as_str()), (None, Some("you")));
}

#[tokio::test]
async fn mint_refuses_what_makes_no_sense() {
    let (_, error) = run_line(&["mint", "--tenant", "acme", "--user", "u1"], None).await;
    assert!(error.unwrap().contains("no secret is configured"));
    let (token, error) = run_line(&["mint", "--tenant", "acme", "--user", ""], Some("s")).await;
    assert!(token.is_empty() && error.unwrap().contains("would be refused"));
    for bad in [
        &["mint", "--user", "u"][..],
        &["mint", "--tenant", "a", "--super-admin", "--user", "u"],
        &["mint", "--tenant", "platform", "--user", "u"],
        &["mint", "--tenant", "a.b", "--user", "u"],
    ] {
        assert!(Cli::try_parse_from(std::iter::once("token").chain(bad.iter().copied())).is_err(), "{bad:?}");
    }
    for (option, value) in [("--ttl", "soon"), ("--role", "god"), ("--kind", "robot")] {
        assert!(Cli::try_parse_from(["token", "mint", "--tenant", "a", "--user", "u", option, value]).is_err(), "{option}");
    }
}

#[tokio::test]
async fn inspect_says_what_it_knows_and_never_the_secret() {
    let (token, _) = run_line(&["mint", "--tenant", "acme", "--user", "u1"], Some("s3cret")).await;
    let (text, error) = run_line(&["inspect", &token], None).await;
    assert!(text.starts_with("NOT VERIFIED") && text.contains("tenant     acme") && text.contains("from now)"), "{text}");
    assert_eq!(error, None);
    let (text, error) = run_line(&["inspect", &token], Some("s3cret")).await;
    assert!(text.starts_with("verified") && !text.contains("s3cret"), "{text}");
    assert_eq!(error, None);
    let (text, error) = run_line(&["inspect", &token], Some("other")).await;
    assert!(text.starts_with("NOT TO BE TRUSTED") && error.unwrap().contains("not recognised"), "{text}");
    let (json, _) = run_line(&["inspect", "--json", &token], Some("s3cret")).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["verified"].as_bool(), json["claims"]["sub"].as_str(), json["header"]["alg"].as_str()), (Some(true), Some("u1"), Some("HS256")));
    let (_, error) = run_line(&["inspect", "nonsense"], None).await;
    assert!(error.unwrap().contains("no token"));
}

#[test]
fn says_how_far_a_moment_is() {
    let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let far = |seconds: i64| moment(now + Duration::seconds(seconds), now).split_once(' ').unwrap().1.to_owned();
    assert_eq!(
        (far(60), far(-3_600), far(10_800), far(-864_000)),
        ("(60 s from now)".into(), "(60 min ago)".into(), "(3 h from now)".into(), "(10 days ago)".into())
    );
}
