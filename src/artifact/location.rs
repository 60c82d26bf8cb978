//! From what people write ("s3://bucket/prefix", "/srv/larder", "file:///srv/larder") to an open store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ArtifactStore, Conditional, Credentials, LocalStore, LocationError, StoreError};
use crate::setting::{As, AutoOr, SettingError, Size, Switch, Text, size_within};

/// What a location alone does not say. The defaults suit a directory that exists, and Amazon S3.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenOptions {
    /// The S3-compatible server to talk to; none: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's
    /// `endpoint_url`, then Amazon.
    #[serde(with = "As::<AutoOr<Text>>")]
    pub endpoint_url: Option<String>,
    /// The region; none: as the AWS environment and profile say.
    #[serde(with = "As::<AutoOr<Text>>")]
    pub region: Option<String>,
    /// Whether buckets are addressed by path rather than by host name; none: only when there is an endpoint.
    #[serde(with = "As::<AutoOr<Switch>>")]
    pub path_style: Option<bool>,
    /// Whether objects are replaced by conditional writes, or after a look.
    #[serde(with = "As::<Conditional>")]
    pub conditional: Conditional,
    /// Bytes a second that an answer must bring at least; one that brings less for ten seconds has failed.
    #[serde(with = "As::<Size>")]
    pub min_throughput: u64,
    /// Fixed S3 credentials; none: the default chain (environment, profile, web identity, container, instance).
    #[serde(skip)]
    pub credentials: Option<Credentials>,
    /// Whether a directory that does not exist is created rather than refused.
    #[serde(skip)]
    pub create: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            endpoint_url: None,
            region: None,
            path_style: None,
            conditional: Conditional::On,
            min_throughput: 16 << 10,
            credentials: None,
            create: false,
        }
    }
}

impl OpenOptions {
    /// Checks what can be checked without a server.
    ///
    /// # Errors
    /// An endpoint that is not an address of HTTP, or a throughput of nothing.
    pub fn check(&self) -> Result<(), SettingError> {
        size_within("min_throughput", self.min_throughput, 1..=1 << 30)?;
        match &self.endpoint_url {
            Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                let expected = "auto, or an address such as https://s3.example.com";
                Err(SettingError::new("endpoint_url", url, expected))
            }
            _ => Ok(()),
        }
    }
}

/// Opens the store at `location`: `s3://bucket/prefix`, a directory, or `file://` and an absolute directory.
pub fn open(location: &str, options: &OpenOptions) -> Result<Arc<dyn ArtifactStore>, StoreError> {
    let refuse = |source| StoreError::Location { location: location.to_owned(), source };
    let directory = match location.split_once("://") {
        Some(("s3", address)) => return open_s3(location, address, options),
        Some(("file", path)) if path.starts_with('/') => path,
        Some(("file", _)) => return Err(refuse(LocationError::RelativeFile)),
        Some(_) => return Err(refuse(LocationError::Scheme)),
        None => location,
    };
    match directory {
        "" => Err(refuse(LocationError::Empty)),
        _ if options.create => Ok(Arc::new(LocalStore::create(directory)?)),
        _ => Ok(Arc::new(LocalStore::open(directory)?)),
    }
}

#[cfg(feature = "s3")]
fn open_s3(
    _location: &str,
    address: &str,
    options: &OpenOptions,
) -> Result<Arc<dyn ArtifactStore>, StoreError> {
    let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
    let store = super::S3Store::open(&super::S3Options {
        bucket: bucket.to_owned(),
        prefix: prefix.trim_end_matches('/').to_owned(),
        path_style: options.path_style,
        endpoint_url: options.endpoint_url.clone(),
        region: options.region.clone(),
        credentials: options.credentials.clone(),
        conditional: options.conditional,
        min_throughput: options.min_throughput,
    })?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "s3"))]
fn open_s3(
    location: &str,
    _address: &str,
    _options: &OpenOptions,
) -> Result<Arc<dyn ArtifactStore>, StoreError> {
    Err(StoreError::Location { location: location.to_owned(), source: LocationError::WithoutS3 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_opened_by_path_and_by_url_and_created_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").display().to_string();
        let missing = open(&path, &OpenOptions::default()).unwrap_err();
        assert!(missing.to_string().contains(&path), "{missing}");

        let store =
            open(&format!("file://{path}"), &OpenOptions { create: true, ..Default::default() }).unwrap();
        assert_eq!(store.location(), path);
        assert!(open(&path, &OpenOptions::default()).is_ok());
    }

    #[test]
    fn locations_of_no_known_kind_say_what_is_possible() {
        for location in ["", "gs://bucket/x", "http://host/x", "file://host/x"] {
            let refused = open(location, &OpenOptions::default()).unwrap_err();
            assert!(matches!(refused, StoreError::Location { .. }), "{refused}");
        }
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn without_the_feature_an_s3_location_names_the_feature() {
        let refused = open("s3://bucket/x", &OpenOptions::default()).unwrap_err().to_string();
        assert!(refused.contains("feature `s3`"), "{refused}");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let credentials = Credentials { access_key_id: "AKID".into(), secret_access_key: "hush".into() };
        let printed = format!("{:?}", OpenOptions { credentials: Some(credentials), ..Default::default() });
        assert!(printed.contains("AKID") && !printed.contains("hush"), "{printed}");
    }
}
