//! `placements.toml` becomes pipelines; whatever does not fit the snapshot is refused with its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::counts::Counts;
use super::plan::LatencyEstimator;
use super::{Placement, PlacementSpec, PlacementsFile, StageSpec};
use crate::pipeline::filter::{AttributeFilter, ExcludeFilter, Exclusion, RequestFilter};
use crate::pipeline::hydrator::Attributes;
use crate::pipeline::scorer::{Blend, Normalize};
use crate::pipeline::selector::Top;
use crate::pipeline::{BuildError, Filter, Hydrator, Pipeline, Scorer, Selector, Spec, Stage, Stages};
use crate::snapshot::{Snapshot, SnapshotError, UserItems};

/// The most placements, and the most stages one room of a placement may have.
const MAX_PLACEMENTS: usize = 1000;
const MAX_STAGES: usize = 32;

pub(super) fn compile(
    snapshot: &Snapshot,
    text: &str,
    stages: &Stages,
) -> Result<BTreeMap<String, Placement>, SnapshotError> {
    let file: PlacementsFile = toml::from_str(text).map_err(|error| {
        let at = error.span().unwrap_or_default();
        refused(text, &at, None, error.message())
    })?;
    if file.placements.is_empty() || file.placements.len() > MAX_PLACEMENTS {
        let reason = format!("has {} placements, expected 1 to {MAX_PLACEMENTS}", file.placements.len());
        return Err(refused(text, &(0..0), None, &reason));
    }
    let recipe = Recipe { snapshot, stages };
    let mut placements = BTreeMap::new();
    for (name, spec) in file.placements {
        let at = spec.span();
        let placement = recipe
            .placement(&name, spec.into_inner(), at)
            .map_err(|(at, reason)| refused(text, &at, Some(&name), &reason))?;
        placements.insert(name, placement);
    }
    Ok(placements)
}

fn refused(text: &str, at: &Range<usize>, placement: Option<&str>, reason: &str) -> SnapshotError {
    let line = text.get(..at.start).unwrap_or("").matches('\n').count() + 1;
    let place = placement.map(|name| format!(" (placement \"{name}\")")).unwrap_or_default();
    let part = format!("placements.toml, line {line}{place}");
    SnapshotError::Refused { artifact: "placements", part, reason: reason.to_owned() }
}

/// An error and the bytes of the file it is about.
type At = (Range<usize>, String);

struct Recipe<'a> {
    snapshot: &'a Snapshot,
    stages: &'a Stages,
}

