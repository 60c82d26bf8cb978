//! Whether a request was sent by a browser for a page of another site.
//!
//! A page may have its reader's browser send requests to any address that the reader reaches, this machine's own among
//! them, with the reader's client certificate. It cannot read the answers, and must not change anything either. The
//! browser says truthfully for which page it asks.

use axum::http::{HeaderMap, Uri, header};

/// What is said to such a page.
pub(super) const REFUSED: &str = "the request comes from a page of another site, which may not do this";

/// How the page stands to what it asks (Fetch Metadata Request Headers, section 2.3).
const SITE: &str = "sec-fetch-site";

/// Whether it was, as the browser says: by the site of the page or, where it does not say that, by the page's origin.
/// `host` is what the request asks for.
///
/// The site first: a proxy in front may ask for another host than the page did, and passes on what the browser said.
pub(super) fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    if headers.contains_key(SITE) { has_foreign_site(headers) } else { has_foreign_origin(headers, host) }
}

/// Whether either says so. For what is not asked through a proxy.
pub(super) fn may_be_foreign(headers: &HeaderMap, host: &str) -> bool {
    has_foreign_site(headers) || has_foreign_origin(headers, host)
}

fn has_foreign_site(headers: &HeaderMap) -> bool {
    headers.get_all(SITE).iter().any(|site| site != "same-origin" && site != "none")
}

fn has_foreign_origin(headers: &HeaderMap, host: &str) -> bool {
    headers.get_all(header::ORIGIN).iter().any(|origin| {
        let own = origin.to_str().ok().and_then(|text| text.split_once("://")).map(|(_, rest)| rest);
        !own.is_some_and(|own| own.eq_ignore_ascii_case(host))
    })
}

/// The host that a request asks for, with its port; empty if it does not say.
pub(super) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    let header = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(|authority| authority.as_str()).or_else(header).unwrap_or_default()
}
