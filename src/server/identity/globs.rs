//! Patterns of names, in which `*` stands for any text.

/// A list of patterns; a name matches if one of them does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Globs(Box<[Box<str>]>);

impl Globs {
    pub(crate) fn new<T: AsRef<str>>(patterns: &[T]) -> Self {
        Self(patterns.iter().map(|pattern| pattern.as_ref().into()).collect())
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, name))
    }
}

/// In time linear in both for one `*`, and in their product at most: of several places where a piece fits, the first
/// leaves most of the name to what follows, so no other has to be tried.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "pdp.similar", true),
            ("pdp.*", "pdp.similar", true),
            ("pdp.*", "pdp.", true),
            ("pdp.*", "pdp", false),
            ("pdp.*", "home.pdp.x", false),
            ("*.similar", "pdp.similar", true),
            ("*.similar", "pdp.similar2", false),
            ("a*b", "ab", true),
            ("a*b", "aXbXb", true),
            ("ab*ba", "aba", false),
            ("a*b*c*", "a1b2c3", true),
            ("a*b*c", "acb", false),
            ("*ab*ab", "ab", false),
            ("*ab*ab", "xabyab", true),
            ("**", "x", true),
            ("pdp.similar", "pdp.similar", true),
            ("pdp.similar", "pdp.similar.x", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        let globs = Globs::new(&["a", "b*"]);
        assert!(globs.matches("a") && globs.matches("bc") && !globs.matches("c"));
        assert!(!Globs::new::<&str>(&[]).matches(""), "no pattern is no name");
    }
}
