//! TLS on all ports, and the names in clients' certificates. Files that change are put in force without a restart.

mod accept;
mod files;
mod section;

pub use accept::Tls;
pub(crate) use accept::{Accepted, For, accept};
pub use files::{Files, TlsError};
pub use section::{ClientAuth, Config};
