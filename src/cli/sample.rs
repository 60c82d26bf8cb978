//! `larder sample`: the generated shop as files to train on.

use std::path::PathBuf;

use arrow_array::{
    BooleanArray, Float64Array, StringArray, TimestampMillisecondArray, builder::StringDictionaryBuilder,
    types::Int32Type,
};
use clap::Args;

use super::CliError;
use super::terminal::Progress;
use crate::artifact::table::{TableWriter, text_lists};
use crate::train::sample::{Event, SampleSpec, generate_events, generate_products, generate_users};

#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    /// Directory for events.parquet, catalog.parquet and users.parquet
    #[arg(long)]
    out: PathBuf,
    /// Products in the catalogue
    #[arg(long, default_value_t = SampleSpec::default().products)]
    products: usize,
    /// Signed-in users
    #[arg(long, default_value_t = SampleSpec::default().users)]
    users: usize,
    /// Sessions over the year
    #[arg(long, default_value_t = SampleSpec::default().sessions)]
    sessions: usize,
    /// The same seed gives the same shop
    #[arg(long, default_value_t = SampleSpec::default().seed)]
    seed: u64,
}

pub(super) fn run(args: &SampleArgs) -> Result<(), CliError> {
    let SampleArgs { out, products, users, sessions, seed } = args;
    for (name, value) in [("products", products), ("users", users), ("sessions", sessions)] {
        if *value == 0 {
            return Err(CliError::Usage(format!("--{name} is 0, expected at least 1")));
        }
    }
    std::fs::create_dir_all(out)?;
    let spec = SampleSpec {
        products: *products,
        users: *users,
        sessions: *sessions,
        seed: *seed,
        ..SampleSpec::default()
    };
    let mut progress = Progress::new(false);
    progress.step("stocking the shelves", 0.0);
    let products = generate_products(&spec);
    let users = generate_users(&spec);
    progress.step("letting people in", 0.2);
    let mut events: Vec<Event> = Vec::new();
    generate_events(&spec, &products, &users, |event| events.push(event));
    progress.step("writing", 0.6);
    TableWriter::default()
        .column("item_id", products.iter().map(|p| Some(p.item_id.as_str())).collect::<StringArray>())
        .column("title", products.iter().map(|p| Some(p.title.as_str())).collect::<StringArray>())
        .column("department", products.iter().map(|p| Some(p.department)).collect::<StringArray>())
        .column("category", products.iter().map(|p| Some(p.category)).collect::<StringArray>())
        .column("brand", products.iter().map(|p| Some(p.brand)).collect::<StringArray>())
        .column("price", products.iter().map(|p| p.price).collect::<Float64Array>())
        .column("in_stock", BooleanArray::from(products.iter().map(|p| p.in_stock).collect::<Vec<_>>()))
        .column("tags", text_lists(products.iter().map(|p| p.tags.iter().map(AsRef::as_ref))))
        .column("rating", products.iter().map(|p| p.rating).collect::<Float64Array>())
        .column(
            "launched",
            TimestampMillisecondArray::from_iter_values(products.iter().map(|p| p.launched_ms)),
        )
        .write(&out.join("catalog.parquet"))?;
    TableWriter::default()
        .column("user_id", users.iter().map(|u| Some(u.user_id.as_str())).collect::<StringArray>())
        .column("country", users.iter().map(|u| Some(u.country)).collect::<StringArray>())
        .write(&out.join("users.parquet"))?;
    let mut session_ids = StringDictionaryBuilder::<Int32Type>::new();
    let mut user_ids = StringDictionaryBuilder::<Int32Type>::new();
    let mut item_ids = StringDictionaryBuilder::<Int32Type>::new();
    for event in &events {
        session_ids.append_value(event.session_id());
        user_ids.append_option(event.user.map(|user| users[user as usize].user_id.as_str()));
        item_ids.append_value(&products[event.item as usize].item_id);
    }
    TableWriter::default()
        .column("user_id", user_ids.finish())
        .column("session_id", session_ids.finish())
        .column("item_id", item_ids.finish())
        .column("event_type", events.iter().map(|e| Some(e.event_type.as_str())).collect::<StringArray>())
        .column(
            "timestamp",
            TimestampMillisecondArray::from_iter_values(events.iter().map(|e| e.timestamp_ms)),
        )
        .write(&out.join("events.parquet"))?;
    progress.finish();
    println!(
        "{}: {} products, {} users, {} events",
        out.display(),
        products.len(),
        users.len(),
        events.len()
    );
    Ok(())
}
