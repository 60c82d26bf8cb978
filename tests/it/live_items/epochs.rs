//! Answers while events come at full speed.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use larder::domain::{EventKind, Request};

use super::{Shop, delisted, listed};

/// Readers ask while a writer applies events at full speed; every answer is held against what its own epoch says.
#[test]
fn no_answer_shows_what_is_not_sold_in_its_epoch() {
    let answers: usize = std::env::var("LARDER_TEST_ANSWERS").ok().map_or(2000, |text| text.parse().unwrap());
    let shop = Shop::sample();
    let (similar, best) = ("pdp.similar", "category.popular");
    let ids: Vec<String> = (0..2500).map(|n| format!("P{n:05}")).collect();
    let over = AtomicBool::new(false);
    // What is not sold, by epoch: written before the epoch is served.
    let history: Mutex<BTreeMap<u64, Arc<HashSet<String>>>> = Mutex::default();
    history.lock().unwrap().insert(0, Arc::default());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = fastrand::Rng::with_seed(3);
            let mut gone: HashSet<String> = HashSet::new();
            for time in 1.. {
                let mut events = Vec::new();
                for _ in 0..random.usize(1..200) {
                    // Few enough that something is left, and those that are shown most among them.
                    let id = ids[random.usize(0..300)].clone();
                    events.push(if gone.remove(&id) { listed(&id, time) } else { delisted(&id, time) });
                    if events.last().unwrap().kind == EventKind::ItemDelisted {
                        gone.insert(id);
                    }
                }
                events.sort_by(|a, b| a.item_id.cmp(&b.item_id));
                events.dedup_by(|a, b| a.item_id == b.item_id);
                // Of an item that came and went within a batch, what it is at the end counts.
                for event in &mut events {
                    let is_gone = gone.contains(event.item_id.as_deref().unwrap());
                    event.kind = if is_gone { EventKind::ItemDelisted } else { EventKind::ItemListed };
                }
                shop.live.apply(&events);
                history.lock().unwrap().insert(shop.live.epoch() + 1, Arc::new(gone.clone()));
                shop.live.publish();
                if over.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let readers: Vec<_> = (0..2)
            .map(|seed| {
                let (shop, ids, history) = (&shop, &ids, &history);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    let mut items = 0;
                    for _ in 0..answers / 2 {
                        let seed = ids[random.usize(0..300)].clone();
                        let request = match random.usize(0..4) {
                            0 => Request::new(similar).viewing(&seed),
                            1 => Request::new(best).page_size(50),
                            2 => Request {
                                candidate_item_ids: (0..40)
                                    .map(|_| ids[random.usize(0..300)].clone())
                                    .collect(),
                                ..Request::new(best)
                            },
                            _ => Request::new("home.for_you").user("nobody").event(&seed),
                        };
                        let answer = shop.recommender.recommend(&request).unwrap();
                        let epoch = answer.view.live.epoch();
                        let gone = Arc::clone(&history.lock().unwrap()[&epoch]);
                        for item in &answer.slate.items {
                            let id = answer.id(item.item);
                            assert!(!gone.contains(id), "{id} is not sold in epoch {epoch}");
                            items += 1;
                        }
                    }
                    items
                })
            })
            .collect();
        let shown: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        over.store(true, Ordering::Relaxed);
        assert!(shown > answers, "{shown} items");
        eprintln!("{answers} answers of {shown} items from {} epochs", history.lock().unwrap().len());
    });
}
