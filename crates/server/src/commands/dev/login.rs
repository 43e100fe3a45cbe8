//! The ready login of a private deployment, for its page and for the other commands.

use std::path::Path;

use serde_json::json;
use slipstream_access::Secret;
use slipstream_access::mint::Grant;
use slipstream_event::Tenant;
use time::{Duration, OffsetDateTime};

use super::secrets::write_private;

/// The file by which other commands find the deployment and their token.
const FILE: &str = "dev.json";
/// How long the logins last.
const LIFE: Duration = Duration::days(7);
/// The tenant of the login: it has events in the sample.
const TENANT: &str = "ec2";

/// Name of the person of the login.
const USER: &str = "Dana Developer";

/// A login.
pub(super) struct Login {
    url: String,
    tenant: Tenant,
    token: String,
    admin_token: String,
}

impl Login {
    /// Makes the login and writes it down.
    pub(super) fn write(dir: &Path, url: &str, secret: &Secret) -> anyhow::Result<Self> {
        let tenant = Tenant::new(TENANT)?;
        let member = Grant { name: Some(USER.to_owned()), ..Grant::new("dana", Some(tenant.clone()), &["admin"]) };
        let admin = Grant { name: Some("Local super-admin".to_owned()), super_admin: true, ..Grant::new("root", None, &[]) };
        let sign = |grant: &Grant| grant.sign(secret, OffsetDateTime::now_utc(), LIFE);
        let login = Self { url: url.to_owned(), tenant, token: sign(&member)?, admin_token: sign(&admin)? };
        let file = json!({"url": login.url, "tenant": login.tenant, "token": login.token, "adminToken": login.admin_token, "pid": std::process::id()});
        write_private(&dir.join(FILE), &file.to_string())?;
        Ok(login)
    }

    /// Takes the file away, so that nobody looks for a deployment that has stopped.
    pub(super) fn remove(dir: &Path) {
        // It may be gone already.
        drop(std::fs::remove_file(dir.join(FILE)));
    }

    /// The page, with the token in the fragment: no server and no log sees it there.
    pub(super) fn page(&self) -> String {
        format!("{}/#token={}", self.url, self.token)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(super) fn user(&self) -> &'static str {
        USER
    }

    pub(super) fn admin_token(&self) -> &str {
        &self.admin_token
    }
}
