//! What may be tried: sources and their parameters per placement, and alternatives for the training plan.

use crate::evaluate::{Recipe, SourceLine};
use crate::train::{Catalog, EventKind, EventLog, TrainPlan, baskets};

/// What a shop's data allows.
pub(super) struct Shop {
    has_users: bool,
    has_purchases: bool,
    has_views: bool,
    has_baskets: bool,
    has_category: bool,
    has_stock: bool,
    has_ease: bool,
}

/// The choices for one placement.
pub(super) struct Menu {
    /// The recipe without sources.
    pub(super) base: Recipe,
    /// Variants of each source; at most one of a family is used.
    pub(super) families: Vec<Vec<SourceLine>>,
    /// Exclusion groups to try besides the base's.
    pub(super) exclusions: Vec<Vec<String>>,
    /// A cap (attribute, most) to try at the end.
    pub(super) cap: Option<(String, usize)>,
}

fn source(name: &str, kind: &str, params: &str) -> SourceLine {
    let params = match params.is_empty() {
        true => format!("artifact = \"{name}\""),
        false => format!("artifact = \"{name}\", {params}"),
    };
    SourceLine { name: name.to_owned(), kind: kind.to_owned(), params, weight: 1.0 }
}

fn neighbors(name: &str, from: &str, decays: &[f64], max_seeds: usize) -> Vec<SourceLine> {
    let params =
        |decay: &f64| format!("take = 200, from = \"{from}\", decay = {decay:?}, max_seeds = {max_seeds}");
    decays.iter().map(|decay| source(name, "neighbors", &params(decay))).collect()
}

impl Shop {
    pub(super) fn new(log: &EventLog, catalog: &Catalog, plan: &TrainPlan) -> Self {
        Self {
            has_users: log.events.iter().any(|event| event.user.is_some()),
            has_purchases: log.events.iter().any(|event| event.kind == EventKind::Purchase),
            has_views: log.events.iter().any(|event| event.kind == EventKind::View),
            has_baskets: !baskets(log).is_empty(),
            has_category: log.events.iter().any(|event| catalog.text("category", event.item).is_some()),
            has_stock: catalog.has_flag("in_stock"),
            has_ease: catalog.len() <= plan.ease_max_items,
        }
    }

    /// The choices for every default placement.
    pub(super) fn menus(&self) -> Vec<Menu> {
        let mut menus = vec![
            self.session_next(),
            self.pdp_similar(),
            self.cart_complements(),
            self.home_for_you(),
            self.category_popular(),
        ];
        if self.has_users && self.has_purchases {
            menus.push(self.home_buy_again());
        }
        menus
    }

    /// Recipes for a log too short to choose by: the first variant of the first two families.
    pub(super) fn untuned(&self) -> Vec<Recipe> {
        let firsts = |menu: Menu| {
            let sources = menu.families.iter().take(2).filter_map(|family| family.first().cloned());
            Recipe { sources: sources.collect(), ..menu.base }
        };
        self.menus().into_iter().map(firsts).collect()
    }

    fn base(&self, placement: &str, objective: &str, exclude: &[&str]) -> Recipe {
        let whole = "kind = \"popular\", artifact = \"popularity\"".to_owned();
        let mut fallback = vec![whole];
        if self.has_category {
            let by_category = "kind = \"popular\", name = \"popular_in_category\", artifact = \"popularity\", segment = \"category\"";
            fallback.insert(0, by_category.to_owned());
        }
        Recipe {
            placement: placement.to_owned(),
            page_size: 12,
            sources: Vec::new(),
            normalize: "max".to_owned(),
            exclude: exclude.iter().map(|group| (*group).to_owned()).collect(),
            history: self.has_users.then(|| "user_history".to_owned()),
            filter: self.has_stock.then(|| "in_stock".to_owned()),
            cap: None,
            fallback,
            objective: objective.to_owned(),
        }
    }

