//! The shop's users: what each of them likes, where they live and what they keep buying again.

use fastrand::Rng;

use super::catalogue::Traits;
use super::draw::{Part, Weighted, part, percent, position, shuffle};
use super::spec::SampleSpec;
use super::words::{BRANDS, CATEGORIES, COUNTRIES, STYLES, TIERS};

/// How much more a person wants their favourite categories, first to fourth, in percent of everybody's demand.
const FAVOURITES: [u64; 4] = [1400, 900, 600, 400];

/// One user with an account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Their id, like `U00123`.
    pub user_id: String,
    /// Where they live, like `DE`.
    pub country: &'static str,
    pub(super) country_index: u8,
    pub(super) taste: Taste,
    pub(super) habit: Option<Habit>,
}

/// What one person likes. Nobody outside this module sees it; a recommender has to find it in the events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Taste {
    categories: [u8; FAVOURITES.len()],
    /// The style slot liked best, and the next.
    pub(super) styles: [u8; 2],
    pub(super) tier: u8,
    brands: [u8; 3],
}

/// Something that a person buys again and again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Habit {
    pub(super) category: u8,
    pub(super) period_days: u32,
}

impl Taste {
    pub(super) fn draw(rng: &mut Rng, country: usize) -> Taste {
        let mut categories = [0; FAVOURITES.len()];
        for slot in &mut categories {
            *slot = position(rng, CATEGORIES.len()) as u8;
        }
        // Neighbours in the table share a department: the second favourite often lies next to the first.
        if percent(rng, 50) {
            categories[1] = ((usize::from(categories[0]) + 1) % CATEGORIES.len()) as u8;
        }
        let local = COUNTRIES[country].style;
        let first = if percent(rng, 18) { local } else { position(rng, STYLES) as u8 };
        // Three in ten buy cheap, two in ten premium.
        let tier = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2][position(rng, 10)];
        let mut brands = [0; 3];
        for (index, slot) in brands.iter_mut().enumerate() {
            let name = CATEGORIES[usize::from(categories[index])].name;
            // A favourite brand has to sell in a favourite category, or the taste would never show in an event.
            let start = position(rng, BRANDS.len());
            let found = (0..BRANDS.len())
                .map(|step| (start + step) % BRANDS.len())
                .find(|&brand| BRANDS[brand].categories.contains(&name));
            *slot = found.unwrap_or(start) as u8;
        }
        Taste { categories, styles: [first, position(rng, STYLES) as u8], tier, brands }
    }

    /// The same person looking for what goes with a product: its style and price level, their own brands.
    pub(super) fn matching(self, product: &Traits) -> Taste {
        Taste { styles: [product.style, self.styles[0]], tier: product.tier, ..self }
    }

    /// What this person wants of a day's demand.
    pub(super) fn want(&self, demand: &[u64; CATEGORIES.len()]) -> Weighted {
        let mut wanted = demand.map(|weight| weight * 100);
        for (&category, more) in self.categories.iter().zip(FAVOURITES) {
            let category = usize::from(category);
            wanted[category] += demand[category] * more;
        }
        Weighted::new(wanted)
    }

    /// How well a product suits, at most 1 000 000.
    pub(super) fn liking(&self, product: &Traits) -> u32 {
        let style = match product.style {
            style if style == self.styles[0] => 100,
            style if style == self.styles[1] => 60,
            _ => 30,
        };
        let tier = [100, 60, 28][usize::from(product.tier.abs_diff(self.tier)).min(TIERS - 1)];
        let brand = if self.brands.contains(&product.brand) { 100 } else { 65 };
        style * tier * brand
    }
}

/// Shares of the countries.
pub(super) fn countries() -> Weighted {
    Weighted::new(COUNTRIES.iter().map(|country| u64::from(country.share)))
}

/// Generates the users alone, for [`generate_events`](crate::generate_events).
pub fn generate_users(spec: &SampleSpec) -> Vec<User> {
    let mut rng = part(spec.seed, Part::Users);
    let countries = countries();
    let consumables: Vec<usize> = (0..CATEGORIES.len()).filter(|&c| CATEGORIES[c].restock_days > 0).collect();
    // Restocking shall make a twelfth of all sessions: in thousandths of a habit per user, for integers.
    let restocks_a_habit = u64::from(spec.days / 36).max(1);
    let habits = spec.sessions as u64 * 1000 / 12 / restocks_a_habit / (spec.users as u64).max(1);
    let width = spec.users.to_string().len().max(5);
    (0..spec.users)
        .map(|number| {
            let country = countries.draw(&mut rng).unwrap_or(0);
            let taste = Taste::draw(&mut rng, country);
            let habit = (rng.u64(0..1000) < habits).then(|| {
                // A habit in a favourite category, where one of these is used up, so that restocking and browsing
                // agree on a taste.
                let favourite = taste.categories.iter().map(|&c| usize::from(c));
                let favourite = favourite.into_iter().find(|&c| CATEGORIES[c].restock_days > 0);
                let category = favourite.unwrap_or(consumables[position(&mut rng, consumables.len())]);
                let period_days = CATEGORIES[category].restock_days * rng.u32(60..150) / 100;
                Habit { category: category as u8, period_days: period_days.max(7) }
            });
            User {
                user_id: format!("U{number:0width$}"),
                country: COUNTRIES[country].code,
                country_index: country as u8,
                taste,
                habit,
            }
        })
        .collect()
}

/// How often each user comes: a few come every other day, most a few times a year.
pub(super) fn activity(seed: u64, users: usize) -> Weighted {
    let mut rng = part(seed, Part::Activity);
    let mut ranks: Vec<u64> = (0..users as u64).collect();
    shuffle(&mut rng, &mut ranks);
    // Zipf with its head cut flat: without the shift the first user would make a tenth of all visits.
    let flat = users as u64 / 20 + 1;
    Weighted::new(ranks.into_iter().map(|rank| (1 << 32) / (rank + flat)))
}
