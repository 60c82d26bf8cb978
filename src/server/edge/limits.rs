//! The most that one request may carry. The contract states the same numbers (docs/api.md, "Caps"), so raising one is a
//! change of the API; each multiplies the memory and the time that a request can take.

/// Bytes of a request body or message.
pub(crate) const BODY_BYTES: usize = 1 << 20;
/// Requests that are open at once: read, queued or served. What they hold in bytes has bounds of its own
/// (`server.max_unfinished`, `server.max_unsent`).
pub(crate) const OPEN: usize = 8_192;
/// Bytes of a message to the services beside the API: health and reflection. Names are all that they are asked for.
pub(crate) const ASIDE_BYTES: usize = 4 << 10;
/// Bytes of all headers together.
pub(crate) const HEADER_BYTES: usize = 32 << 10;
/// Items of a slate.
pub(crate) const PAGE_SIZE: i32 = 100;
/// Items before a page, as many as the recommender ranks for pages.
pub(crate) const OFFSET: u32 = 1000;
pub(crate) const SEEDS: usize = 100;
pub(crate) const EVENTS: usize = 50;
pub(crate) const EXCLUDED: usize = 1000;
pub(crate) const CANDIDATES: usize = 1000;
/// Names in `item_fields`.
pub(crate) const FIELDS: usize = 100;
/// Entries of `filter_params`, and of one list among them.
pub(crate) const PARAMS: usize = 100;
pub(crate) const LIST_PARAM: usize = 1000;
/// Entries of `context.attributes`.
pub(crate) const ATTRIBUTES: usize = 50;
/// Slots of a batch.
pub(crate) const SLOTS: usize = 20;
/// Bytes of an id or name.
pub(crate) const ID_BYTES: usize = 512;
pub(crate) const FILTER_BYTES: usize = 4096;
/// Events that are recorded by one request.
pub(crate) const RECORDED: usize = 500;
