//! A scorer of your own: similar items, those of a similar price first.
//!
//! `cargo run --example custom_scorer --no-default-features -- models`; the snapshot needs a `price` in its catalogue
//! and an `item_neighbors` artifact called `similar`.

use std::error::Error;
use std::sync::Arc;

use larder::domain::{CandidateSet, Request};
use larder::pipeline::{BuildError, Context, Needs, Scorer, Spec, Stage, StageError, Stages};
use larder::recommender::{Limits, Recommender, View};
use larder::snapshot::{LoadOptions, Registry, open_directory};

/// A recipe that names the new kind. In production it is in the snapshot's `placements.toml`.
const RECIPES: &str = r#"
[placements."pdp.same_price"]
page_size = 6
sources = [ { kind = "neighbors", artifact = "similar" } ]
exclude = ["seeds"]
scorer  = { kind = "price_match", strictness = 2.0 }
"#;

/// `score = retrieval score · exp(-strictness · |ln(price / price of the item looked at)|)`.
#[derive(Debug)]
struct PriceMatch {
    strictness: f32,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    strictness: f32,
}

impl PriceMatch {
    fn make(spec: &Spec<'_>) -> Result<Box<dyn Scorer>, BuildError> {
        let Params { strictness } = spec.parse()?;
        Ok(Box::new(Self { strictness }))
    }
}

impl Stage for PriceMatch {
    fn label(&self) -> &str {
        "price_match"
    }

    /// Columns are checked against the catalogue when the recipe is compiled, and gathered for the candidates before
    /// `score` is called.
    fn needs(&self) -> Needs {
        Needs { columns: vec!["price".to_owned()], ..Needs::default() }
    }
}

impl Scorer for PriceMatch {
    fn score(&self, ctx: &Context<'_>, set: &CandidateSet, scores: &mut [f32]) -> Result<(), StageError> {
        let prices = set.feature("price").ok_or(StageError::Failed("the price was not gathered"))?;
        let column = ctx.snapshot.catalog().column("price");
        let wanted = ctx.query.current.zip(column).map(|(item, column)| column.number(item.row()) as f32);
        for ((score, similar), price) in scores.iter_mut().zip(set.retrieved(0)).zip(prices) {
            let distance = wanted.map_or(0.0, |wanted| (price / wanted).ln().abs());
            *score = similar * (-self.strictness * distance).exp(); // NaN where there is no price: it sinks
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "models".to_owned());
    let snapshot = Arc::new(open_directory(directory.as_ref(), "production", &LoadOptions::default())?);
    let stages = Stages::default().scorer("price_match", PriceMatch::make);
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(View::compile(Arc::clone(&snapshot), RECIPES, &stages)?), false);

    let recommender = Recommender::new(registry, Limits::default());
    let column = snapshot.catalog().column("price").ok_or("the catalogue has no price")?;
    let seed = snapshot.items().text(0);
    println!("Like {seed} ({:.2}), at a similar price:", column.number(0));
    for item in recommender.recommend(&Request::new("pdp.same_price").viewing(seed))?.slate.items {
        println!("{:>8.2}  {:.4}  {}", column.number(item.item.row()), item.score, snapshot.id(item.item));
    }
    Ok(())
}
