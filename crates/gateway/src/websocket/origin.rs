//! Which pages may open a socket. Browsers let every page open one to every server; what they tell is the page's origin (RFC 6454).

use std::sync::Arc;

use http::{HeaderMap, header};
use url::Url;

/// The origins whose pages may open a socket. Empty: only pages of the host that is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Arc<[String]>);

impl Origins {
    /// Origins such as `https://app.example.com` or `http://localhost:3000`.
    ///
    /// # Errors
    /// A sentence that names the first that is none.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        texts
            .iter()
            .map(|text| origin(text).ok_or_else(|| format!("{text:?} is no origin such as https://app.example.com")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a request comes from a page that may. One without `Origin` comes from no page.
    pub(super) fn admit(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(header::ORIGIN).iter();
        let Some(first) = values.next() else { return true };
        let (Ok(origin), None) = (first.to_str(), values.next()) else { return false };
        if self.0.is_empty() { is_same(origin, headers) } else { self.0.iter().any(|known| known.eq_ignore_ascii_case(origin)) }
    }
}

fn is_same(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.split_once("://").is_some_and(|(_, from)| host.is_some_and(|host| host.eq_ignore_ascii_case(from)))
}

/// As browsers write it.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_bare && matches!(url.scheme(), "http" | "https")).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn admits(origins: &[&str], pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        Origins::parse(&origins.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap().admit(&headers)
    }

    #[test]
    fn without_a_list_a_page_must_be_of_the_host_that_it_calls() {
        assert!(admits(&[], &[("host", "h:1")]), "no browser");
        assert!(admits(&[], &[("host", "h:1"), ("origin", "http://h:1")]));
        for origin in ["http://h", "http://h:2", "http://evil", "http://h:1.evil", "null", ""] {
            assert!(!admits(&[], &[("host", "h:1"), ("origin", origin)]), "{origin}");
        }
        assert!(!admits(&[], &[("origin", "http://h:1")]));
        assert!(!admits(&[], &[("host", "h:1"), ("origin", "http://h:1"), ("origin", "http://h:1")]));
    }

    #[test]
    fn a_list_is_all_that_may() {
        let origins = ["https://App.example.com:443/", "http://localhost:3000"];
        let from = |origin| admits(&origins, &[("host", "h"), ("origin", origin)]);
        assert!(from("https://app.example.com") && from("http://localhost:3000"));
        assert!(!from("http://app.example.com") && !from("https://app.example.com.evil") && !from("http://h") && !from("null"));
    }

    #[test]
    fn what_is_no_origin_is_named() {
        for text in ["", "*", "app.example.com", "https://a/b", "https://u@a", "ftp://a", "null"] {
            assert!(Origins::parse(&[text.to_owned()]).unwrap_err().contains(text));
        }
    }
}
