//! Where a request carries its credential. Pure, and fed with hostile input.

use http::{HeaderMap, Method, header};

use crate::{Denied, limits};

/// The token of an `Authorization: Bearer` header. The scheme is read without case; the token has no white space.
pub fn parse_bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.trim_start();
    let fits = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    fits.then_some(token)
}

/// The value of a cookie in a `Cookie` header: the first of that name that is not empty.
pub fn parse_cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

/// The first value of a parameter of a query string, decoded.
pub fn parse_query(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .take(limits::QUERY_PAIRS_MAX)
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// The credential of a platform route: the Bearer header, and nothing else.
///
/// # Errors
/// [`Denied::Missing`] and [`Denied::Malformed`].
pub fn of_platform(headers: &HeaderMap) -> Result<&str, Denied> {
    let header = headers.get(header::AUTHORIZATION).ok_or(Denied::Missing)?;
    header.to_str().ok().and_then(parse_bearer).ok_or(Denied::Malformed)
}

/// The credential of a product route: `Authorization` (with or without `Bearer`), else `x-litellm-api-key`, else the cookie `token`. Explicit
/// headers come before the cookie, which a browser sends by itself; a write with the cookie must come from the same origin.
///
/// # Errors
/// [`Denied::Missing`], [`Denied::Malformed`] and [`Denied::CrossSite`].
pub fn of_product<'a>(method: &Method, headers: &'a HeaderMap) -> Result<&'a str, Denied> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().map(str::trim).map_err(|_| Denied::Malformed)).transpose();
    if let Some(value) = text(header::AUTHORIZATION.as_str())?.filter(|value| !value.is_empty()) {
        return Ok(parse_bearer(value).unwrap_or(value));
    }
    if let Some(value) = text("x-litellm-api-key")?.filter(|value| !value.is_empty()) {
        return Ok(value);
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let token = cookies.filter_map(|cookie| parse_cookie(cookie, "token")).next().ok_or(Denied::Missing)?;
    if method.is_safe() || is_same_origin(headers) { Ok(token) } else { Err(Denied::CrossSite) }
}

/// Whether a browser says that the request comes from our own pages. A client that says nothing is not believed.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn reads_bearer_headers() {
        assert_eq!((parse_bearer("Bearer a.b.c"), parse_bearer("bearer  x"), parse_bearer("BEARER x ")), (Some("a.b.c"), Some("x"), Some("x")));
        for bad in ["", "Bearer", "Bearer ", "Basic x", "Bearerx", "Bearer a b", "Bearer a\tb", "Bearer é"] {
            assert_eq!(parse_bearer(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn platform_routes_take_the_header_only() {
        assert_eq!(of_platform(&headers(&[("cookie", "token=x"), ("x-litellm-api-key", "y")])), Err(Denied::Missing));
        assert_eq!(of_platform(&headers(&[("authorization", "x")])), Err(Denied::Malformed));
    }

    #[test]
    fn product_routes_prefer_what_is_explicit() {
        let all = [("cookie", "a=b; token=c"), ("x-litellm-api-key", "k"), ("authorization", "raw")];
        assert_eq!(of_product(&Method::POST, &headers(&all)), Ok("raw"));
        assert_eq!(of_product(&Method::POST, &headers(&all[..2])), Ok("k"));
        assert_eq!(of_product(&Method::GET, &headers(&all[..1])), Ok("c"));
        assert_eq!(of_product(&Method::GET, &headers(&[("authorization", "")])), Err(Denied::Missing));
    }

    #[test]
    fn a_write_with_a_cookie_must_be_of_the_same_origin() {
        let post = |more: &[(&'static str, &'static str)]| of_product(&Method::POST, &headers(&[&[("cookie", "token=c")], more].concat())).map(str::to_owned);
        assert_eq!(post(&[]), Err(Denied::CrossSite));
        assert_eq!(post(&[("sec-fetch-site", "cross-site"), ("origin", "http://h"), ("host", "h")]), Err(Denied::CrossSite));
        assert_eq!(post(&[("origin", "https://evil"), ("host", "h")]), Err(Denied::CrossSite));
        assert_eq!((post(&[("sec-fetch-site", "same-origin")]), post(&[("origin", "http://h:1"), ("host", "h:1")])), (Ok("c".into()), Ok("c".into())));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,60}") {
            let token = parse_bearer(&text);
            prop_assert!(token.is_none_or(|token| !token.contains(char::is_whitespace)));
            let _ignored = (parse_cookie(&text, "token"), parse_query(&text, "token"));
        }
    }
}
