//! The ground: ids, requests, candidate sets, slates. Knows the standard library and nothing else.

mod bitmap;
mod candidates;
mod ids;
mod request;
pub mod score;
mod slate;

pub use bitmap::{Bitmap, ItemMask};
pub use candidates::CandidateSet;
pub use ids::ItemIdx;
pub use request::{
    Consent, FilterValue, Request, RequestContext, ResponseView, Seed, SeedRole, SessionEvent, Subject,
    TrafficClass,
};
pub use slate::{Cause, Degradation, DegradationLevel, Slate, SlateItem, StageTrace};
