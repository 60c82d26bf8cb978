//! What may be tried for each placement: sources with their parameters, exclusions, and a cap on variety.

use toml::Spanned;

use super::edit::with_sources;
use super::traits::DatasetTraits;
use crate::pipeline::filter::Exclusion;
use crate::recommender::{Objective, PlacementSpec, StageSpec};

/// The choices for one placement.
pub(super) struct SearchSpace {
    /// The placement.
    pub(super) placement: &'static str,
    /// The recipe without sources.
    pub(super) base: PlacementSpec,
    /// Sources, each in a few variants of its parameters; at most one variant of a family is used.
    pub(super) families: Vec<Vec<StageSpec>>,
    /// Exclusion groups to try besides the base's.
    pub(super) exclusions: Vec<Vec<Exclusion>>,
    /// A re-ranker for variety, to try at the end.
    pub(super) cap: Option<StageSpec>,
}

impl SearchSpace {
    fn new(placement: &'static str, base: PlacementSpec, families: Vec<Vec<StageSpec>>) -> Self {
        Self { placement, base, families, exclusions: Vec::new(), cap: None }
    }

    /// A recipe that no evaluation chose: the first variant of the first `most` families.
    pub(super) fn untuned(&self, most: usize) -> PlacementSpec {
        with_sources(&self.base, self.families.iter().take(most).filter_map(|family| family.first()))
    }
}

/// The choices for every standard placement.
pub(super) fn search_spaces(data: DatasetTraits) -> Vec<SearchSpace> {
    let mut spaces = vec![
        session_next(data),
        pdp_similar(data),
        cart_complements(data),
        home_for_you(data),
        category_popular(data),
    ];
    if data.users && data.purchases {
        spaces.push(home_buy_again(data));
    }
    spaces
}

pub(super) fn session_next(data: DatasetTraits) -> SearchSpace {
    let base = base(data, Objective::NextItem, &[Exclusion::Current]);
    let mut space = SearchSpace::new("session.next", base, session_families(data));
    // Whether people look at an item again in one session differs from shop to shop.
    space.exclusions.push(vec![Exclusion::Session]);
    space
}

fn pdp_similar(data: DatasetTraits) -> SearchSpace {
    let mut families = vec![
        neighbors("similar", "seeds", &[1.0], 5),
        neighbors("followed_by", "seeds", &[1.0], 5),
        session_knn(),
        vec![source("vectors", "item_vectors", 200).with("fold_in", "always").with("from", "seeds")],
    ];
    if data.ease {
        families.push(neighbors("ease", "seeds", &[1.0], 5));
    }
    if data.category {
        families.push(vec![source("popular", "popularity", 100).with("segment", "category")]);
    }
    let base = base(data, Objective::NextFromCurrent, &[Exclusion::Seeds]);
    SearchSpace::new("pdp.similar", base, families)
}

fn cart_complements(data: DatasetTraits) -> SearchSpace {
    // Without carts or orders of two items, the next view is the best stand-in for the next addition.
    let objective = if data.baskets { Objective::NextInBasket } else { Objective::NextItem };
    let mut families = session_families(data);
    // Only then `bought_together` is trained, see its trainer.
    if data.baskets && data.views {
        families.insert(0, neighbors("bought_together", "session", &[0.0, 0.5, 1.0], 20));
    }
    // What everybody buys goes with nothing in particular.
    families.retain(|family| family.first().is_some_and(|source| source.label() != "popularity"));
    SearchSpace::new("cart.complements", base(data, objective, &[Exclusion::Session]), families)
}

pub(super) fn home_for_you(data: DatasetTraits) -> SearchSpace {
    if !data.users {
        let base = base(data, Objective::NextItem, &[Exclusion::Session]);
        return SearchSpace::new("home.for_you", base, session_families(data));
    }
    let base = base(data, Objective::NewItems, &[Exclusion::Purchased, Exclusion::Session]);
    let mut space = SearchSpace::new("home.for_you", base, user_families(data));
    if data.category {
        // Four of twelve: a home page of one category alone looks broken, whatever its hit rate.
        space.cap = Some(StageSpec::new("cap").with("by", "category").with("max", 4));
    }
    space
}

