//! How servers of NATS are reached: addresses, who signs in, certificates. Part of every build, as the settings are.

use std::path::PathBuf;

use serde::Deserialize;

use crate::setting::{As, File, Form, Hidden, NoneOr, Secret, SettingError, Text};

/// How servers are reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsAccess {
    /// Servers that are tried first; they tell of the others of their cluster.
    #[serde(with = "As::<Servers>")]
    pub servers: Vec<String>,
    /// The user that signs in, with a password.
    #[serde(default, with = "As::<NoneOr<Text>>")]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default, with = "As::<NoneOr<Hidden>>")]
    pub password: Option<Secret>,
    /// A token that is shown instead of user and password.
    #[serde(default, with = "As::<NoneOr<Hidden>>")]
    pub token: Option<Secret>,
    /// A file with a user's JWT and the seed of its key, instead of user and password.
    #[serde(default, with = "As::<NoneOr<File>>")]
    pub credentials_file: Option<PathBuf>,
    /// A file of certificates (PEM) that vouch for the servers; `None`: those of the system.
    #[serde(default, with = "As::<NoneOr<File>>")]
    pub ca_file: Option<PathBuf>,
}

impl NatsAccess {
    /// Whether connections have to be encrypted. Otherwise the servers say whether they are.
    pub fn is_encrypted(&self) -> bool {
        self.ca_file.is_some() || self.servers.iter().any(|server| server.starts_with(TLS))
    }

    /// Checks that what is there goes together.
    ///
    /// # Errors
    /// A key that is missing beside another one, or is one too many.
    pub fn check(&self) -> Result<(), SettingError> {
        match (&self.user, &self.password) {
            (Some(_), None) => return Err(SettingError::new("password", "missing", "a value beside user")),
            (None, Some(_)) => return Err(SettingError::new("user", "missing", "a value beside password")),
            _ => {}
        }
        let ways = [
            ("credentials_file", self.credentials_file.is_some()),
            ("token", self.token.is_some()),
            ("user", self.user.is_some()),
        ];
        let mut given = ways.into_iter().filter(|(_, is_given)| *is_given);
        match (given.next(), given.next()) {
            (Some((one, _)), Some((other, _))) => Err(SettingError::new(
                one,
                "there",
                format!("none beside {other}: there is one way to sign in"),
            )),
            _ => Ok(()),
        }
    }
}

/// Whether this build can reach NATS.
pub(in crate::connect) const IS_BUILT: bool = cfg!(feature = "nats");

/// What to do about a build that cannot.
pub(in crate::connect) const NOT_BUILT: &str = "this build has no NATS; build with --features nats";

/// How the address of a server begins with which connections must be encrypted.
const TLS: &str = "tls://";

/// Servers, separated by commas.
#[derive(Debug)]
struct Servers;

impl Form for Servers {
    type Value = Vec<String>;

    const QUOTED: bool = true;

    fn expected() -> String {
        "servers such as \"nats://nats-1:4222,tls://nats-2:4222\", without a user".to_owned()
    }

    fn parse(text: &str) -> Option<Vec<String>> {
        let server = |server: &str| {
            let (scheme, address) = server.trim().split_once("://").unwrap_or(("nats", server.trim()));
            let (host, port) = address.rsplit_once(':').unwrap_or((address, "4222"));
            // A user in here would be printed with it.
            let fits = matches!(scheme, "nats" | "tls")
                && !host.is_empty()
                && !host.contains(['/', ' ', '@', '?', '#'])
                && port.parse::<u16>().is_ok();
            fits.then(|| format!("{scheme}://{host}:{port}"))
        };
        text.split(',').map(server).collect()
    }

    fn show(value: &Vec<String>) -> String {
        value.join(",")
    }
}

/// A stream's name.
#[derive(Debug)]
pub(in crate::connect) struct StreamName;

impl Form for StreamName {
    type Value = String;

    const QUOTED: bool = true;

    fn expected() -> String {
        "a stream's name: 1 to 255 letters, digits, '_', '-'".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        ((1..=255).contains(&text.len()) && text.bytes().all(is_plain)).then(|| text.to_owned())
    }

    fn show(value: &String) -> String {
        value.clone()
    }
}

/// Subjects, `*` and `>` among their words, separated by commas.
#[derive(Debug)]
pub(in crate::connect) struct Subjects;

impl Form for Subjects {
    type Value = Vec<String>;

    const QUOTED: bool = true;

    fn expected() -> String {
        "subjects such as \"shop.items.>\", separated by commas".to_owned()
    }

    fn parse(text: &str) -> Option<Vec<String>> {
        let subject = |subject: &str| {
            let words: Vec<&str> = subject.trim().split('.').collect();
            let fits = |(place, word): (usize, &&str)| match *word {
                "*" => true,
                ">" => place + 1 == words.len(),
                word => !word.is_empty() && !word.contains([' ', '\t', '*', '>']),
            };
            let fits = subject.len() <= 512 && words.iter().enumerate().all(fits);
            fits.then(|| subject.trim().to_owned())
        };
        text.split(',').map(subject).collect()
    }

    fn show(value: &Vec<String>) -> String {
        value.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_with_and_without_their_scheme_and_port_and_never_with_a_user() {
        assert_eq!(Servers::parse("a, tls://b:1").unwrap(), ["nats://a:4222", "tls://b:1"]);
        for text in ["", "a,", "http://a:1", "u:p@a:4222", "nats://t@a", "a:b", "a:4222/x"] {
            assert_eq!(Servers::parse(text), None, "{text}");
        }
    }

    #[test]
    fn subjects_may_have_wildcards_as_whole_words() {
        assert_eq!(Subjects::parse("shop.*.item, stock.>").unwrap(), ["shop.*.item", "stock.>"]);
        for text in ["", "a..b", ">.a", "a b", "a*.b", "a,", ".a"] {
            assert_eq!(Subjects::parse(text), None, "{text}");
        }
    }
}
