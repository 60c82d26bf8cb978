//! `larder sample`: the generated shop as files to train on.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use larder_sample::{SampleSpec, ScaleSpec, ShopSize, write_scale, write_shop};

use super::CliError;
use super::terminal::{Progress, line};

#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    /// Directory for events.parquet, catalog.parquet and users.parquet
    #[arg(long)]
    out: PathBuf,
    /// Write the artifacts of a trained shop of this many items instead, for `larder snapshot build`: 10k, 100k, 1m
    #[arg(long, value_name = "ITEMS")]
    scale: Option<Count>,
    /// Products in the catalogue [default: 2500, or as --scale says]
    #[arg(long, visible_alias = "items")]
    products: Option<Count>,
    /// Signed-in users [default: 4000, or as many as items]
    #[arg(long)]
    users: Option<Count>,
    /// Sessions over the year [default: 40000, or ten per item and at most ten million]
    #[arg(long)]
    sessions: Option<Count>,
    /// With --scale: users in user_features.parquet, 0 for none [default: as many as --users]
    #[arg(long, requires = "scale")]
    user_features: Option<Count>,
    /// The same seed gives the same shop
    #[arg(long, default_value_t = SampleSpec::default().seed)]
    seed: u64,
}

pub(super) fn run(args: &SampleArgs) -> Result<(), CliError> {
    match args.scale {
        Some(Count(items)) => scale(args, items),
        None => shop(args),
    }
}

/// Writes the catalogue, users and events of an untrained shop.
fn shop(args: &SampleArgs) -> Result<(), CliError> {
    let standard = SampleSpec::default();
    let spec = SampleSpec {
        products: given(args.products, standard.products),
        users: given(args.users, standard.users),
        sessions: given(args.sessions, standard.sessions),
        seed: args.seed,
        ..standard
    };
    for (name, value) in [("products", spec.products), ("users", spec.users), ("sessions", spec.sessions)] {
        if value == 0 {
            return Err(CliError::Usage(format!("--{name} is 0, expected at least 1")));
        }
    }
    let mut progress = Progress::new(false);
    let written = write_shop(&spec, &args.out, &mut |what, share| progress.step(what, share));
    progress.finish();
    let ShopSize { products, users, events } = written?;
    line(format_args!("{}: {products} products, {users} users, {events} events", args.out.display()))?;
    Ok(())
}

/// Writes the artifacts of a trained shop.
fn scale(args: &SampleArgs, items: usize) -> Result<(), CliError> {
    let items = given(args.products, items);
    let users = given(args.users, items);
    let spec = ScaleSpec {
        items,
        sessions: given(args.sessions, items.saturating_mul(10).min(10_000_000)),
        users,
        user_features: given(args.user_features, users),
        seed: args.seed,
        until_ms: SampleSpec::default().until_ms,
    };
    // Below a hundred items the shape (clusters, neighbours, Zipf's law) has no meaning.
    let ranges = [("products", spec.items, 100), ("users", spec.users, 1), ("sessions", spec.sessions, 1)];
    for (name, value, least) in ranges {
        if !(least..=100_000_000).contains(&value) {
            return Err(CliError::Usage(format!("--{name} is {value}, expected {least} to 100000000")));
        }
    }
    let mut progress = Progress::new(false);
    let written = write_scale(&spec, &args.out, &mut |file, share| progress.step(file, share));
    progress.finish();
    written?;
    let (out, sessions) = (args.out.display(), spec.sessions);
    line(format_args!(
        "{out}: {items} items, {users} users, {sessions} sessions; next: larder snapshot build {out}"
    ))?;
    Ok(())
}

fn given(count: Option<Count>, default: usize) -> usize {
    count.map_or(default, |Count(count)| count)
}

/// A count as people write it: `10000`, `10k` or `1.5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count(usize);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no number such as 10000, 10k or 1m")]
struct BadCount(String);

impl FromStr for Count {
    type Err = BadCount;

    fn from_str(text: &str) -> Result<Self, BadCount> {
        let bad = || BadCount(text.to_owned());
        let lower = text.to_ascii_lowercase();
        let (digits, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
            (Some(digits), _) => (digits, 1e3),
            (_, Some(digits)) => (digits, 1e6),
            _ => return text.parse().map(Count).map_err(|_| bad()),
        };
        let number = digits.parse::<f64>().ok().filter(|number| (0.0..=1e6).contains(number));
        number.map(|number| Count((number * unit).round() as usize)).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_plainly_or_with_a_unit() {
        assert_eq!("10k".parse(), Ok(Count(10_000)));
        assert_eq!("1.5M".parse(), Ok(Count(1_500_000)));
        assert_eq!("0".parse(), Ok(Count(0)));
        assert!(["", "k", "-1k", "1g", "nan"].iter().all(|text| text.parse::<Count>().is_err()));
    }
}
