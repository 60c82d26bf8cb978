//! Makes up requests: shoppers, known and unknown, whose sessions grow with every request.

use std::str::FromStr;

use fastrand::Rng;
use larder_proto::v1;
use larder_proto::v1::seed_item::Role;

use crate::draw::Weighted;

/// What requests are made from.
#[derive(Debug)]
pub(crate) struct Shop {
    /// What is asked for.
    pub(crate) placements: Vec<WeightedPlacement>,
    /// Known items, most popular first.
    pub(crate) items: Pool,
    /// Known users, most active first.
    pub(crate) users: Pool,
    /// Context that each session draws from.
    pub(crate) contexts: Vec<ContextChoice>,
    /// How much more popular the popular are where nothing says so: the exponent of Zipf's law.
    pub(crate) zipf: f64,
    /// The share of shoppers that are not signed in.
    pub(crate) anonymous: f64,
    /// Of those that are, the share that is new to the shop.
    pub(crate) new_users: f64,
    /// Of the items looked at, the share that is too new for the server to know.
    pub(crate) new_items: f64,
}

/// Ids to draw from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pool {
    /// The most frequent first.
    pub(crate) ids: Vec<String>,
    /// How frequent each is; by Zipf's law if nothing is known.
    pub(crate) weights: Option<Vec<f64>>,
}

/// A placement and how often it is asked for: `pdp.similar` or `pdp.similar=5`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WeightedPlacement {
    pub(crate) name: String,
    pub(crate) weight: f64,
    /// Only shoppers who are signed in and known are asked about; in sessions of others it is left out.
    pub(crate) signed_in: bool,
    /// Who asks, and what they looked at, is sent along; if not, then only what is on the screen.
    pub(crate) personal: bool,
}

/// A context attribute and the values it takes: `category=Coffee,Tea`. `country`, `locale` and `channel` fill the
/// context's own fields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ContextChoice {
    pub(crate) name: String,
    pub(crate) values: Pool,
}

/// An argument that cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum ShopError {
    #[error("{0:?}: the weight behind the last = must be a positive number")]
    Weight(String),
    #[error("{0:?} is not name=value,value")]
    Choice(String),
}

/// The share of shoppers that are not signed in, where nothing else is asked for.
pub(crate) const ANONYMOUS: f64 = 0.4;
/// The share of [`Shop::new_users`], likewise.
pub(crate) const NEW_USERS: f64 = 1.0 / 6.0;
/// The share of [`Shop::new_items`], likewise.
pub(crate) const NEW_ITEMS: f64 = 0.02;
/// Of a hundred items looked at: put into the cart.
const INTO_CART: u32 = 15;
/// Of a hundred requests: the last of their session.
const LEAVE: u32 = 25;
const LONGEST_SESSION: usize = 30;
/// Looks without anything to ask for, after which no more shoppers are made up.
const FRUITLESS: usize = 1_000_000;

/// Makes up `count` requests. The same shop and seed give the same requests.
pub(crate) fn requests(shop: &Shop, count: usize, seed: u64) -> Vec<v1::RecommendRequest> {
    let mut rng = Rng::with_seed(seed);
    let placements = Weighted::new(shop.placements.iter().map(|placement| placement.weight));
    let items = shop.items.draws(shop.zipf);
    let users = shop.users.draws(shop.zipf);
    let contexts: Vec<Weighted> = shop.contexts.iter().map(|choice| choice.values.draws(0.0)).collect();
    let for_all = shop.placements.iter().map(|all| if all.signed_in { 0.0 } else { all.weight });
    let for_all = Weighted::new(for_all);
    let (mut requests, mut fruitless) = (Vec::with_capacity(count), 0);
    let mut session = Session::open(shop, &users, &contexts, &mut rng);
    while requests.len() < count && fruitless < FRUITLESS {
        session.look(shop, &items, &mut rng);
        let drawn = if session.known { placements.draw(&mut rng) } else { for_all.draw(&mut rng) };
        match drawn {
            Some(placement) => requests.push(session.request(&shop.placements[placement])),
            None => fruitless += 1,
        }
        if percent(&mut rng, LEAVE) || session.events.len() >= LONGEST_SESSION {
            session = Session::open(shop, &users, &contexts, &mut rng);
        }
    }
    requests
}

#[derive(Debug)]
struct Session {
    subject: v1::Subject,
    /// Somebody whom the shop knows.
    known: bool,
    context: v1::Context,
    events: Vec<v1::SessionEvent>,
    cart: Vec<String>,
}

