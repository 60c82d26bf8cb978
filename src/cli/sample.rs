//! `larder sample`: the generated shop as files to train on.

use std::path::PathBuf;

use arrow_array::{
    BooleanArray, Float64Array, StringArray, TimestampMillisecondArray, builder::StringDictionaryBuilder,
    types::Int32Type,
};
use clap::Args;

use super::CliError;
use super::terminal::{Progress, line};
use crate::artifact::table::{TableWriter, text_lists};
use crate::train::sample::{
    Event, SampleSpec, ScaleSpec, generate_events, generate_products, generate_users, write_scale,
};

#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    /// Directory for events.parquet, catalog.parquet and users.parquet
    #[arg(long)]
    out: PathBuf,
    /// A trained shop of so many items instead: the artifacts of a snapshot, for `larder snapshot build`. Such as 10k, 100k, 1m
    #[arg(long, value_parser = count)]
    scale: Option<usize>,
    /// Products in the catalogue [default: 2500, or as --scale says]
    #[arg(long, visible_alias = "items", value_parser = count)]
    products: Option<usize>,
    /// Signed-in users [default: 4000, or as many as items]
    #[arg(long, value_parser = count)]
    users: Option<usize>,
    /// Sessions over the year [default: 40000, or ten per item and at most ten million]
    #[arg(long, value_parser = count)]
    sessions: Option<usize>,
    /// With --scale: users in user_features.parquet, 0 for none [default: as many as --users]
    #[arg(long, value_parser = count, requires = "scale")]
    user_features: Option<usize>,
    /// The same seed gives the same shop
    #[arg(long, default_value_t = SampleSpec::default().seed)]
    seed: u64,
}

pub(super) fn run(args: &SampleArgs) -> Result<(), CliError> {
    if let Some(items) = args.scale {
        return scale(args, items);
    }
    let standard = SampleSpec::default();
    let (out, seed) = (&args.out, &args.seed);
    let products = &args.products.unwrap_or(standard.products);
    let users = &args.users.unwrap_or(standard.users);
    let sessions = &args.sessions.unwrap_or(standard.sessions);
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
    line(format_args!(
        "{}: {} products, {} users, {} events",
        out.display(),
        products.len(),
        users.len(),
        events.len()
    ))?;
    Ok(())
}

/// Writes the artifacts of a trained shop.
fn scale(args: &SampleArgs, items: usize) -> Result<(), CliError> {
    let items = args.products.unwrap_or(items);
    let users = args.users.unwrap_or(items);
    let spec = ScaleSpec {
        items,
        sessions: args.sessions.unwrap_or(items.saturating_mul(10).min(10_000_000)),
        users,
        user_features: args.user_features.unwrap_or(users),
        seed: args.seed,
        until_ms: SampleSpec::default().until_ms,
    };
    let ranges = [("products", spec.items, 100), ("users", spec.users, 1), ("sessions", spec.sessions, 1)];
    for (name, value, least) in ranges {
        if !(least..=100_000_000).contains(&value) {
            return Err(CliError::Usage(format!("--{name} is {value}, expected {least} to 100000000")));
        }
    }
    std::fs::create_dir_all(&args.out)?;
    let mut progress = Progress::new(false);
    write_scale(&spec, &args.out, &mut |file, share| progress.step(file, share))?;
    progress.finish();
    let (out, sessions) = (args.out.display(), spec.sessions);
    line(format_args!(
        "{out}: {items} items, {users} users, {sessions} sessions; next: larder snapshot build {out}"
    ))?;
    Ok(())
}

/// `10000`, `10k` or `1.5m`.
fn count(text: &str) -> Result<usize, String> {
    let wrong = || format!("\"{text}\" is no number such as 10000, 10k or 1m");
    let (digits, unit) = match text.to_ascii_lowercase().strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with(['k', 'K']) => (digits.to_owned(), 1e3),
        Some(digits) => (digits.to_owned(), 1e6),
        None => return text.parse().map_err(|_| wrong()),
    };
    let number = digits.parse::<f64>().ok().filter(|number| (0.0..=1e6).contains(number));
    number.map(|number| (number * unit).round() as usize).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_plainly_or_with_a_unit() {
        assert_eq!(count("10k"), Ok(10_000));
        assert_eq!(count("1.5M"), Ok(1_500_000));
        assert_eq!(count("0"), Ok(0));
        assert!(["", "k", "-1k", "1g", "nan"].iter().all(|text| count(text).is_err()));
    }
}
