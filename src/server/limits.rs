//! What a request may hold at most. The contract states the same numbers.

/// Bytes of a request body or message.
pub(super) const BODY_BYTES: usize = 1 << 20;
/// Requests that are open at once: read, waiting or worked for.
pub(super) const OPEN: usize = 16_384;
/// Bytes of all headers together.
pub(super) const HEADER_BYTES: usize = 32 << 10;
/// Items of a slate.
pub(super) const PAGE_SIZE: i32 = 100;
/// Items before a page, as many as the recommender pages through.
pub(super) const OFFSET: u32 = 1000;
pub(super) const SEEDS: usize = 100;
pub(super) const EVENTS: usize = 50;
pub(super) const EXCLUDED: usize = 1000;
pub(super) const CANDIDATES: usize = 1000;
/// Names in `item_fields`.
pub(super) const FIELDS: usize = 100;
/// Entries of `filter_params`, and of one list among them.
pub(super) const PARAMS: usize = 100;
pub(super) const LIST_PARAM: usize = 1000;
/// Entries of `context.attributes`.
pub(super) const ATTRIBUTES: usize = 50;
/// Slots of a batch.
pub(super) const SLOTS: usize = 20;
/// Bytes of an id or name.
pub(super) const ID_BYTES: usize = 512;
pub(super) const FILTER_BYTES: usize = 4096;
