//! A recipe as the tuner writes it: data on one side, `placements.toml` on the other.

use std::fmt::Write;

/// One source of a recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceLine {
    /// Its label.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The rest, as TOML: `artifact = "similar", take = 200`.
    pub params: String,
    /// Its weight in the blend.
    pub weight: f64,
}

/// A placement's recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The placement.
    pub placement: String,
    /// Items per slate.
    pub page_size: usize,
    /// Candidate sources.
    pub sources: Vec<SourceLine>,
    /// How the blend normalises.
    pub normalize: String,
    /// Exclusion groups.
    pub exclude: Vec<String>,
    /// The history artifact, if the snapshot has one.
    pub history: Option<String>,
    /// A filter expression.
    pub filter: Option<String>,
    /// Whether to cap by category, and at how many.
    pub cap: Option<(String, usize)>,
    /// Ladder rungs as TOML inline tables.
    pub fallback: Vec<String>,
    /// What the placement is evaluated by.
    pub objective: String,
}

impl Recipe {
    /// The recipe as a table of `placements.toml`.
    pub fn to_toml(&self) -> String {
        let mut text = format!("[placements.\"{}\"]\n", self.placement);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "page_size = {}\nmax_latency_ms = 100", self.page_size);
        let _ = writeln!(text, "objective = \"{}\"", self.objective);
        let lines = self.sources.iter().map(|source| {
            format!("  {{ kind = \"{}\", name = \"{}\", {} }},\n", source.kind, source.name, source.params)
        });
        let _ = writeln!(text, "sources = [\n{}]", lines.collect::<String>());
        if let Some(filter) = &self.filter {
            let _ = writeln!(text, "filter = '{filter}'");
        }
        if let Some(history) = &self.history {
            let _ = writeln!(text, "history = \"{history}\"");
        }
        let quoted: Vec<String> = self.exclude.iter().map(|group| format!("\"{group}\"")).collect();
        let _ = writeln!(text, "exclude = [{}]", quoted.join(", "));
        let weights: Vec<String> =
            self.sources.iter().map(|source| format!("{} = {:?}", source.name, source.weight)).collect();
        let _ = writeln!(
            text,
            "scorer = {{ kind = \"blend\", normalize = \"{}\", weights = {{ {} }} }}",
            self.normalize,
            weights.join(", ")
        );
        if let Some((column, max)) = &self.cap {
            let _ = writeln!(text, "rerank = [ {{ kind = \"cap\", by = \"{column}\", max = {max} }} ]");
        }
        let rungs: String = self.fallback.iter().map(|rung| format!("  {{ {rung} }},\n")).collect();
        let _ = writeln!(text, "fallback = [\n{rungs}]");
        text
    }

    /// The sources and weights in one line, for evidence and tables.
    pub fn summary(&self) -> String {
        let sources = self
            .sources
            .iter()
            .map(|source| format!("{} {:?} ({})", source.name, source.weight, source.params));
        let cap = self.cap.as_ref().map(|(column, max)| format!("; at most {max} per {column}"));
        format!(
            "{}; normalize {}; exclude [{}]{}",
            sources.collect::<Vec<_>>().join(" + "),
            self.normalize,
            self.exclude.join(", "),
            cap.unwrap_or_default()
        )
    }
}