impl Recipe<'_> {
    fn placement(&self, name: &str, spec: PlacementSpec, at: Range<usize>) -> Result<Placement, At> {
        if !(1..=100).contains(&spec.page_size) {
            return Err((at, format!("page_size is {}, expected 1 to 100", spec.page_size)));
        }
        if spec.sources.is_empty() {
            return Err((at, "sources is empty: a placement needs at least one".to_owned()));
        }
        let rooms = [spec.sources.len(), spec.filters.len(), spec.rerank.len(), spec.fallback.len()];
        if rooms.iter().any(|stages| *stages > MAX_STAGES) {
            return Err((at, format!("a room has more than {MAX_STAGES} stages")));
        }
        let labels = labels(&spec.sources)?;
        let history = self.history(&spec, &at)?;
        let mut sources = Vec::new();
        for (source, label) in spec.sources.iter().zip(&labels) {
            let inner = self.make(source, &labels, |kind, spec| self.stages.make_source(kind, spec))?;
            sources.push(Stage { label: Arc::clone(label), inner });
        }
        let scorer = match &spec.scorer {
            Some(scorer) => Stage {
                label: label(scorer),
                inner: self.make(scorer, &labels, |kind, spec| self.stages.make_scorer(kind, spec))?,
            },
            None => {
                let blend: Box<dyn Scorer> = Box::new(Blend::new(vec![1.0; labels.len()], Normalize::Max));
                Stage { label: "blend".into(), inner: blend }
            }
        };
        let mut rerankers = Vec::new();
        for reranker in &spec.rerank {
            let inner = self.make(reranker, &labels, |kind, spec| self.stages.make_reranker(kind, spec))?;
            rerankers.push(Stage { label: label(reranker), inner });
        }
        let needed = std::iter::once(scorer.inner.features()).chain(
            rerankers.iter().map(|stage: &Stage<dyn crate::pipeline::Reranker>| stage.inner.features()),
        );
        let mut columns: Vec<String> = needed.flatten().cloned().collect();
        columns.sort();
        columns.dedup();
        self.check_columns(&columns, &at)?;
        let mut hydrators: Vec<Stage<dyn Hydrator>> = Vec::new();
        if !columns.is_empty() {
            hydrators.push(Stage { label: "attributes".into(), inner: Box::new(Attributes::new(columns)) });
        }
        let filters = self.filters(&spec, &labels)?;
        let mut fallback = Vec::new();
        for (rung, label) in spec.fallback.iter().zip(rung_labels(&spec.fallback)) {
            let inner = self.make(rung, &labels, |kind, spec| self.stages.make_source(kind, spec))?;
            fallback.push(Stage { label: format!("fallback.{label}").into(), inner });
        }
        let selector: Box<dyn Selector> = Box::new(Top);
        let selector = Stage { label: "top".into(), inner: selector };
        Ok(Placement {
            page_size: spec.page_size,
            max_latency: spec.max_latency_ms.map(Duration::from_millis),
            pipeline: Pipeline { sources, hydrators, filters, scorer, rerankers, selector },
            fallback,
            history,
            objective: spec.objective,
            exclude: spec.exclude,
            cache: spec.cache,
            counts: Counts::of(name),
            pace: LatencyEstimator::unknown(),
        })
    }

    /// Caller's wishes first, then the placement's expression, exclusions and further filters.
    fn filters(&self, spec: &PlacementSpec, labels: &[Arc<str>]) -> Result<Vec<Stage<dyn Filter>>, At> {
        let request: Box<dyn Filter> = Box::new(RequestFilter);
        let mut filters = vec![Stage { label: "request".into(), inner: request }];
        if let Some(expression) = &spec.filter {
            let filter = AttributeFilter::new(expression.get_ref(), self.snapshot)
                .map_err(|error| (expression.span(), error.to_string()))?;
            if filter.passing() == 0 {
                tracing::warn!(filter = %expression.get_ref(), "no item of the catalogue passes this filter");
            }
            filters.push(Stage { label: "attribute".into(), inner: Box::new(filter) });
        }
        if !spec.exclude.is_empty() {
            let filter = Box::new(ExcludeFilter::new(&spec.exclude));
            filters.push(Stage { label: "exclude".into(), inner: filter });
        }
        for filter in &spec.filters {
            let inner = self.make(filter, labels, |kind, spec| self.stages.make_filter(kind, spec))?;
            filters.push(Stage { label: label(filter), inner });
        }
        Ok(filters)
    }

    fn history(&self, spec: &PlacementSpec, at: &Range<usize>) -> Result<Option<String>, At> {
        let Some(name) = &spec.history else {
            let wants = |group| matches!(group, &Exclusion::Purchased | &Exclusion::Seen);
            return match spec.exclude.iter().find(|group| wants(group)) {
                Some(_) => Err((
                    at.clone(),
                    "exclude names \"purchased\" or \"seen\", which need history = \"<a user_items artifact>\"".to_owned(),
                )),
                None => Ok(None),
            };
        };
        let probe = Spec { params: toml::Table::new(), snapshot: self.snapshot, sources: &[] };
        let refuse = |error: BuildError| (name.span(), error.to_string());
        probe.artifact::<UserItems>(name.get_ref()).map_err(refuse)?;
        Ok(Some(name.get_ref().clone()))
    }

    fn check_columns(&self, columns: &[String], at: &Range<usize>) -> Result<(), At> {
        let probe = Spec { params: toml::Table::new(), snapshot: self.snapshot, sources: &[] };
        let check = |column: &String| probe.check_column(column).map_err(|e| (at.clone(), e.to_string()));
        columns.iter().try_for_each(check)
    }

    fn make<T: ?Sized>(
        &self,
        stage: &Spanned<StageSpec>,
        sources: &[Arc<str>],
        make: impl FnOnce(&str, &Spec<'_>) -> Result<Box<T>, BuildError>,
    ) -> Result<Box<T>, At> {
        let StageSpec { kind, params, .. } = stage.get_ref();
        let spec = Spec { params: params.clone(), snapshot: self.snapshot, sources };
        make(kind, &spec).map_err(|error| (stage.span(), format!("{kind}: {error}")))
    }
}

fn label(stage: &Spanned<StageSpec>) -> Arc<str> {
    let StageSpec { kind, name, .. } = stage.get_ref();
    name.as_deref().unwrap_or(kind).into()
}

/// The labels of one room's stages; each must be another, since weights and metrics go by them.
fn labels(stages: &[Spanned<StageSpec>]) -> Result<Vec<Arc<str>>, At> {
    let mut labels: Vec<Arc<str>> = Vec::new();
    for stage in stages {
        let label = label(stage);
        if labels.contains(&label) {
            return Err((
                stage.span(),
                format!("two stages are called \"{label}\"; give one of them another name = \"…\""),
            ));
        }
        labels.push(label);
    }
    Ok(labels)
}

/// The labels of a ladder's rungs. Only metrics go by them, so rungs of one kind need no names: they are numbered.
fn rung_labels(rungs: &[Spanned<StageSpec>]) -> Vec<Arc<str>> {
    let numbered = |(at, rung): (usize, &Spanned<StageSpec>)| {
        let own = label(rung);
        match rungs[..at].iter().filter(|above| label(above) == own).count() {
            0 => own,
            above => format!("{own}.{}", above + 1).into(),
        }
    };
    rungs.iter().enumerate().map(numbered).collect()
}
