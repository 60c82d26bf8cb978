//! How far a stream is read, and whether what should come next is still there.

use async_nats::jetstream::stream::Info;
use chrono::{DateTime, Utc};

use crate::connect::source::Begin;
use crate::domain::now_ms;

/// How far a stream is read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The sequence that is read next; `None` until the beginning is found.
    pub(super) next: Option<u64>,
    /// All up to this time is read, in milliseconds since 1970, by the clock of the servers.
    pub(super) read_ms: Option<i64>,
    /// The last sequence when the stream was looked at first.
    pub(super) goal: Option<u64>,
    /// When the stream was made.
    created: Option<DateTime<Utc>>,
    pub(super) failures: u32,
}

/// From when until when messages that were wanted are gone, in milliseconds since 1970.
pub(super) type Gap = (i64, i64);

impl Progress {
    /// Takes in how the stream is now, before it is read from here on. Says whether it is another one than was read so
    /// far, and which messages are gone.
    pub(super) fn look(&mut self, begin: Begin, stream: &Info) -> (bool, Option<Gap>) {
        let state = &stream.state;
        self.goal.get_or_insert(state.last_sequence);
        let was_made = *self.created.get_or_insert(stream.created);
        let next = self.next.unwrap_or(1);
        let is_another = was_made != stream.created || next > state.last_sequence.saturating_add(1);
        if is_another {
            self.created = Some(stream.created);
            self.next = Some(1);
        } else if self.next.is_none() && begin == Begin::Latest {
            self.next = Some(state.last_sequence.saturating_add(1));
        }
        let read_ms = self.read_ms.or(begin.ms());
        (is_another, missing(self.next.unwrap_or(1), read_ms, stream))
    }
}

/// Which messages are gone of those from `next` on. `read_ms`: from when on they matter.
pub(super) fn missing(next: u64, read_ms: Option<i64>, stream: &Info) -> Option<Gap> {
    let state = &stream.state;
    let from = read_ms?;
    let last_ms = state.last_timestamp.timestamp_millis();
    let until = match state.messages {
        // Of an emptied stream it is known at best when its last message came.
        0 if last_ms > 0 => last_ms,
        0 => now_ms(),
        _ => state.first_timestamp.timestamp_millis(),
    };
    (state.first_sequence > next && until > from).then_some((from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream made on that day of a month, with messages of these sequences; its first one came on that day.
    fn stream(made: u32, first: u64, last: u64, first_day: u32) -> Info {
        let day = |day: u32| format!("2026-11-{day:02}T00:00:00Z");
        let messages = (last + 1).saturating_sub(first);
        serde_json::from_value(serde_json::json!({
            "config": {
                "name": "SHOP", "retention": "limits", "max_consumers": -1, "max_msgs": -1, "max_bytes": -1,
                "discard": "old", "max_age": 0, "storage": "file", "num_replicas": 1,
            },
            "created": day(made),
            "state": {
                "messages": messages, "bytes": 0, "first_seq": first, "last_seq": last, "consumer_count": 1,
                "first_ts": if messages > 0 { day(first_day) } else { "0001-01-01T00:00:00Z".to_owned() },
                "last_ts": day(20),
            },
        }))
        .unwrap()
    }

    fn ms(day: u32) -> i64 {
        stream(day, 1, 1, day).created.timestamp_millis()
    }

    #[test]
    fn messages_are_missed_only_if_they_were_wanted() {
        let look = |begin, stream: Info| Progress::default().look(begin, &stream).1;
        assert_eq!(look(Begin::At(ms(5)), stream(1, 1, 9, 8)), None, "nothing was ever dropped");
        assert_eq!(look(Begin::At(ms(5)), stream(1, 4, 9, 3)), None, "what was dropped is older");
        assert_eq!(look(Begin::At(ms(5)), stream(1, 4, 9, 8)), Some((ms(5), ms(8))));
        assert_eq!(look(Begin::At(ms(5)), stream(1, 10, 9, 0)), Some((ms(5), ms(20))), "all was dropped");
        assert_eq!(look(Begin::At(ms(21)), stream(1, 10, 9, 0)), None);
        assert_eq!(look(Begin::Earliest, stream(1, 4, 9, 8)), None);
        assert_eq!(look(Begin::Latest, stream(1, 4, 9, 8)), None);
    }

    #[test]
    fn reading_goes_on_behind_what_was_read_and_begins_again_with_a_stream_that_was_made_anew() {
        let begin = Begin::At(ms(5));
        let mut progress = Progress::default();
        assert_eq!(progress.look(begin, &stream(1, 1, 9, 2)), (false, None));
        assert_eq!((progress.next, progress.goal), (None, Some(9)), "the time finds the beginning");
        (progress.next, progress.read_ms) = (Some(8), Some(ms(10)));
        assert_eq!(progress.look(begin, &stream(1, 8, 12, 11)), (false, None));
        assert_eq!((progress.next, progress.goal), (Some(8), Some(9)));
        assert_eq!(progress.look(begin, &stream(1, 10, 12, 11)), (false, Some((ms(10), ms(11)))));
        assert_eq!(progress.next, Some(8), "the server gives the first that it has from there on");
        assert_eq!(progress.look(begin, &stream(15, 1, 12, 16)), (true, None));
        assert_eq!(progress.next, Some(1));
        progress.next = Some(5);
        assert_eq!(
            progress.look(begin, &stream(15, 1, 3, 16)),
            (true, None),
            "it was restored from an older copy"
        );
        let mut latest = Progress::default();
        latest.look(Begin::Latest, &stream(1, 1, 9, 2));
        assert_eq!(latest.next, Some(10));
    }
}
