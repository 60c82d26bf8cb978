//! Wiring of what cannot be used: to the folder of dead letters, and from there to sinks.

use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Config;
use crate::connect::dead::{DEAD_LETTERS, DeadError, DeadLetters, DeadOptions, PersonalPayloads};
use crate::connect::decode::{Decoded, Decoder, Poison};
use crate::connect::{Config as EventsConfig, Record, encode};
use crate::domain::{Event, now_ms};
use crate::exposure::{Outbox, What};
use crate::recommender::{EventOutcome, NoEvent};

/// Why there is no place for them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoDead {
    /// The folder cannot be used.
    #[error("events.dead_dir: {0}")]
    Open(#[from] DeadError),
    /// Nothing says where it is.
    #[error(
        "events.dead_dir is none, and there is no cache_dir, because neither XDG_CACHE_HOME nor HOME names one: set \
         events.dead_dir or cache_dir"
    )]
    NoDir,
}

/// Where dead letters are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Dead(Arc<Mutex<DeadLetters>>);

/// Whether what callers send and cannot be used is kept as well. They are told of each event, so only where a place is
/// meant for it.
pub(super) fn keeps_of_callers(config: &EventsConfig) -> bool {
    config.dead_dir.is_some() || config.sinks.iter().any(|sink| sink.what.contains(&What::Dead))
}

impl Dead {
    /// Opens the folder if anything may come to be kept: what sources bring, or what callers send.
    ///
    /// # Errors
    /// It cannot be made, read or written, or nothing says where it is.
    pub(super) fn open(config: &Config, outbox: Option<Outbox>) -> Result<Option<Self>, NoDead> {
        if config.events.all_sources().is_empty() && !keeps_of_callers(&config.events) {
            return Ok(None);
        }
        let dir = match &config.events.dead_dir {
            Some(dir) => dir.clone(),
            None if config.cache_dir.as_os_str().is_empty() => return Err(NoDead::NoDir),
            None => config.cache_dir.join(DEAD_LETTERS),
        };
        let letters = DeadLetters::open(DeadOptions {
            dir,
            max: config.events.dead_max,
            personal: PersonalPayloads::default(),
        })?;
        Ok(Some(Self(Arc::new(Mutex::new(letters.with_outbox(outbox))))))
    }

    /// For those who read records themselves.
    pub(super) fn letters(&self) -> Arc<Mutex<DeadLetters>> {
        Arc::clone(&self.0)
    }

    /// Keeps events that could be read and not be applied.
    pub(super) fn not_applied<'a>(
        &self,
        source: &str,
        events: impl Iterator<Item = (&'a Event, &'a EventOutcome)>,
    ) {
        for (event, outcome) in events {
            let Some(reason) = outcome.reason() else { continue };
            let poison = Poison::not_applied(reason, outcome.message());
            let ids = [&event.user_id, &event.visitor_id, &event.session_id];
            self.write(source, &encode(event), poison, ids.into_iter().any(Option::is_some));
        }
    }

    /// Keeps what could not be read.
    pub(super) fn not_read(&self, source: &str, NoEvent { body, reason, field, message }: &NoEvent) {
        let names_a_person = Decoder::canonical().names_a_person(&Record::new(source, body));
        let poison = Poison { field: field.clone(), ..Poison::not_applied(reason, message.clone()) };
        self.write(source, body, poison, names_a_person);
    }

    fn write(&self, source: &str, body: &[u8], poison: Poison, names_a_person: bool) {
        let decoded = Decoded { poison: vec![poison], names_a_person, ..Decoded::default() };
        let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = letters.write(&Record::new(source, body), &decoded, now_ms()) {
            tracing::error!(source, %error, "a dead letter was not kept");
        }
    }
}
