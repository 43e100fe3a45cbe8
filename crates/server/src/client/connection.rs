//! Where the server is and who we are: from flags, the environment, or the running `slipstream dev` of this checkout.

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use serde::Deserialize;
use slipstream_access::Secret;
use slipstream_event::Tenant;
use url::Url;

/// Where `slipstream dev` writes how to reach it, below the checkout.
pub const DEV_FILE: &str = ".slipstream/dev.json";

/// How to reach the server: shared by all commands that talk to one.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Address of the server, such as https://events.example.com [default: the running `slipstream dev` of this checkout]
    #[arg(long, env = "SLIPSTREAM_URL", value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub url: Option<String>,
    /// Token of the caller; better in the environment than in a command line [default: a member's of `slipstream dev`]
    #[arg(long, env = "SLIPSTREAM_TOKEN", hide_env_values = true, value_name = "TOKEN", value_parser = NonEmptyStringValueParser::new())]
    pub token: Option<String>,
    /// Tenant to act on: needed with a super-admin's token, which belongs to none
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<Tenant>,
}

/// For how many tenants a command needs a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One.
    Tenant,
    /// Any.
    Platform,
}

/// A server, and the credential for it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Address.
    pub url: Url,
    /// Credential.
    pub token: Secret,
    /// The tenant that requests name.
    pub tenant: Option<Tenant>,
    /// What a person should look at when the server does not answer.
    pub hint: Option<String>,
}

/// Why it is not known where to go.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not enough was given.
    #[error(
        "{missing} not given, and no {DEV_FILE} was found in this directory or above it.\n\
         Either start `slipstream dev` (scripts/dev) in this checkout, or give --url and --token (SLIPSTREAM_URL, SLIPSTREAM_TOKEN); \
         `slipstream token mint --help` shows how to make a token."
    )]
    Missing {
        /// What.
        missing: &'static str,
    },
    /// The address is none.
    #[error("the address of the server (--url, SLIPSTREAM_URL) must start with http:// or https://, and hold no user name or password")]
    Url,
    /// The file of `slipstream dev` cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    DevFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DevFile {
    url: String,
    token: Secret,
    admin_token: Secret,
}

impl Connection {
    /// Completes what was given with what the `slipstream dev` of this checkout says.
    ///
    /// # Errors
    /// [`Error`], in words that say what to do.
    pub fn resolve(&self, reach: Reach) -> Result<Target, Error> {
        self.resolve_from(&std::env::current_dir().unwrap_or_default(), reach)
    }

    /// The same, for the checkout in or above `dir`.
    ///
    /// # Errors
    /// As [`Connection::resolve`].
    pub fn resolve_from(&self, dir: &Path, reach: Reach) -> Result<Target, Error> {
        if let (Some(url), Some(token)) = (&self.url, &self.token) {
            return Ok(Target { url: parse(url)?, token: Secret::new(token.trim()), tenant: self.tenant.clone(), hint: None });
        }
        let missing = match (&self.url, &self.token) {
            (None, None) => "address and token were",
            (None, Some(_)) => "the address was",
            _ => "the token was",
        };
        let Some(path) = find(dir) else { return Err(Error::Missing { missing }) };
        let dev = read(&path)?;
        let url = parse(self.url.as_ref().unwrap_or(&dev.url))?;
        if self.token.is_none() && parse(&dev.url)? != url {
            // The tokens of `slipstream dev` are for that server: no other gets to see them.
            return Err(Error::Missing { missing });
        }
        let own = if reach == Reach::Platform || self.tenant.is_some() { dev.admin_token } else { dev.token };
        let token = self.token.as_ref().map_or(own, |token| Secret::new(token.trim()));
        Ok(Target { url, token, tenant: self.tenant.clone(), hint: Some(format!("from {}: is `slipstream dev` still running?", path.display())) })
    }
}

/// The nearest file in `dir` or above it.
fn find(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().map(|dir| dir.join(DEV_FILE)).find(|path| path.is_file())
}

fn read(path: &Path) -> Result<DevFile, Error> {
    let unusable = |reason: String| Error::DevFile { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    // The reader's own sentence could quote the file, which holds tokens.
    serde_json::from_slice(&text).map_err(|error| unusable(format!("line {} is not what `slipstream dev` writes; start it again", error.line())))
}

fn parse(url: &str) -> Result<Url, Error> {
    let is_usable =
        |parsed: &Url| matches!(parsed.scheme(), "http" | "https") && parsed.has_host() && parsed.username().is_empty() && parsed.password().is_none();
    let mut parsed = Url::parse(url).ok().filter(is_usable).ok_or(Error::Url)?;
    parsed.set_query(None);
    parsed.set_fragment(None);
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(content: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::create_dir(dir.path().join(".slipstream")).unwrap();
        std::fs::write(dir.path().join(DEV_FILE), content).unwrap();
        dir
    }

    const DEV: &str = r#"{"url":"http://127.0.0.1:4000","token":"member","tenant":"ec2","adminToken":"admin","pid":1}"#;

    fn given(url: Option<&str>, token: Option<&str>, tenant: Option<&str>) -> Connection {
        Connection { url: url.map(str::to_owned), token: token.map(str::to_owned), tenant: tenant.map(|t| Tenant::new(t).unwrap()) }
    }

    #[test]
    fn takes_the_nearest_dev_file_and_the_credential_that_reaches() {
        let dir = checkout(DEV);
        let resolve = |connection: Connection, reach| connection.resolve_from(&dir.path().join("a/b"), reach).unwrap();
        let token = |target: &Target| target.token.expose().to_owned();
        assert_eq!(token(&resolve(given(None, None, None), Reach::Tenant)), "member");
        assert_eq!(token(&resolve(given(None, None, Some("s3")), Reach::Tenant)), "admin");
        assert_eq!(token(&resolve(given(None, None, None), Reach::Platform)), "admin");
        let mine = resolve(given(None, Some("mine"), None), Reach::Platform);
        assert_eq!((token(&mine), mine.url.as_str()), ("mine".into(), "http://127.0.0.1:4000/"));
        assert_eq!(token(&resolve(given(Some("http://127.0.0.1:4000/"), None, None), Reach::Tenant)), "member");
    }

    #[test]
    fn never_sends_the_dev_tokens_elsewhere() {
        let dir = checkout(DEV);
        let error = given(Some("https://events.example.com"), None, None).resolve_from(dir.path(), Reach::Tenant).unwrap_err();
        assert!(error.to_string().starts_with("the token was not given"), "{error}");
    }

    #[test]
    fn says_what_to_do() {
        let empty = tempfile::tempdir().unwrap();
        let error = given(None, None, None).resolve_from(empty.path(), Reach::Tenant).unwrap_err().to_string();
        assert!(error.contains("slipstream dev") && error.contains("--url") && error.contains("SLIPSTREAM_TOKEN"), "{error}");
        for bad in ["example.com", "ftp://x", "http://", "http://user:secret@x"] {
            assert!(matches!(given(Some(bad), Some("t"), None).resolve_from(empty.path(), Reach::Tenant), Err(Error::Url)), "{bad}");
        }
        let broken = checkout(r#"{"token": 5, "secret": "s"}"#);
        let error = given(None, None, None).resolve_from(broken.path(), Reach::Tenant).unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("secret"), "{error}");
    }
}
