//! `larder recommend`: one answer, without a server.

use clap::Args;
use serde_json::json;

use super::terminal::{OutputError, line, table};
use super::{CliError, Location, settings};
use crate::config::{Flags, Reading};
use crate::domain::{Request, ResponseView, SlateItem};
use crate::feature::Value;
use crate::pipeline::Stages;
use crate::recommender::{Limits, Recommendation, Recommender};

#[derive(Debug, Args)]
pub(super) struct RecommendArgs {
    #[command(flatten)]
    location: Location,
    /// The placement
    #[arg(long)]
    placement: String,
    /// The user
    #[arg(long)]
    user: Option<String>,
    /// Seed items: ids of the items that the request looks from, comma-separated
    #[arg(long = "seed", value_delimiter = ',')]
    seeds: Vec<String>,
    /// Item ids of the session, newest last, comma-separated
    #[arg(long, value_delimiter = ',')]
    session: Vec<String>,
    /// A filter expression
    #[arg(long)]
    filter: Option<String>,
    /// A context attribute, such as category=tea; repeatable
    #[arg(long = "context")]
    context: Vec<String>,
    /// Items to ask for [default: as the placement says]
    #[arg(short, long)]
    n: Option<usize>,
    /// JSON for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<Reading>,
}

pub(super) fn run(args: &RecommendArgs) -> Result<(), CliError> {
    // First, because loading may take minutes, which a misspelt flag should not cost.
    let request = request(args)?;
    let snapshot = args.location.snapshot(&settings(&args.settings)?)?;
    let recommender = Recommender::with(snapshot, &Stages::default(), Limits::default())?;
    let answer = recommender.recommend(&request)?;
    if args.json {
        print_json(&answer)?
    } else {
        print(&answer)?
    }
    Ok(())
}

fn request(args: &RecommendArgs) -> Result<Request, CliError> {
    // The debug view has the trace, which is what people run this command for.
    let mut request =
        Request { view: ResponseView::Debug, page_size: args.n, ..Request::new(&args.placement) };
    request.subject.user_id.clone_from(&args.user);
    request.filter.clone_from(&args.filter);
    for pair in &args.context {
        let (name, value) = pair.split_once('=').ok_or_else(|| CliError::Flag {
            flag: "context",
            value: pair.clone(),
            expected: "name=value",
        })?;
        request.context.attributes.insert(name.to_owned(), value.to_owned());
    }
    request = args.session.iter().fold(request, |request, id| request.event(id));
    Ok(args.seeds.iter().fold(request, |request, id| request.viewing(id)))
}

fn print_json(answer: &Recommendation) -> Result<(), OutputError> {
    let items = answer.slate.items.iter().map(|item| {
        json!({"item_id": answer.id(item.item), "score": item.score, "source": &*item.source,
               "title": attribute(answer, item, "title")})
    });
    let document = json!({
        "snapshot": answer.snapshot().version(), "items": items.collect::<Vec<_>>(), "causes": causes(answer),
        "missing_item_ids": answer.slate.missing_item_ids,
    });
    line(format_args!("{document:#}"))
}

fn print(answer: &Recommendation) -> Result<(), OutputError> {
    let slate = &answer.slate;
    let row = |(at, item): (usize, &SlateItem)| {
        let (title, price) = (attribute(answer, item, "title"), attribute(answer, item, "price"));
        let (id, score) = (answer.id(item.item).to_owned(), format!("{:.4}", item.score));
        vec![(at + 1).to_string(), id, title, price, score, item.source.to_string()]
    };
    let rows: Vec<Vec<String>> = slate.items.iter().enumerate().map(row).collect();
    table(&["#", "item", "title", "price", "score", "source"], &rows)?;
    for stage in &slate.trace {
        let took = stage.took.as_secs_f64() * 1e6;
        line(format_args!("  {:<24} {:>5} candidates {took:>8.1} µs", stage.stage, stage.candidates))?;
    }
    if !slate.degradation.causes.is_empty() {
        line(format_args!("degraded: {}", causes(answer).join(", ")))?;
    }
    if !slate.missing_item_ids.is_empty() {
        line(format_args!("not in the catalogue: {}", slate.missing_item_ids.join(", ")))?;
    }
    Ok(())
}

/// An attribute of an item as text, empty where it has none.
fn attribute(answer: &Recommendation, item: &SlateItem, name: &str) -> String {
    match answer.view.live.attributes().value(name, item.item.row()) {
        Value::Text(text) => text.to_owned(),
        Value::Float(number) => format!("{number:.2}"),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    }
}

fn causes(answer: &Recommendation) -> Vec<&'static str> {
    answer.slate.degradation.causes.iter().map(|cause| cause.as_str()).collect()
}
