//! One request and its answer, with the bytes that are held for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use crate::server::edge::connection::{Connection, USUAL_HEAD};
use crate::server::problem::{Kind, Problem};

/// Bytes that an answer takes while it is made, as a multiple of those of its message: each text and each number is an
/// allocation of its own then.
const IN_THE_MAKING: usize = 4;

/// A request and its answer, from its head until the last byte of the answer is written or given up.
///
/// Whatever holds bytes of either keeps this; when the last of them is dropped, everything is given back.
#[derive(Debug)]
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    /// There was room for the request's head.
    has_room: bool,
    /// Bytes of the request.
    received: AtomicUsize,
    /// Bytes of the answer while it is made, and what it takes beside those that are written.
    made: AtomicUsize,
    /// Bytes of the answer that are not written yet.
    unsent: AtomicUsize,
    /// Bytes of the answer that are written.
    sent: AtomicUsize,
    all_sent: AtomicWaker,
}

impl Exchange {
    /// Begins an exchange on a connection, with a head of so many bytes.
    pub(crate) fn begin(connection: &Arc<Connection>, head: usize) -> Arc<Self> {
        connection.request_began();
        connection.unfinished.take(head);
        Arc::new(Self {
            connection: Arc::clone(connection),
            has_room: head <= USUAL_HEAD || !connection.unfinished.is_tight(),
            received: AtomicUsize::new(head),
            made: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            all_sent: AtomicWaker::new(),
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Refuses a request for which there is no room, or would be none for its answer. Asked before that is computed.
    pub(crate) fn check_room(&self) -> Result<(), Problem> {
        if !self.has_room {
            return Err(unfinished());
        }
        if self.connection.unsent.has_room() { Ok(()) } else { Err(unread()) }
    }

    /// Counts a part of an answer that is being made, by the bytes of its message.
    pub(crate) fn make(&self, bytes: usize) -> Result<(), Problem> {
        let bytes = bytes.saturating_mul(IN_THE_MAKING);
        let limit = self.connection.unsent.limit();
        if self.made.load(Ordering::Relaxed).saturating_add(bytes) > limit {
            // Alone it is too much: to come again would not help.
            let detail = format!(
                "the answer would take more than {limit} bytes while it is made: ask for fewer slots, items or fields \
                 (server.max_unsent_per_connection)"
            );
            return Err(Problem::new(Kind::InvalidArgument, detail));
        }
        if !self.connection.unsent.try_take(bytes) {
            return Err(unread());
        }
        self.made.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Counts bytes of the request's body; false if there is no room for them.
    pub(super) fn receive(&self, bytes: usize) -> bool {
        let taken = self.connection.unfinished.try_take(bytes);
        if taken {
            self.received.fetch_add(bytes, Ordering::Relaxed);
        }
        taken
    }

    /// The request is answered: what was read of it is gone, and so is what the answer was made from.
    pub(super) fn answered(&self) {
        self.connection.unfinished.give_back(self.received.swap(0, Ordering::Relaxed));
        self.connection.unsent.give_back(self.made.swap(0, Ordering::Relaxed));
    }

    /// Counts bytes that are kept as long as anything of the answer is.
    pub(super) fn keep(&self, bytes: usize) {
        self.made.fetch_add(bytes, Ordering::Relaxed);
        self.connection.unsent.take(bytes);
    }

    /// Counts bytes that are to be written.
    pub(super) fn to_send(&self, bytes: usize) {
        self.unsent.fetch_add(bytes, Ordering::Relaxed);
        self.connection.to_send(bytes);
    }

    /// Counts bytes that are written.
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        self.given_up(bytes);
    }

    /// Counts bytes that never will be written.
    pub(super) fn given_up(&self, bytes: usize) {
        self.connection.no_longer_held(bytes);
        if bytes > 0 && self.unsent.fetch_sub(bytes, Ordering::AcqRel) == bytes {
            self.all_sent.wake();
        }
    }

    /// Bytes of the answer that are not written yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.load(Ordering::Acquire)
    }

    /// Bytes of the answer that are written.
    pub(super) fn progress(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Wakes `waker` when everything that is to be written is written.
    pub(super) fn on_all_sent(&self, waker: &Waker) {
        self.all_sent.register(waker);
    }

    /// Whether the connection, or all of them, hold so much that the answer must be one that can be taken back until
    /// its last byte is written.
    pub(super) fn is_tight(&self) -> bool {
        self.connection.unsent.is_much() || self.connection.unsent.is_tight()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.answered();
        self.connection.request_ended();
    }
}

fn unread() -> Problem {
    Problem::new(
        Kind::Overloaded,
        "too many bytes of answers are not read yet: read them, or ask for fewer items, fields or slots at once \
         (server.max_unsent, server.max_unsent_per_connection)",
    )
}

pub(super) fn unfinished() -> Problem {
    Problem::new(
        Kind::Overloaded,
        "too many bytes of requests are not received completely yet: send fewer large ones at once \
         (server.max_unfinished, server.max_unfinished_per_connection)",
    )
}
