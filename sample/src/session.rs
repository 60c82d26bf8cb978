//! One visit to the shop: a need or two, views of similar products and of what goes with them, a cart.

use fastrand::Rng;

use super::assortment::Assortment;
use super::draw::{Weighted, percent, position};
use super::event::{Event, EventType};
use super::people::Taste;
use super::words::CATEGORIES;

/// Views in a session: the upper end of each bracket, and its share in a hundred.
const LENGTHS: [(u32, u32); 11] =
    [(1, 14), (2, 15), (3, 14), (4, 13), (5, 10), (6, 8), (7, 6), (8, 5), (12, 8), (20, 5), (40, 2)];

/// Who comes, when, and what for.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) session: u32,
    pub(super) user: Option<u32>,
    pub(super) country: &'static str,
    pub(super) taste: Taste,
    pub(super) start_ms: i64,
    /// The day's demand where the visitor lives.
    pub(super) demand: &'a [u64; CATEGORIES.len()],
    /// The product that the visitor has come to buy again.
    pub(super) restock: Option<u32>,
}

/// A visit under way.
struct Browsing<'a> {
    visit: &'a Visit<'a>,
    assortment: &'a Assortment<'a>,
    now_ms: i64,
    seen: Vec<u32>,
    cart: Vec<u32>,
    events: &'a mut Vec<Event>,
}

/// Simulates one visit and appends its events.
pub(super) fn browse(rng: &mut Rng, visit: &Visit<'_>, assortment: &Assortment<'_>, events: &mut Vec<Event>) {
    let now_ms = visit.start_ms;
    let mut browsing = Browsing { visit, assortment, now_ms, seen: Vec::new(), cart: Vec::new(), events };
    browsing.run(rng);
}

impl Browsing<'_> {
    fn run(&mut self, rng: &mut Rng) {
        let wanted = self.visit.taste.want(self.visit.demand);
        // One in seven comes to buy; the others look around.
        let buyer = self.visit.restock.is_some() || percent(rng, 14);
        let mut bundled = false;
        let mut next = match self.visit.restock {
            Some(item) => Some(item),
            None => self.enter(rng, &wanted),
        };
        let views = length(rng);
        for view in 0..views {
            let Some(here) = next else { break };
            self.record(here, EventType::View);
            self.seen.push(here);

            // In a hundred: what a visitor has come for is nearly always taken, and what goes with the last choice
            // more readily than anything else.
            let taken = match (self.visit.restock == Some(here), buyer, bundled) {
                (true, _, _) => 92,
                (_, true, true) => 40,
                (_, true, false) => 22,
                (_, false, true) => 7,
                (_, false, false) => 4,
            };
            let added = !self.cart.contains(&here) && percent(rng, taken);
            if added {
                self.wait(rng, 4, 40);
                self.record(here, EventType::AddToCart);
                self.cart.push(here);
            }
            if view + 1 < views {
                // Nobody opens the page that is open; if three tries lead back to it, that was all.
                (next, bundled) = (0..3)
                    .map(|_| self.onward(rng, here, added, &wanted))
                    .find(|&(index, _)| index != Some(here))
                    .unwrap_or_default();
                self.pause(rng);
            }
        }
        self.check_out(rng, buyer);
    }

    /// What is viewed after `here`, and whether it is something that goes with it.
    fn onward(&self, rng: &mut Rng, here: u32, added: bool, wanted: &Weighted) -> (Option<u32>, bool) {
        let taste = &self.visit.taste;
        // In thousandths: similar, complementary, same category, back to something seen; the rest is a new need.
        // Once something is in the cart, people look for what goes with it rather than for alternatives.
        let steps = if added { [180, 640, 50, 30] } else { [540, 150, 170, 60] };
        let [similar, complement, category, back] = steps;
        let draw = rng.u32(0..1000);
        // Where a product has nothing similar, the draw falls through to the same category.
        if draw < similar
            && let Some(index) = self.assortment.similar(rng, here, self.now_ms)
        {
            (Some(index), false)
        } else if draw >= similar
            && draw < similar + complement
            && let Some(index) = self.assortment.complement(rng, here, taste, self.now_ms)
        {
            (Some(index), true)
        } else if draw < similar + complement + category {
            (self.assortment.pick(rng, self.assortment.category(here), taste, self.now_ms), false)
        } else if draw < similar + complement + category + back {
            (self.seen.get(position(rng, self.seen.len())).copied(), false)
        } else {
            // The second need: half of the time it follows from the first.
            let product = self.assortment.product(here);
            let follows =
                if percent(rng, 50) { self.assortment.complement_category(rng, product) } else { None };
            let follow = follows.and_then(|to| self.assortment.pick(rng, to, taste, self.now_ms));
            (follow.or_else(|| self.enter(rng, wanted)), false)
        }
    }

    /// Starts on a need: a category that the visitor wants today, and a product that they like there.
    fn enter(&self, rng: &mut Rng, wanted: &Weighted) -> Option<u32> {
        let category = wanted.draw(rng)?;
        self.assortment.pick(rng, category, &self.visit.taste, self.now_ms)
    }

    fn check_out(&mut self, rng: &mut Rng, buyer: bool) {
        // Most carts of people who only looked are abandoned.
        let chance = match (self.visit.restock, buyer) {
            (Some(_), _) => 92,
            (None, true) => 58,
            (None, false) => 20,
        };
        if !percent(rng, chance) {
            return;
        }
        self.wait(rng, 30, 240);
        for item in std::mem::take(&mut self.cart) {
            self.record(item, EventType::Purchase);
            // One order: its lines are a few milliseconds apart.
            self.now_ms += 1 + i64::from(rng.u32(0..5));
        }
    }

    /// Between two views: seconds mostly, minutes now and then.
    fn pause(&mut self, rng: &mut Rng) {
        match rng.u32(0..100) {
            0..70 => self.wait(rng, 5, 45),
            70..95 => self.wait(rng, 45, 150),
            _ => self.wait(rng, 150, 600),
        }
    }

    fn wait(&mut self, rng: &mut Rng, least_s: u32, most_s: u32) {
        self.now_ms += i64::from(rng.u32(least_s * 1000..most_s * 1000));
    }

    fn record(&mut self, item: u32, event_type: EventType) {
        self.events.push(Event {
            timestamp_ms: self.now_ms,
            session: self.visit.session,
            user: self.visit.user,
            item,
            event_type,
            country: self.visit.country,
        });
    }
}

/// How many products a session views.
pub(super) fn length(rng: &mut Rng) -> u32 {
    let mut ticket = rng.u32(0..100);
    let mut above = 0;
    for (upper, share) in LENGTHS {
        if ticket < share {
            return rng.u32(above + 1..=upper);
        }
        ticket -= share;
        above = upper;
    }
    above
}
