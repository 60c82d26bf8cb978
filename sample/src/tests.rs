//! What the generated shop promises: the same shop for the same seed, and structure worth learning in it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

use super::calendar::month_and_day;
use super::catalogue::generate_products;
use super::event::{Event, EventType};
use super::shop::{SampleShop, generate};
use super::spec::SampleSpec;
use super::words::{BRANDS, CATEGORIES, COUNTRIES, category};

/// The default shop, made once for all tests that only look at it.
static SHOP: LazyLock<SampleShop> = LazyLock::new(|| generate(&SampleSpec::default()));

fn small(seed: u64) -> SampleSpec {
    SampleSpec { products: 300, users: 200, sessions: 1500, seed, ..SampleSpec::default() }
}

fn views() -> impl Iterator<Item = &'static Event> {
    SHOP.events.iter().filter(|event| event.event_type == EventType::View)
}

fn category_of(event: &Event) -> &'static str {
    SHOP.products[event.item as usize].category
}

#[test]
fn the_same_seed_makes_the_same_shop_and_another_seed_another() {
    let shop = generate(&small(7));
    assert_eq!(shop, generate(&small(7)));
    assert_ne!(shop.events, generate(&small(8)).events);
}

#[test]
fn the_shop_is_the_same_on_every_platform() {
    // Pinned: a change here changes every model and figure that was made from the sample.
    let shop = generate(&small(1));
    let fold = |sum: u64, value: u64| (sum ^ value).wrapping_mul(0x0100_0000_01b3);
    let events = shop.events.iter().fold(0, |sum, event| {
        fold(fold(fold(sum, event.timestamp_ms as u64), u64::from(event.item)), event.event_type as u64)
    });
    let prices = shop.products.iter().fold(0, |sum, product| fold(sum, product.price.to_bits()));
    assert_eq!((events, prices), (4_220_624_327_803_437_737, 13_170_062_300_601_230_293));
}

#[test]
fn every_name_in_the_word_lists_is_known() {
    let linked = CATEGORIES.iter().flat_map(|kind| kind.complements).map(|link| link.0);
    let sold = BRANDS.iter().flat_map(|brand| brand.categories).copied();
    let wanted = COUNTRIES.iter().flat_map(|country| country.demand).map(|lean| lean.0);
    for name in linked.chain(sold).chain(wanted) {
        assert!(category(name).is_some(), "{name}");
    }
    for kind in &CATEGORIES {
        let levels = BRANDS.iter().filter(|brand| brand.categories.contains(&kind.name)).map(|b| b.level);
        assert_eq!(levels.collect::<BTreeSet<_>>().len(), 3, "{}", kind.name);
    }
}

#[test]
fn ids_and_titles_are_unique_even_in_a_crowded_catalogue() {
    let spec = SampleSpec { products: 60_000, ..SampleSpec::default() };
    let products = generate_products(&spec);
    assert_eq!(products.len(), spec.products);
    assert_eq!(products.iter().map(|p| &p.item_id).collect::<HashSet<_>>().len(), spec.products);
    assert_eq!(products.iter().map(|p| &p.title).collect::<HashSet<_>>().len(), spec.products);
}

#[test]
fn events_refer_to_launched_products_and_known_users_inside_the_period() {
    let spec = SampleSpec::default();
    for event in &SHOP.events {
        assert!(SHOP.products[event.item as usize].launched_ms <= event.timestamp_ms);
        assert!((spec.start_ms()..spec.until_ms).contains(&event.timestamp_ms));
        if let Some(user) = event.user {
            assert_eq!(SHOP.users[user as usize].country, event.country);
        }
    }
}

#[test]
fn events_are_in_order_of_time_and_strictly_so_inside_a_session() {
    let mut last = BTreeMap::new();
    for pair in SHOP.events.windows(2) {
        assert!((pair[0].timestamp_ms, pair[0].session) < (pair[1].timestamp_ms, pair[1].session));
    }
    for event in &SHOP.events {
        let before = last.insert(event.session, event.timestamp_ms);
        assert!(before.is_none_or(|before| before < event.timestamp_ms));
    }
    assert_eq!(last.len(), SampleSpec::default().sessions);
}

