//! What events have changed since the snapshot was made, as one immutable part of what a request is answered from.
//!
//! [`States`](crate::live::States) is what events say, whatever the snapshot; [`Live`](crate::live::Live) is one epoch
//! of it in the rows of one snapshot. Who applies events makes the next epoch from the one before: it shares all chunks
//! of 512 rows in which nothing changed. Requests pin an epoch and take no lock. What sessions and users did lately has
//! a place of its own, [`recent`](crate::live::recent).

pub mod recent;

mod arrivals;
mod backlog;
mod config;
mod counts;
mod digest;
mod epoch;
mod forgotten;
mod states;

pub use backlog::Backlog;
pub use config::Config;
pub use counts::{ByPartition, EventCounts, Fate, FateCounts, Read};
pub use epoch::{Base, Live};
pub use forgotten::{ForgottenError, ForgottenFile};
pub use states::{Applied, States};
