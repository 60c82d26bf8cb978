//! What every stage may look at.

use crate::domain::{Bitmap, Deadline, ItemIdx, Moment, Request, SeedRole};
use crate::live::Live;
use crate::live::recent::ActionKind;
use crate::snapshot::{Snapshot, UserRow};

/// Upper bound on the user tables that one placement may read. A request looks the user up in each of them before it
/// begins, and may wait for each.
pub const USER_TABLES: usize = 4;

/// One request and all that was pinned for it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The request as it came.
    pub request: &'a Request,
    /// Its ids as item numbers.
    pub query: &'a Query<'a>,
    /// The snapshot pinned for it.
    pub snapshot: &'a Snapshot,
    /// The items as they are now: ids, attributes, which are sold. Ask here and not the snapshot, which knows only what
    /// was when it was made.
    pub live: &'a Live,
    /// When it is answered; `None` unless a stage of the placement says that it [needs](super::Needs::clock) the clock.
    /// A stage that asked the system instead could disagree with the key that its answer is kept under.
    pub time: Option<Moment>,
    /// When the answer is due.
    pub deadline: Deadline,
}

/// The ids of a request, resolved in one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Query<'a> {
    /// Known seed items that may be looked from, in the caller's order.
    pub seeds: Vec<QuerySeed>,
    /// Known items of the session, newest last, with the seeds at the end where they are not there yet.
    pub session: Vec<SessionItem>,
    /// The newest item: the one the subject is looking at.
    pub current: Option<ItemIdx>,
    /// The user whose history may be used.
    pub user: Option<&'a str>,
    /// The user's rows in the tables that the placement's scorer reads, in its order; `None` where a table has no such
    /// user, or had no row in time.
    pub user_rows: [Option<UserRow>; USER_TABLES],
    /// What the user had to do with before, newest first.
    pub history: &'a [u32],
    /// What the subject bought lately, as events say; only where the placement leaves it out.
    pub bought: Vec<ItemIdx>,
    /// What the subject did anything with lately, as events say; only where the placement leaves it out.
    pub seen: Vec<ItemIdx>,
    /// What the subject was shown too often without looking at it; only where the placement leaves it out.
    pub worn: Vec<ItemIdx>,
    /// Items the subject dislikes: never shown, never looked from.
    pub disliked: Vec<ItemIdx>,
    /// Items that must not be shown: excluded by the caller, disliked, or shown elsewhere on the page.
    pub excluded: Vec<ItemIdx>,
    /// The only items that may be shown, if the caller named any.
    pub only: Option<Vec<ItemIdx>>,
    /// The items that satisfy the request's filter expression, if it has one.
    pub filter: Option<Bitmap>,
}

impl Query<'_> {
    /// An empty query for another request, with the memory of this one.
    pub fn recycle<'b>(self) -> Query<'b> {
        // What borrows from the request or the view goes; what owns memory stays, so that a warm request takes none.
        let Self { mut seeds, mut session, mut bought, mut seen, mut worn, .. } = self;
        let (mut disliked, mut excluded) = (self.disliked, self.excluded);
        seeds.clear();
        session.clear();
        for list in [&mut bought, &mut seen, &mut worn, &mut disliked, &mut excluded] {
            list.clear();
        }
        Query { seeds, session, bought, seen, worn, disliked, excluded, ..Query::default() }
    }
}

/// A seed item by number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuerySeed {
    /// The item.
    pub item: ItemIdx,
    /// What the subject did with it.
    pub role: SeedRole,
    /// The caller's weight.
    pub weight: f32,
}

/// An item of the session by number, and where the request names it: as an event, as a seed, or as both.
///
/// Positions and not the type of the event itself: that is a text of the request, and a query's memory outlives its
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionItem {
    /// The item.
    pub item: ItemIdx,
    /// Its position in [`Request::session_events`].
    pub event: Option<u32>,
    /// Its position in [`Query::seeds`].
    pub seed: Option<u32>,
    /// What was done with it, where the request does not name it and an event did.
    pub action: Option<ActionKind>,
}
