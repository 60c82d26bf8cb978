//! How Amazon's services are reached: encryption, region, endpoint, credentials. Here for S3; `connect` reaches streams
//! and queues in the same way.

use std::error::Error;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_credential_types::Credentials as SdkCredentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::Credentials;

/// Upper bound on the time until a connection stands: a longer one delays the next attempt, which may go to another
/// host.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a request is tried: more attempts outlast longer disturbances, and delay the report of a lasting one.
pub(crate) const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; later ones are longer, and all are jittered by half.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What all clients have in common. Without `credentials` those of the AWS default chain are used; without a region
/// that of the AWS environment, or with an endpoint `us-east-1`.
pub(crate) fn loader(
    region: Option<&str>,
    endpoint_url: Option<&str>,
    credentials: Option<&Credentials>,
) -> ConfigLoader {
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_PAUSE);
    // ring rather than aws-lc: it needs neither a C++ compiler nor cmake to build.
    let tls = Provider::Rustls(CryptoMode::Ring);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
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
    match credentials {
        Some(Credentials { access_key_id, secret_access_key }) => loader.credentials_provider(
            SdkCredentials::new(access_key_id, secret_access_key, None, None, "larder options"),
        ),
        None => loader,
    }
}

/// An SDK error says little by itself; its causes say more.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut said: Vec<String> = causes.map(ToString::to_string).collect();
    // Wrappers of the SDK repeat what they wrap.
    said.dedup();
    said.join(": ")
}
