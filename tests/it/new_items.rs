//! Whether items that came after the snapshot reach those who go on to look at them: the generated shop without a tenth
//! of its items and all that happened with them, which then come as events.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{BooleanArray, Float64Array, StringArray};
use larder::artifact::table::{TableWriter, text_lists};
use larder::domain::{AttributeValue, Event, EventKind, Request, Slate};
use larder::evaluate::trial;
use larder::live::Config;
use larder::pipeline::Stages;
use larder::recommender::{EventOutcome, Limits, LiveState, Recommender, View};
use larder::snapshot::{Registry, Snapshot};
use larder::train::{Catalog, EventLog, TrainPlan};
use larder_sample::{Product, SampleShop, SampleSpec, generate};

use crate::support::counting::allocations;
use crate::support::following::lines;

/// One in so many items is new.
const NEW: usize = 10;

/// Places of a slate.
const PAGE: usize = 12;

const DAY_MS: i64 = 86_400_000;

fn is_new(item: usize) -> bool {
    item % NEW == 3
}

/// The shop as it was before the new items came: without their rows and all that happened with them, and without what
/// happened from `cut_ms` on.
fn before(shop: &SampleShop, cut_ms: i64, dir: &Path) -> Arc<Snapshot> {
    let known: Vec<&Product> =
        shop.products.iter().enumerate().filter(|(at, _)| !is_new(*at)).map(|(_, product)| product).collect();
    let text =
        |of: fn(&Product) -> &str| StringArray::from_iter_values(known.iter().map(|product| of(product)));
    let catalog = dir.join("shop.parquet");
    TableWriter::default()
        .column("item_id", text(|product| &product.item_id))
        .column("department", text(|product| product.department))
        .column("category", text(|product| product.category))
        .column("brand", text(|product| product.brand))
        .column("price", Float64Array::from_iter_values(known.iter().map(|product| product.price)))
        .column("in_stock", BooleanArray::from(vec![true; known.len()]))
        .column("tags", text_lists(known.iter().map(|product| product.tags.iter().map(String::as_str))))
        .write(&catalog)
        .unwrap();
    let events =
        shop.events.iter().filter(|event| event.timestamp_ms < cut_ms && !is_new(event.item as usize));
    let mut lines = "user_id,session_id,item_id,event_type,timestamp\n".to_owned();
    for event in events {
        let user = event.user.map_or("", |user| shop.users[user as usize].user_id.as_str());
        let (item, kind) = (&shop.products[event.item as usize].item_id, event.event_type.as_str());
        lines += &format!("{user},{},{item},{kind},{}\n", event.session_id(), event.timestamp_ms);
    }
    std::fs::write(dir.join("events.csv"), lines).unwrap();
    let catalog = Catalog::read(&catalog).unwrap();
    let log = EventLog::read(&dir.join("events.csv"), &catalog).unwrap();
    let wanted = |name: &str| ["catalog", "followed_by", "sessions"].contains(&name);
    trial(&log, &catalog, &TrainPlan::default(), dir, &wanted, &mut |_, _| {}).unwrap().snapshot
}

/// The event by which an item comes.
fn arrival(product: &Product, time_ms: i64) -> Event {
    let text = |text: &str| AttributeValue::Text(text.into());
    let tags = product.tags.iter().map(|tag| tag.as_str().into()).collect();
    Event {
        item_id: Some(product.item_id.clone()),
        attributes: vec![
            ("department".into(), text(product.department)),
            ("category".into(), text(product.category)),
            ("brand".into(), text(product.brand)),
            ("price".into(), AttributeValue::Float(product.price)),
            ("in_stock".into(), AttributeValue::Bool(true)),
            ("tags".into(), AttributeValue::List(tags)),
        ],
        ..Event::new(EventKind::ItemListed, time_ms)
    }
}

