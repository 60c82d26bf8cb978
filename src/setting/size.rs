//! Sizes of memory and files as people write them: `2GiB`, `800MB`, or a plain number of bytes.

use bytesize::ByteSize;

use super::Form;

/// A number of bytes.
#[derive(Debug)]
pub struct Size;

impl Form for Size {
    type Value = u64;

    fn expected() -> String {
        "a size such as 256MiB, 2GB or a number of bytes".to_owned()
    }

    fn parse(text: &str) -> Option<u64> {
        let text = text.trim();
        // A unit of one letter counts in 1024s, as Docker, nginx and the JVM read `2g`; bytesize counts it in
        // thousands.
        let binary = match text.as_bytes() {
            [.., before, unit] if is_prefix(*unit) && !before.is_ascii_alphabetic() => format!("{text}iB"),
            _ => text.to_owned(),
        };
        // bytesize stops at the largest number of 64 bits rather than wrapping; the range of the setting refuses that.
        binary.parse::<ByteSize>().ok().map(|size| size.as_u64())
    }

    /// Exact, unlike bytesize's own: in the largest unit that leaves no rest.
    fn show(value: &u64) -> String {
        const UNITS: [(&str, u64); 8] = [
            ("TiB", 1 << 40),
            ("TB", 1_000_000_000_000),
            ("GiB", 1 << 30),
            ("GB", 1_000_000_000),
            ("MiB", 1 << 20),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
            ("kB", 1000),
        ];
        let exact = UNITS.iter().find(|(_, unit)| *value >= *unit && value.is_multiple_of(*unit));
        match exact {
            Some((name, unit)) => format!("{}{name}", value / unit),
            None => value.to_string(),
        }
    }
}

fn is_prefix(unit: u8) -> bool {
    matches!(unit.to_ascii_lowercase(), b'k' | b'm' | b'g' | b't')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let known = [
            ("0", 0),
            ("1500", 1500),
            ("2GiB", 2 << 30),
            ("1.5g", 3 << 29),
            ("800 MB", 800_000_000),
            ("64Ki", 65536),
            ("64k", 65536),
            ("1TiB", 1 << 40),
            ("10b", 10),
        ];
        for (text, bytes) in known {
            assert_eq!(Size::parse(text), Some(bytes), "{text}");
        }
        for text in ["", "GiB", "k", "-1g", "1TB!", "1.2.3", "much", "1e9", "true"] {
            assert_eq!(Size::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_too_large_for_64_bits_is_the_largest() {
        for text in ["99999999999999999999999", "999999999999EiB"] {
            assert_eq!(Size::parse(text).unwrap_or(u64::MAX), u64::MAX, "{text}");
        }
    }

    #[test]
    fn a_size_is_written_without_a_rest() {
        let known = [
            (0, "0"),
            (1500, "1500"),
            (2000, "2kB"),
            (2 << 30, "2GiB"),
            (8 << 20, "8MiB"),
            (1 << 40, "1TiB"),
        ];
        for (bytes, text) in known {
            assert_eq!(Size::show(&bytes), text);
            assert_eq!(Size::parse(text), Some(bytes));
        }
        assert_eq!(Size::show(&(u64::MAX)), u64::MAX.to_string());
    }
}