    fn session_next(&self) -> Menu {
        let mut families = vec![
            neighbors("followed_by", "session", &[0.5, 1.0, 2.0, 4.0], 10),
            neighbors("similar", "session", &[0.0, 0.5, 1.0, 2.0], 20),
            self.session_knn(),
            vec![
                source("item_vectors", "vectors", "take = 200, fold_in = \"always\", from = \"session\""),
                source(
                    "item_vectors",
                    "vectors",
                    "take = 200, fold_in = \"always\", from = \"session\", decay = 1.0",
                ),
            ],
            vec![source("popularity", "popular", "take = 100")],
        ];
        if self.has_ease {
            families.push(neighbors("ease", "session", &[0.0, 0.5, 1.0], 20));
        }
        if self.has_users {
            families.push(vec![source("buy_again", "user_items", "take = 100")]);
        }
        Menu {
            base: self.base("session.next", "next_item", &["current"]),
            families,
            exclusions: vec![vec!["session".to_owned()]],
            cap: None,
        }
    }

    fn session_knn(&self) -> Vec<SourceLine> {
        let variants = [(500, 100, 1.0), (2500, 500, 1.0), (2500, 500, 0.0)];
        let params = |(m, k, idf): (usize, usize, f64)| {
            format!("take = 300, m_most_recent_sessions = {m}, k_neighbors = {k}, idf_weighting = {idf:?}")
        };
        variants.into_iter().map(|variant| source("sessions", "session_knn", &params(variant))).collect()
    }

    fn pdp_similar(&self) -> Menu {
        let mut families = vec![
            neighbors("similar", "seeds", &[1.0], 5),
            neighbors("followed_by", "seeds", &[1.0], 5),
            self.session_knn(),
            vec![source("item_vectors", "vectors", "take = 200, fold_in = \"always\", from = \"seeds\"")],
        ];
        if self.has_ease {
            families.push(neighbors("ease", "seeds", &[1.0], 5));
        }
        if self.has_category {
            families.push(vec![source("popularity", "popular", "take = 100, segment = \"category\"")]);
        }
        let base = self.base("pdp.similar", "next_from_current", &["seeds"]);
        Menu { base, families, exclusions: Vec::new(), cap: None }
    }

    fn cart_complements(&self) -> Menu {
        let mut menu = self.session_next();
        let objective = if self.has_baskets { "next_in_basket" } else { "next_item" };
        menu.base = self.base("cart.complements", objective, &["session"]);
        if self.has_baskets && self.has_views {
            menu.families.insert(0, neighbors("bought_together", "session", &[0.0, 0.5, 1.0], 20));
        }
        menu.families.retain(|family| family.first().is_some_and(|source| source.name != "popularity"));
        menu.exclusions.clear();
        menu
    }

    fn home_for_you(&self) -> Menu {
        if !self.has_users {
            let mut menu = self.session_next();
            menu.base = self.base("home.for_you", "next_item", &["session"]);
            menu.exclusions.clear();
            return menu;
        }
        let mut families = vec![
            vec![source("item_vectors", "vectors", "users = \"user_vectors\", take = 300")],
            neighbors("similar", "history", &[0.0, 0.5, 1.0], 50),
            neighbors("followed_by", "history", &[0.0, 0.5, 1.0], 50),
            vec![source("popularity", "popular", "take = 200")],
        ];
        if self.has_ease {
            families.push(neighbors("ease", "history", &[0.0, 0.2, 0.5], 500));
        }
        let base = self.base("home.for_you", "new_items", &["purchased", "session"]);
        Menu {
            base,
            families,
            exclusions: Vec::new(),
            cap: self.has_category.then(|| ("category".to_owned(), 4)),
        }
    }

    fn home_buy_again(&self) -> Menu {
        let mut menu = self.home_for_you();
        menu.base = self.base("home.buy_again", "user_items", &["session"]);
        menu.cap = None;
        menu.families.insert(0, vec![source("buy_again", "user_items", "take = 200")]);
        menu
    }

    fn category_popular(&self) -> Menu {
        let segment = if self.has_category { "take = 200, segment = \"category\"" } else { "take = 200" };
        let objective = if self.has_category { "next_in_category" } else { "next_item" };
        let base = self.base("category.popular", objective, &[]);
        let families = vec![vec![source("popularity", "popular", segment)]];
        Menu { base, families, exclusions: Vec::new(), cap: None }
    }
}

