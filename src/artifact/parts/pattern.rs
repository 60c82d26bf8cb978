//! Patterns of paths: `*` and `?` within a name, `**` for any number of folders.

/// Whether a value has a pattern in it.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The folders before the first name that has a pattern, without a slash at the end.
pub(super) fn base(pattern: &str) -> &str {
    let first = pattern.find(['*', '?']).unwrap_or(pattern.len());
    pattern[..first].rsplit_once('/').map_or("", |(base, _)| base)
}

/// Whether a path matches, name by name.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    // Which prefixes of the path the names of the pattern so far match: linear, where backtracking over several `**`
    // would be exponential.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for name in pattern {
        let mut next = vec![false; path.len() + 1];
        if name == "**" {
            let mut any = false;
            for (to, from) in next.iter_mut().zip(&reached) {
                any |= from;
                *to = any;
            }
        } else {
            for (at, own) in path.iter().enumerate() {
                next[at + 1] = reached[at] && name_matches(name, own);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

fn name_matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for sign in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        if sign == '*' {
            let mut any = false;
            for (to, from) in next.iter_mut().zip(&reached) {
                any |= from;
                *to = any;
            }
        } else {
            for (at, own) in name.iter().enumerate() {
                next[at + 1] = reached[at] && (sign == '?' || sign == *own);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_a_name_and_two_of_them_do_not() {
        for (pattern, path, fits) in [
            ("a/*.csv", "a/x.csv", true),
            ("a/*.csv", "a/b/x.csv", false),
            ("a/**/*.csv", "a/x.csv", true),
            ("a/**/*.csv", "a/b/c/x.csv", true),
            ("a/dt=2026-11-?0/*", "a/dt=2026-11-20/x", true),
            ("a/dt=2026-11-?0/*", "a/dt=2026-11-21/x", false),
            ("**", "a/b", true),
            ("*", "", true),
            ("/a/*", "/a/b", true),
            ("a", "a/b", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
        assert_eq!(base("a/b*/c"), "a");
        assert_eq!(base("/*"), "");
        assert_eq!(base("x*.csv"), "");
        assert!(is_pattern("a?") && !is_pattern("a/b"));
    }
}
