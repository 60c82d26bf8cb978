//! Cuts a filter expression into tokens.

use super::{MAX_BYTES, PredicateError};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Parameter(String),
    Number(f64),
    Text(String),
    Symbol(&'static str),
    End,
}

impl Token {
    pub(super) fn describe(&self) -> String {
        match self {
            Token::Name(name) => format!("`{name}`"),
            Token::Parameter(name) => format!("`${name}`"),
            Token::Number(number) => format!("`{number}`"),
            Token::Text(text) => format!("\"{text}\""),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::End => "the end".to_owned(),
        }
    }
}

const SYMBOLS: [&str; 14] = ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ","];

/// The tokens with their character positions from 1, closed by [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, PredicateError> {
    if text.len() > MAX_BYTES {
        return Err(PredicateError::TooLarge { what: "its length in bytes", limit: MAX_BYTES });
    }
    let mut found = Vec::new();
    let mut rest = text;
    // Counted on and not from the beginning each time, which 4096 tokens of one character would make 8 million steps.
    let (mut at, mut counted) = (1, 0);
    loop {
        rest = rest.trim_start();
        let start = text.len() - rest.len();
        at += text[counted..start].chars().count();
        counted = start;
        let Some(first) = rest.chars().next() else {
            found.push((at, Token::End));
            return Ok(found);
        };
        let (token, used) = if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else if first == '"' || first == '\'' {
            quoted(rest, first, at)?
        } else if first == '$' {
            let name = word(&rest[1..]);
            (Token::Parameter(name.to_owned()), name.len() + 1)
        } else if first.is_ascii_digit() || first == '-' || first == '.' {
            number(rest, at)?
        } else if first.is_alphabetic() || first == '_' {
            let name = word(rest);
            (Token::Name(name.to_owned()), name.len())
        } else {
            return Err(PredicateError::Syntax {
                at,
                expected: "an attribute, a value or an operator",
                found: format!("`{first}`"),
            });
        };
        found.push((at, token));
        rest = &rest[used..];
    }
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '-'));
    &text[..end.unwrap_or(text.len())]
}

fn number(text: &str, at: usize) -> Result<(Token, usize), PredicateError> {
    let end = text
        .char_indices()
        .find(|(i, c)| {
            let exponent_sign = *i > 0 && matches!(text.as_bytes()[i - 1], b'e' | b'E');
            !(c.is_ascii_alphanumeric() || *c == '.' || (*c == '-' && (*i == 0 || exponent_sign)))
        })
        .map_or(text.len(), |(i, _)| i);
    match text[..end].parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value), end)),
        _ => Err(PredicateError::Syntax { at, expected: "a number", found: format!("`{}`", &text[..end]) }),
    }
}

fn quoted(text: &str, quote: char, at: usize) -> Result<(Token, usize), PredicateError> {
    let mut value = String::new();
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            c if c == quote => return Ok((Token::Text(value), i + 1)),
            c => value.push(c),
        }
    }
    Err(PredicateError::Syntax { at, expected: "a closing quote", found: "the end".to_owned() })
}
