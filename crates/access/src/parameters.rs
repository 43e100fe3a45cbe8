//! The parameters of query strings that a route takes.

use slipstream_event::Fault;
use url::form_urlencoded;

use crate::Problem;
use crate::problem::{Invalid, Location};

/// What a route takes, as an extension of its requests: a guard refuses other parameters by their names, once it knows the caller. Without the
/// extension, a route takes any.
///
/// A filter with a typing error would otherwise narrow nothing and look as if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Parameters that are not known are not looked at, as the contract of the route wants it.
    Any,
    /// These, in one or several lists, and those by which a caller names itself and its tenant.
    Only(&'static [&'static [&'static str]]),
}

/// By which a super-admin names the tenant.
pub(crate) const TENANT: &str = "account_id";
/// By which a caller names itself, where a query may carry that.
const CREDENTIALS: [&str; 2] = ["ticket", "token"];

impl Parameters {
    /// Refuses what is not known of a query string.
    ///
    /// # Errors
    /// 422 `unknown_parameter` for each name, once; its value, which may be a secret, is not repeated.
    pub(crate) fn check(self, query: Option<&str>, takes_credential: bool) -> Result<(), Problem> {
        let (Self::Only(lists), Some(query)) = (self, query) else { return Ok(()) };
        let is_known = |name: &str| name == TENANT || (takes_credential && CREDENTIALS.contains(&name)) || lists.iter().any(|names| names.contains(&name));
        let given = form_urlencoded::parse(query.as_bytes()).take(crate::limits::QUERY_PAIRS_MAX).map(|(name, _)| name);
        let mut unknown: Vec<_> = given.filter(|name| !is_known(name)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Problem::invalid(unknown.iter().map(|name| refuse(name)).collect()))
    }
}

fn refuse(name: &str) -> Invalid {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    Invalid::new(Location::Query, Fault::new(shown, "unknown_parameter", "is no parameter of this route"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(takes: Parameters, query: &str, takes_credential: bool) -> Vec<String> {
        let Err(problem) = takes.check(Some(query), takes_credential) else { return Vec::new() };
        assert_eq!((problem.status().as_u16(), problem.code()), (422, "validation"));
        assert!(!problem.body().to_string().contains("secret"), "{}", problem.body());
        problem.body()["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn names_each_that_is_not_known_once_and_repeats_no_value() {
        let takes = Parameters::Only(&[&["limit", "q"], &["cursor"]]);
        assert_eq!(refused(takes, "limit=5&q=x&cursor=&account_id=acme", false), [""; 0]);
        assert_eq!(refused(takes, "severty=error&limit=5&b%0aad=1&severty=secret&Q=secret", false), ["Q", "bad", "severty"]);
        assert_eq!(refused(takes, "token=secret&ticket=secret", true), [""; 0]);
        assert_eq!(refused(takes, "token=secret&ticket=secret", false), ["ticket", "token"]);
        assert_eq!(refused(Parameters::Only(&[]), &format!("{}=1", "x".repeat(300)), false), ["x".repeat(100)]);
        assert_eq!(refused(Parameters::Any, "x=1", false), [""; 0]);
        assert!(takes.check(None, false).is_ok());
    }
}
