//! The generated shop as the files that a real shop would export: catalogue, users and events.

use std::path::Path;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{BooleanArray, Float64Array, StringArray, TimestampMillisecondArray};

use super::catalogue::Product;
use super::event::Event;
use super::people::User;
use super::shop::{SampleShop, generate};
use super::spec::SampleSpec;
use super::table::{SampleError, Table, text_lists};

/// zstd level: these files are small and written once, so that a good compression costs a second at most.
const ZSTD_LEVEL: i32 = 9;

/// How much a shop has of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShopSize {
    /// Products in the catalogue.
    pub products: usize,
    /// Users with an account.
    pub users: usize,
    /// Events of all sessions.
    pub events: usize,
}

/// Generates a shop and writes `catalog.parquet`, `users.parquet` and `events.parquet` into `dir`, which is created
/// where it does not exist. `progress` is told what is being done and what share of the whole is done.
///
/// The same spec gives the same bytes.
///
/// # Errors
/// A directory or file that cannot be written.
pub fn write_shop(
    spec: &SampleSpec,
    dir: &Path,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<ShopSize, SampleError> {
    std::fs::create_dir_all(dir).map_err(|source| SampleError::Io { path: dir.to_owned(), source })?;
    progress("generating the shop", 0.0);
    let SampleShop { products, users, events } = generate(spec);
    // Shares of the time, near enough for a progress bar.
    progress("writing", 0.6);
    write_catalog(&products, &dir.join("catalog.parquet"))?;
    write_users(&users, &dir.join("users.parquet"))?;
    write_events(&events, &products, &users, &dir.join("events.parquet"))?;
    Ok(ShopSize { products: products.len(), users: users.len(), events: events.len() })
}

fn write_catalog(products: &[Product], file: &Path) -> Result<(), SampleError> {
    let in_stock: Vec<bool> = products.iter().map(|p| p.in_stock).collect();
    let launched = products.iter().map(|p| p.launched_ms);
    let mut table = Table::create(file, ZSTD_LEVEL)?;
    table
        .batch()
        .column("item_id", products.iter().map(|p| Some(p.item_id.as_str())).collect::<StringArray>())
        .column("title", products.iter().map(|p| Some(p.title.as_str())).collect::<StringArray>())
        .column("department", products.iter().map(|p| Some(p.department)).collect::<StringArray>())
        .column("category", products.iter().map(|p| Some(p.category)).collect::<StringArray>())
        .column("brand", products.iter().map(|p| Some(p.brand)).collect::<StringArray>())
        .column("price", products.iter().map(|p| p.price).collect::<Float64Array>())
        .column("in_stock", BooleanArray::from(in_stock))
        .column("tags", text_lists(products.iter().map(|p| p.tags.iter().map(AsRef::as_ref))))
        .column("rating", products.iter().map(|p| p.rating).collect::<Float64Array>())
        .column("launched", TimestampMillisecondArray::from_iter_values(launched))
        .write()?;
    table.close()
}

fn write_users(users: &[User], file: &Path) -> Result<(), SampleError> {
    let mut table = Table::create(file, ZSTD_LEVEL)?;
    table
        .batch()
        .column("user_id", users.iter().map(|u| Some(u.user_id.as_str())).collect::<StringArray>())
        .column("country", users.iter().map(|u| Some(u.country)).collect::<StringArray>())
        .write()?;
    table.close()
}

fn write_events(
    events: &[Event],
    products: &[Product],
    users: &[User],
    file: &Path,
) -> Result<(), SampleError> {
    // Ids repeat many times: as dictionaries they take a fraction of the memory while the file is written.
    let mut session_ids = StringDictionaryBuilder::<Int32Type>::new();
    let mut user_ids = StringDictionaryBuilder::<Int32Type>::new();
    let mut item_ids = StringDictionaryBuilder::<Int32Type>::new();
    for event in events {
        session_ids.append_value(event.session_id());
        user_ids.append_option(event.user.map(|user| users[user as usize].user_id.as_str()));
        item_ids.append_value(&products[event.item as usize].item_id);
    }
    let times = events.iter().map(|event| event.timestamp_ms);
    let mut table = Table::create(file, ZSTD_LEVEL)?;
    table
        .batch()
        .column("user_id", user_ids.finish())
        .column("session_id", session_ids.finish())
        .column("item_id", item_ids.finish())
        .column("event_type", events.iter().map(|e| Some(e.event_type.as_str())).collect::<StringArray>())
        .column("timestamp", TimestampMillisecondArray::from_iter_values(times))
        .write()?;
    table.close()
}
