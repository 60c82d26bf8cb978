//! The shop floor: which products stand next to each other, which go together, and which one a person picks up.

use fastrand::Rng;

use super::Product;
use super::calendar::DAY_MS;
use super::draw::{Part, Weighted, part, percent, place};
use super::people::Taste;
use super::words::{CATEGORIES, STYLES, TIERS, category};

/// A product is new for three weeks, and then twice as likely to be taken up.
const NEW_MS: i64 = 21 * DAY_MS;
/// How far along a shelf a look to the side goes.
const REACH: u32 = 6;

/// The catalogue, arranged for walking through it.
#[derive(Debug)]
pub(super) struct Shelves<'a> {
    products: &'a [Product],
    categories: Vec<Aisle>,
    /// Products of one category, style and tier, ordered by kind and price.
    shelves: Vec<Vec<u32>>,
    /// The place of each product on its shelf.
    places: Vec<u32>,
    lines: Vec<Vec<u32>>,
    /// The one product of another category that goes with this one.
    partners: Vec<Option<u32>>,
}

/// One category: its products by popularity, and the categories that go with it.
#[derive(Debug, Default)]
struct Aisle {
    products: Vec<u32>,
    popularity: Weighted,
    complements: Vec<usize>,
    complement_weights: Weighted,
}