/// Only for data with users.
pub(super) fn home_buy_again(data: DatasetTraits) -> SearchSpace {
    let mut families = user_families(data);
    families.insert(0, vec![source("user_items", "buy_again", 200)]);
    let base = base(data, Objective::UserItems, &[Exclusion::Session]);
    SearchSpace::new("home.buy_again", base, families)
}

pub(super) fn category_popular(data: DatasetTraits) -> SearchSpace {
    let popular = source("popular", "popularity", 200);
    let (objective, popular) = if data.category {
        (Objective::NextInCategory, popular.with("segment", "category"))
    } else {
        (Objective::NextItem, popular)
    };
    SearchSpace::new("category.popular", base(data, objective, &[]), vec![vec![popular]])
}

/// What all recipes have: limits, stock, history and fallback.
fn base(data: DatasetTraits, objective: Objective, exclude: &[Exclusion]) -> PlacementSpec {
    let popular = || StageSpec::new("popular").with("artifact", "popularity");
    let mut fallback = vec![popular()];
    if data.category {
        // By category first: it is nearer to what the visitor looks at. The whole shop fills what is missing.
        fallback.insert(0, popular().named("popular_in_category").with("segment", "category"));
    }
    let text = |value: &str| Spanned::new(0..0, value.to_owned());
    PlacementSpec {
        page_size: 12,
        // A page waits for its slowest part, and a tenth of a second is where people begin to notice.
        max_latency_ms: Some(100),
        filter: data.stock.then(|| text("in_stock")),
        exclude: exclude.to_vec(),
        history: data.users.then(|| text("user_history")),
        fallback: fallback.into_iter().map(Spanned::from).collect(),
        objective,
        ..PlacementSpec::default()
    }
}

/// Sources that look from the items of a session.
fn session_families(data: DatasetTraits) -> Vec<Vec<StageSpec>> {
    let vectors = || source("vectors", "item_vectors", 200).with("fold_in", "always").with("from", "session");
    let mut families = vec![
        neighbors("followed_by", "session", &[0.5, 1.0, 2.0, 4.0], 10),
        neighbors("similar", "session", &[0.0, 0.5, 1.0, 2.0], 20),
        session_knn(),
        vec![vectors(), vectors().with("decay", 1.0)],
        vec![source("popular", "popularity", 100)],
    ];
    if data.ease {
        families.push(neighbors("ease", "session", &[0.0, 0.5, 1.0], 20));
    }
    if data.users {
        families.push(vec![source("user_items", "buy_again", 100)]);
    }
    families
}

/// Sources that look from a user's history.
fn user_families(data: DatasetTraits) -> Vec<Vec<StageSpec>> {
    let mut families = vec![
        vec![source("vectors", "item_vectors", 300).with("users", "user_vectors")],
        neighbors("similar", "history", &[0.0, 0.5, 1.0], 50),
        neighbors("followed_by", "history", &[0.0, 0.5, 1.0], 50),
        vec![source("popular", "popularity", 200)],
    ];
    if data.ease {
        families.push(neighbors("ease", "history", &[0.0, 0.2, 0.5], 500));
    }
    families
}

/// A source of a kind that reads the artifact of its own name.
pub(super) fn source(kind: &str, artifact: &str, take: i64) -> StageSpec {
    StageSpec::new(kind).named(artifact).with("artifact", artifact).with("take", take)
}

/// Neighbours of the newest `max_seeds` items of a session or history, in variants of how fast older ones count less.
pub(super) fn neighbors(artifact: &str, from: &str, decays: &[f64], max_seeds: i64) -> Vec<StageSpec> {
    let base = source("neighbors", artifact, 200).with("from", from).with("max_seeds", max_seeds);
    decays.iter().map(|decay| base.clone().with("decay", *decay)).collect()
}

fn session_knn() -> Vec<StageSpec> {
    // From fast to thorough; the last ignores how common an item is.
    let variant = |sessions: i64, neighbors: i64, idf: f64| {
        source("session_knn", "sessions", 300)
            .with("m_most_recent_sessions", sessions)
            .with("k_neighbors", neighbors)
            .with("idf_weighting", idf)
    };
    vec![variant(500, 100, 1.0), variant(2500, 500, 1.0), variant(2500, 500, 0.0)]
}
