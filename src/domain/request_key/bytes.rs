//! A key as bytes, to be compared in full or digested.

use super::KeyVisitor;

/// Takes bytes one after the other: a buffer or a digest.
pub trait ByteSink {
    /// Takes these bytes.
    fn take(&mut self, bytes: &[u8]);
}

impl ByteSink for Vec<u8> {
    #[inline]
    fn take(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Writes a key as bytes that no other key of the same scope is a part of.
///
/// Texts and lists have their length before them and values their type, so that no two values run together.
#[derive(Debug)]
pub struct KeyBytes<'a, S>(pub &'a mut S);

impl<S: ByteSink> KeyBytes<'_, S> {
    // Tag and value in one go: a cached answer takes three thousand instructions, of which each append is some twenty.
    #[inline]
    fn tagged(&mut self, tag: u8, value: [u8; 8]) {
        let [a, b, c, d, e, f, g, h] = value;
        self.0.take(&[tag, a, b, c, d, e, f, g, h]);
    }

    #[inline]
    fn length(&mut self, tag: u8, length: usize) {
        let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        self.0.take(&[tag, a, b, c, d]);
    }
}

impl<S: ByteSink> KeyVisitor for KeyBytes<'_, S> {
    #[inline]
    fn absent(&mut self) {
        self.0.take(&[0]);
    }

    #[inline]
    fn text(&mut self, value: &str) {
        self.length(1, value.len());
        self.0.take(value.as_bytes());
    }

    #[inline]
    fn integer(&mut self, value: i64) {
        self.tagged(2, value.to_le_bytes());
    }

    #[inline]
    fn number(&mut self, value: f64) {
        self.tagged(3, value.to_bits().to_le_bytes());
    }

    #[inline]
    fn boolean(&mut self, value: bool) {
        self.0.take(&[4, u8::from(value)]);
    }

    #[inline]
    fn choice(&mut self, number: u8, _name: &'static str) {
        self.0.take(&[5, number]);
    }

    #[inline]
    fn open_list(&mut self, length: usize) {
        self.length(6, length);
    }

    #[inline]
    fn open_map(&mut self, length: usize) {
        self.length(7, length);
    }

    #[inline]
    fn entry(&mut self, name: &str) {
        self.text(name);
    }
}
