//! Where a server listens, and which protocol it speaks there.

use std::str::FromStr;

use hyper::http::uri::Authority;
/// `grpc://host:port` or `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) protocol: Protocol,
    pub(crate) authority: Authority,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

/// A URL that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not grpc://host:port or http://host:port")]
pub(crate) struct UrlError(String);

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        let wrong = || UrlError(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let protocol = match scheme {
            "grpc" => Protocol::Grpc,
            "http" => Protocol::Http,
            _ => return Err(wrong()),
        };
        let authority: Authority = rest.strip_suffix('/').unwrap_or(rest).parse().map_err(|_| wrong())?;
        if authority.port().is_none() { Err(wrong()) } else { Ok(Url { protocol, authority }) }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http",
        };
        write!(out, "{scheme}://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_the_protocol_and_has_a_port() {
        for good in ["http://localhost:8080", "grpc://[::1]:50051"] {
            assert_eq!(format!("{good}/").parse::<Url>().unwrap().to_string(), good);
        }
        for bad in ["", "localhost:8080", "https://h:1", "http://h", "http://h:1/path", "grpc://"] {
            assert!(bad.parse::<Url>().is_err(), "{bad:?}");
        }
    }
}
