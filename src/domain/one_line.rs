//! Text from outside, made fit to stand in one line of a log or of an answer.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The same text with what would end the line, move a terminal's cursor or turn the direction of reading written out,
/// as JSON writes it: `\n`, `\u001b`.
///
/// Names come from artifacts, events and requests. Whoever chooses one must not be able to write a line of ours.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_written_out) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ if is_written_out(letter) => {
                let _ = write!(line, "\\u{:04x}", u32::from(letter)); // a string takes everything
            }
            _ => line.push(letter),
        }
    }
    Cow::Owned(line)
}

fn is_written_out(letter: char) -> bool {
    // Controls of ASCII and of Latin 1, the line and paragraph separators, marks and overrides of direction.
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_line_or_steers_a_terminal_is_written_out() {
        assert_eq!(one_line("similar\n2026 INFO all is well\r"), "similar\\n2026 INFO all is well\\r");
        assert_eq!(one_line("\u{1b}[2J\u{9b}31m\u{7f}\0"), "\\u001b[2J\\u009b31m\\u007f\\u0000");
        assert_eq!(one_line("\u{85}\u{2028}\u{202e}gnp.exe"), "\\u0085\\u2028\\u202egnp.exe");
    }

    #[test]
    fn other_text_is_left_as_it_is() {
        for text in ["", "Crème brûlée", "値札 🛒", "a\\nb \"quoted\""] {
            assert!(matches!(one_line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