impl Session {
    fn open(shop: &Shop, users: &Weighted, contexts: &[Weighted], rng: &mut Rng) -> Session {
        let mut subject =
            v1::Subject { session_id: Some(format!("s-{:016x}", rng.u64(..))), ..Default::default() };
        let (ticket, signed_in) = (rng.f64(), 1.0 - shop.anonymous);
        let user = users.draw(rng).filter(|_| ticket < signed_in * (1.0 - shop.new_users));
        match user {
            Some(user) => subject.user_id = Some(shop.users.ids[user].clone()),
            None if ticket < signed_in => {
                subject.user_id = Some(format!("new-user-{:08x}", rng.u32(..)));
            }
            None => subject.visitor_id = Some(format!("visitor-{:08x}", rng.u32(..))),
        }
        let mut context = v1::Context::default();
        for (ContextChoice { name, values }, draws) in shop.contexts.iter().zip(contexts) {
            let value = draws.draw(rng).map(|value| values.ids[value].clone());
            match name.as_str() {
                "country" => context.country = value,
                "locale" => context.locale = value,
                "channel" => context.channel = value,
                _ => context.attributes.extend(value.map(|value| (name.clone(), value))),
            }
        }
        Session { subject, known: user.is_some(), context, events: Vec::new(), cart: Vec::new() }
    }

    fn look(&mut self, shop: &Shop, items: &Weighted, rng: &mut Rng) {
        let known = items.draw(rng).filter(|_| rng.f64() >= shop.new_items);
        let item_id = match known {
            Some(item) => shop.items.ids[item].clone(),
            None => format!("new-item-{:08x}", rng.u32(..)),
        };
        let into_cart = percent(rng, INTO_CART);
        if into_cart && !self.cart.contains(&item_id) {
            self.cart.push(item_id.clone());
        }
        let event_type = if into_cart { "add_to_cart" } else { "view" };
        self.events.push(v1::SessionEvent {
            item_id,
            event_type: Some(event_type.to_owned()),
            event_time: None,
        });
    }

    /// What a shop would send for the placement. The first word of its name says what is on the screen.
    fn request(&self, placement: &WeightedPlacement) -> v1::RecommendRequest {
        let WeightedPlacement { name: placement, personal, .. } = placement;
        let viewed = self.events.last().map(|event| event.item_id.clone());
        let screen = placement.split('.').next().unwrap_or_default();
        let (seeds, role) = match screen {
            "home" | "category" | "session" => (Vec::new(), Role::Viewing),
            "cart" if !self.cart.is_empty() => (self.cart.clone(), Role::InCart),
            "cart" => (viewed.into_iter().collect(), Role::InCart),
            _ => (viewed.into_iter().collect(), Role::Viewing),
        };
        let seed = |item_id| v1::SeedItem { item_id, role: role.into(), weight: None };
        v1::RecommendRequest {
            placement: placement.clone(),
            subject: personal.then(|| self.subject.clone()),
            // A product's page asks the same for everybody: a category chosen in the session is not on it.
            context: (self.context != v1::Context::default() && (*personal || seeds.is_empty()))
                .then(|| self.context.clone()),
            seed_items: seeds.into_iter().map(seed).collect(),
            session_events: if *personal { self.events.clone() } else { Vec::new() },
            traffic_class: v1::recommend_request::TrafficClass::Synthetic.into(),
            ..Default::default()
        }
    }
}

fn percent(rng: &mut Rng, chance: u32) -> bool {
    rng.u32(0..100) < chance
}

impl Pool {
    fn draws(&self, zipf: f64) -> Weighted {
        match &self.weights {
            Some(weights) => Weighted::new(weights.iter().copied()),
            None => Weighted::zipf(self.ids.len(), zipf),
        }
    }
}

impl From<Vec<String>> for Pool {
    fn from(ids: Vec<String>) -> Pool {
        Pool { ids, weights: None }
    }
}

impl FromStr for WeightedPlacement {
    type Err = ShopError;

    fn from_str(text: &str) -> Result<WeightedPlacement, ShopError> {
        let Some((name, weight)) = text.rsplit_once('=') else {
            return Ok(WeightedPlacement {
                name: text.to_owned(),
                weight: 1.0,
                signed_in: false,
                personal: true,
            });
        };
        let weight = weight.parse().ok().filter(|weight: &f64| weight.is_finite() && *weight > 0.0);
        let weight = weight.ok_or_else(|| ShopError::Weight(text.to_owned()))?;
        Ok(WeightedPlacement { name: name.to_owned(), weight, signed_in: false, personal: true })
    }
}

impl FromStr for ContextChoice {
    type Err = ShopError;