#[test]
fn sessions_look_like_a_shops() {
    let mut lengths: BTreeMap<u32, u32> = BTreeMap::new();
    for event in views() {
        *lengths.entry(event.session).or_default() += 1;
    }
    let mut lengths: Vec<u32> = lengths.into_values().collect();
    lengths.sort_unstable();
    assert!((3..=5).contains(&lengths[lengths.len() / 2]));
    assert!((21..=40).contains(&lengths[lengths.len() - 1]));

    let share = |kind| {
        let count = SHOP.events.iter().filter(|event| event.event_type == kind).count();
        count as f64 / views().count() as f64
    };
    assert!((0.05..0.2).contains(&share(EventType::AddToCart)), "{}", share(EventType::AddToCart));
    assert!((0.02..0.1).contains(&share(EventType::Purchase)), "{}", share(EventType::Purchase));

    let anonymous: BTreeSet<u32> = views().filter(|e| e.user.is_none()).map(|e| e.session).collect();
    let anonymous = anonymous.len() as f64 / lengths.len() as f64;
    assert!((0.42..0.48).contains(&anonymous), "{anonymous}");
}

#[test]
fn matching_categories_meet_in_sessions() {
    let mut sessions: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for event in views() {
        sessions.entry(event.session).or_default().insert(category_of(event));
    }
    let share = |wanted: &[&str]| {
        let with = sessions.values().filter(|seen| wanted.iter().all(|name| seen.contains(name)));
        with.count() as f64 / sessions.len() as f64
    };
    for (one, other) in [("coffee-makers", "coffee"), ("tents", "sleeping-bags"), ("laundry", "cleaning")] {
        let lift = share(&[one, other]) / (share(&[one]) * share(&[other]));
        assert!(lift > 1.5, "{one} and {other}: {lift}");
    }
}

#[test]
fn a_winter_category_sells_in_winter() {
    let share = |wanted: usize| {
        let month: Vec<_> = views().filter(|event| month_and_day(event.timestamp_ms).0 == wanted).collect();
        let festive = month.iter().filter(|event| category_of(event) == "christmas-decorations");
        festive.count() as f64 / month.len() as f64
    };
    let (june, december) = (share(5), share(11));
    assert!(december > 2.0 * june, "June {june}, December {december}");
}

#[test]
fn people_restock_the_same_consumable() {
    let mut bought: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for event in SHOP.events.iter().filter(|event| event.event_type == EventType::Purchase) {
        if let Some(user) = event.user {
            *bought.entry((user, event.item)).or_default() += 1;
        }
    }
    let often = bought.iter().filter(|&(_, &times)| times >= 3);
    let consumable = |item: u32| SHOP.products[item as usize].tags.iter().any(|tag| tag == "consumable");
    let often = often.filter(|((_, item), _)| consumable(*item)).count();
    assert!(often > 100, "{often}");
}

#[test]
fn a_tenth_of_the_products_gets_the_better_part_of_the_views() {
    let mut counts = vec![0_u32; SHOP.products.len()];
    for event in views() {
        counts[event.item as usize] += 1;
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let top: u32 = counts[..counts.len() / 10].iter().sum();
    let share = f64::from(top) / f64::from(counts.iter().sum::<u32>());
    assert!((0.4..0.9).contains(&share), "{share}");
}

#[test]
fn the_smallest_shops_work() {
    for (products, users, sessions, days) in [(0, 0, 50, 3), (1, 1, 50, 3), (5, 0, 50, 1), (40, 3, 0, 0)] {
        let spec = SampleSpec { products, users, sessions, days, ..SampleSpec::default() };
        let shop = generate(&spec);
        assert_eq!((shop.products.len(), shop.users.len()), (products, users));
    }
}
