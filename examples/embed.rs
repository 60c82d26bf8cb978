//! The recommender inside your own program: no server, no runtime, no network.
//!
//! `cargo run --example embed --no-default-features -- models P00042` opens a store (or one snapshot's directory) and
//! prints what goes with an item; without an id, with the first item of the catalogue.

use std::error::Error;

use larder::domain::Request;
use larder::feature::Value;
use larder::recommender::Recommender;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let recommender = Recommender::open(arguments.next().unwrap_or_else(|| "models".to_owned()))?;
    let served = recommender.served().ok_or("nothing is served")?;
    let seed = arguments.next().unwrap_or_else(|| served.snapshot.items().text(0).to_owned());

    let answer = recommender.recommend(&Request::new("pdp.similar").viewing(&seed).page_size(8))?;
    // Item numbers are valid in the snapshot that gave the answer, so names and prices come from there too.
    let catalog = answer.snapshot().catalog();
    println!("With {seed}, from snapshot {}:", answer.snapshot().version());
    for item in &answer.slate.items {
        let title = match catalog.value("title", item.item.row()) {
            Value::Text(title) => title,
            _ => "(no title)",
        };
        let price = catalog.column("price").map_or(f64::NAN, |column| column.number(item.item.row()));
        println!("{:>8.2}  {title}  [{}, {}]", price, answer.id(item.item), item.source);
    }
    Ok(())
}