    fn from_str(text: &str) -> Result<ContextChoice, ShopError> {
        let wrong = || ShopError::Choice(text.to_owned());
        let (name, values) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        if values.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(ContextChoice { name: name.to_owned(), values: values.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Shop {
        let placements = ["pdp.similar=5", "home.for_you=2", "cart.complements"];
        Shop {
            placements: placements.map(|text| text.parse().unwrap()).to_vec(),
            items: (0..500).map(|n| format!("item-{n}")).collect::<Vec<_>>().into(),
            users: (0..100).map(|n| format!("user-{n}")).collect::<Vec<_>>().into(),
            contexts: vec!["country=FI,SE".parse().unwrap(), "category=Coffee".parse().unwrap()],
            zipf: 1.0,
            anonymous: ANONYMOUS,
            new_users: NEW_USERS,
            new_items: NEW_ITEMS,
        }
    }

    #[test]
    fn a_seed_means_the_same_requests() {
        assert_eq!(requests(&shop(), 500, 1), requests(&shop(), 500, 1));
        assert_ne!(requests(&shop(), 500, 1), requests(&shop(), 500, 2));
        assert_eq!(requests(&shop(), 500, 1), requests(&shop(), 900, 1)[..500]);
    }

    #[test]
    fn sessions_grow_and_there_are_shoppers_and_items_of_all_kinds() {
        let requests = requests(&shop(), 5000, 1);
        let count = |is: &dyn Fn(&v1::RecommendRequest) -> bool| requests.iter().filter(|r| is(r)).count();
        let user = |r: &v1::RecommendRequest, prefix: &str| {
            let user = r.subject.as_ref().and_then(|subject| subject.user_id.as_deref());
            user.is_some_and(|user| user.starts_with(prefix))
        };
        let item = |r: &v1::RecommendRequest| r.session_events.last().unwrap().item_id.clone();
        assert!((2000..3000).contains(&count(&|r| user(r, "user-"))));
        assert!((250..750).contains(&count(&|r| user(r, "new-user-"))));
        assert!((50..150).contains(&count(&|r| item(r).starts_with("new-item-"))));
        assert!(count(&|r| item(r) == "item-0") > 3 * count(&|r| item(r) == "item-9"));
        assert!((1000..1500).contains(&count(&|r| r.session_events.len() == 1)));
        assert!(requests.iter().all(|r| (1..=LONGEST_SESSION).contains(&r.session_events.len())));
        assert!(requests.iter().all(|r| r.context.as_ref().unwrap().attributes["category"] == "Coffee"));
        let pairs = requests.windows(2).filter(|pair| pair[1].session_events.len() > 1);
        for pair in pairs {
            assert_eq!(pair[0].subject, pair[1].subject);
            assert!(pair[1].session_events.starts_with(&pair[0].session_events));
        }
    }

    #[test]
    fn placements_come_by_weight_with_the_seeds_that_belong_to_them() {
        let requests = requests(&shop(), 8000, 1);
        let of = |name: &str| requests.iter().filter(|r| r.placement == name).collect::<Vec<_>>();
        assert!((4500..5500).contains(&of("pdp.similar").len()));
        assert!(of("pdp.similar").iter().all(|r| r.seed_items.len() == 1));
        assert!(of("home.for_you").iter().all(|r| r.seed_items.is_empty()));
        assert!(of("cart.complements").iter().any(|r| r.seed_items.len() > 1));
        assert!(of("cart.complements").iter().all(|r| !r.seed_items.is_empty()));
    }

    #[test]
    fn a_placement_that_is_not_personal_is_asked_with_what_is_on_the_screen_alone() {
        let mut shop = shop();
        shop.placements.iter_mut().for_each(|placement| placement.personal = placement.name != "pdp.similar");
        for request in requests(&shop, 500, 1) {
            let personal = request.placement != "pdp.similar";
            assert_eq!((request.subject.is_some(), !request.session_events.is_empty()), (personal, personal));
            assert_eq!(request.context.is_some(), personal, "the product says it all");
            assert!(personal || request.seed_items.len() == 1);
        }
    }

    #[test]
    fn what_needs_a_known_user_is_asked_for_nobody_else_and_nothing_is_new_where_nothing_may_be() {
        let mut shop = Shop { new_items: 0.0, new_users: 0.0, ..shop() };
        shop.placements[1].signed_in = true;
        let made = requests(&shop, 3000, 1);
        let user = |r: &v1::RecommendRequest| r.subject.clone().unwrap().user_id.unwrap_or_default();
        let home = || made.iter().filter(|r| r.placement == "home.for_you");
        assert!(home().count() > 100 && home().all(|r| user(r).starts_with("user-")));
        assert!(made.iter().any(|r| user(r).is_empty()) && !made.iter().any(|r| user(r).starts_with("new-")));
        assert!(made.iter().flat_map(|r| &r.session_events).all(|event| event.item_id.starts_with("item-")));

        shop.placements.iter_mut().for_each(|placement| placement.signed_in = true);
        assert_eq!(requests(&Shop { anonymous: 1.0, ..shop }, 10, 1), []);
    }

    #[test]
    fn popularity_that_is_known_is_drawn_by_and_nobody_need_be_anonymous() {
        let ids = ["a", "b", "c"].map(str::to_owned).to_vec();
        let items = Pool { ids, weights: Some(vec![1.0, 0.0, 9.0]) };
        let requests = requests(&Shop { items, anonymous: 0.0, ..shop() }, 4000, 1);
        let of =
            |id: &str| requests.iter().filter(|r| r.session_events.last().unwrap().item_id == id).count();
        assert!(of("c") > 7 * of("a") && of("a") > 0 && of("b") == 0);
        assert!(requests.iter().all(|r| r.subject.as_ref().unwrap().user_id.is_some()));
    }

    #[test]
    fn arguments_that_cannot_be_read_are_refused() {
        for bad in ["p=", "p=0", "p=-1", "p=many", "p=inf"] {
            assert!(bad.parse::<WeightedPlacement>().is_err(), "{bad:?}");
        }
        for bad in ["category", "=a", "category=", "category=a,,b"] {
            assert!(bad.parse::<ContextChoice>().is_err(), "{bad:?}");
        }
    }
}
