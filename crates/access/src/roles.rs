//! Which roles give which class. One map per issuer, because every product has its own words.

use serde::Deserialize;
use slipstream_event::Viewer;

use crate::Classes;

/// The roles of each class. Compared trimmed and without case. A role of a higher class gives the lower ones too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleMap {
    /// End users.
    pub user: Vec<String>,
    /// Readers of the tenant's events.
    pub reader: Vec<String>,
    /// Writers of events.
    pub writer: Vec<String>,
    /// Admins of the tenant.
    pub admin: Vec<String>,
    /// Admins in what they may do, but not in what they may see.
    pub admin_without_view: Vec<String>,
    /// Readers that also see the visibility class `quality`.
    pub quality: Vec<String>,
}

/// What a set of roles gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// What the roles allow.
    pub classes: Classes,
    /// Sees the class `quality`.
    pub quality: bool,
    /// Sees the class `admin`.
    pub sees_admin: bool,
}

impl RoleMap {
    /// Our own words: `user`, `reader`, `writer`, `admin`, `quality`.
    pub fn slipstream() -> Self {
        Self {
            user: words(&["user", "member"]),
            reader: words(&["reader"]),
            writer: words(&["writer"]),
            admin: words(&["admin"]),
            admin_without_view: Vec::new(),
            quality: words(&["quality"]),
        }
    }

    /// The copilot control plane's.
    pub fn copilot() -> Self {
        Self {
            user: words(&["internal_user", "internal_user_viewer", "user", "member", "viewer", "guest", "end_user", "app_user", "account_user"]),
            reader: words(&["proxy_admin_viewer", "proxy_admin_view_only", "read_only", "viewer"]),
            admin: words(&["proxy_admin", "app_admin", "org_admin", "app_owner", "demo_app_owner", "admin", "tenant_admin", "owner"]),
            ..Self::default()
        }
    }

    /// The maintenance portal's. Every active user of a tenant reads it.
    pub fn portal() -> Self {
        Self {
            reader: words(&[
                "PLANNING_ENGINEER",
                "PRODUCTION_ENGINEER",
                "CERTIFYING_ENGINEER",
                "CERTIFYING_TECHNICIAN",
                "TECHNICIAN",
                "STORES",
                "VIEW_ONLY",
                "FINANCE_MANAGER",
                "ACCOUNTS_OFFICER",
                "STORES_MANAGER",
                "STOREKEEPER",
                "PROCUREMENT_OFFICER",
            ]),
            admin: words(&["AMO_ADMIN", "QUALITY_MANAGER", "SUPERUSER"]),
            admin_without_view: words(&["SAFETY_MANAGER"]),
            quality: words(&["QUALITY_MANAGER", "QUALITY_INSPECTOR", "AUDITOR"]),
            ..Self::default()
        }
    }

    /// What `roles` give together. No known role gives nothing.
    pub fn rights<'a>(&self, roles: impl IntoIterator<Item = &'a str>) -> Rights {
        let mut rights = Rights::default();
        for role in roles {
            let has = |of: &[String]| of.iter().any(|word| word.eq_ignore_ascii_case(role.trim()));
            let (full_admin, quality) = (has(&self.admin), has(&self.quality));
            let admin = full_admin || has(&self.admin_without_view);
            let writer = admin || has(&self.writer);
            let reader = writer || quality || has(&self.reader);
            let classes = &mut rights.classes;
            classes.admin |= admin;
            classes.writer |= writer;
            classes.reader |= reader;
            classes.user |= reader || has(&self.user);
            rights.quality |= quality;
            rights.sees_admin |= full_admin;
        }
        rights
    }
}

impl Rights {
    /// What a caller with these rights sees of its tenant.
    pub fn viewer(&self, user_id: Option<&str>, department: Option<&str>) -> Viewer {
        Viewer {
            user_id: user_id.map(Into::into),
            department: department.map(Into::into),
            member: self.classes.reader,
            quality: self.quality,
            admin: self.sees_admin,
            platform: false,
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(map: &RoleMap, roles: &[&str]) -> (bool, bool, bool, bool) {
        let c = map.rights(roles.iter().copied()).classes;
        (c.user, c.reader, c.writer, c.admin)
    }

    #[test]
    fn copilot_roles_give_the_classes_of_its_contract() {
        let map = RoleMap::copilot();
        assert_eq!(classes(&map, &[" Tenant_Admin "]), (true, true, true, true));
        assert_eq!(classes(&map, &["read_only"]), (true, true, false, false));
        assert_eq!(classes(&map, &["viewer"]), (true, true, false, false));
        assert_eq!(classes(&map, &["end_user"]), (true, false, false, false));
        assert_eq!(classes(&map, &["unknown", ""]), (false, false, false, false));
    }

    #[test]
    fn portal_roles_part_what_is_done_from_what_is_seen() {
        let map = RoleMap::portal();
        let safety = map.rights(["SAFETY_MANAGER"]);
        assert!(safety.classes.admin && !safety.sees_admin);
        assert!(map.rights(["AUDITOR"]).quality && !map.rights(["AUDITOR"]).classes.admin);
        assert_eq!(classes(&map, &["view_only"]), (true, true, false, false));
    }

    #[test]
    fn no_role_sees_nothing() {
        assert_eq!(RoleMap::slipstream().rights([]).viewer(None, None), Viewer::default());
    }
}
