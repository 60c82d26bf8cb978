//! What a file of those who were forgotten says, line by line.

use serde::{Deserialize, Serialize};

use crate::live::recent::Forgotten;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    secret: String,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    subject: String,
    until_ms: i64,
}

/// What a file says.
pub(super) struct Content {
    pub(super) secret: [u64; 2],
    pub(super) entries: Vec<Forgotten>,
    /// Its bytes without a last line that was cut off.
    pub(super) whole: u64,
}

/// A line that is none of ours.
#[derive(Debug)]
pub(super) struct BadLine {
    /// The line, from 1.
    pub(super) line: usize,
    /// Why.
    pub(super) problem: String,
}

/// The line that says it of one.
pub(super) fn line(known: &Forgotten) -> String {
    let entry = Entry { subject: format!("{:016x}", known.subject), until_ms: known.until_ms };
    // It cannot fail: a text and a number.
    serde_json::to_string(&entry).unwrap_or_default() + "\n"
}

/// The first line, which has the secret.
pub(super) fn head(secret: [u64; 2]) -> String {
    let head = Head { secret: format!("{:016x}{:016x}", secret[0], secret[1]) };
    // It cannot fail: a text.
    serde_json::to_string(&head).unwrap_or_default() + "\n"
}

/// Reads a file's bytes.
pub(super) fn read(bytes: &[u8]) -> Result<Content, BadLine> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut lines = bytes[..whole].split(|byte| *byte == b'\n').zip(1..);
    let bad = |line, problem: String| BadLine { line, problem };
    let (head, _) = lines.next().unwrap_or_default();
    let secret = secret(head).map_err(|problem| bad(1, problem))?;
    let mut entries = Vec::new();
    for (text, number) in lines.filter(|(text, _)| !text.is_empty()) {
        entries.push(entry(text).map_err(|problem| bad(number, problem))?);
    }
    Ok(Content { secret, entries, whole: whole as u64 })
}

fn secret(text: &[u8]) -> Result<[u64; 2], String> {
    let Head { secret } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let halves = secret.split_at_checked(16).map(|(one, other)| [one, other].map(hexadecimal));
    match halves {
        Some([Some(one), Some(other)]) => Ok([one, other]),
        _ => Err("its secret is not of 32 hexadecimal digits".to_owned()),
    }
}

fn entry(text: &[u8]) -> Result<Forgotten, String> {
    let Entry { subject, until_ms } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let subject = hexadecimal(&subject).filter(|subject| *subject != 0);
    let subject = subject.ok_or("its subject is not of 16 hexadecimal digits")?;
    Ok(Forgotten { subject, until_ms })
}

fn hexadecimal(text: &str) -> Option<u64> {
    (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}
