//! The credentials that a server knows, as the configuration says them.

use serde::{Deserialize, Deserializer, de};

use super::key::{Digest, is_key_id};
use super::rights::Rights;
use super::token::Issuer;
use crate::setting::SettingError;

/// All credentials.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Credentials {
    /// The `[[auth.keys]]`.
    pub keys: Vec<Key>,
    /// The `[[auth.certificates]]`.
    pub certificates: Vec<Certificate>,
    /// The `[[auth.issuers]]`.
    pub issuers: Vec<Issuer>,
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Key {
    /// Whose it is: the name of the principal.
    pub id: String,
    /// What is known of its text.
    pub sha256: Digest,
    /// From when on it is refused, in seconds since 1970.
    #[serde(default, deserialize_with = "time")]
    pub expires_at: Option<i64>,
    /// What its holder may do.
    // Read on its own, as the same keys stand in tables of other credentials.
    #[serde(skip)]
    pub rights: Rights,
}

/// Client certificates that are a principal's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Certificate {
    /// Names that it covers: a SPIFFE id or, if the certificate has none, a DNS name; `*` stands for any text.
    pub names: Vec<String>,
    /// What its holder may do.
    #[serde(skip)]
    pub rights: Rights,
}

impl Credentials {
    /// Whether there are none: whoever reaches a port may ask.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.certificates.is_empty() && self.issuers.is_empty()
    }

    /// Both together.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.keys.extend(others.keys);
        self.certificates.extend(others.certificates);
        self.issuers.extend(others.issuers);
        self
    }
}

impl Key {
    /// The keys of a table, without those of [`Rights`].
    pub const KEYS: [&str; 3] = ["id", "sha256", "expires_at"];

    /// Checks what goes together.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn check(&self) -> Result<(), SettingError> {
        if !is_key_id(&self.id) {
            let expected = "1 to 32 lower-case letters, digits and -, as in the key itself";
            return Err(SettingError::new("id", format_args!("{:?}", self.id), expected));
        }
        self.rights.check()
    }
}

impl Certificate {
    /// The keys of a table, without those of [`Rights`].
    pub const KEYS: [&str; 1] = ["names"];

    /// Checks what goes together.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn check(&self) -> Result<(), SettingError> {
        if self.names.is_empty() {
            let expected = "names such as [\"spiffe://shop.example/ns/web/sa/*\"]";
            return Err(SettingError::new("names", "empty", expected));
        }
        self.rights.check()
    }
}

/// What is said of two keys of one id that cannot both be.
///
/// Two are for rotation: the new one is given out while the old one still works. Both are the same principal, so their
/// rights and quotas are one.
pub(super) fn check_ids(keys: &[Key]) -> Result<(), String> {
    for (at, key) in keys.iter().enumerate() {
        let mut earlier = keys.iter().take(at).filter(|other| other.id == key.id);
        let Some(other) = earlier.next() else { continue };
        let id = &key.id;
        if earlier.next().is_some() {
            return Err(format!("auth.keys has three keys with the id {id}; remove the oldest"));
        }
        if other.sha256 == key.sha256 {
            return Err(format!("auth.keys has the same key twice, with the id {id}"));
        }
        if other.rights != key.rights {
            return Err(format!(
                "auth.keys has two keys with the id {id} and different rights; give them the same, or another id"
            ));
        }
    }
    Ok(())
}

/// A time: one of TOML's own, or the same as a text.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let wrong = || de::Error::custom("expected a time with its offset, such as 2027-01-31T00:00:00Z");
    let written = toml::Value::deserialize(from)?;
    let text = match &written {
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::String(text) => text.clone(),
        _ => return Err(wrong()),
    };
    let time = chrono::DateTime::parse_from_rfc3339(&text).map_err(|_| wrong())?;
    Ok(Some(time.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::super::rights::Scope;
    use super::*;

    /// A key of the id `a`.
    fn key(secret: &str, rest: &str) -> Key {
        let key: Key =
            toml::from_str(&format!("id = 'a'\nsha256 = '{}'\n{rest}", Digest::of(secret))).unwrap();
        Key { rights: Rights { scopes: vec![Scope::Events], ..Rights::default() }, ..key }
    }

    #[test]
    fn a_key_has_an_id_rights_and_maybe_an_end() {
        let read = key("", "expires_at = 2027-01-31T01:00:00+01:00");
        assert_eq!(read.expires_at, Some(1_801_353_600));
        read.check().unwrap();
        assert_eq!(key("", "expires_at = '2027-01-31T00:00:00Z'"), read);
        assert_eq!(Key { id: "A b".to_owned(), ..key("", "") }.check().unwrap_err().key, "id");
        let wrong = format!("id = 'a'\nsha256 = '{}'\nexpires_at", Digest::of(""));
        for time in ["2027-01-31", "2027-01-31T00:00:00", "'soon'", "1"] {
            toml::from_str::<Key>(&format!("{wrong} = {time}")).unwrap_err();
        }
    }

    #[test]
    fn two_keys_of_an_id_are_for_rotation_and_have_the_same_rights() {
        let [one, two, three] = ["1", "2", "3"].map(|secret| key(secret, ""));
        check_ids(&[one.clone(), two.clone()]).unwrap();
        let said = |keys: &[Key]| check_ids(keys).unwrap_err();
        assert!(said(&[one.clone(), two.clone(), three]).contains("three keys with the id a"));
        assert!(said(&[one.clone(), one.clone()]).contains("twice"));
        let rights = Rights { rps: Some(1), ..one.rights.clone() };
        assert!(said(&[one, Key { rights, ..two }]).contains("different rights"));
    }
}
