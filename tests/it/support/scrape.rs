//! Reads Prometheus' text format, 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

/// One family of a scrape.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) kind: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    /// With the suffix of a histogram's parts.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// A scrape by the names of its families.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub(crate) families: BTreeMap<String, Family>,
}

impl Scrape {
    /// Panics where the text is not in the format.
    pub(crate) fn parse(text: &str) -> Self {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect(line);
                let before =
                    families.insert(name.to_owned(), Family { help: help.to_owned(), ..Family::default() });
                assert!(before.is_none(), "{name} is there twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect(line);
                families.entry(name.to_owned()).or_default().kind = kind.to_owned();
            } else {
                let sample = Sample::parse(line);
                let family = families.keys().rev().find(|family| sample.belongs_to(family)).cloned();
                let family = family.unwrap_or_else(|| panic!("{line} follows no TYPE"));
                families.get_mut(&family).unwrap().samples.push(sample);
            }
        }
        Self { families }
    }

    /// The sum of the samples of this name that have these labels; `None` if there are none.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let samples = self.families.values().flat_map(|family| &family.samples);
        let wanted = samples.filter(|sample| {
            let has = |(name, value): &(&str, &str)| sample.labels.get(*name).is_some_and(|own| own == value);
            sample.name == name && labels.iter().all(has)
        });
        wanted.map(|sample| sample.value).reduce(|sum, value| sum + value)
    }

    /// The values of a label that a family has.
    pub(crate) fn label_values(&self, family: &str, label: &str) -> BTreeSet<&str> {
        let samples = self.families.get(family).into_iter().flat_map(|family| &family.samples);
        samples.filter_map(|sample| sample.labels.get(label)).map(String::as_str).collect()
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let name_end = line.find(['{', ' ']).expect(line);
        let (name, mut rest) = line.split_at(name_end);
        let mut labels = BTreeMap::new();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            while !rest.starts_with('}') {
                let (label, after) = rest.split_once("=\"").expect(line);
                let mut letters = after.char_indices();
                let mut value = String::new();
                let end = loop {
                    match letters.next().expect(line) {
                        (at, '"') => break at,
                        (_, '\\') => value.push(letters.next().expect(line).1),
                        (_, letter) => value.push(letter),
                    }
                };
                let before = labels.insert(label.to_owned(), value);
                assert!(before.is_none(), "{line} has {label} twice");
                rest = after[end + 1..].trim_start_matches(',');
            }
            rest = &rest[1..];
        }
        Self { name: name.to_owned(), labels, value: rest.trim().parse().expect(line) }
    }

    fn belongs_to(&self, family: &str) -> bool {
        let suffix = self.name.strip_prefix(family);
        suffix.is_some_and(|suffix| ["", "_bucket", "_sum", "_count"].contains(&suffix))
    }
}
