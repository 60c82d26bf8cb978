//! `placements.toml` written for people: one line a setting, one line a stage.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::Spanned;
use toml::ser::{Error, ValueSerializer};

use super::{PlacementSpec, PlacementsFile, StageSpec};

impl PlacementsFile {
    /// The file as text. Settings that have their default are left out, but for `page_size`.
    ///
    /// # Errors
    /// A value that TOML cannot say. None is known: the limits of TOML's types are those of ours.
    pub fn to_toml(&self) -> Result<String, Error> {
        if self.placements.is_empty() {
            return Ok("[placements]\n".to_owned());
        }
        let mut text = String::new();
        for (name, spec) in &self.placements {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&header(name)?);
            text.push_str(&spec.get_ref().to_toml()?);
        }
        Ok(text)
    }
}

impl PlacementSpec {
    /// The settings of this placement as text, without the line that names it.
    fn to_toml(&self) -> Result<String, Error> {
        // Without `..`, so that a new setting cannot be forgotten here.
        let Self {
            page_size,
            max_latency_ms,
            sources,
            filter,
            filters,
            exclude,
            history,
            scorer,
            rerank,
            fallback,
            objective,
            cache,
        } = self;
        let default = Self::default();
        let mut lines = Lines::default();
        // Written even where it is the default: it is the first thing that people change.
        lines.setting("page_size", page_size)?;
        lines.optional("max_latency_ms", max_latency_ms.as_ref())?;
        lines.optional("objective", Some(objective).filter(|objective| **objective != default.objective))?;
        lines.stages("sources", sources)?;
        lines.optional("filter", filter.as_ref())?;
        lines.stages("filters", filters)?;
        lines.optional("exclude", Some(exclude).filter(|groups| !groups.is_empty()))?;
        lines.optional("history", history.as_ref())?;
        lines.optional("scorer", scorer.as_ref())?;
        lines.stages("rerank", rerank)?;
        lines.stages("fallback", fallback)?;
        lines.optional("cache", Some(cache).filter(|cache| **cache != default.cache))?;
        Ok(lines.text)
    }
}

/// The line that names a placement, `[placements."pdp.similar"]`. Serde writes it, because keys are quoted by other
/// rules than values.
fn header(name: &str) -> Result<String, Error> {
    let empty = BTreeMap::from([(name, toml::Table::new())]);
    toml::to_string(&BTreeMap::from([("placements", empty)]))
}

/// Lines of a table under way.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn setting(&mut self, key: &str, value: &impl Serialize) -> Result<(), Error> {
        self.text.push_str(&format!("{key} = {}\n", inline(value)?));
        Ok(())
    }

    fn optional(&mut self, key: &str, value: Option<&impl Serialize>) -> Result<(), Error> {
        match value {
            Some(value) => self.setting(key, value),
            None => Ok(()),
        }
    }

    /// A list with one stage a line; `sources` is written even if it is empty, because a file without it is refused.
    fn stages(&mut self, key: &str, stages: &[Spanned<StageSpec>]) -> Result<(), Error> {
        if stages.is_empty() && key != "sources" {
            return Ok(());
        }
        self.text.push_str(&format!("{key} = [\n"));
        for stage in stages {
            self.text.push_str(&format!("  {},\n", inline(stage)?));
        }
        self.text.push_str("]\n");
        Ok(())
    }
}

/// A value on one line (but for texts of several lines): tables become inline tables.
fn inline(value: &(impl Serialize + ?Sized)) -> Result<String, Error> {
    let mut text = String::new();
    value.serialize(ValueSerializer::new(&mut text))?;
    Ok(text)
}
