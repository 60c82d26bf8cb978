//! The shop's products: single ones and collections, with titles, prices, launches and popularity.

use std::collections::HashSet;

use fastrand::Rng;

use super::draw::{Part, Weighted, bell, exp, part, percent, position, shuffle, word};
use super::spec::{DAY_MS, SampleSpec};
use super::words::{BRANDS, CATEGORIES, DEPARTMENTS, LINE_ENDS, LINE_STARTS, STYLES};

/// The weight of a category's most popular product; the second has a half, the third a third.
const TOP_APPEAL: u64 = 1 << 40;

/// One product of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// Its id, like `P00123`.
    pub item_id: String,
    /// Its title; no two products share one.
    pub title: String,
    /// Its department, like `Kitchen`.
    pub department: &'static str,
    /// Its category, like `storage-jars`.
    pub category: &'static str,
    /// Its brand.
    pub brand: &'static str,
    /// Its price, two decimals.
    pub price: f64,
    /// Whether it can be ordered at the end of the period.
    pub in_stock: bool,
    /// Style, material, use and price level.
    pub tags: Vec<String>,
    /// Stars, 2.5 to 5, one decimal.
    pub rating: f64,
    /// When it came into the shop, milliseconds since 1970.
    pub launched_ms: i64,
    pub(super) traits: Traits,
}

/// What a product is, to the people who choose it. Kept from the catalogue that a recommender sees, except as
/// words in the title, price and tags.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traits {
    pub(super) category: u8,
    pub(super) noun: u8,
    pub(super) style: u8,
    pub(super) tier: u8,
    pub(super) brand: u8,
    /// The collection it belongs to and its position there.
    pub(super) line: Option<(u32, u8)>,
    /// Zipf weight inside its category.
    pub(super) appeal: u64,
}

/// Everything that sets a product's kind before its words and price are drawn.
struct Plan {
    category: usize,
    noun: usize,
    style: usize,
    brand: usize,
    line: Option<(u32, u8)>,
    line_name: Option<String>,
}

/// Generates the catalogue alone, for [`generate_events`](crate::generate_events).
pub fn generate_products(spec: &SampleSpec) -> Vec<Product> {
    let mut rng = part(spec.seed, Part::Products);
    let brands = brands_by_category();
    let mut titles = HashSet::with_capacity(spec.products);
    let mut products = Vec::with_capacity(spec.products);

    // One of each category that was always there, so that a visitor finds something in every category on every day.
    for category in 0..CATEGORIES.len().min(spec.products) {
        let plan = single(&mut rng, category, &brands);
        let launched_ms = launch(&mut rng, spec, 100);
        products.push(product(&mut rng, &plan, launched_ms, &mut titles));
    }
    let assortment = Weighted::new(CATEGORIES.iter().map(|category| u64::from(category.weight)));
    let mut lines = 0;
    while products.len() < spec.products {
        let category = assortment.draw(&mut rng).unwrap_or(0);
        // A fifteenth of the draws brings a whole collection: about a quarter of all products.
        if percent(&mut rng, 7) {
            let launched_ms = launch(&mut rng, spec, 60);
            for plan in collection(&mut rng, category, lines, &brands) {
                if products.len() < spec.products {
                    products.push(product(&mut rng, &plan, launched_ms, &mut titles));
                }
            }
            lines += 1;
        } else {
            let launched_ms = launch(&mut rng, spec, 60);
            let plan = single(&mut rng, category, &brands);
            products.push(product(&mut rng, &plan, launched_ms, &mut titles));
        }
    }
    rank(&mut rng, &mut products);
    // Real shops number their products as they arrive: so do these ids.
    products.sort_by_key(|product| product.launched_ms);
    let width = products.len().to_string().len().max(5);
    for (number, product) in products.iter_mut().enumerate() {
        product.item_id = format!("P{number:0width$}");
    }
    products
}

fn brands_by_category() -> Vec<Vec<usize>> {
    CATEGORIES
        .iter()
        .map(|category| {
            (0..BRANDS.len()).filter(|&b| BRANDS[b].categories.contains(&category.name)).collect()
        })
        .collect()
}

fn single(rng: &mut Rng, category: usize, brands: &[Vec<usize>]) -> Plan {
    let sellers = &brands[category];
    Plan {
        category,
        noun: position(rng, CATEGORIES[category].nouns.len()),
        style: position(rng, STYLES),
        brand: sellers.get(position(rng, sellers.len())).copied().unwrap_or(0),
        line: None,
        line_name: None,
    }
}

/// Three to six products of one brand, style and name, in the order in which they are usually bought.
fn collection(rng: &mut Rng, category: usize, line: u32, brands: &[Vec<usize>]) -> Vec<Plan> {
    let lead = single(rng, category, brands);
    let seller = &BRANDS[lead.brand];
    let mut kinds: Vec<(usize, usize)> = CATEGORIES
        .iter()
        .enumerate()
        .filter(|(_, other)| other.department == CATEGORIES[category].department)
        .filter(|(_, other)| seller.categories.contains(&other.name))
        .flat_map(|(index, other)| (0..other.nouns.len()).map(move |noun| (index, noun)))
        .collect();
    shuffle(rng, &mut kinds);
    kinds.truncate(3 + position(rng, 4));
    // In the order of the word lists, which is the order in which people buy them; the step in the line is the
    // position here.
    kinds.sort_unstable();
    let mut name = String::from(word(rng, LINE_STARTS).unwrap_or_default());
    name.push_str(word(rng, LINE_ENDS).unwrap_or_default());
    kinds
        .into_iter()
        .enumerate()
        .map(|(step, (category, noun))| Plan {
            category,
            noun,
            style: lead.style,
            brand: lead.brand,
            line: Some((line, step as u8)),
            line_name: Some(name.clone()),
        })
        .collect()
}

