//! Which program wrote a model file.

/// The formats that [`crate::model::Ranker::read`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// LightGBM's text: `Booster.save_model("model.txt")`.
    LightGbm,
    /// XGBoost's JSON: `Booster.save_model("model.json")`.
    XgboostJson,
    /// XGBoost's UBJSON: `Booster.save_model("model.ubj")`.
    XgboostUbj,
    /// Weights in JSON: `{"weights": {"price": -0.5}, "intercept": 1.0, "link": "logistic"}`.
    Linear,
    /// ONNX, a network: read in builds with the feature `onnx`, refused by others.
    Onnx,
}

impl Format {
    /// The names that [`Format::parse`] knows.
    pub const NAMES: [&str; 5] = ["lightgbm", "xgboost_json", "xgboost_ubj", "linear", "onnx"];

    const ALL: [Self; 5] = [Self::LightGbm, Self::XgboostJson, Self::XgboostUbj, Self::Linear, Self::Onnx];

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The format that a file seems to have, by its first bytes.
    pub fn guess(bytes: &[u8]) -> Option<Self> {
        const LOOK_AT: usize = 4096;
        let start = bytes.trim_ascii_start();
        let head = &start[..start.len().min(LOOK_AT)];
        let says = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
        match bytes {
            _ if head.starts_with(b"tree\n") || head.starts_with(b"tree\r\n") => Some(Self::LightGbm),
            // UBJSON writes the length of a key, with its type, where JSON has a quotation mark.
            [b'{', b'i' | b'U' | b'I' | b'l' | b'L' | b'#' | b'$', ..] => Some(Self::XgboostUbj),
            // Both are JSON: the first keys tell, wherever among the first bytes they are.
            _ if head.starts_with(b"{") && says(b"\"learner\"") => Some(Self::XgboostJson),
            _ if head.starts_with(b"{") && says(b"\"weights\"") => Some(Self::Linear),
            // The first field of an ONNX model is its `ir_version`, a number.
            [0x08, 1..=32, ..] => Some(Self::Onnx),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_go_by_name_or_by_first_bytes() {
        for (name, format) in Format::NAMES.into_iter().zip(Format::ALL) {
            assert_eq!(Format::parse(name), Some(format));
        }
        assert_eq!(Format::parse("pickle"), None);
        assert_eq!(Format::guess(b"tree\nversion=v4\n"), Some(Format::LightGbm));
        assert_eq!(Format::guess(b"{\"version\":[3,0,0],\"learner\":{}}"), Some(Format::XgboostJson));
        assert_eq!(Format::guess(b"{L\0\0\0\0\0\0\0\x07learner{"), Some(Format::XgboostUbj));
        assert_eq!(Format::guess(b" {\"weights\": [1.0]}"), Some(Format::Linear));
        assert_eq!(Format::guess(b"\x08\x08\x12\x07pytorch"), Some(Format::Onnx));
        assert_eq!(Format::guess(b""), None);
        assert_eq!(Format::guess(b"{}"), None);
    }
}