/// A recommender with one recipe, after these events.
fn after(events: &[Event], snapshot: &Arc<Snapshot>, recipe: &str) -> Recommender {
    let recipe = format!("[placements.case]\npage_size = {PAGE}\nexclude = ['session']\n{recipe}\n");
    let view = View::compile(Arc::clone(snapshot), &recipe, &Stages::default()).unwrap();
    let registry = Arc::new(Registry::default());
    let live = LiveState::new(Arc::clone(&registry), &Config::default());
    registry.publish(Arc::new(live.adopt(&view)), false);
    assert!(live.apply(events).iter().all(|outcome| *outcome == EventOutcome::Applied));
    live.publish();
    // Without deadlines: a busy machine changes no answer.
    Recommender::new(registry, Limits { placement_deadlines: false, ..Limits::default() })
}

/// The events by which the new items come.
fn arrivals(shop: &SampleShop) -> Vec<Event> {
    let new = shop.products.iter().enumerate().filter(|(at, _)| is_new(*at));
    new.map(|(at, product)| arrival(product, 1_795_000_000_000 + at as i64)).collect()
}

/// Somebody who has looked at items, and what is looked at next.
struct Question<'a> {
    /// Of the catalogue, oldest first.
    session: Vec<&'a str>,
    next: &'a str,
    is_new: bool,
}

/// Every item that somebody looks at who has looked at others in the same visit.
fn questions(shop: &SampleShop, cut_ms: i64) -> Vec<Question<'_>> {
    let mut visits: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut questions = Vec::new();
    for event in shop.events.iter().filter(|event| event.timestamp_ms >= cut_ms) {
        let before = visits.entry(event.session).or_default();
        let id = |item: &u32| shop.products[*item as usize].item_id.as_str();
        let session: Vec<&str> = before.iter().filter(|item| !is_new(**item as usize)).map(id).collect();
        if event.event_type.as_str() == "view" && !before.contains(&event.item) && !session.is_empty() {
            let is_new = is_new(event.item as usize);
            questions.push(Question { session, next: id(&event.item), is_new });
        }
        before.push(event.item);
    }
    questions
}

fn request(question: &Question<'_>) -> Request {
    question.session.iter().fold(Request::new("case"), |request, item| request.event(*item))
}

const NEWEST: &str = "sources = [ { kind = 'arrivals', take = 12 } ]";
const SAME_CATEGORY: &str = "sources = [ { kind = 'arrivals', take = 12, by = 'category' } ]";
const ALIKE: &str = "sources = [ { kind = 'arrivals', take = 12, from = 'session',
    like = ['department', 'category', 'brand', 'tags'] } ]";
const MODELS: &str = "sources = [
    { kind = 'neighbors', artifact = 'followed_by', from = 'session', decay = 2.0, max_seeds = 10 },
    { kind = 'session_knn', artifact = 'sessions' },
    ARRIVALS ]
    scorer = { kind = 'blend', weights = { neighbors = 1.0, session_knn = 0.3, arrivals = WEIGHT } }";