/// `old` of a hundred products were there before the period; the others arrive in the course of it.
fn launch(rng: &mut Rng, spec: &SampleSpec, old: u32) -> i64 {
    // At six in the morning, before most visitors of the day.
    let morning = 6 * 3_600_000;
    if percent(rng, old) {
        spec.start_ms() - i64::from(rng.u32(1..1100)) * DAY_MS + morning
    } else {
        spec.start_ms() + i64::from(rng.u32(0..spec.days.max(1))) * DAY_MS + morning
    }
}

fn product(rng: &mut Rng, plan: &Plan, launched_ms: i64, titles: &mut HashSet<String>) -> Product {
    let category = &CATEGORIES[plan.category];
    let department = &DEPARTMENTS[category.department];
    let brand = &BRANDS[plan.brand];
    let style = &department.styles[plan.style];
    let (title, material, size) = title(rng, plan, titles);

    // A brand is cheap, ordinary or premium as a whole; each product then varies by a log-normal factor.
    let level = [0.72, 1.0, 1.5][usize::from(brand.level)];
    let spread = exp(0.28 * bell(rng));
    let noun = &category.nouns[plan.noun];
    let grade = size * 0.6 + 0.7;
    let cents = f64::from(category.median_cents) * f64::from(noun.1) / 100.0 * level * spread * grade;
    // The tier is by price inside the category and not by the price itself: a cheap tent costs more than a premium
    // mug.
    let tier = match level * spread {
        low if low < 0.82 => 0,
        middle if middle < 1.3 => 1,
        _ => 2,
    };

    let mut tags = vec![style.tag.to_owned(), material.to_lowercase().replace(' ', "-")];
    tags.extend(category.tags.iter().map(|&tag| tag.to_owned()));
    tags.extend([Some("budget"), None, Some("premium")][tier].map(str::to_owned));
    // In tenths of a star: premium products are rated a little better, with more overlap than difference.
    let quality = 41.0 + 3.0 * bell(rng) + 1.5 * (tier as f64 - 1.0);
    Product {
        item_id: String::new(),
        title,
        department: department.name,
        category: category.name,
        brand: brand.name,
        price: f64::from(price_point(cents)) / 100.0,
        in_stock: !percent(rng, 4),
        tags,
        rating: quality.round().clamp(25.0, 50.0) / 10.0,
        launched_ms,
        traits: Traits {
            category: plan.category as u8,
            noun: plan.noun as u8,
            style: plan.style as u8,
            tier: tier as u8,
            brand: plan.brand as u8,
            line: plan.line,
            appeal: 0,
        },
    }
}

/// A title nobody has yet, its material, and how large the size is among its sizes, 0 to 1.
fn title(rng: &mut Rng, plan: &Plan, titles: &mut HashSet<String>) -> (String, &'static str, f64) {
    let category = &CATEGORIES[plan.category];
    let noun = &category.nouns[plan.noun];
    let style = &DEPARTMENTS[category.department].styles[plan.style];
    let mut attempt = 0;
    loop {
        let material = word(rng, category.materials).unwrap_or_default();
        let adjective = word(rng, style.adjectives).unwrap_or_default();
        let size = position(rng, noun.2.len());
        let mut title = match &plan.line_name {
            Some(line) => format!("{line} {material} {}", noun.0),
            None => format!("{adjective} {material} {}", noun.0),
        };
        // A plain title that is taken gets the brand in front, and at last a number behind.
        if attempt > 1 {
            title = format!("{} {title}", BRANDS[plan.brand].name);
        }
        let colour = word(rng, category.colours);
        for detail in [colour, noun.2.get(size).copied()].into_iter().flatten() {
            title.push_str(", ");
            title.push_str(detail);
        }
        if attempt > 6 {
            title.push_str(&format!(", No. {}", rng.u32(100..10_000_000)));
        }
        if titles.insert(title.clone()) {
            let last = noun.2.len().saturating_sub(1).max(1);
            return (title, material, size as f64 / last as f64);
        }
        attempt += 1;
    }
}

/// The price in cents as a shop would print it.
fn price_point(cents: f64) -> u32 {
    let cents = cents.max(99.0) as u32;
    match cents {
        // Prices end as shops end them: below 20.00 in 49 or 99 cents, below 100.00 in 90 cents, and above in 4.00
        // or 9.00.
        0..2_000 => (cents / 50).max(2) * 50 - 1,
        2_000..10_000 => (cents / 100) * 100 + 90 - 100 * u32::from(cents % 100 < 40),
        _ => (cents / 500) * 500 + 400,
    }
}

/// Gives every category its own bestsellers: a shuffled order, and Zipf's weight for each rank in it.
fn rank(rng: &mut Rng, products: &mut [Product]) {
    let mut by_category = vec![Vec::new(); CATEGORIES.len()];
    for (index, product) in products.iter().enumerate() {
        by_category[usize::from(product.traits.category)].push(index);
    }
    for members in &mut by_category {
        shuffle(rng, members);
        for (rank, &index) in members.iter().enumerate() {
            products[index].traits.appeal = TOP_APPEAL / (rank as u64 + 1);
        }
    }
}
