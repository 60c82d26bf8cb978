//! Notifications of S3: another snapshot may have been published.

use serde_json::Value;

use super::clock::Clock;
use super::frame::{Form, Frame};
use super::poison::{Poison, Reason, cut};
use super::{defaults, time};
use crate::domain::{Event, EventKind};

/// Reads a notification about one object; `None` if it is about another file than a channel's, or about no new content.
///
/// # Errors
/// It has no key, or no usable time.
pub(super) fn read(frame: &Frame<'_>, clock: Clock) -> Result<Option<Event>, Poison> {
    let location = frame.location();
    let (pointer, is_new) = match frame.form {
        Form::S3Record => {
            // With and without "s3:" in front: both have been sent.
            let name = frame.text("eventName").unwrap_or_default();
            ("/s3/object/key", name.trim_start_matches("s3:").starts_with("ObjectCreated:"))
        }
        _ => {
            let kind = frame.outer.and_then(|outer| outer.text("detail-type"));
            ("/object/key", kind == Some("Object Created"))
        }
    };
    if !is_new {
        return Ok(None);
    }
    let key = frame.document.pointer(pointer).and_then(Value::as_str).ok_or_else(|| {
        let message = "is not there, and is needed for a notification of S3";
        Poison::new(Reason::MissingField, &format!("{location}{pointer}"), message)
    })?;
    let key = match frame.form {
        // In a notification the key is written as in a URL; in an event of EventBridge it is not.
        Form::S3Record => url_decoded(key).ok_or_else(|| {
            let message = format!("is {:?}: expected a key in URL encoding", cut(key, 64));
            Poison::new(Reason::BadValue, &format!("{location}{pointer}"), message)
        })?,
        _ => key.to_owned(),
    };
    if !is_channel(&key) {
        return Ok(None);
    }
    let field = format!("{location}/time");
    let time_ms = time::settle(defaults::time_ms(frame)?, clock, &field)?;
    Ok(Some(Event { id: defaults::id(frame), ..Event::new(EventKind::SnapshotPublished, time_ms) }))
}

/// Whether a key is that of a channel, `…/channels/NAME.json`.
fn is_channel(key: &str) -> bool {
    let mut parts = key.rsplit('/');
    let is_document =
        parts.next().and_then(|name| name.strip_suffix(".json")).is_some_and(|name| !name.is_empty());
    is_document && parts.next() == Some("channels")
}

fn url_decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit()? * 16 + digit()?).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_and_channels_known() {
        assert_eq!(url_decoded("a%2Fb+c%C3%A9").as_deref(), Some("a/b cé"));
        for key in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(url_decoded(key), None, "{key}");
        }
        for (key, channel) in [
            ("channels/production.json", true),
            ("shop/eu/channels/production.json", true),
            ("channels/.json", false),
            ("channels/a/b.json", false),
            ("xchannels/a.json", false),
            ("snapshots/1/manifest.json", false),
            ("", false),
        ] {
            assert_eq!(is_channel(key), channel, "{key}");
        }
    }
}
