//! Builds every artifact of a snapshot from a log and a catalogue, as files in a directory.

use std::path::Path;

use arrow_array::builder::{StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Float32Array, StringArray, TimestampMillisecondArray};
use serde_json::{Map, Value, json};

use super::{
    AlsOptions, Catalog, EventKind, EventLog, Interactions, RuleKind, RuleOptions, Session, als, baskets,
    buy_again, ease, histories, popularity, rules, sessions,
};
use crate::artifact::table::{TableError, TableWriter, float_lists, text_lists};
use crate::index::{FoldInParams, Vectors};

/// Everything that training can be told; the tuner tries some of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainPlan {
    /// Neighbours kept per item in each item-to-item table.
    pub neighbors: usize,
    /// After how many days a session counts half in the rules; `None`: never.
    pub rule_half_life_days: Option<f64>,
    /// The most steps between two items of a sequential rule.
    pub sequence_window: usize,
    /// After how many days an event counts half in popularity.
    pub popularity_half_life_days: f64,
    /// After how many days a purchase counts half in the repurchase list.
    pub buy_again_half_life_days: f64,
    /// Items kept per popularity segment.
    pub segment_items: usize,
    /// Matrix factorisation.
    pub als: AlsOptions,
    /// EASE^R's λ.
    pub ease_regularization: f64,
    /// EASE^R is built for catalogues up to this size; its cost grows with the cube.
    pub ease_max_items: usize,
    /// The most recent sessions kept for session kNN.
    pub max_sessions: usize,
    /// Items kept per user in the history and the repurchase list.
    pub user_items: usize,
}

impl Default for TrainPlan {
    fn default() -> Self {
        Self {
            neighbors: 100,
            rule_half_life_days: None,
            sequence_window: 5,
            popularity_half_life_days: 30.0,
            buy_again_half_life_days: 180.0,
            segment_items: 200,
            als: AlsOptions {
                width: 64,
                rounds: 12,
                params: FoldInParams { alpha: 10.0, regularization: 5.0 },
                seed: 1,
            },
            ease_regularization: 200.0,
            ease_max_items: 6000,
            max_sessions: 2_000_000,
            user_items: 500,
        }
    }
}

/// One artifact file and what the manifest says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltArtifact {
    /// The artifact's name.
    pub name: String,
    /// The artifact kind.
    pub kind: &'static str,
    /// The file's name in the directory.
    pub file: String,
    /// How many rows it has.
    pub rows: usize,
    /// Parameters for the loader.
    pub params: Map<String, Value>,
}

/// Writes the artifacts that `wanted` names (the catalogue always) into `dir`; `step` is told the name of each before work on
/// it starts, and its share done.
///
/// The same log, catalogue and plan give the same bytes.
///
/// # Errors
/// A file that cannot be written.
pub fn stock(
    log: &EventLog,
    catalog: &Catalog,
    plan: &TrainPlan,
    dir: &Path,
    wanted: &dyn Fn(&str) -> bool,
    step: &mut dyn FnMut(&str, f64),
) -> Result<Vec<BuiltArtifact>, TableError> {
    let mut shelf = Shelf { dir, catalog, log, built: Vec::new() };
    let sessions = sessions(log);
    let items = catalog.len();
    step("catalog", 0.0);
    catalog.write(&dir.join("catalog.parquet"))?;
    shelf.note("catalog", "catalog", items, json!({}));
    if wanted("popularity") {
        step("popularity", 0.0);
        shelf
            .popularity(popularity(log, catalog, plan.popularity_half_life_days, plan.segment_items), plan)?;
    }
    let until = log.period_ms().1;
    if wanted("similar") {
        step("similar", 0.0);
        let table = rules(&sessions, items, until, &together_options(plan));
        shelf.neighbors("similar", &table, json!({"method": "together"}))?;
    }
    let has_views = log.events.iter().any(|event| event.kind == EventKind::View);
    if wanted("bought_together") && has_views {
        let baskets = baskets(log);
        if !baskets.is_empty() {
            step("bought_together", 0.0);
            let table = rules(&baskets, items, until, &together_options(plan));
            shelf.neighbors(
                "bought_together",
                &table,
                json!({"method": "together", "of": "carts and orders"}),
            )?;
        }
    }
    if wanted("followed_by") {
        step("followed_by", 0.0);
        let table = rules(&sessions, items, until, &sequence_options(plan));
        shelf.neighbors(
            "followed_by",
            &table,
            json!({"method": "sequence", "window": plan.sequence_window}),
        )?;
    }
    if wanted("sessions") {
        step("sessions", 0.0);
        shelf.sessions(&sessions, plan.max_sessions)?;
    }
    let data = Interactions::new(log, &sessions, items);
    if wanted("ease") && items <= plan.ease_max_items {
        let table = ease(&data, plan.ease_regularization, plan.neighbors, |done| step("ease", done));
        shelf.neighbors("ease", &table, json!({"method": "ease", "lambda": plan.ease_regularization}))?;
    }
    if wanted("item_vectors") {
        shelf.factors(&data, plan, step)?;
    }
    if data.users.is_empty() {
        return Ok(shelf.built);
    }
    if wanted("user_history") {
        step("user_history", 0.0);
        shelf.user_items(
            "user_history",
            &histories(log, plan.user_items),
            json!({"order": "newest first"}),
        )?;
    }
    if wanted("buy_again") {
        step("buy_again", 0.0);
        let again = buy_again(log, plan.buy_again_half_life_days, plan.user_items);
        shelf.user_items("buy_again", &again, json!({"half_life_days": plan.buy_again_half_life_days}))?;
    }
    Ok(shelf.built)
}

