//! Thrift's compact protocol, as far as it takes to look over what a Parquet reader is about to be given: without
//! recursion, and without taking memory for what the bytes only claim.

use thiserror::Error;

/// Values may stand this deep in each other; Parquet's own stand 8 deep.
const DEEPEST: usize = 24;

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
const DOUBLE: u8 = 7;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(super) const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// Why bytes are no sound Thrift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Broken {
    #[error("is cut off")]
    Short,
    #[error("has a list of {0} values, longer than itself")]
    Count(u64),
    #[error("has values more than {DEEPEST} deep")]
    Deep,
    #[error("has a value of the unknown type {0}")]
    Type(u8),
    #[error("has a number that is too long")]
    Number,
}

/// A place in bytes.
#[derive(Debug, Clone)]
pub(super) struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A struct that is read field by field.
#[derive(Debug, Default)]
pub(super) struct Fields {
    last: i16,
}

/// What is left of a container that is skipped.
enum Open {
    Struct,
    List { kind: u8, left: u64 },
    Map { key: u8, value: u8, left: u64 },
}

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next field of a struct: its number and its type; `None` at the struct's end.
    pub(super) fn field(&mut self, fields: &mut Fields) -> Result<Option<(i16, u8)>, Broken> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind == 0 {
            return Ok(None);
        }
        fields.last = match head >> 4 {
            0 => self.int()? as i16,
            step => fields.last.wrapping_add(i16::from(step)),
        };
        Ok(Some((fields.last, kind)))
    }

    /// The beginning of a list: the type and the number of its values, each of which takes a byte at least.
    pub(super) fn list(&mut self) -> Result<(u8, u64), Broken> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            few => u64::from(few),
        };
        self.believe(count)?;
        Ok((head & 0x0f, count))
    }

    pub(super) fn int(&mut self) -> Result<i64, Broken> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// Passes over a value of this type, whatever is in it.
    pub(super) fn skip(&mut self, kind: u8) -> Result<(), Broken> {
        let mut open: Vec<Open> = Vec::new();
        self.begin(kind, false, &mut open)?;
        // What is open is kept in a list and not on the stack, which a file could exhaust.
        while let Some(inner) = open.last_mut() {
            let next = match inner {
                Open::Struct => self.field(&mut Fields::default())?.map(|(_, kind)| (kind, false)),
                Open::List { left: 0, .. } | Open::Map { left: 0, .. } => None,
                Open::List { kind, left } => {
                    *left -= 1;
                    Some((*kind, true))
                }
                Open::Map { key, value, left } => {
                    *left -= 1;
                    Some((if *left % 2 == 1 { *key } else { *value }, true))
                }
            };
            match next {
                Some((kind, in_list)) => self.begin(kind, in_list, &mut open)?,
                None => drop(open.pop()),
            }
        }
        Ok(())
    }

    /// Passes over a plain value, or opens a container. A truth value takes a byte in a list and none as a field.
    fn begin(&mut self, kind: u8, in_list: bool, open: &mut Vec<Open>) -> Result<(), Broken> {
        let inner = match kind {
            TRUE | FALSE if in_list => return self.pass(1),
            TRUE | FALSE => return Ok(()),
            BYTE => return self.pass(1),
            I16 | I32 | I64 => return self.varint().map(drop),
            DOUBLE => return self.pass(8),
            UUID => return self.pass(16),
            BINARY => {
                let length = self.varint()?;
                return self.pass(usize::try_from(length).map_err(|_| Broken::Short)?);
            }
            STRUCT => Open::Struct,
            LIST | SET => {
                let (kind, left) = self.list()?;
                Open::List { kind, left }
            }
            MAP => {
                let pairs = self.varint()?;
                self.believe(pairs)?;
                let kinds = if pairs == 0 { 0 } else { self.byte()? };
                Open::Map { key: kinds >> 4, value: kinds & 0x0f, left: pairs.saturating_mul(2) }
            }
            other => return Err(Broken::Type(other)),
        };
        open.push(inner);
        if open.len() > DEEPEST { Err(Broken::Deep) } else { Ok(()) }
    }

    fn believe(&self, count: u64) -> Result<(), Broken> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left { Err(Broken::Count(count)) } else { Ok(()) }
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Broken::Number)
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        let byte = self.bytes.get(self.at).copied().ok_or(Broken::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, length: usize) -> Result<(), Broken> {
        if length > self.bytes.len() - self.at {
            return Err(Broken::Short);
        }
        self.at += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(kind: u8, bytes: &[u8]) -> Result<usize, Broken> {
        let mut compact = Compact::new(bytes);
        compact.skip(kind).map(|()| compact.at())
    }

    #[test]
    fn every_kind_of_value_is_passed_over() {
        assert_eq!(skipped(I64, &[0x80, 0x01, 9]), Ok(2));
        assert_eq!(skipped(BINARY, b"\x03abcd"), Ok(4));
        assert_eq!(skipped(TRUE, &[]), Ok(0));
        // Two truth values, a map of one pair, a struct with a double and a UUID, one byte each of what follows.
        assert_eq!(skipped(LIST, &[0x21, 1, 2, 9]), Ok(3));
        assert_eq!(skipped(MAP, &[1, 0x85, 1, b'k', 7, 9]), Ok(5));
        let mut fields = vec![0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x1d];
        fields.extend([0; 16]);
        fields.extend([0, 9]);
        assert_eq!(skipped(STRUCT, &fields), Ok(27));
    }

    #[test]
    fn what_cannot_be_is_refused_without_recursion_or_memory() {
        assert_eq!(skipped(LIST, &[0xf5, 0xff, 0xff, 0xff, 0xff, 0x07]), Err(Broken::Count(0x7fff_ffff)));
        assert_eq!(skipped(STRUCT, &[0x1c; 1 << 20]), Err(Broken::Deep));
        assert_eq!(skipped(LIST, &[0x19; 1 << 20]), Err(Broken::Deep));
        assert_eq!(skipped(BINARY, &[0xff, 0xff, 0xff, 0xff, 0x0f]), Err(Broken::Short));
        assert_eq!(skipped(STRUCT, &[0x1e]), Err(Broken::Type(14)));
        assert_eq!(skipped(I64, &[0xff; 11]), Err(Broken::Number));
        assert_eq!(skipped(STRUCT, &[]), Err(Broken::Short));
    }
}
