//! The credential that a request shows.

use axum::http::{HeaderMap, HeaderName, header};

use super::denial::Denial;

/// The header that carries an API key where `authorization` is taken by something in front.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Bytes of a credential; raising it lets a request make us look at more.
const MOST_BYTES: usize = 8192;
const SCHEME: &str = "bearer";

/// The text of the one credential among the headers, if there is one.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<&str>, Denial> {
    let bearer = only(headers, &header::AUTHORIZATION)?;
    let key = only(headers, &API_KEY)?;
    let text = match (bearer, key) {
        (None, None) => return Ok(None),
        // One of them may be what a proxy adds for every caller: which of the two was meant is a guess.
        (Some(_), Some(_)) => {
            return Err(Denial::Unauthenticated(
                "there are both authorization and x-api-key; send one".into(),
            ));
        }
        (Some(bearer), None) => token_of(bearer)?,
        (None, Some(key)) => key,
    };
    if text.len() > MOST_BYTES {
        return Err(Denial::Unauthenticated(
            format!("the credential has more than {MOST_BYTES} bytes").into(),
        ));
    }
    Ok(Some(text))
}

/// The value of a header that may be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Denial> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        // A proxy that checks the first, and a server that reads the last: both must see the same.
        return Err(Denial::Unauthenticated(format!("the header {name} is there more than once").into()));
    }
    match value.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Denial::Unauthenticated(format!("the header {name} is not plain text").into())),
    }
}

/// What follows the scheme, whose case does not count (RFC 9110, section 11.1).
fn token_of(value: &str) -> Result<&str, Denial> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim_start_matches(' ');
    if scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty() {
        return Ok(token);
    }
    // Neither is repeated: a credential without its scheme looks like a scheme.
    Err(Denial::Unauthenticated("the header authorization is not \"Bearer\" and a credential".into()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_credential_is_read_from_either_header() {
        for (pairs, expected) in [
            (&[][..], None),
            (&[("authorization", "Bearer abc")], Some("abc")),
            (&[("authorization", "bearer  abc")], Some("abc")),
            (&[("authorization", "BEARER abc")], Some("abc")),
            (&[("x-api-key", "abc")], Some("abc")),
        ] {
            assert_eq!(of(&headers(pairs)), Ok(expected), "{pairs:?}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused_and_not_repeated() {
        let long = "s".repeat(MOST_BYTES + 1);
        for pairs in [
            &[("authorization", "Bearer secret"), ("authorization", "Bearer secret")][..],
            &[("x-api-key", "secret"), ("x-api-key", "other")],
            &[("authorization", "Bearer secret"), ("x-api-key", "secret")],
            &[("authorization", "secret")],
            &[("authorization", "Basic secret")],
            &[("authorization", "Bearer")],
            &[("authorization", "Bearer  ")],
            &[("authorization", "")],
            &[("authorization", "secrét")],
            &[("x-api-key", &long)],
        ] {
            let denial = of(&headers(pairs)).unwrap_err();
            assert!(matches!(denial, Denial::Unauthenticated(_)), "{pairs:?}");
            assert!(!format!("{denial:?}").contains("secret"), "{denial:?}");
        }
    }
}
