//! A candidate source of your own: cheaper items of the same category, the nearest in price first.
//!
//! `cargo run --example custom_source --no-default-features -- models`; the catalogue needs `category` and `price`.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use larder::domain::{CandidateSet, ItemIdx, ItemMask, Request};
use larder::pipeline::{BuildError, CandidateSource, Context, Spec, Stage, StageError, Stages};
use larder::recommender::{Limits, Recommender, View};
use larder::snapshot::{LoadOptions, Registry, open_directory};

/// A recipe that names the new kind; `take` is a parameter of ours. In production it is in the snapshot's
/// `placements.toml`.
const RECIPES: &str = r#"
[placements."pdp.cheaper"]
page_size = 6
sources = [ { kind = "cheaper", take = 50 } ]
"#;

/// The items of each category by falling price.
#[derive(Debug)]
struct Cheaper {
    shelves: HashMap<u32, Vec<(f64, ItemIdx)>>,
    take: usize,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    take: usize,
}

impl Cheaper {
    /// Runs once a snapshot, when it is loaded: all the sorting is done here, and a bad recipe is refused here.
    fn make(spec: &Spec<'_>) -> Result<Box<dyn CandidateSource>, BuildError> {
        let Params { take } = spec.parse()?;
        let (category, price) = (spec.column("category")?, spec.column("price")?);
        let mut shelves: HashMap<u32, Vec<(f64, ItemIdx)>> = HashMap::new();
        for item in 0..spec.snapshot.items().len() as u32 {
            let (code, price) = (category.codes(item as usize).first(), price.number(item as usize));
            if let Some(code) = code.filter(|_| !price.is_nan()) {
                shelves.entry(*code).or_default().push((price, ItemIdx(item)));
            }
        }
        shelves.values_mut().for_each(|shelf| shelf.sort_by(|a, b| b.0.total_cmp(&a.0)));
        Ok(Box::new(Self { shelves, take }))
    }
}

impl Stage for Cheaper {
    fn label(&self) -> &str {
        "cheaper"
    }
}

impl CandidateSource for Cheaper {
    fn retrieve(&self, ctx: &Context<'_>, mask: &ItemMask, out: &mut CandidateSet) -> Result<(), StageError> {
        let Some(seen) = ctx.query.current else { return Ok(()) };
        let column = |name| ctx.snapshot.catalog().column(name);
        let price = column("price").map_or(f64::NAN, |column| column.number(seen.row()));
        let code = column("category").and_then(|column| column.codes(seen.row()).first());
        let Some(shelf) = code.and_then(|code| self.shelves.get(code)) else { return Ok(()) };
        let cheaper = &shelf[shelf.partition_point(|(other, _)| *other >= price)..];
        // The mask holds what the request may not be shown; asking it here means that `take` are left over.
        for (other, item) in cheaper.iter().filter(|(_, item)| mask.admits(*item)).take(self.take) {
            out.push(*item, (other / price) as f32);
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "models".to_owned());
    let snapshot = Arc::new(open_directory(directory.as_ref(), "production", &LoadOptions::default())?);
    let stages = Stages::default().source("cheaper", Cheaper::make);
    let registry = Arc::new(Registry::default());
    registry.publish(Arc::new(View::compile(Arc::clone(&snapshot), RECIPES, &stages)?), false);

    let recommender = Recommender::new(registry, Limits::default());
    let column = snapshot.catalog().column("price").ok_or("the catalogue has no price")?;
    let dearest = (0..snapshot.items().len()).max_by(|a, b| column.number(*a).total_cmp(&column.number(*b)));
    let seed = snapshot.items().text(dearest.ok_or("the catalogue is empty")? as u32);
    println!("Cheaper than {seed}:");
    for item in recommender.recommend(&Request::new("pdp.cheaper").viewing(seed))?.slate.items {
        println!("{:>8.2}  {}", column.number(item.item.row()), snapshot.id(item.item));
    }
    Ok(())
}
