//! One recipe becomes one placement.

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use toml::Spanned;

use super::latency::LatencyEstimator;
use super::recipe_error::{MAX_STAGES, RecipeError, RecipeReason};
use super::{Placement, PlacementSpec, StageSpec};
use crate::pipeline::filter::{AttributeFilter, ExcludeFilter, Exclusion, RequestFilter};
use crate::pipeline::scorer::{Blend, Normalize};
use crate::pipeline::selector::Top;
use crate::pipeline::{
    BuildError, CandidateSource, Filter, GatheredColumn, Named, Needs, Pipeline, Reranker, Scorer, Selector,
    Spec, Stage, Stages, USER_TABLES,
};
use crate::snapshot::{Snapshot, UserItems};

/// What recipes are compiled against.
pub(super) struct Recipe<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) stages: &'a Stages,
}

impl Recipe<'_> {
    /// Compiles a recipe that is at these bytes of its file.
    pub(super) fn placement(&self, spec: PlacementSpec, at: &Range<usize>) -> Result<Placement, RecipeError> {
        check_size(&spec, at)?;
        // Sources first: scorers name them by their labels.
        let history = self.history(&spec, at)?;
        let sources = self.sources(&spec.sources)?;
        let labels: Vec<Arc<str>> = sources.iter().map(|source| Arc::clone(&source.label)).collect();
        let scorer = self.scorer(&spec, &labels)?;
        let filters = self.filters(&spec, &labels)?;
        let rerankers = self.rerankers(&spec.rerank, &labels)?;
        let fallback = self.fallback(&spec.fallback, &labels)?;
        // Recipes cannot choose a selector yet: there is one.
        let selector: Box<dyn Selector> = Box::new(Top);
        let mut pipeline = Pipeline {
            filters,
            sources,
            columns: Vec::new(),
            scorer,
            rerankers,
            selector: named(None, selector),
        };
        let mut needs = needs_of(&pipeline, &fallback, at)?;
        pipeline.columns = self.columns(&needs.columns, at)?;
        needs.attributes.extend(pipeline.columns.iter().map(|column| column.position));
        needs.attributes.sort_unstable();
        needs.attributes.dedup();
        Ok(Placement {
            page_size: spec.page_size,
            max_latency: spec.max_latency_ms.map(Duration::from_millis),
            pipeline,
            fallback,
            needs,
            history,
            objective: spec.objective,
            exclude: spec.exclude,
            cache: spec.cache,
            latency: LatencyEstimator::unknown(),
            counts: OnceLock::new(),
        })
    }

    fn sources(&self, specs: &[Spanned<StageSpec>]) -> Result<Vec<Named<dyn CandidateSource>>, RecipeError> {
        let (mut sources, mut labels) = (Vec::new(), Vec::new());
        for spec in specs {
            let stage = self.make(spec, &labels, |kind, spec| self.stages.make_source(kind, spec))?;
            let source = named(spec.get_ref().name.as_deref(), stage);
            // Blend weights and features go by the label: of two sources with one, neither could be meant.
            if labels.contains(&source.label) {
                return Err(RecipeReason::SameLabel(source.label.to_string()).at(&spec.span()));
            }
            labels.push(Arc::clone(&source.label));
            sources.push(source);
        }
        Ok(sources)
    }

    fn scorer(&self, spec: &PlacementSpec, labels: &[Arc<str>]) -> Result<Named<dyn Scorer>, RecipeError> {
        let Some(spec) = &spec.scorer else {
            let blend: Box<dyn Scorer> = Box::new(Blend::new(vec![1.0; labels.len()], Normalize::Max));
            return Ok(named(None, blend));
        };
        let stage = self.make(spec, labels, |kind, spec| self.stages.make_scorer(kind, spec))?;
        Ok(named(spec.get_ref().name.as_deref(), stage))
    }

    /// Caller's wishes first, then the placement's expression, exclusions and further filters.
    fn filters(
        &self,
        spec: &PlacementSpec,
        labels: &[Arc<str>],
    ) -> Result<Vec<Named<dyn Filter>>, RecipeError> {
        let mut filters: Vec<Named<dyn Filter>> = vec![named(None, Box::new(RequestFilter))];
        if let Some(expression) = &spec.filter {
            let filter = AttributeFilter::new(expression.get_ref(), self.snapshot)
                .map_err(|error| RecipeReason::from(error).at(&expression.span()))?;
            // Warned of and served: one placement whose items are all sold out must not take the others down.
            if filter.passing() == 0 {
                tracing::warn!(filter = %expression.get_ref(), "no item of the catalogue passes this filter");
            }
            filters.push(named(None, Box::new(filter)));
        }
        if !spec.exclude.is_empty() {
            filters.push(named(None, Box::new(ExcludeFilter::new(&spec.exclude))));
        }
        for spec in &spec.filters {
            let stage = self.make(spec, labels, |kind, spec| self.stages.make_filter(kind, spec))?;
            filters.push(named(spec.get_ref().name.as_deref(), stage));
        }
        Ok(filters)
    }

    fn rerankers(
        &self,
        specs: &[Spanned<StageSpec>],
        labels: &[Arc<str>],
    ) -> Result<Vec<Named<dyn Reranker>>, RecipeError> {
        let one = |spec: &Spanned<StageSpec>| {
            let stage = self.make(spec, labels, |kind, spec| self.stages.make_reranker(kind, spec))?;
            Ok(named(spec.get_ref().name.as_deref(), stage))
        };
        specs.iter().map(one).collect()
    }

    /// Only metrics go by the labels of fallbacks, so that two of one kind need no names: they are numbered.
    fn fallback(
        &self,
        specs: &[Spanned<StageSpec>],
        labels: &[Arc<str>],
    ) -> Result<Vec<Named<dyn CandidateSource>>, RecipeError> {
        let (mut fallback, mut own_labels) = (Vec::new(), Vec::new());
        for spec in specs {
            let stage = self.make(spec, labels, |kind, spec| self.stages.make_source(kind, spec))?;
            let Named { label: own, stage } = named(spec.get_ref().name.as_deref(), stage);
            // `fallback.` before it, so that an answer's source says which items are not the recipe's own.
            let label = match own_labels.iter().filter(|before| **before == own).count() {
                0 => format!("fallback.{own}"),
                before => format!("fallback.{own}.{}", before + 1),
            };
            own_labels.push(own);
            fallback.push(Named { label: label.into(), stage });
        }
        Ok(fallback)
    }

    fn history(&self, spec: &PlacementSpec, at: &Range<usize>) -> Result<Option<String>, RecipeError> {
        let Some(name) = &spec.history else {
            let wants = |group: &Exclusion| matches!(group, Exclusion::Purchased | Exclusion::Seen);
            return if spec.exclude.iter().any(wants) {
                Err(RecipeReason::NoHistory.at(at))
            } else {
                Ok(None)
            };
        };
        let refuse = |error: BuildError| RecipeReason::from(error).at(&name.span());
        self.spec_of(toml::Table::new(), &[]).artifact::<UserItems>(name.get_ref()).map_err(refuse)?;
        Ok(Some(name.get_ref().clone()))
    }

    fn columns(&self, names: &[String], at: &Range<usize>) -> Result<Vec<GatheredColumn>, RecipeError> {
        let spec = self.spec_of(toml::Table::new(), &[]);
        let catalog = self.snapshot.catalog();
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            spec.check_column(name).map_err(|error| RecipeReason::from(error).at(at))?;
            let position = catalog.position(name);
            // By position: a request compares no names.
            columns.extend(position.map(|position| GatheredColumn { name: name.as_str().into(), position }));
        }
        Ok(columns)
    }

    fn make<T: ?Sized>(
        &self,
        stage: &Spanned<StageSpec>,
        sources: &[Arc<str>],
        make: impl FnOnce(&str, &Spec<'_>) -> Result<Box<T>, BuildError>,
    ) -> Result<Box<T>, RecipeError> {
        let StageSpec { kind, params, .. } = stage.get_ref();
        make(kind, &self.spec_of(params.clone(), sources))
            .map_err(|source| RecipeReason::Stage { kind: kind.clone(), source }.at(&stage.span()))
    }

    fn spec_of<'s>(&'s self, params: toml::Table, sources: &'s [Arc<str>]) -> Spec<'s> {
        Spec { params, snapshot: self.snapshot, sources }
    }
}

