//! How Amazon's services are reached: encryption, proxy, region, endpoint, credentials. Here for S3; `connect` reaches
//! streams and queues in the same way.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials as SdkCredentials;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::ServiceConfigKey;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::{CaBundleError, Credentials};

/// Upper bound on the time until a connection stands: a longer one delays the next attempt, which may go to another
/// host.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The variables that name a proxy.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// How often a request is tried: more attempts outlast longer disturbances, and delay the report of a lasting one.
pub(crate) const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; later ones are longer, and all are jittered by half.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What the AWS environment says: variables, and the profile of the shared files.
pub(crate) struct Environment(SdkConfig);

impl Environment {
    /// Reads it. No server is asked.
    pub(crate) async fn read() -> Self {
        // With a region, as looking for one may ask the metadata service of EC2.
        let settings =
            aws_config::defaults(BehaviorVersion::latest()).region(Region::from_static("us-east-1"));
        Self(settings.no_credentials().load().await)
    }

    /// The endpoint of a service: `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, then the profile's section for the
    /// service, then the profile.
    #[cfg(feature = "s3")]
    pub(crate) fn endpoint(&self, service: &str) -> Option<String> {
        self.value(service, "AWS_ENDPOINT_URL", "endpoint_url")
    }

    /// The files with authorities that are trusted besides the system's: `AWS_CA_BUNDLE`, and the profile's.
    fn ca_bundles(&self) -> impl Iterator<Item = PathBuf> {
        let variable = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from);
        // The variable would hide the profile's: this one is none of AWS's.
        let profile = self.value("all", "ca_bundle", "ca_bundle").map(PathBuf::from);
        variable.into_iter().chain(profile)
    }

    fn value(&self, service: &str, variable: &str, key: &str) -> Option<String> {
        let wanted =
            ServiceConfigKey::builder().service_id(service).env(variable).profile(key).build().ok()?;
        self.0.service_config()?.load_config(wanted).filter(|value| !value.is_empty())
    }

    /// What all clients have in common. Without `credentials` those of the AWS default chain are used; without a region
    /// that of the AWS environment, or with an endpoint `us-east-1`.
    ///
    /// # Errors
    /// A bundle of certificates that cannot be used.
    pub(crate) fn loader(
        &self,
        region: Option<&str>,
        endpoint_url: Option<&str>,
        credentials: Option<&Credentials>,
    ) -> Result<ConfigLoader, CaBundleError> {
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(self.ca_bundles())?)
            .retry_config(retries.with_max_backoff(Duration::from_secs(2)));
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        } else if endpoint_url.is_some() {
            // Other servers seldom care, and asking the EC2 metadata service costs seconds where there is none.
            let configured = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
            loader = loader.region(configured.or_else(ProfileFileRegionProvider::new()).or_else("us-east-1"));
        }
        if let Some(url) = endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Ok(match credentials {
            Some(Credentials { access_key_id, secret_access_key }) => loader.credentials_provider(
                SdkCredentials::new(access_key_id, secret_access_key, None, None, "larder options"),
            ),
            None => loader,
        })
    }
}

/// The client of all requests: through the proxy that the environment names, trusting the system's authorities and
/// those of the bundles.
fn http_client(ca_bundles: impl Iterator<Item = PathBuf>) -> Result<SharedHttpClient, CaBundleError> {
    let mut trusted = TrustStore::default();
    for path in ca_bundles {
        // Besides the system's and not instead of them: with a store of one's own, credentials come from Amazon still.
        trusted = trusted.with_pem_certificate(read_bundle(&path)?);
    }
    let context = TlsContext::builder().with_trust_store(trusted).build();
    let context = context.map_err(|error| CaBundleError::refused(Path::new("the system's"), error))?;
    let proxied = PROXIES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        // ring rather than aws-lc: it needs neither a C++ compiler nor cmake to build.
        let mut connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(proxied.then(ProxyConfig::from_env));
        connector.build()
    }))
}

/// Reads a bundle, and tries each certificate of it: the client takes it for granted that they can be used.
fn read_bundle(path: &Path) -> Result<Vec<u8>, CaBundleError> {
    let pem = std::fs::read(path).map_err(|error| CaBundleError::refused(path, error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| CaBundleError::refused(path, error))?;
        roots.add(certificate).map_err(|error| CaBundleError::refused(path, error))?;
    }
    if roots.is_empty() { Err(CaBundleError::refused(path, "it has no certificate")) } else { Ok(pem) }
}

/// An SDK error says little by itself; its causes say more.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut said: Vec<String> = causes.map(ToString::to_string).collect();
    // Wrappers of the SDK repeat what they wrap.
    said.dedup();
    said.join(": ")
}
