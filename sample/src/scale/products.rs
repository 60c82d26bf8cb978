//! What belongs to items: the catalogue, popularity, neighbours and vectors.

use std::path::Path;

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Float64Builder, ListBuilder, StringBuilder, TimestampMillisecondBuilder,
};
use fastrand::Rng;

use super::rows::{ZSTD_LEVEL, batches, label};
use super::shape::{ScaleSpec, Shape, WIDTH, normal};
use crate::table::{SampleError, Table, float_lists};
use crate::words::{BRANDS, CATEGORIES, DEPARTMENTS};

/// Neighbours of an item.
const NEIGHBORS: usize = 20;
/// Items in the popularity list of one category.
const SEGMENT: usize = 200;

/// Is told how many rows are done.
type Done<'d> = &'d mut dyn FnMut(usize);

/// The rank of each item, by item number: the inverse of [`Shape::item`].
fn ranks(spec: &ScaleSpec, shape: &Shape) -> Vec<u32> {
    let mut ranks = vec![0; spec.items];
    for rank in 0..spec.items {
        ranks[shape.item(rank)] = rank as u32;
    }
    ranks
}

pub(super) fn catalog(
    spec: &ScaleSpec,
    shape: &Shape,
    file: &Path,
    done: Done<'_>,
) -> Result<(), SampleError> {
    let mut random = Rng::with_seed(spec.seed ^ 1);
    let (mut table, mut text) = (Table::create(file, ZSTD_LEVEL)?, String::new());
    let ranks = ranks(spec, shape);
    for rows in batches(spec.items) {
        let mut texts: [StringBuilder; 5] = Default::default();
        let (mut price, mut rating) = (Float64Builder::new(), Float64Builder::new());
        let (mut in_stock, mut launched) = (BooleanBuilder::new(), TimestampMillisecondBuilder::new());
        let mut tags = ListBuilder::new(StringBuilder::new());
        for item in rows.clone() {
            // The catalogue is in the order of ids and clusters go by rank; the inverse table is four bytes an
            // item.
            let cluster = ranks.get(item).map_or(0, |rank| *rank as usize) % shape.clusters();
            let category = &CATEGORIES[cluster % CATEGORIES.len()];
            let department = &DEPARTMENTS[category.department];
            let brand = &BRANDS[random.usize(0..BRANDS.len())];
            let style = &department.styles[random.usize(0..department.styles.len())];
            let noun = &category.nouns[random.usize(0..category.nouns.len())];
            let material = category.materials[random.usize(0..category.materials.len())];
            let [ids, titles, departments, categories, brands] = &mut texts;
            ids.append_value(label(b'P', item, &mut text));
            text.clear();
            text.extend([brand.name, " ", material, " ", noun.0, ", No. "]);
            text.push_str(&item.to_string());
            titles.append_value(&text);
            departments.append_value(department.name);
            text.clear();
            text.extend([category.name, "-"]);
            text.push_str(&(cluster / CATEGORIES.len()).to_string());
            categories.append_value(&text);
            brands.append_value(brand.name);
            let cents = f64::from(category.median_cents) * f64::from(0.5 * normal(&mut random)).exp();
            price.append_value((cents.max(99.0) / 10.0).round() / 10.0);
            in_stock.append_value(random.u32(0..100) >= 4);
            tags.values().append_value(style.tag);
            for tag in category.tags {
                tags.values().append_value(tag);
            }
            tags.append(true);
            // A tenth has no rating yet.
            rating.append_option((random.u32(0..10) > 0).then(|| f64::from(random.u32(25..=50)) / 10.0));
            launched.append_value(spec.until_ms - random.i64(0..1460) * 86_400_000);
        }
        let mut texts = texts.each_mut().map(StringBuilder::finish).into_iter();
        let mut batch = table.batch();
        for name in ["item_id", "title", "department", "category", "brand"] {
            if let Some(values) = texts.next() {
                batch = batch.column(name, values);
            }
        }
        batch
            .column("price", price.finish())
            .column("in_stock", in_stock.finish())
            .column("tags", tags.finish())
            .column("rating", rating.finish())
            .column("launched", launched.finish())
            .write()?;
        done(rows.end);
    }
    table.close()
}

