//! `larder recommend`: one answer, without a server.

use clap::Args;
use serde_json::json;

use super::terminal::table;
use super::{CliError, LoadArgs};
use crate::app::open_snapshot;
use crate::config::RawStore;
use crate::domain::{Request, ResponseView};
use crate::feature::Value;
use crate::pipeline::Stages;
use crate::recommender::{Limits, Recommender};

#[derive(Debug, Args)]
pub(super) struct RecommendArgs {
    /// Directory or s3://bucket/prefix with a snapshot
    #[arg(long, env = "LARDER_STORE", default_value = "models")]
    store: String,
    /// Channel to read
    #[arg(long, env = "LARDER_CHANNEL", default_value = "production")]
    channel: String,
    /// The placement
    #[arg(long)]
    placement: String,
    /// The user
    #[arg(long)]
    user: Option<String>,
    /// Item ids to look from, the one looked at last
    #[arg(long = "seed", value_delimiter = ',')]
    seeds: Vec<String>,
    /// Item ids of the session, newest last
    #[arg(long, value_delimiter = ',')]
    session: Vec<String>,
    /// A filter expression
    #[arg(long)]
    filter: Option<String>,
    /// Context attributes, such as category=tea
    #[arg(long = "context")]
    context: Vec<String>,
    /// How many items
    #[arg(short, long)]
    n: Option<usize>,
    /// JSON for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    s3: RawStore,
}

pub(super) fn run(args: &RecommendArgs) -> Result<(), CliError> {
    let cache = crate::config::cache_dir();
    let (store, load) = (args.s3.options(false), args.load.options()?);
    let snapshot = open_snapshot(&args.store, &args.channel, &store, &cache, &load)?;
    let recommender = Recommender::with(snapshot, &Stages::default(), Limits::default())?;
    let mut request =
        Request { view: ResponseView::Debug, page_size: args.n, ..Request::new(&args.placement) };
    request.subject.user_id.clone_from(&args.user);
    request.filter.clone_from(&args.filter);
    for pair in &args.context {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| CliError::Usage(format!("--context {pair}: expected name=value")))?;
        request.context.attributes.insert(name.to_owned(), value.to_owned());
    }
    request = args.session.iter().fold(request, |request, id| request.event(id));
    request = args.seeds.iter().fold(request, |request, id| request.viewing(id));
    let answer = recommender.recommend(&request)?;
    let (slate, snapshot) = (&answer.slate, answer.snapshot());
    let text = |name: &str, row: usize| match snapshot.catalog().value(name, row) {
        Value::Text(text) => text.to_owned(),
        Value::Float(number) => format!("{number:.2}"),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    };
    if args.json {
        let items = slate.items.iter().map(|item| {
            json!({"item_id": snapshot.id(item.item), "score": item.score, "source": &*item.source,
                   "title": text("title", item.item.row())})
        });
        let causes: Vec<&str> = slate.degradation.causes.iter().map(|cause| cause.as_str()).collect();
        println!(
            "{:#}",
            json!({"snapshot": snapshot.version(), "items": items.collect::<Vec<_>>(), "causes": causes,
                   "missing_item_ids": slate.missing_item_ids})
        );
        return Ok(());
    }
    let rows: Vec<Vec<String>> = slate
        .items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let row = item.item.row();
            let (title, price) = (text("title", row), text("price", row));
            let score = format!("{:.4}", item.score);
            vec![
                (at + 1).to_string(),
                snapshot.id(item.item).to_owned(),
                title,
                price,
                score,
                item.source.to_string(),
            ]
        })
        .collect();
    table(&["#", "item", "title", "price", "score", "source"], &rows);
    for stage in &slate.trace {
        println!(
            "  {:<24} {:>5} candidates {:>8.1} µs",
            stage.stage,
            stage.candidates,
            stage.took.as_secs_f64() * 1e6
        );
    }
    if !slate.degradation.causes.is_empty() {
        let causes: Vec<&str> = slate.degradation.causes.iter().map(|cause| cause.as_str()).collect();
        println!("degraded: {}", causes.join(", "));
    }
    if !slate.missing_item_ids.is_empty() {
        println!("not in the catalogue: {}", slate.missing_item_ids.join(", "));
    }
    Ok(())
}
