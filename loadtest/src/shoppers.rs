//! Makes up requests: shoppers, known and unknown, whose sessions grow with every request.

use std::collections::BTreeMap;

use fastrand::Rng;
use larder_proto::v1;
use larder_proto::v1::seed_item::Role;
use serde::de::{Deserialize, Deserializer, Error as _};

/// What requests are made from.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    pub(crate) placements: BTreeMap<String, Placement>,
    /// Known items.
    pub(crate) items: Pool,
    /// Known users.
    pub(crate) users: Pool,
    /// Context attributes, each with the values that a session draws from. `country`, `locale` and `channel` fill the
    /// context's own fields.
    pub(crate) contexts: BTreeMap<String, Pool>,
    /// The share of shoppers that are not signed in.
    pub(crate) anonymous: f64,
    /// Of those that are signed in, the share that the server does not know.
    pub(crate) new_users: f64,
    /// Of the items viewed, the share that the server does not know.
    pub(crate) new_items: f64,
}

/// One placement of the mix.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placement {
    /// How often it is asked for, relative to the others; above 0.
    #[serde(deserialize_with = "weight")]
    pub(crate) weight: f64,
    /// It is asked for known users only, and left out of the sessions of others.
    #[serde(default)]
    pub(crate) signed_in: bool,
    /// The subject and the session are sent along; if not, only what is on the screen, as shops send what they cache.
    #[serde(default = "yes")]
    pub(crate) personal: bool,
}

fn yes() -> bool {
    true
}

fn weight<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let weight = f64::deserialize(from)?;
    let wrong = || D::Error::custom(format!("the weight {weight} is not a number above 0"));
    Some(weight).filter(|weight| weight.is_finite() && *weight > 0.0).ok_or_else(wrong)
}

/// Ids that are drawn by weight.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pool {
    pub(crate) ids: Vec<String>,
    /// For each id its weight and those of all before it.
    cumulative: Vec<f64>,
}

// These three are plausible and not measured: a recording of your own traffic has your own.
/// Of a hundred items viewed, those that are put into the cart.
const CART_PERCENT: u32 = 15;
/// Of a hundred requests, those that end their session.
const LEAVE_PERCENT: u32 = 25;
/// Events after which a session ends at the latest.
const MAX_SESSION: usize = 30;
/// Views without a placement to ask for after which no more requests are made up.
// All placements may need a known user where none is known.
const MAX_FRUITLESS: usize = 1_000_000;

/// Makes up `count` requests. The same shop and seed give the same requests.
pub(crate) fn requests(shop: &Shop, count: usize, seed: u64) -> Vec<v1::RecommendRequest> {
    let mut rng = Rng::with_seed(seed);
    let weights = shop.placements.iter().map(|(name, placement)| (name.clone(), placement.weight));
    let for_known = Pool::new(weights.clone());
    let for_all = Pool::new(weights.filter(|(name, _)| !shop.placements[name].signed_in));
    let (mut requests, mut fruitless) = (Vec::with_capacity(count), 0);
    let mut session = Session::open(shop, &mut rng);
    while requests.len() < count && fruitless < MAX_FRUITLESS {
        session.view_item(shop, &mut rng);
        if let Some(name) = if session.known { &for_known } else { &for_all }.draw(&mut rng) {
            requests.push(session.request(name, &shop.placements[name]));
        } else {
            fruitless += 1;
        }
        if percent(&mut rng, LEAVE_PERCENT) || session.events.len() >= MAX_SESSION {
            session = Session::open(shop, &mut rng);
        }
    }
    requests
}

#[derive(Debug)]
struct Session {
    subject: v1::Subject,
    /// The subject is a user whom the server knows.
    known: bool,
    context: v1::Context,
    events: Vec<v1::SessionEvent>,
    cart: Vec<String>,
}

