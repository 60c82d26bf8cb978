//! Base64 (RFC 4648, section 4), and keys as OpenSSL writes them.

/// What stands before a raw Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, section 4).
const PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn public_key(text: &str) -> Option<[u8; super::KEY_BYTES]> {
    let bytes = from_base64(&between_marks(text, "PUBLIC KEY").unwrap_or_else(|| text.trim().to_owned()))?;
    let raw = bytes.strip_prefix(&PUBLIC).unwrap_or(&bytes);
    raw.try_into().ok()
}

/// The base64 between the marks of a PEM file.
pub(super) fn between_marks(text: &str, what: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {what}-----"))?;
    let (inner, _) = rest.split_once(&format!("-----END {what}-----"))?;
    Some(inner.split_ascii_whitespace().collect())
}

pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let number =
            (0..3).fold(0u32, |number, at| number << 8 | u32::from(part.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= part.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for part in digits.chunks(4) {
        let mut number = 0u32;
        for at in 0..4 {
            let value = match part.get(at) {
                Some(digit) => DIGITS.iter().position(|known| known == digit)? as u32,
                None => 0,
            };
            number = number << 6 | value;
        }
        let [_, whole @ ..] = number.to_be_bytes();
        let (used, rest) = whole.split_at(part.len() * 6 / 8);
        // One text for each value: what is left over must be nothing.
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(used);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
            assert_eq!(from_base64(encoded).as_deref(), Some(plain.as_bytes()));
        }
        for wrong in ["Zg", "Zh==", "Zm9=", "Z===", "Zm9v!", "Zm 8=", "===="] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }
}
