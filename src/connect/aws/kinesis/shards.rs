//! Which shards there are, and which may be read: parents before their children, so that what a key had before a split
//! or a merge is read before what it has after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::connect::source::Begin;

/// A shard as it is listed.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) id: Arc<str>,
    /// The shard that was split, or the two that were merged.
    pub(super) parents: Vec<Arc<str>>,
    /// Whether nothing comes to it any more.
    pub(super) is_closed: bool,
}

/// The shards of a stream.
#[derive(Debug)]
pub(super) struct Shards {
    begin: Begin,
    known: BTreeMap<Arc<str>, Known>,
    is_first: bool,
}

#[derive(Debug)]
struct Known {
    parents: Vec<Arc<str>>,
    begin: Begin,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Read,
    Ended,
}

impl Shards {
    /// `begin`: where those are read from that there are at the beginning.
    pub(super) fn new(begin: Begin) -> Self {
        Self { begin, known: BTreeMap::new(), is_first: true }
    }

    /// Whether there was no list yet.
    pub(super) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Takes a list; says which shards are gone from it and were not read to their end.
    pub(super) fn update(&mut self, found: &[Listed]) -> Vec<Arc<str>> {
        for shard in found {
            let (is_first, from) = (self.is_first, self.begin);
            self.known.entry(Arc::clone(&shard.id)).or_insert_with(|| Known {
                parents: shard.parents.clone(),
                // A new one is new: all of it came after the beginning.
                begin: if is_first { from } else { Begin::Earliest },
                // What comes next does not come to a shard that is closed.
                state: if is_first && from == Begin::Latest && shard.is_closed {
                    State::Ended
                } else {
                    State::Waiting
                },
            });
        }
        self.is_first = false;
        let there: BTreeSet<&Arc<str>> = found.iter().map(|shard| &shard.id).collect();
        let gone: Vec<Arc<str>> =
            self.known.keys().filter(|shard| !there.contains(shard)).map(Arc::clone).collect();
        gone.into_iter()
            .filter(|id| self.known.remove(id).is_some_and(|shard| shard.state != State::Ended))
            .collect()
    }

    /// Those that are not read to their end.
    pub(super) fn open(&self) -> Vec<Arc<str>> {
        let open = self.known.iter().filter(|(_, shard)| shard.state != State::Ended);
        open.map(|(id, _)| Arc::clone(id)).collect()
    }

    /// Those that may be read now and are not yet, from where; from now on they are.
    pub(super) fn due(&mut self) -> Vec<(Arc<str>, Begin)> {
        // A parent that is not listed is not there any more.
        let is_over = |id: &Arc<str>| self.known.get(id).is_none_or(|parent| parent.state == State::Ended);
        let is_due = |shard: &Known| shard.state == State::Waiting && shard.parents.iter().all(is_over);
        let due = self.known.iter().filter(|(_, shard)| is_due(shard));
        let due: Vec<(Arc<str>, Begin)> = due.map(|(id, shard)| (Arc::clone(id), shard.begin)).collect();
        for (id, _) in &due {
            self.set(id, State::Read);
        }
        due
    }

    /// A shard is read to its end.
    pub(super) fn end(&mut self, id: &str) {
        self.set(id, State::Ended);
    }

    /// A shard is not read any more, and has to be.
    pub(super) fn lose(&mut self, id: &str) {
        self.set(id, State::Waiting);
    }

    fn set(&mut self, id: &str, state: State) {
        if let Some(shard) = self.known.get_mut(id) {
            shard.state = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parents: &[&str]) -> Listed {
        let parents = parents.iter().map(|parent| Arc::from(*parent)).collect();
        Listed { id: id.into(), parents, is_closed: false }
    }

    fn due(shards: &mut Shards) -> Vec<(String, Begin)> {
        shards.due().into_iter().map(|(id, begin)| (id.to_string(), begin)).collect()
    }

    fn at(ids: &[&str], begin: Begin) -> Vec<(String, Begin)> {
        ids.iter().map(|id| ((*id).to_owned(), begin)).collect()
    }

    #[test]
    fn a_child_is_read_when_all_its_parents_are_over_and_a_new_one_from_its_beginning() {
        let mut shards = Shards::new(Begin::At(7));
        let first = [shard("a", &["gone"]), shard("b", &[]), shard("a1", &["a"])];
        assert_eq!(shards.update(&first), []);
        assert_eq!(due(&mut shards), at(&["a", "b"], Begin::At(7)));
        assert_eq!(due(&mut shards), at(&[], Begin::At(7)), "once");
        shards.end("a");
        assert_eq!(due(&mut shards), at(&["a1"], Begin::At(7)), "it was there at the beginning");
        let merged = [&first[..], &[shard("c", &["a1", "b"])]].concat();
        assert_eq!(shards.update(&merged), []);
        shards.end("a1");
        assert_eq!(due(&mut shards), [], "its other parent is not over");
        shards.end("b");
        assert_eq!(due(&mut shards), at(&["c"], Begin::Earliest));
        assert_eq!(shards.open().len(), 1);
        shards.lose("c");
        assert_eq!(due(&mut shards), at(&["c"], Begin::Earliest), "who lost it begins again");
    }

    #[test]
    fn what_is_not_listed_any_more_keeps_no_child_waiting() {
        let mut shards = Shards::new(Begin::Earliest);
        shards.update(&[shard("a", &[]), shard("b", &[]), shard("c", &["a", "b"])]);
        assert_eq!(shards.due().len(), 2);
        shards.end("b");
        let gone = shards.update(&[shard("c", &["a", "b"])]);
        assert_eq!(gone, [Arc::from("a")], "b was over");
        assert_eq!(due(&mut shards), at(&["c"], Begin::Earliest));
    }

    #[test]
    fn what_comes_next_is_not_looked_for_where_nothing_comes_any_more() {
        let mut shards = Shards::new(Begin::Latest);
        let closed = Listed { is_closed: true, ..shard("a", &[]) };
        shards.update(&[closed, shard("a1", &["a"])]);
        assert_eq!(due(&mut shards), at(&["a1"], Begin::Latest), "at once");
    }
}
