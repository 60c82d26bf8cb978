//! Who calls, and what it may do: credentials become a [`Principal`], and nothing behind this module knows credentials.
//!
//! Without a credential in the configuration there is no [`Authenticator`], and whoever reaches a port may ask. As soon
//! as there is one, everything is refused that does not show one, health apart.

mod audit;
mod authenticator;
mod credential;
mod credentials;
mod denial;
mod file;
mod gcra;
mod globs;
mod key;
mod memory;
mod principal;
mod rights;
mod section;
mod token;

pub(crate) use audit::Origin;
pub use audit::{Audit, AuditError};
pub use authenticator::Authenticator;
pub use credentials::{Certificate, Credentials, Key};
pub use denial::Denial;
pub use file::{CredentialsFile, Parse};
pub use key::{Digest, NewKey, is_key_id};
pub use memory::Memory;
pub use principal::{Principal, Throttled};
pub(crate) use rights::Needs;
pub use rights::{Class, Rights, Scope};
pub use section::Config;
pub use token::{Algorithm, Issuer, sources};