impl<'a> Shelves<'a> {
    pub(super) fn new(products: &'a [Product], seed: u64) -> Shelves<'a> {
        let mut members = vec![Vec::new(); CATEGORIES.len()];
        let mut shelves = vec![Vec::new(); CATEGORIES.len() * STYLES * TIERS];
        let mut lines: Vec<Vec<u32>> = Vec::new();
        for (index, product) in (0u32..).zip(products) {
            members[usize::from(product.traits.category)].push(index);
            shelves[shelf(product)].push(index);
            if let Some((line, _)) = product.traits.line {
                let line = line as usize;
                if lines.len() <= line {
                    lines.resize(line + 1, Vec::new());
                }
                lines[line].push(index);
            }
        }
        let at = |index: &u32| &products[*index as usize];
        let mut places = vec![0; products.len()];
        for row in &mut shelves {
            row.sort_by(|a, b| {
                let (a, b) = (at(a), at(b));
                a.traits.noun.cmp(&b.traits.noun).then(a.price.total_cmp(&b.price))
            });
            for (place, &index) in (0u32..).zip(row.iter()) {
                places[index as usize] = place;
            }
        }
        for line in &mut lines {
            line.sort_by_key(|index| at(index).traits.line);
        }
        let categories = CATEGORIES
            .iter()
            .zip(members)
            .map(|(kind, products)| {
                let links =
                    kind.complements.iter().filter_map(|&(name, weight)| Some((category(name)?, weight)));
                let (complements, weights): (Vec<usize>, Vec<u32>) = links.unzip();
                Aisle {
                    popularity: Weighted::new(products.iter().map(|index| at(index).traits.appeal)),
                    products,
                    complements,
                    complement_weights: Weighted::new(weights.into_iter().map(u64::from)),
                }
            })
            .collect();
        let mut floor = Shelves { products, categories, shelves, places, lines, partners: Vec::new() };
        floor.partners = floor.pair_up(&mut part(seed, Part::Partners));
        floor
    }

    /// Two products in five have a partner: popular, of the same style and price level as far as there is one.
    fn pair_up(&self, rng: &mut Rng) -> Vec<Option<u32>> {
        let pair = |product: &Product| {
            let other = self.complement_category(rng, product)?;
            if !percent(rng, 40) {
                return None;
            }
            let drawn: Vec<u32> = (0..8).filter_map(|_| self.popular(rng, other)).collect();
            drawn.into_iter().max_by_key(|&index| {
                let theirs = &self.products[index as usize].traits;
                (theirs.style == product.traits.style, theirs.tier == product.traits.tier)
            })
        };
        self.products.iter().map(pair).collect()
    }

    /// Is the product on sale by then?
    pub(super) fn on_sale(&self, index: u32, now_ms: i64) -> bool {
        self.products[index as usize].launched_ms <= now_ms
    }

    /// The category of a product.
    pub(super) fn category(&self, index: u32) -> usize {
        usize::from(self.products[index as usize].traits.category)
    }

    fn popular(&self, rng: &mut Rng, category: usize) -> Option<u32> {
        let aisle = &self.categories[category];
        aisle.products.get(aisle.popularity.draw(rng)?).copied()
    }

    /// What a person picks up who comes for a category: popular, to their taste, sooner the new than the old.
    pub(super) fn pick(&self, rng: &mut Rng, category: usize, taste: &Taste, now_ms: i64) -> Option<u32> {
        let mut best = None;
        for _ in 0..12 {
            let index = self.popular(rng, category)?;
            let product = &self.products[index as usize];
            if product.launched_ms > now_ms {
                continue;
            }
            let new = now_ms - product.launched_ms < NEW_MS;
            let liking = taste.liking(&product.traits) / if new { 1 } else { 2 };
            if rng.u32(0..1_000_000) < liking {
                return Some(index);
            }
            if best.is_none_or(|(most, _)| liking > most) {
                best = Some((liking, index));
            }
        }
        // Before the first launches of a category its oldest product stands in; ids follow the launches.
        let oldest = || self.categories[category].products.first().copied();
        best.map(|(_, index)| index).or_else(oldest).filter(|&index| self.on_sale(index, now_ms))
    }

    /// A look to the side: same category, style and price level, near in kind and price, rather the popular one.
    pub(super) fn similar(&self, rng: &mut Rng, from: u32, now_ms: i64) -> Option<u32> {
        let row = &self.shelves[shelf(&self.products[from as usize])];
        let here = self.places[from as usize];
        let mut found: Option<u32> = None;
        for _ in 0..5 {
            let step = rng.u32(1..=REACH).min(rng.u32(1..=REACH));
            let there = if rng.bool() { here.checked_add(step) } else { here.checked_sub(step) };
            let Some(&index) = there.and_then(|there| row.get(there as usize)) else {
                continue;
            };
            if !self.on_sale(index, now_ms) {
                continue;
            }
            let appeal = |index: u32| self.products[index as usize].traits.appeal;
            if found.is_none_or(|other| appeal(other) < appeal(index)) {
                found = Some(index);
            }
        }
        found
    }

    /// What goes with a product: the next of its collection, its partner, or something from a matching category.
    pub(super) fn complement(&self, rng: &mut Rng, from: u32, taste: &Taste, now_ms: i64) -> Option<u32> {
        let product = &self.products[from as usize];
        let specific = if percent(rng, 65) { self.next_in_line(rng, product) } else { None };
        let specific = specific.or(if percent(rng, 55) { self.partners[from as usize] } else { None });
        if let Some(index) = specific.filter(|&index| index != from && self.on_sale(index, now_ms)) {
            return Some(index);
        }
        let category = self.complement_category(rng, product)?;
        self.pick(rng, category, &taste.matching(&product.traits), now_ms)
    }

    /// A category that goes with the product's.
    pub(super) fn complement_category(&self, rng: &mut Rng, product: &Product) -> Option<usize> {
        let aisle = &self.categories[usize::from(product.traits.category)];
        aisle.complements.get(aisle.complement_weights.draw(rng)?).copied()
    }

    fn next_in_line(&self, rng: &mut Rng, product: &Product) -> Option<u32> {
        let (line, step) = product.traits.line?;
        let line = self.lines.get(line as usize)?;
        let next = line.get(usize::from(step) + 1).copied();
        // Mostly onward in the usual order; sometimes anywhere in the collection.
        if next.is_some() && percent(rng, 75) { next } else { line.get(place(rng, line.len())).copied() }
    }

    /// The product itself.
    pub(super) fn product(&self, index: u32) -> &'a Product {
        &self.products[index as usize]
    }
}

fn shelf(product: &Product) -> usize {
    let traits = &product.traits;
    (usize::from(traits.category) * STYLES + usize::from(traits.style)) * TIERS + usize::from(traits.tier)
}