impl Session {
    fn open(shop: &Shop, rng: &mut Rng) -> Session {
        let session_id = Some(format!("s-{:016x}", rng.u64(..)));
        let mut subject = v1::Subject { session_id, ..Default::default() };
        // One draw decides between known, new and anonymous, so that the shares add up.
        let (ticket, signed_in) = (rng.f64(), 1.0 - shop.anonymous);
        let user = shop.users.draw(rng).filter(|_| ticket < signed_in * (1.0 - shop.new_users));
        match user {
            Some(user) => subject.user_id = Some(user.to_owned()),
            None if ticket < signed_in => subject.user_id = Some(format!("new-user-{:08x}", rng.u32(..))),
            None => subject.visitor_id = Some(format!("visitor-{:08x}", rng.u32(..))),
        }
        let mut context = v1::Context::default();
        for (name, values) in &shop.contexts {
            let value = values.draw(rng).map(str::to_owned);
            match name.as_str() {
                "country" => context.country = value,
                "locale" => context.locale = value,
                "channel" => context.channel = value,
                _ => context.attributes.extend(value.map(|value| (name.clone(), value))),
            }
        }
        Session { subject, known: user.is_some(), context, events: Vec::new(), cart: Vec::new() }
    }

    fn view_item(&mut self, shop: &Shop, rng: &mut Rng) {
        let known = shop.items.draw(rng).filter(|_| rng.f64() >= shop.new_items);
        let item_id = known.map_or_else(|| format!("new-item-{:08x}", rng.u32(..)), str::to_owned);
        let into_cart = percent(rng, CART_PERCENT);
        if into_cart && !self.cart.contains(&item_id) {
            self.cart.push(item_id.clone());
        }
        let event_type = Some(if into_cart { "add_to_cart" } else { "view" }.to_owned());
        self.events.push(v1::SessionEvent { item_id, event_type, event_time: None });
    }

    /// What a shop would send for the placement. The first word of its name says which page it is on.
    fn request(&self, name: &str, placement: &Placement) -> v1::RecommendRequest {
        let viewed = self.events.last().map(|event| event.item_id.clone());
        let (seeds, role) = match name.split('.').next().unwrap_or_default() {
            "home" | "category" | "session" => (Vec::new(), Role::Viewing),
            "cart" if !self.cart.is_empty() => (self.cart.clone(), Role::InCart),
            "cart" => (viewed.into_iter().collect(), Role::InCart),
            _ => (viewed.into_iter().collect(), Role::Viewing),
        };
        let seed = |item_id| v1::SeedItem { item_id, role: role.into(), weight: None };
        // A product page is the same for everybody: a category chosen earlier in the session is not on it.
        let has_context = self.context != v1::Context::default() && (placement.personal || seeds.is_empty());
        v1::RecommendRequest {
            placement: name.to_owned(),
            subject: placement.personal.then(|| self.subject.clone()),
            context: has_context.then(|| self.context.clone()),
            seed_items: seeds.into_iter().map(seed).collect(),
            session_events: if placement.personal { self.events.clone() } else { Vec::new() },
            traffic_class: v1::recommend_request::TrafficClass::Synthetic.into(),
            ..Default::default()
        }
    }
}

fn percent(rng: &mut Rng, chance: u32) -> bool {
    rng.u32(0..100) < chance
}

impl Pool {
    /// Weights are finite and not negative.
    pub(crate) fn new(weighted: impl IntoIterator<Item = (String, f64)>) -> Pool {
        let (mut pool, mut sum) = (Pool::default(), 0.0);
        for (id, weight) in weighted {
            sum += weight;
            pool.ids.push(id);
            pool.cumulative.push(sum);
        }
        pool
    }

