//! Why a page was refused before it was decoded.

use thiserror::Error;

use super::room::Full;
use super::thrift::Broken;

/// Why a page was refused before it was decoded.
#[derive(Debug, Error)]
pub(super) enum PageFault {
    #[error("the header of a page {0}")]
    Broken(#[from] Broken),
    #[error("its pages are said to begin before the file, or to be of negative length")]
    Place,
    #[error("its pages are said to lie beyond the end of the file")]
    BeyondTheEnd,
    #[error("a page of {packed} bytes claims to unpack to {unpacked}, more than its compression can")]
    Claim { packed: u64, unpacked: u64 },
    #[error("a dictionary of {bytes} bytes claims to have {values} values")]
    Dictionary { bytes: u64, values: u64 },
    #[error("a page of {bytes} bytes claims {claimed} values in its own encoding, and has {values}")]
    Encoded { bytes: u64, claimed: u64, values: u64 },
    #[error("would decode to {bytes} bytes in {rows} rows, over the limit of {limit} bytes at a time")]
    Batch { rows: u64, bytes: u64, limit: u64 },
    #[error(
        "would hold {bytes} bytes of pages at a time, over the {limit} bytes of memory that there are for it"
    )]
    Room { bytes: u64, limit: u64 },
}

impl From<Full> for PageFault {
    fn from(full: Full) -> Self {
        Self::Room { bytes: full.bytes, limit: full.limit }
    }
}
