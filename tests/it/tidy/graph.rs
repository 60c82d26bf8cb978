//! Which file of a crate takes names from which other file, and the circles among them.
//!
//! A name is followed through re-exports to the file that defines it, so a module that only hands on what its children
//! define does not tie them to each other. Unit tests do not count: they may use what they like.

use std::collections::{BTreeMap, BTreeSet};

use super::scanner::{Import, imports, module_path, named_paths};

/// The files of a crate by module path, and what each imports.
pub(super) struct Graph {
    files: BTreeMap<Vec<String>, File>,
}

struct File {
    name: String,
    text: String,
    imports: Vec<Import>,
}

impl Graph {
    /// `sources`: texts by file name below the crate's `src`, such as `pipeline/run.rs`.
    pub(super) fn new(sources: &BTreeMap<String, String>) -> Self {
        let is_test = |name: &str| name.ends_with("tests.rs") || name.contains("/tests/");
        let code = sources.iter().filter(|(name, _)| !is_test(name));
        let files = code.map(|(name, text)| {
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            let here = module_path(name);
            let imports = imports(&text, &here);
            (here, File { name: name.clone(), text, imports })
        });
        Self { files: files.collect() }
    }

    /// Every group of files that import each other in a loop, as one text a group.
    pub(super) fn circles(&self) -> Vec<String> {
        let arrows = self.arrows();
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            arrows.keys().map(|file| (*file, reachable(file, &arrows))).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for (file, reached) in &reach {
            if !reached.contains(file) || seen.contains(file) {
                continue;
            }
            let group: Vec<&str> = reached
                .iter()
                .copied()
                .filter(|other| reach.get(other).is_some_and(|r| r.contains(file)))
                .collect();
            let ties = group.iter().flat_map(|from| {
                let inside = arrows[from].iter().filter(|(to, _)| group.contains(to));
                inside.map(move |(to, names)| format!("  {from} -> {to}: {}", list(names)))
            });
            circles.push(format!("these files import each other:\n{}", ties.collect::<Vec<_>>().join("\n")));
            seen.extend(group);
        }
        circles
    }

    /// From each file to the files whose names it takes, and the names.
    fn arrows(&self) -> BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> {
        let mut arrows: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for (here, file) in &self.files {
            let own = arrows.entry(&file.name).or_default();
            let named = named_paths(&file.text, here).into_iter().map(|named| named.path);
            // What a module hands on is no use of it.
            let handed_on = |path: &Vec<String>| file.imports.iter().any(|i| i.is_public && i.path == *path);
            let imported = file.imports.iter().filter(|i| !i.is_public).map(|i| i.path.clone());
            for path in named.filter(|path| !handed_on(path)).chain(imported) {
                let Some((to, at, name)) = self.resolve(&path, 0) else { continue };
                // A module and what is inside it are one: a circle is between modules beside each other.
                if !at.starts_with(here) && !here.starts_with(at) {
                    own.entry(to).or_default().insert(name);
                }
            }
        }
        arrows
    }

    /// The file that defines what a path of this crate names, its module, and the name.
    fn resolve(&self, path: &[String], depth: usize) -> Option<(&str, &[String], String)> {
        let modules = (1..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, file) = self.files.get_key_value(&path[..modules])?;
        let Some(name) = path.get(modules) else { return Some((&file.name, module, path.last()?.clone())) };
        let import = file.imports.iter().find(|import| import.name == *name && import.path != path);
        match import {
            Some(import) if depth < 8 && self.is_ours(&import.path) => self.resolve(&import.path, depth + 1),
            _ => Some((&file.name, module, name.clone())),
        }
    }

    fn is_ours(&self, path: &[String]) -> bool {
        path.first().is_some_and(|first| self.files.keys().any(|module| module.first() == Some(first)))
    }
}

fn reachable<'a>(
    from: &str,
    arrows: &BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<String>>>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(file) = open.pop() {
        for to in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(*to) {
                open.push(to);
            }
        }
    }
    found
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