    /// `None` where nothing has any weight.
    fn draw(&self, rng: &mut Rng) -> Option<&str> {
        let total = self.cumulative.last().copied().filter(|total| *total > 0.0)?;
        let ticket = rng.f64() * total;
        let at = self.cumulative.partition_point(|sum| *sum <= ticket);
        // The product may be rounded up to the total.
        self.ids.get(at.min(self.ids.len() - 1)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Shop {
        let pool = |name: &str, weights: &[f64]| {
            Pool::new(weights.iter().enumerate().map(|(n, weight)| (format!("{name}-{n}"), *weight)))
        };
        let placement = |weight| Placement { weight, signed_in: false, personal: true };
        let weights = [("pdp.similar", 5.0), ("home.for_you", 2.0), ("cart.complements", 1.0)];
        Shop {
            placements: weights.map(|(name, weight)| (name.to_owned(), placement(weight))).into(),
            items: pool("item", &[6.0, 3.0, 0.0, 1.0]),
            users: pool("user", &[1.0; 100]),
            contexts: [("category".to_owned(), pool("category", &[1.0]))].into(),
            anonymous: 0.4,
            new_users: 1.0 / 6.0,
            new_items: 0.02,
        }
    }

    fn user(request: &v1::RecommendRequest) -> String {
        request.subject.clone().unwrap_or_default().user_id.unwrap_or_default()
    }

    fn item(request: &v1::RecommendRequest) -> &str {
        request.session_events.last().map_or("", |event| &event.item_id)
    }

    #[test]
    fn sessions_grow_and_shoppers_items_and_placements_are_as_frequent_as_asked_for() {
        let requests = requests(&shop(), 8000, 1);
        let count = |is: &dyn Fn(&v1::RecommendRequest) -> bool| requests.iter().filter(|r| is(r)).count();
        assert!((3500..4500).contains(&count(&|r| user(r).starts_with("user-"))));
        assert!((500..1100).contains(&count(&|r| user(r).starts_with("new-user-"))));
        assert!((90..230).contains(&count(&|r| item(r).starts_with("new-item-"))));
        let [first, second, never] =
            ["item-0", "item-1", "item-2"].map(|id| count(&|r| item(r) == id) as f64);
        assert!((0.4..0.6).contains(&(second / first)) && never == 0.0, "{first} {second} {never}");
        assert!((4500..5500).contains(&count(&|r| r.placement == "pdp.similar")));
        assert!((1600..2400).contains(&count(&|r| r.session_events.len() == 1)));
        for pair in requests.windows(2).filter(|pair| pair[1].session_events.len() > 1) {
            assert_eq!(pair[0].subject, pair[1].subject);
            assert!(pair[1].session_events.starts_with(&pair[0].session_events));
        }
        for request in requests {
            assert!(request.session_events.len() <= MAX_SESSION);
            assert_eq!(request.context.unwrap().attributes["category"], "category-0");
            let seeds = request.seed_items.len();
            match request.placement.as_str() {
                "home.for_you" => assert_eq!(seeds, 0),
                "pdp.similar" => assert_eq!(seeds, 1),
                _ => assert!(seeds >= 1, "the cart, or what is viewed"),
            }
        }
    }

    #[test]
    fn a_placement_may_be_for_the_screen_alone_or_for_known_users_alone() {
        let mut shop = Shop { new_items: 0.0, new_users: 0.0, ..shop() };
        shop.placements.get_mut("pdp.similar").unwrap().personal = false;
        shop.placements.get_mut("home.for_you").unwrap().signed_in = true;
        let made = requests(&shop, 3000, 1);
        for request in &made {
            let personal = request.placement != "pdp.similar";
            assert_eq!((request.subject.is_some(), !request.session_events.is_empty()), (personal, personal));
            assert_eq!(request.context.is_some(), personal, "the product is context enough");
            assert!(request.placement != "home.for_you" || user(request).starts_with("user-"), "{request:?}");
        }
        assert!(
            made.iter().any(|r| r.placement == "home.for_you")
                && !made.iter().any(|r| user(r).starts_with("new-"))
        );

        shop.placements.values_mut().for_each(|placement| placement.signed_in = true);
        assert_eq!(requests(&Shop { anonymous: 1.0, ..shop }, 10, 1), []);
    }
}
