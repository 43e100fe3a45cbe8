//! `slipstream token`: makes tokens, and shows what is in them.

use std::io::Read;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use slipstream_access::mint::{self, Grant};
use slipstream_access::{Access, Config, Denied, Issuer, Principal, Revocations, Secret};
use slipstream_event::{ActorKind, Tenant};
use time::{Duration, OffsetDateTime};

use super::output::until_closed;
use super::{Output, when};
use crate::client::Connection;
use crate::client::connection::Reach;

/// Our own roles, from least to most, and the one that also sees what is for quality.
const ROLES: [&str; 5] = ["user", "reader", "writer", "admin", "quality"];

/// Tokens of our own.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with a token.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Make a token, signed with the configured secret, and print it
    Mint(Box<Mint>),
    /// Show what is in a token. Never decide on that: without the secret it may be forged
    Inspect(Inspect),
    /// Print the token that the other commands use here, for scripts
    Show(Show),
}

/// The token in use.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:
  curl -N -H \"Authorization: Bearer $(slipstream token show)\" http://127.0.0.1:4180/api/events")]
pub struct Show {
    /// Which server and whose token; by default those of the `slipstream dev` of this checkout
    #[command(flatten)]
    pub connection: Connection,
}

/// A new token.
#[derive(Clone, Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("whose").required(true).args(["tenant", "super_admin"]),
    after_help = "Examples:
  slipstream token mint --tenant acme --user u-17 --name 'Ada Moser' --role reader --role quality --ttl 8h
  slipstream token mint --tenant acme --user loader --kind service --role writer --scope events:write-as
  export SLIPSTREAM_TOKEN=$(slipstream token mint --super-admin --user ops --ttl 1h)

The secret is the one of the server's configuration (`slipstream config` names it); every server that trusts it takes the token until it expires."
)]
pub struct Mint {
    /// The tenant whose token it is
    #[arg(long, value_name = "TENANT", value_parser = tenant)]
    pub tenant: Option<Tenant>,
    /// A super-admin's token: for all tenants, each named by the request
    #[arg(long)]
    pub super_admin: bool,
    /// User id
    #[arg(long, value_name = "ID")]
    pub user: String,
    /// Name for people
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Role: user, reader, writer, admin or quality; may be given several times [default: reader, unless a super-admin's]
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(ROLES), hide_possible_values = true)]
    pub roles: Vec<String>,
    /// Department
    #[arg(long, value_name = "NAME")]
    pub department: Option<String>,
    /// Scope, such as events:write or events:write-as; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<String>,
    /// Kind of caller: user, service, agent or system
    #[arg(long, value_name = "KIND", default_value = "user", value_parser = kind)]
    pub kind: ActorKind,
    /// How long it is valid: 15m, 8h, 30d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = when::duration)]
    pub ttl: Duration,
    /// The claim `iss`, where the server demands one
    #[arg(long, value_name = "ISSUER")]
    pub issuer: Option<String>,
    /// The claim `aud`, where the server demands one
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,
}

/// A token to look at.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  slipstream token inspect < token-file
  slipstream token mint --tenant acme --user u-1 | slipstream token inspect --json")]
pub struct Inspect {
    /// The token; `-` reads it from standard input, which keeps it out of the shell's history
    #[arg(value_name = "TOKEN", default_value = "-")]
    pub token: String,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Makes or shows a token. `secret` is the configured one that our own tokens are signed with.
///
/// # Errors
/// When there is no secret to sign with, when what is given is no token, or when the secret is there and the token is not to be trusted.
pub async fn run(args: Args, secret: Option<Secret>, output: &mut Output) -> anyhow::Result<()> {
    let result = match args.command {
        Command::Mint(mint) => mint.run(secret, output).await,
        Command::Inspect(inspect) => inspect.run(secret, output).await,
        Command::Show(show) => show.run(output).await,
    };
    until_closed(result)
}

impl Show {
    async fn run(self, output: &mut Output) -> anyhow::Result<()> {
        let target = self.connection.resolve(Reach::Tenant)?;
        output.line(target.token.expose()).await?;
        output.flush().await
    }
}

impl Mint {
    async fn run(self, secret: Option<Secret>, output: &mut Output) -> anyhow::Result<()> {
        let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
            bail!("no secret is configured to sign with; `slipstream config` names the setting. With `slipstream dev`, run this in its checkout");
        };
        let now = OffsetDateTime::now_utc();
        let ttl = self.ttl;
        let token = self.grant().sign(&secret, now, ttl)?;
        // What the server would refuse must not be handed out: an empty user id, say.
        verify(&token, secret).await?.map_err(|denied| anyhow::anyhow!("such a token would be refused: {denied}"))?;
        output.line(&token).await?;
        output.flush().await
    }

