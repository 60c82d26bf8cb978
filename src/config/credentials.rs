//! `[[auth.keys]]`, `[[auth.certificates]]` and `[[auth.issuers]]`: who may call. The first two may also be in a file
//! of their own.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::tables::Place;
use super::text::syntax;
use crate::server::identity::{Certificate, Credentials, Issuer, Key, Rights};
use crate::setting::SettingError;

/// The keys of the lists, as messages name them.
pub(super) const KEYS: &str = "auth.keys";
pub(super) const CERTIFICATES: &str = "auth.certificates";
pub(super) const ISSUERS: &str = "auth.issuers";

/// Reads a file that has nothing but credentials.
///
/// # Errors
/// What in it cannot be used, and where.
pub fn read_credentials(file: &Path, text: &str) -> Result<Credentials, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| syntax(file, text, &error))?;
    let top = Place { file, text, key: "auth" };
    let mut credentials = Credentials::default();
    for (name, value) in table.get_ref() {
        let (at, lists) = (name.span().start, value.get_ref());
        let (true, DeValue::Table(lists)) = (name.get_ref() == "auth", lists) else {
            return Err(top.refused(
                at,
                name.get_ref(),
                "here",
                "[[auth.keys]] and [[auth.certificates]] only",
            ));
        };
        for (name, list) in lists {
            let full = format!("auth.{}", name.get_ref());
            let place = |key| Place { file, text, key };
            let (at, list) = (name.span().start, list.get_ref());
            match full.as_str() {
                KEYS => credentials.keys = keys(place(KEYS), at, list)?,
                CERTIFICATES => credentials.certificates = certificates(place(CERTIFICATES), at, list)?,
                _ => top.only(lists, ["keys", "certificates"].into_iter())?,
            }
        }
    }
    Ok(credentials)
}

/// Reads `[[auth.keys]]`; `at` is where its key stands.
pub(super) fn keys<'t>(place: Place<'t>, at: usize, list: &'t DeValue<'t>) -> Result<Vec<Key>, ConfigError> {
    let key = |(at, table)| {
        place.check_keys(at, table, &Key::KEYS, &["id", "sha256", "scopes"])?;
        let key: Key = place.take(table, &Key::KEYS)?;
        let key = Key { rights: place.take(table, &Rights::KEYS)?, ..key };
        key.check().map_err(|error| place.of_table(at, table, &error))?;
        Ok(key)
    };
    place.list(at, list)?.into_iter().map(key).collect()
}

/// Reads `[[auth.certificates]]`.
pub(super) fn certificates<'t>(
    place: Place<'t>,
    at: usize,
    list: &'t DeValue<'t>,
) -> Result<Vec<Certificate>, ConfigError> {
    let certificate = |(at, table)| {
        place.check_keys(at, table, &Certificate::KEYS, &["names", "scopes"])?;
        let certificate: Certificate = place.take(table, &Certificate::KEYS)?;
        let certificate = Certificate { rights: place.take(table, &Rights::KEYS)?, ..certificate };
        certificate.check().map_err(|error| place.of_table(at, table, &error))?;
        Ok(certificate)
    };
    place.list(at, list)?.into_iter().map(certificate).collect()
}

/// Reads `[[auth.issuers]]`.
pub(super) fn issuers<'t>(
    place: Place<'t>,
    at: usize,
    list: &'t DeValue<'t>,
) -> Result<Vec<Issuer>, ConfigError> {
    let mut issuers: Vec<Issuer> = Vec::new();
    for (at, table) in place.list(at, list)? {
        place.check_keys(at, table, &Issuer::KEYS, &["issuer", "scopes"])?;
        let issuer: Issuer = place.take(table, &Issuer::KEYS)?;
        let issuer = Issuer { rights: place.take(table, &Rights::KEYS)?, ..issuer };
        issuer.check().map_err(|error| place.of_table(at, table, &error))?;
        if issuers.iter().any(|other| other.issuer == issuer.issuer) {
            let (at, key) = (place.at(table, "issuer"), place.of("issuer"));
            return Err(place.refused(
                at,
                &key,
                &format!("{:?}", issuer.issuer),
                "an issuer that no other table has",
            ));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

impl Place<'_> {
    fn check_keys(
        &self,
        at: usize,
        table: &DeTable<'_>,
        own: &[&str],
        needed: &[&str],
    ) -> Result<(), ConfigError> {
        self.only(table, own.iter().copied().chain(Rights::KEYS))?;
        match needed.iter().find(|key| !table.contains_key(**key)) {
            Some(key) => Err(self.refused(at, &self.of(key), "missing", "a value")),
            None => Ok(()),
        }
    }

    /// What a table says that cannot be used.
    fn of_table(&self, at: usize, table: &DeTable<'_>, error: &SettingError) -> ConfigError {
        let at = if table.contains_key(error.key) { self.at(table, error.key) } else { at };
        self.refused(at, &self.of(error.key), &error.value, &error.expected)
    }
}