/// How `similar` is counted under a plan.
pub fn together_options(plan: &TrainPlan) -> RuleOptions {
    RuleOptions {
        kind: RuleKind::Together,
        window: usize::MAX,
        by_distance: false,
        half_life_days: plan.rule_half_life_days,
        keep: plan.neighbors,
        popularity_exponent: 0.0,
    }
}

/// How `followed_by` is counted under a plan.
pub fn sequence_options(plan: &TrainPlan) -> RuleOptions {
    RuleOptions {
        kind: RuleKind::Sequence,
        window: plan.sequence_window,
        by_distance: true,
        ..together_options(plan)
    }
}

struct Shelf<'a> {
    dir: &'a Path,
    catalog: &'a Catalog,
    log: &'a EventLog,
    built: Vec<BuiltArtifact>,
}

impl Shelf<'_> {
    fn note(&mut self, name: &str, kind: &'static str, rows: usize, params: Value) {
        let params = params.as_object().cloned().unwrap_or_default();
        self.built.push(BuiltArtifact {
            name: name.to_owned(),
            kind,
            file: format!("{name}.parquet"),
            rows,
            params,
        });
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.join(format!("{name}.parquet"))
    }

    fn id(&self, item: u32) -> &str {
        self.catalog.ids.get(item as usize).map_or("", String::as_str)
    }

    fn popularity(
        &mut self,
        rows: Vec<(Option<String>, u32, f32)>,
        plan: &TrainPlan,
    ) -> Result<(), TableError> {
        let mut segments = StringBuilder::new();
        rows.iter().for_each(|(segment, ..)| segments.append_option(segment.as_deref()));
        TableWriter::default()
            .column("item_id", rows.iter().map(|(_, item, _)| Some(self.id(*item))).collect::<StringArray>())
            .column("score", rows.iter().map(|(.., score)| *score).collect::<Float32Array>())
            .column("segment", segments.finish())
            .write(&self.path("popularity"))?;
        let params = json!({"half_life_days": plan.popularity_half_life_days});
        self.note("popularity", "popularity", rows.len(), params);
        Ok(())
    }

    fn neighbors(&mut self, name: &str, table: &[Vec<(u32, f32)>], params: Value) -> Result<(), TableError> {
        let rows = || table.iter().enumerate().filter(|(_, row)| !row.is_empty());
        let scores: Vec<Vec<f32>> = rows().map(|(_, row)| row.iter().map(|(_, s)| *s).collect()).collect();
        TableWriter::default()
            .column("item_id", rows().map(|(item, _)| Some(self.id(item as u32))).collect::<StringArray>())
            .column(
                "neighbors",
                text_lists(rows().map(|(_, row)| row.iter().map(|(item, _)| self.id(*item)))),
            )
            .column("scores", float_lists(scores.iter().map(Vec::as_slice)))
            .write(&self.path(name))?;
        self.note(name, "item_neighbors", scores.len(), params);
        Ok(())
    }

    fn sessions(&mut self, sessions: &[Session], most: usize) -> Result<(), TableError> {
        let useful: Vec<&Session> = sessions.iter().filter(|session| session.events.len() > 1).collect();
        let recent = &useful[useful.len().saturating_sub(most)..];
        let events: Vec<_> = recent.iter().flat_map(|session| &session.events).collect();
        let mut names = StringDictionaryBuilder::<Int32Type>::new();
        for event in &events {
            names.append_value(&self.log.sessions[event.session as usize]);
        }
        let names: DictionaryArray<Int32Type> = names.finish();
        let mut writer = TableWriter::default()
            .column("session_id", names)
            .column("item_id", events.iter().map(|event| Some(self.id(event.item))).collect::<StringArray>())
            .column(
                "timestamp",
                TimestampMillisecondArray::from_iter_values(events.iter().map(|e| e.time_ms)),
            );
        let rows: Vec<usize> = events.iter().map(|event| event.row as usize).collect();
        for (name, attribute) in &self.log.extra {
            writer = writer.column(name, attribute.gather(&rows));
        }
        writer.write(&self.path("sessions"))?;
        self.note("sessions", "session_knn", events.len(), json!({
            "m_most_recent_sessions": 2500, "k_neighbors": 500, "max_items_in_session": 10, "idf_weighting": 1.0,
        }));
        Ok(())
    }

    fn factors(
        &mut self,
        data: &Interactions,
        plan: &TrainPlan,
        step: &mut dyn FnMut(&str, f64),
    ) -> Result<(), TableError> {
        let rounds = plan.als.rounds.max(1) as f64;
        let on_round = |round| step("item_vectors", (round + 1) as f64 / rounds);
        let Some(factors) = als(data, &plan.als, on_round) else { return Ok(()) };
        let params = json!({
            "metric": "inner_product", "index": "exact", "fold_in": "als",
            "alpha": plan.als.params.alpha, "regularization": plan.als.params.regularization,
        });
        let ids: Vec<&str> = self.catalog.ids.iter().map(String::as_str).collect();
        self.vectors("item_vectors", "item_id", &ids, &factors.items, params)?;
        if data.users.is_empty() {
            return Ok(());
        }
        let users: Vec<&str> =
            data.users.iter().map(|user| self.log.users[*user as usize].as_str()).collect();
        self.vectors("user_vectors", "user_id", &users, &factors.rows, json!({"metric": "inner_product"}))
    }

    fn vectors(
        &mut self,
        name: &str,
        id_column: &str,
        ids: &[&str],
        vectors: &Vectors,
        params: Value,
    ) -> Result<(), TableError> {
        let ids = vectors.present().map(|(row, _)| ids.get(row).copied());
        TableWriter::default()
            .column(id_column, ids.collect::<StringArray>())
            .column("vector", float_lists(vectors.present().map(|(_, vector)| vector)))
            .write(&self.path(name))?;
        let kind = if id_column == "item_id" { "item_vectors" } else { "user_vectors" };
        self.note(name, kind, vectors.present().count(), params);
        Ok(())
    }

    fn user_items(
        &mut self,
        name: &str,
        users: &[(u32, Vec<(u32, f32)>)],
        params: Value,
    ) -> Result<(), TableError> {
        let ids = users.iter().map(|(user, _)| self.log.users.get(*user as usize).map(String::as_str));
        let scores: Vec<Vec<f32>> =
            users.iter().map(|(_, row)| row.iter().map(|(_, s)| *s).collect()).collect();
        TableWriter::default()
            .column("user_id", ids.collect::<StringArray>())
            .column(
                "items",
                text_lists(users.iter().map(|(_, row)| row.iter().map(|(item, _)| self.id(*item)))),
            )
            .column("scores", float_lists(scores.iter().map(Vec::as_slice)))
            .write(&self.path(name))?;
        self.note(name, "user_items", users.len(), params);
        Ok(())
    }
}