pub(super) fn popularity(
    spec: &ScaleSpec,
    shape: &Shape,
    file: &Path,
    done: Done<'_>,
) -> Result<(), SampleError> {
    let (mut table, mut text) = (Table::create(file, ZSTD_LEVEL)?, String::new());
    let kinds = CATEGORIES.len();
    for rows in batches(spec.items) {
        let (mut ids, mut segments) = (StringBuilder::new(), StringBuilder::new());
        let mut scores = Float32Builder::new();
        for rank in rows.clone() {
            let score = 1.0 / (rank as f32 + 2.0);
            ids.append_value(label(b'P', shape.item(rank), &mut text));
            segments.append_null();
            scores.append_value(score);
            let cluster = rank % shape.clusters();
            if rank / shape.clusters() < SEGMENT {
                ids.append_value(label(b'P', shape.item(rank), &mut text));
                segments.append_value(format!(
                    "category={}-{}",
                    CATEGORIES[cluster % kinds].name,
                    cluster / kinds
                ));
                scores.append_value(score);
            }
        }
        let batch = table.batch().column("item_id", ids.finish()).column("segment", segments.finish());
        batch.column("score", scores.finish()).write()?;
        done(rows.end);
    }
    table.close()
}

pub(super) fn similar(
    spec: &ScaleSpec,
    shape: &Shape,
    file: &Path,
    done: Done<'_>,
) -> Result<(), SampleError> {
    let mut random = Rng::with_seed(spec.seed ^ 2);
    let (mut table, mut text) = (Table::create(file, ZSTD_LEVEL)?, String::new());
    let mut near: Vec<usize> = Vec::new();
    for rows in batches(spec.items) {
        let mut ids = StringBuilder::new();
        let mut neighbors = ListBuilder::new(StringBuilder::new());
        let mut scores = ListBuilder::new(Float32Builder::new());
        for rank in rows.clone() {
            near.clear();
            // Draws repeat in a small cluster; three times as many as needed is enough to fill most lists, and ends
            // in any case.
            for _ in 0..3 * NEIGHBORS {
                let other = shape.onward(rank, &mut random);
                if near.len() < NEIGHBORS && other != rank && !near.contains(&other) {
                    near.push(other);
                }
            }
            ids.append_value(label(b'P', shape.item(rank), &mut text));
            for (place, other) in near.iter().enumerate() {
                neighbors.values().append_value(label(b'P', shape.item(*other), &mut text));
                scores.values().append_value(random.f32() * 0.1 + 1.0 / (place as f32 + 1.0));
            }
            neighbors.append(true);
            scores.append(true);
        }
        let batch = table.batch().column("item_id", ids.finish()).column("neighbors", neighbors.finish());
        batch.column("scores", scores.finish()).write()?;
        done(rows.end);
    }
    table.close()
}

pub(super) fn factors(
    spec: &ScaleSpec,
    shape: &Shape,
    file: &Path,
    done: Done<'_>,
) -> Result<(), SampleError> {
    let mut random = Rng::with_seed(spec.seed ^ 3);
    let (mut table, mut text) = (Table::create(file, ZSTD_LEVEL)?, String::new());
    for rows in batches(spec.items) {
        let mut ids = StringBuilder::new();
        let mut vectors = vec![[0f32; WIDTH]; rows.len()];
        for (rank, vector) in rows.clone().zip(&mut vectors) {
            ids.append_value(label(b'P', shape.item(rank), &mut text));
            shape.vector(rank % shape.clusters(), &mut random, vector);
        }
        let vectors = float_lists(vectors.iter().map(<[f32; WIDTH]>::as_slice));
        table.batch().column("item_id", ids.finish()).column("vector", vectors).write()?;
        done(rows.end);
    }
    table.close()
}
