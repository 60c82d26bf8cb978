//! Ids, requests, candidate sets and slates. Knows the standard library and nothing else.

mod bitmap;
mod candidates;
mod chunked_bitmap;
mod chunks;
mod deadline;
mod event;
mod histogram;
mod ids;
mod mask;
mod moment;
mod one_line;
mod request;
mod request_key;
pub mod score;
mod slate;

pub use bitmap::Bitmap;
pub use candidates::CandidateSet;
pub use chunked_bitmap::{ChunkedBitmap, ChunkedBits};
pub use chunks::{CHUNK, Chunks, ChunksBuilder};
pub use deadline::{Deadline, DeadlineCheck};
pub use event::{AttributeValue, Event, EventKind};
pub use histogram::Histogram;
pub use ids::ItemIdx;
pub use mask::ItemMask;
pub use moment::{ClockStep, Moment, now_ms};
pub use one_line::one_line;
pub use request::{
    Consent, FilterValue, Request, RequestContext, ResponseView, Seed, SeedRole, SessionEvent, Subject,
    TrafficClass,
};
pub use request_key::{ByteSink, KeyBytes, KeyVisitor, RequestKey};
pub use slate::{Cause, Degradation, DegradationLevel, Slate, SlateItem, StageTrace, Warning};
