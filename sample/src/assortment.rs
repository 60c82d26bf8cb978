//! The catalogue indexed for browsing: which products are similar, which go together, and which one a person chooses.

use fastrand::Rng;

use super::catalogue::Product;
use super::draw::{Part, Weighted, part, percent, position};
use super::people::Taste;
use super::spec::DAY_MS;
use super::words::{CATEGORIES, STYLES, TIERS, category};

/// How long a product counts as new, in milliseconds: three weeks, in which it is twice as likely to be chosen.
const NEW_MS: i64 = 21 * DAY_MS;
/// The most positions between a product and a similar one in their group; raising it makes similar products less alike.
const REACH: u32 = 6;

/// The catalogue, indexed by what a visitor does next.
#[derive(Debug)]
pub(super) struct Assortment<'a> {
    products: &'a [Product],
    categories: Vec<CategoryIndex>,
    /// Products of one category, style and tier, ordered by kind and price.
    groups: Vec<Vec<u32>>,
    /// The position of each product in its group.
    positions: Vec<u32>,
    /// Collections, each in the order in which it is usually bought.
    lines: Vec<Vec<u32>>,
    /// The one product of another category that goes with this one.
    partners: Vec<Option<u32>>,
}

/// One category: its products by popularity, and the categories that go with it.
#[derive(Debug, Default)]
struct CategoryIndex {
    products: Vec<u32>,
    popularity: Weighted,
    complements: Vec<usize>,
    complement_weights: Weighted,
}

impl<'a> Assortment<'a> {
    pub(super) fn new(products: &'a [Product], seed: u64) -> Assortment<'a> {
        let mut members = vec![Vec::new(); CATEGORIES.len()];
        let mut groups = vec![Vec::new(); CATEGORIES.len() * STYLES * TIERS];
        let mut lines: Vec<Vec<u32>> = Vec::new();
        for (index, product) in (0u32..).zip(products) {
            members[usize::from(product.traits.category)].push(index);
            groups[group(product)].push(index);
            if let Some((line, _)) = product.traits.line {
                let line = line as usize;
                // The catalogue is in the order of launch, and so lines come in any order of their numbers.
                if lines.len() <= line {
                    lines.resize(line + 1, Vec::new());
                }
                lines[line].push(index);
            }
        }
        let at = |index: &u32| &products[*index as usize];
        let mut positions = vec![0; products.len()];
        for row in &mut groups {
            row.sort_by(|a, b| {
                let (a, b) = (at(a), at(b));
                a.traits.noun.cmp(&b.traits.noun).then(a.price.total_cmp(&b.price))
            });
            for (position, &index) in (0u32..).zip(row.iter()) {
                positions[index as usize] = position;
            }
        }
        for line in &mut lines {
            // Products of a line are launched on one day, so that the order of the catalogue says nothing; the
            // traits do.
            line.sort_by_key(|index| at(index).traits.line);
        }
        let categories = CATEGORIES
            .iter()
            .zip(members)
            .map(|(kind, products)| {
                let links =
                    kind.complements.iter().filter_map(|&(name, weight)| Some((category(name)?, weight)));
                let (complements, weights): (Vec<usize>, Vec<u32>) = links.unzip();
                CategoryIndex {
                    popularity: Weighted::new(products.iter().map(|index| at(index).traits.appeal)),
                    products,
                    complements,
                    complement_weights: Weighted::new(weights.into_iter().map(u64::from)),
                }
            })
            .collect();
        let mut assortment =
            Assortment { products, categories, groups, positions, lines, partners: Vec::new() };
        assortment.partners = assortment.pair_up(&mut part(seed, Part::Partners));
        assortment
    }

    /// Two products in five have a partner: popular, of the same style and price level as far as there is one.
    fn pair_up(&self, rng: &mut Rng) -> Vec<Option<u32>> {
        let pair = |product: &Product| {
            let other = self.complement_category(rng, product)?;
            if !percent(rng, 40) {
                return None;
            }
            // The best match of eight popular products rather than of all: partners would otherwise be products
            // that nobody sees.
            let drawn: Vec<u32> = (0..8).filter_map(|_| self.popular(rng, other)).collect();
            drawn.into_iter().max_by_key(|&index| {
                let theirs = &self.products[index as usize].traits;
                (theirs.style == product.traits.style, theirs.tier == product.traits.tier)
            })
        };
        self.products.iter().map(pair).collect()
    }

    /// Whether the product is on sale by then.
    pub(super) fn on_sale(&self, index: u32, now_ms: i64) -> bool {
        self.products[index as usize].launched_ms <= now_ms
    }

    /// The category of a product.
    pub(super) fn category(&self, index: u32) -> usize {
        usize::from(self.products[index as usize].traits.category)
    }

    fn popular(&self, rng: &mut Rng, category: usize) -> Option<u32> {
        let category = &self.categories[category];
        category.products.get(category.popularity.draw(rng)?).copied()
    }

    /// What a person chooses who comes for a category: popular, to their taste, a new product sooner than an old one.
    pub(super) fn pick(&self, rng: &mut Rng, category: usize, taste: &Taste, now_ms: i64) -> Option<u32> {
        let mut best = None;
        // Rejection sampling by liking, popularity being the proposal; after twelve draws the best so far is taken,
        // so that a picky visitor ends too.
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

    /// A similar product: same category, style and price level, near in kind and price, the most popular of a few.
    pub(super) fn similar(&self, rng: &mut Rng, from: u32, now_ms: i64) -> Option<u32> {
        let row = &self.groups[group(&self.products[from as usize])];
        let here = self.positions[from as usize];
        let mut found: Option<u32> = None;
        for _ in 0..5 {
            // The smaller of two draws: near neighbours are looked at more often than far ones.
            let step = rng.u32(1..=REACH).min(rng.u32(1..=REACH));
            let there = if rng.bool() { here.checked_add(step) } else { here.checked_sub(step) };
            // The ends of a group have fewer neighbours: a step over the end is a wasted draw, not a wrap to the
            // other price end.
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
        // A recommender shall have something to find that popularity does not tell: most complements are fixed
        // pairs.
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
        let category = &self.categories[usize::from(product.traits.category)];
        category.complements.get(category.complement_weights.draw(rng)?).copied()
    }

    fn next_in_line(&self, rng: &mut Rng, product: &Product) -> Option<u32> {
        let (line, step) = product.traits.line?;
        let line = self.lines.get(line as usize)?;
        let next = line.get(usize::from(step) + 1).copied();
        // Mostly onward in the usual order; sometimes anywhere in the collection.
        if next.is_some() && percent(rng, 75) { next } else { line.get(position(rng, line.len())).copied() }
    }

    /// The product itself.
    pub(super) fn product(&self, index: u32) -> &'a Product {
        &self.products[index as usize]
    }
}

/// The number of a product's group: its category, style and price tier.
fn group(product: &Product) -> usize {
    let traits = &product.traits;
    (usize::from(traits.category) * STYLES + usize::from(traits.style)) * TIERS + usize::from(traits.tier)
}