fn check_size(spec: &PlacementSpec, at: &Range<usize>) -> Result<(), RecipeError> {
    if !(1..=100).contains(&spec.page_size) {
        return Err(RecipeReason::PageSize(spec.page_size).at(at));
    }
    if spec.sources.is_empty() {
        return Err(RecipeReason::NoSources.at(at));
    }
    let lists = [
        ("sources", spec.sources.len()),
        ("filters", spec.filters.len()),
        ("rerank", spec.rerank.len()),
        ("fallback", spec.fallback.len()),
    ];
    match lists.into_iter().find(|(_, length)| *length > MAX_STAGES) {
        Some((list, length)) => Err(RecipeReason::TooManyStages { list, length }.at(at)),
        None => Ok(()),
    }
}

/// A stage under the recipe's name for it, else under its own.
fn named<T: Stage + ?Sized>(name: Option<&str>, stage: Box<T>) -> Named<T> {
    Named { label: name.unwrap_or_else(|| stage.label()).into(), stage }
}

/// What the stages of a placement read together.
fn needs_of(
    pipeline: &Pipeline,
    fallback: &[Named<dyn CandidateSource>],
    at: &Range<usize>,
) -> Result<Needs, RecipeError> {
    let mut all = pipeline.scorer.stage.needs();
    let scorers_tables = all.user_tables.len();
    if scorers_tables > USER_TABLES {
        let label = pipeline.scorer.label.to_string();
        return Err(RecipeReason::TooManyTables { label, count: scorers_tables }.at(at));
    }
    let Pipeline { filters, sources, columns: _, scorer: _, rerankers, selector } = pipeline;
    let mut add = |label: &str, needs: Needs| {
        all.add(needs);
        // A query has the rows of one list of tables. No source or filter wants any yet; the first that does decides
        // how rows are told apart.
        if all.user_tables.len() > scorers_tables {
            return Err(RecipeReason::UserTables(label.to_owned()).at(at));
        }
        Ok(())
    };
    for source in sources.iter().chain(fallback) {
        add(&source.label, source.stage.needs())?;
    }
    for filter in filters {
        add(&filter.label, filter.stage.needs())?;
    }
    for reranker in rerankers {
        add(&reranker.label, reranker.stage.needs())?;
    }
    add(&selector.label, selector.stage.needs())?;
    Ok(all)
}