/// How an alternative differs from the plan.
type PlanChange = Box<dyn Fn(&TrainPlan) -> TrainPlan>;

/// One training parameter and its alternatives.
pub(super) struct PlanChoice {
    pub(super) decision: &'static str,
    pub(super) plans: Vec<(String, PlanChange)>,
    pub(super) artifacts: Vec<&'static str>,
    pub(super) recipe: Recipe,
}

/// The training parameters worth trying on this log.
pub(super) fn plan_choices(log: &EventLog, catalog: &Catalog, plan: &TrainPlan) -> Vec<PlanChoice> {
    let shop = Shop::new(log, catalog, plan);
    let (first, last) = log.period_ms();
    let days = (last - first) as f64 / super::DAY_MS as f64;
    let mut choices = Vec::new();
    type Change = Box<dyn Fn(&TrainPlan) -> TrainPlan>;
    let lives = |lives: &[f64], set: fn(&mut TrainPlan, Option<f64>)| -> Vec<(String, Change)> {
        let mut plans: Vec<(String, Change)> = Vec::new();
        for life in lives.iter().copied().filter(|life| *life <= days) {
            plans.push((
                format!("{life} days"),
                Box::new(move |plan| {
                    let mut plan = plan.clone();
                    set(&mut plan, Some(life));
                    plan
                }),
            ));
        }
        plans.push((
            "none".to_owned(),
            Box::new(move |plan| {
                let mut plan = plan.clone();
                set(&mut plan, None);
                plan
            }),
        ));
        plans
    };
    let bare = |mut recipe: Recipe, sources: Vec<SourceLine>| {
        recipe.sources = sources;
        recipe.fallback.clear();
        recipe.history = recipe.history.filter(|_| recipe.exclude.iter().any(|group| group == "purchased"));
        recipe
    };
    choices.push(PlanChoice {
        decision: "rule half-life",
        plans: lives(&[15.0, 30.0, 60.0, 120.0], |plan, life| plan.rule_half_life_days = life),
        artifacts: vec!["followed_by"],
        recipe: bare(shop.session_next().base, neighbors("followed_by", "session", &[2.0], 10)),
    });
    choices.push(PlanChoice {
        decision: "popularity half-life",
        plans: lives(&[3.0, 7.0, 14.0, 30.0, 90.0], |plan, life| {
            plan.popularity_half_life_days = life.unwrap_or(36_500.0);
        }),
        artifacts: vec!["popularity"],
        recipe: bare(
            shop.category_popular().base,
            shop.category_popular().families.into_iter().flatten().collect(),
        ),
    });
    if shop.has_users && shop.has_purchases {
        choices.push(PlanChoice {
            decision: "buy-again half-life",
            plans: lives(&[30.0, 60.0, 120.0, 240.0], |plan, life| {
                plan.buy_again_half_life_days = life.unwrap_or(36_500.0);
            }),
            artifacts: vec!["buy_again"],
            recipe: bare(
                Recipe { exclude: Vec::new(), ..shop.home_buy_again().base },
                vec![source("buy_again", "user_items", "take = 200")],
            ),
        });
    }
    if shop.has_ease {
        let numbers = |name: &[f64]| -> Vec<(String, Change)> {
            let change = |lambda: f64| -> Change {
                Box::new(move |plan| TrainPlan { ease_regularization: lambda, ..plan.clone() })
            };
            name.iter().map(|lambda| (format!("{lambda}"), change(*lambda))).collect()
        };
        let from = if shop.has_users { "history" } else { "session" };
        choices.push(PlanChoice {
            decision: "EASE regularisation",
            plans: numbers(&[100.0, 300.0, 1000.0]),
            artifacts: vec!["ease", "user_history"],
            recipe: bare(shop.home_for_you().base, neighbors("ease", from, &[0.0], 500)),
        });
    }
    choices
}