#[test]
fn a_new_item_reaches_those_who_go_on_to_look_at_it() {
    let spec = SampleSpec { products: 1500, users: 500, sessions: 12_000, ..SampleSpec::default() };
    let shop = generate(&spec);
    let cut_ms = spec.until_ms - 20 * DAY_MS;
    let dir = tempfile::tempdir().unwrap();
    let snapshot = before(&shop, cut_ms, dir.path());
    let (came, questions) = (arrivals(&shop), questions(&shop, cut_ms));
    // How many of the new and of the other items are in the slate of who looks at them next.
    let hit_rates = |recipe: &str| {
        let recommender = after(&came, &snapshot, recipe);
        let (mut hits, mut all) = ([0, 0], [0, 0]);
        for question in &questions {
            let answer = recommender.recommend(&request(question)).unwrap();
            let own = answer.slate.items.iter().filter(|item| !item.source.starts_with("fallback"));
            let is_hit = own.into_iter().any(|item| answer.id(item.item) == question.next);
            hits[usize::from(!question.is_new)] += u32::from(is_hit);
            all[usize::from(!question.is_new)] += 1;
        }
        let [new, other] = [0, 1].map(|at| f64::from(hits[at]) / f64::from(all[at]));
        println!("new {new:.3} of {}, other {other:.3} of {}: {recipe}", all[0], all[1]);
        (new, other)
    };
    let (newest, category, alike) = (hit_rates(NEWEST).0, hit_rates(SAME_CATEGORY).0, hit_rates(ALIKE).0);
    assert!(category > newest + 0.1 && alike > category + 0.05, "{newest}, {category}, {alike}");
    // Beside what models find, for whom every item is one of a few hundred.
    let beside = |like: &str, weight: &str| {
        let arrivals = format!("{{ kind = 'arrivals', from = 'session', like = {like} }}");
        hit_rates(&MODELS.replace("ARRIVALS", &arrivals).replace("WEIGHT", weight))
    };
    let all = "['department', 'category', 'brand', 'tags']";
    let (without, newest, alike) = (beside("[]", "0.0"), beside("[]", "0.3"), beside(all, "0.3"));
    assert!(alike.0 > newest.0 + 0.1 && alike.0 > without.0 + 0.1, "{without:?}, {newest:?}, {alike:?}");
    assert!(alike.1 > without.1 - 0.05, "{without:?}, {alike:?}");
}

/// A small shop, the events by which its new items come, and its questions.
fn small_shop(dir: &Path) -> (SampleShop, Arc<Snapshot>) {
    let shop = generate(&SampleSpec { products: 300, users: 20, sessions: 300, ..SampleSpec::default() });
    let snapshot = before(&shop, i64::MAX, dir);
    (shop, snapshot)
}

#[test]
fn replicas_that_heard_of_new_items_in_another_order_show_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (shop, snapshot) = small_shop(dir.path());
    let mut came = arrivals(&shop);
    for (at, event) in came.iter_mut().enumerate() {
        // Values that the catalogue does not have, and many that are alike to the last bit.
        event.attributes.push(("tags".into(), AttributeValue::List(vec![format!("new-{}", at % 3).into()])));
        event.attributes.retain(|(name, _)| &**name != "brand");
        event.time_ms -= event.time_ms % 5;
    }
    let one = after(&came, &snapshot, ALIKE);
    came.reverse();
    let other = after(&came, &snapshot, ALIKE);
    let mut shown = 0;
    for at in 0..shop.products.len() {
        let id = |at: usize| shop.products[at % shop.products.len()].item_id.as_str();
        let asked = Request::new("case").event(id(at)).event(id(at * 7 + 1)).viewing(id(at * 31 + 2));
        let (one, other) = (one.recommend(&asked).unwrap(), other.recommend(&asked).unwrap());
        let own = |answer| lines(answer).into_iter().filter(|(_, _, source)| source == "arrivals").collect();
        let (one, other): (Vec<_>, Vec<_>) = (own(&one), own(&other));
        shown += one.len();
        assert_eq!(one, other, "{asked:?}");
    }
    assert!(shown > shop.products.len(), "{shown}");
}

#[test]
fn comparing_new_items_takes_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (shop, snapshot) = small_shop(dir.path());
    let recommender = after(&arrivals(&shop), &snapshot, &format!("{ALIKE}\ncache = false"));
    let mut slate = Slate::default();
    let requests: Vec<Request> = shop
        .products
        .chunks(3)
        .map(|seen| {
            seen.iter().fold(Request::new("case"), |request, product| request.event(&*product.item_id))
        })
        .collect();
    for request in &requests {
        recommender.recommend_into(request, &mut slate).unwrap();
    }
    for request in &requests {
        let taken = allocations(|| drop(recommender.recommend_into(request, &mut slate)));
        assert_eq!(taken, 0, "{request:?}");
        assert!(slate.items.iter().any(|item| &*item.source == "arrivals"), "{slate:?}");
    }
}