    fn grant(self) -> Grant {
        let is_plain = self.roles.is_empty() && !self.super_admin;
        Grant {
            sub: self.user,
            name: self.name,
            tenant: self.tenant,
            roles: if is_plain { vec!["reader".to_owned()] } else { self.roles },
            department: self.department,
            super_admin: self.super_admin,
            scopes: self.scopes,
            kind: self.kind,
            session_id: None,
            issuer: self.issuer,
            audience: self.audience,
        }
    }
}

impl Inspect {
    async fn run(self, secret: Option<Secret>, output: &mut Output) -> anyhow::Result<()> {
        let token = if self.token == "-" { read()? } else { self.token };
        let (header, claims) = mint::inspect(&token).map_err(|_| anyhow::anyhow!("this is no token: one has three parts of base64url, joined by dots"))?;
        let verdict = match secret.filter(|secret| !secret.is_empty()) {
            Some(secret) => Some(verify(token.trim(), secret).await?),
            None => None,
        };
        if self.json {
            let (trusted, reason) = match &verdict {
                Some(Ok(_)) => (json!(true), Value::Null),
                Some(Err(denied)) => (json!(false), json!(denied.to_string())),
                None => (Value::Null, json!("not verified: no secret is configured")),
            };
            output.line(&json!({"header": header, "claims": claims, "verified": trusted, "reason": reason}).to_string()).await?;
        } else {
            for line in describe(&header, &claims, verdict.as_ref(), OffsetDateTime::now_utc()) {
                output.line(&line).await?;
            }
        }
        output.flush().await?;
        match verdict {
            Some(Err(denied)) => bail!("the token is not to be trusted: {denied}"),
            _ => Ok(()),
        }
    }
}

fn read() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(64 * 1024).read_to_string(&mut text).context("cannot read standard input")?;
    ensure!(!text.trim().is_empty(), "standard input holds no token");
    Ok(text)
}

/// What a server with `secret` would say. Issuer and audience are not compared: a server's own settings may name them.
async fn verify(token: &str, secret: Secret) -> anyhow::Result<Result<std::sync::Arc<Principal>, Denied>> {
    let claims = mint::inspect(token).map(|(_, claims)| claims).unwrap_or_default();
    let audience = claims["aud"].as_str().map(str::to_owned).into_iter().collect();
    let issuer = Issuer { audience, ..Issuer::slipstream("configured", secret) };
    let access = Access::new(&Config { issuers: vec![issuer], query_token: false }, Revocations::none())?;
    Ok(access.verify(token).await)
}

fn describe(header: &Value, claims: &Value, verdict: Option<&Result<std::sync::Arc<Principal>, Denied>>, now: OffsetDateTime) -> Vec<String> {
    let mut lines = vec![match verdict {
        Some(Ok(_)) => "verified: signed with the configured secret".to_owned(),
        Some(Err(denied)) => format!("NOT TO BE TRUSTED: {denied}"),
        None => "NOT VERIFIED: no secret is configured; what follows may be forged".to_owned(),
    }];
    lines.push(format!("algorithm  {}", plain(&header["alg"])));
    let claims = claims.as_object().cloned().unwrap_or_default();
    for (name, value) in &claims {
        let value = match (name.as_str(), value.as_i64().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())) {
            ("exp" | "iat" | "nbf", Some(at)) => moment(at, now),
            _ => plain(value),
        };
        lines.push(format!("{name:<10} {value}"));
    }
    lines
}

/// A moment, and how far it is from now.
fn moment(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let (from, to, word) = if at > now { (now, at, "from now") } else { (at, now, "ago") };
    let seconds = (to - from).whole_seconds();
    let far = match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    format!("{} ({far} {word})", slipstream_event::Timestamp::from(at))
}

fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    super::pretty::clean(&text)
}

fn tenant(text: &str) -> Result<Tenant, String> {
    let tenant = Tenant::new(text).map_err(|fault| fault.message)?;
    if tenant.as_str() == Tenant::PLATFORM { Err("the tenant platform is the platform's own; use --super-admin".to_owned()) } else { Ok(tenant) }
}

fn kind(word: &str) -> Result<ActorKind, String> {
    serde_json::from_value(json!(word)).map_err(|_| "must be user, service, agent or system".to_owned())
}

#[cfg(test)]
mod tests;
