//! Gathering and scoring take no memory once theirs is warm.

use larder::domain::{CandidateSet, ItemIdx, Moment};
use larder::live::Live;
use larder::model::{Matrix, RankScratch};
use larder::pipeline::features::Gatherer;
use larder::pipeline::{Context, Deadline, Query, Spec};
use larder::snapshot::{Lookup, RankerModel};

use super::*;
use crate::support::counting::allocations;

#[test]
fn features_are_gathered_and_scored_without_taking_memory() {
    let model = r#"{"weights": {"item.price": 1, "item.category": 1, "item.margin": 1, "user.thrift": 1,
        "user.taste": 1, "context.country": 1, "context.hour": 1, "seed.price": 1, "seed.same_category": 1,
        "seed.price_ratio": 1, "source.a.score": 1, "source.a.rank": 1, "candidate.rank": 1, "candidate.sources": 1}}"#;
    let codes = "[judge]\n[judge.categories]\n\"item.category\" = [\"tea\"]\n\"user.taste\" = [\"tea\"]\n\
                 \"context.country\" = [\"DE\"]";
    let shop = Shop::new("judge.json", model, codes);
    shop.recipe("");
    table(shop.path(), "margins", vec![("item_id", texts(["milk"])), ("margin", floats([0.5]))]);
    let habits = vec![("user_id", texts(["ada"])), ("thrift", floats([2.0])), ("taste", texts(["tea"]))];
    table(shop.path(), "habits", habits);
    let snapshot = shop.snapshot(&LoadOptions::default());
    let sources = ["a".into(), "b".into()];
    let spec = Spec { params: toml::Table::new(), snapshot: &snapshot, sources: &sources };
    let ranker = snapshot.get::<RankerModel>("judge").unwrap();
    let gatherer = Gatherer::compile(&spec, "judge", &ranker).unwrap();
    let users = &gatherer.user_tables()[0];

    let mut request = ranked().user("ada");
    request.context.country = Some("DE".to_owned());
    let mut query = Query { current: snapshot.item("earl-grey"), ..Query::default() };
    if let Lookup::Known(row) = users.find("ada") {
        query.user_rows[0] = Some(row);
    }
    let items = snapshot.items().len();
    let live = Live::still(snapshot.items_share(), snapshot.catalog_share());
    let ctx = Context {
        request: &request,
        query: &query,
        snapshot: &snapshot,
        live: &live,
        time: Some(Moment::of(std::time::SystemTime::now())),
        deadline: Deadline::NEVER,
    };
    let (mut set, mut matrix, mut scratch, mut scores) =
        (CandidateSet::default(), Matrix::default(), RankScratch::default(), Vec::new());
    for round in 0..4 {
        set.reset(items, 2);
        for source in 0..2 {
            set.open_source(source);
            (source..items).step_by(source + 1).for_each(|item| set.push(ItemIdx(item as u32), item as f32));
        }
        scores.resize(set.len(), 0.0);
        let taken = allocations(|| {
            gatherer.gather(&ctx, &set, &mut matrix);
            ranker.model.score(&matrix, &mut scratch, &mut scores);
        });
        assert!(round == 0 || taken == 0, "{taken} allocations in round {round}");
    }
    // milk: price 27, margin 0.5, thrift 2, taste 0, country 0, seed's price 1, another category, 27 times the price,
    // named by one source with 26, the fourth best of it and the 27th retrieved; no code for staples; and whatever the
    // hour is.
    let milk = snapshot.item("milk").unwrap().row();
    let hour = matrix.column(6)[milk];
    assert_eq!(scores[milk], 27.0 + 0.5 + 2.0 + hour + 1.0 + 27.0 + 26.0 + 4.0 + 27.0 + 1.0);
}
