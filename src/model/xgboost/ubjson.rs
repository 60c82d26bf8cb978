//! Universal Binary JSON (draft 12, ubjson.org) as XGBoost writes it: numbers big-endian, long lists with a type and a
//! count.

use super::allowance::{Allowance, DEEPEST, TooMuch};
use super::document::{Document, Values, field_bytes};
use crate::model::ModelError;

pub(super) fn ubjson(bytes: &[u8]) -> Result<Document, ModelError> {
    let mut reader = Reader { bytes, at: 0, allowance: Allowance::of_file(bytes.len()) };
    let marker = reader.marker()?;
    let document = reader.value(marker, 0)?;
    if reader.at != bytes.len() {
        return Err(reader.fault("there is more after the end of the document"));
    }
    Ok(document)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    allowance: Allowance,
}

impl<'a> Reader<'a> {
    fn value(&mut self, marker: u8, depth: usize) -> Result<Document, ModelError> {
        if depth > DEEPEST {
            return Err(self.fault(format!("values are more than {DEEPEST} deep")));
        }
        Ok(match marker {
            b'Z' => Document::Null,
            b'T' => Document::Number(1.0),
            b'F' => Document::Number(0.0),
            b'S' => {
                let text = self.text()?;
                let taken = self.allowance.take(text.len());
                self.within(taken)?;
                Document::Text(text)
            }
            b'[' => self.list(depth)?,
            b'{' => self.map(depth)?,
            _ => Document::Number(self.number(marker)?),
        })
    }

    fn list(&mut self, depth: usize) -> Result<Document, ModelError> {
        let (kind, count) = self.container()?;
        if let (Some(kind), Some(count)) = (kind, count)
            && let Some(width) = width(kind)
        {
            // Checked before anything is made of that size.
            if count > (self.bytes.len() - self.at) / width {
                return Err(self.fault(format!("a list of {count} numbers is longer than the file")));
            }
            let taken = self.allowance.take(count * size_of::<f64>());
            self.within(taken)?;
            let numbers: Result<_, _> = (0..count).map(|_| self.number(kind)).collect();
            return Ok(Document::Numbers(numbers?));
        }
        let mut list = Values::default();
        while let Some(marker) = self.next_in(b']', kind, count, list.len())? {
            let value = self.value(marker, depth + 1)?;
            let taken = list.push(value, &mut self.allowance);
            self.within(taken)?;
        }
        Ok(list.document())
    }

    fn map(&mut self, depth: usize) -> Result<Document, ModelError> {
        let (kind, count) = self.container()?;
        let mut fields = Vec::new();
        loop {
            let ended = match count {
                Some(count) => fields.len() == count,
                None => self.peek()? == b'}',
            };
            if ended {
                self.at += usize::from(count.is_none());
                return Ok(Document::Map(fields));
            }
            let key = self.text()?;
            let taken = self.allowance.take(field_bytes(&key));
            self.within(taken)?;
            let marker = kind.map_or_else(|| self.marker(), Ok)?;
            fields.push((key, self.value(marker, depth + 1)?));
        }
    }

    /// The marker of a list's next value; `None` at its end.
    fn next_in(
        &mut self,
        end: u8,
        kind: Option<u8>,
        count: Option<usize>,
        have: usize,
    ) -> Result<Option<u8>, ModelError> {
        if count == Some(have) {
            return Ok(None);
        }
        if let Some(kind) = kind {
            return Ok(Some(kind));
        }
        let marker = self.marker()?;
        Ok((count.is_some() || marker != end).then_some(marker))
    }

    /// The optional `$type` and `#count` of a list or map.
    fn container(&mut self) -> Result<(Option<u8>, Option<usize>), ModelError> {
        let mut kind = None;
        if self.peek()? == b'$' {
            self.at += 1;
            kind = Some(self.marker()?);
            // A few bytes could claim billions of them.
            if matches!(kind, Some(b'Z' | b'T' | b'F' | b'N')) {
                return Err(
                    self.fault("values of that type take no space, so their number cannot be believed")
                );
            }
            if self.peek()? != b'#' {
                return Err(self.fault("a list with a type must have a count"));
            }
        }
        if self.peek()? != b'#' {
            return Ok((kind, None));
        }
        self.at += 1;
        Ok((kind, Some(self.length()?)))
    }

    fn text(&mut self) -> Result<String, ModelError> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| self.fault("a text is not UTF-8"))
    }

    fn length(&mut self) -> Result<usize, ModelError> {
        let marker = self.marker()?;
        let length = self.number(marker)?;
        // Nothing in a file is longer than the file: checked before any memory is taken.
        if length < 0.0 || length > self.bytes.len() as f64 || length.fract() != 0.0 {
            return Err(self.fault(format!("{length} is not a length within the file")));
        }
        Ok(length as usize)
    }

    fn number(&mut self, marker: u8) -> Result<f64, ModelError> {
        Ok(match marker {
            b'i' => f64::from(i8::from_be_bytes(self.array()?)),
            b'U' => f64::from(u8::from_be_bytes(self.array()?)),
            b'I' => f64::from(i16::from_be_bytes(self.array()?)),
            b'l' => f64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?) as f64,
            b'd' => f64::from(f32::from_be_bytes(self.array()?)),
            b'D' => f64::from_be_bytes(self.array()?),
            other => {
                self.at -= 1;
                return Err(self.fault(format!("{:?} does not begin a value", char::from(other))));
            }
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ModelError> {
        let taken = self.at.checked_add(length).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| self.fault("the file is cut off"))?;
        self.at += length;
        Ok(taken)
    }

    fn marker(&mut self) -> Result<u8, ModelError> {
        loop {
            let [marker] = self.array()?;
            if marker != b'N' {
                return Ok(marker);
            }
        }
    }

    fn peek(&self) -> Result<u8, ModelError> {
        self.bytes.get(self.at).copied().ok_or_else(|| self.fault("the file is cut off"))
    }

    fn within(&self, taken: Result<(), TooMuch>) -> Result<(), ModelError> {
        taken.map_err(|error| self.fault(error.to_string()))
    }

    fn fault(&self, reason: impl Into<String>) -> ModelError {
        ModelError::malformed(format!("byte {}", self.at), reason)
    }
}

/// The bytes of a number of that type.
fn width(kind: u8) -> Option<usize> {
    match kind {
        b'i' | b'U' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}
