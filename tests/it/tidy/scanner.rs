//! Just enough of Rust's grammar to see which paths a source names: words and marks without comments and texts, and the
//! trees behind `crate::` and `super::`.

/// A path of this crate, from its root, and the line that names it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
}

/// Every path of this crate that `text` names; `here` is the path of its module. An inline module's `super` is read as
/// the file's, which can only name a lower place than it does.
pub(super) fn named_paths(text: &str, here: &[String]) -> Vec<Named> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let inside = at > 0 && matches!(tokens[at - 1].1.as_str(), "::" | "in"); // `pub(in crate::x)` uses nothing
        let (line, word) = &tokens[at];
        let mut base = match word.as_str() {
            "crate" if !inside => Vec::new(),
            "super" if !inside => here[..here.len().saturating_sub(1)].to_vec(),
            _ => continue,
        };
        let mut next = at + 1;
        while mark(&tokens, next) == "::" && mark(&tokens, next + 1) == "super" {
            base.pop();
            next += 2;
        }
        if mark(&tokens, next) == "::" {
            tree(&tokens, next + 1, &mut base, &mut |path, _| {
                found.push(Named { line: *line, path: path.to_vec() });
            });
        }
    }
    found
}

/// What a `use` binds in a module.
#[derive(Debug)]
pub(super) struct Import {
    /// The name that it has here.
    pub(super) name: String,
    /// What it names, from the crate's root; a path of another crate as it is written.
    pub(super) path: Vec<String>,
    /// Whether it is handed on to others (`pub use`, `pub(crate) use`, …).
    pub(super) is_public: bool,
}

/// Every `use` of a file, with relative paths made absolute. `here` is the path of its module.
pub(super) fn imports(text: &str, here: &[String]) -> Vec<Import> {
    let tokens = tokens(text);
    let children: Vec<&str> = (1..tokens.len())
        .filter(|at| mark(&tokens, at - 1) == "mod" && mark(&tokens, at + 1) == ";")
        .map(|at| mark(&tokens, at))
        .collect();
    let mut found = Vec::new();
    for at in (0..tokens.len()).filter(|at| mark(&tokens, *at) == "use") {
        let is_public = at > 0 && (mark(&tokens, at - 1) == "pub" || mark(&tokens, at - 1) == ")");
        let mut base = Vec::new();
        tree(&tokens, at + 1, &mut base, &mut |path, name| {
            let path = absolute(path, here, &children);
            let name = match name {
                "self" => path.last().cloned().unwrap_or_default(),
                name => name.to_owned(),
            };
            found.push(Import { name, path, is_public });
        });
    }
    found
}

/// `super::x`, `self::x`, `crate::x` and `child::x` from the crate's root; paths of other crates stay as they are.
fn absolute(path: &[String], here: &[String], children: &[&str]) -> Vec<String> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let (base, rest) = match path.first().map(String::as_str) {
        Some("crate") => (&[][..], &path[1..]),
        Some("self") => (here, &path[1..]),
        Some("super") => (&here[..here.len().saturating_sub(supers)], &path[supers..]),
        Some(first) if children.contains(&first) => (here, path),
        _ => (&[][..], path),
    };
    let named = rest.iter().filter(|part| *part != "self" && *part != "*");
    base.iter().chain(named).cloned().collect()
}

/// `pipeline/source/mod.rs` is `pipeline::source`, `artifact/s3.rs` is `artifact::s3`, `lib.rs` and `main.rs` are
/// nothing.
pub(super) fn module_path(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|part| *part != "lib" && *part != "main").map(str::to_owned).collect()
}

/// The first words of all paths but those of this crate, and their lines: crates, and some modules and types.
pub(super) fn crates(text: &str) -> Vec<(usize, String)> {
    let tokens = tokens(text);
    let leads = |at: &usize| mark(&tokens, at + 1) == "::" && (*at == 0 || mark(&tokens, at - 1) != "::");
    (0..tokens.len()).filter(leads).map(|at| tokens[at].clone()).collect()
}

/// Whether the code names one of the words; comments and texts do not count.
pub(super) fn says(text: &str, words: &[&str]) -> bool {
    tokens(text).iter().any(|(_, token)| words.contains(&token.as_str()))
}

type Token = (usize, String);

fn mark(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |(_, token)| token)
}

/// Reports the paths of the use tree that starts at `at`, each with the name that it is bound to; returns where it
/// ends.
fn tree(
    tokens: &[Token],
    mut at: usize,
    base: &mut Vec<String>,
    report: &mut impl FnMut(&[String], &str),
) -> usize {
    let depth = base.len();
    loop {
        if mark(tokens, at) == "{" {
            at += 1;
            while !matches!(mark(tokens, at), "}" | "") {
                at = tree(tokens, at, base, report);
                at += usize::from(mark(tokens, at) == ",");
            }
            at += 1;
            break;
        }
        base.push(mark(tokens, at).to_owned());
        at += 1;
        if mark(tokens, at) != "::" || mark(tokens, at + 1) == "<" {
            let last = mark(tokens, at - 1);
            report(base, if mark(tokens, at) == "as" { mark(tokens, at + 1) } else { last });
            break;
        }
        at += 1;
    }
    base.truncate(depth);
    while !matches!(mark(tokens, at), "," | "}" | ";" | "") && mark(tokens, at) == "as" {
        at += 2;
    }
    at
}

/// Words, `::`, and single marks, with their lines.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => quoted(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#") => raw(rest),
            '\'' => character(rest),
            c if c.is_alphanumeric() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push((line, rest[..end].to_owned()));
                end
            }
            _ if rest.starts_with("::") => {
                tokens.push((line, "::".to_owned()));
                2
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push((line, c.to_string()));
                }
                c.len_utf8()
            }
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of a text in quotes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

/// The length of a raw text, or of the `r` of a raw identifier.
fn raw(rest: &str) -> usize {
    let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
    if !rest[1 + hashes..].starts_with('"') {
        return 1;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
}

/// The length of a character, or of the tick of a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let after = at + escaped.len_utf8();
            rest[after..].find('\'').map_or(rest.len(), |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}
