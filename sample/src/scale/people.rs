//! What belongs to users: vectors, and a table of features.

use std::path::Path;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use fastrand::Rng;

use super::rows::{ZSTD_LEVEL, batches, label};
use super::shape::{ScaleSpec, Shape, WIDTH, normal};
use crate::table::{SampleError, Table, float_lists};
use crate::words::{CATEGORIES, COUNTRIES};

const AGES: [&str; 6] = ["18-24", "25-34", "35-44", "45-54", "55-64", "65+"];
const DEVICES: [&str; 4] = ["android", "desktop", "ios", "tablet"];

pub(super) fn vectors(
    spec: &ScaleSpec,
    shape: &Shape,
    file: &Path,
    done: &mut dyn FnMut(usize),
) -> Result<(), SampleError> {
    let mut random = Rng::with_seed(spec.seed ^ 4);
    let (mut table, mut text) = (Table::create(file, ZSTD_LEVEL)?, String::new());
    for rows in batches(spec.users) {
        let mut ids = StringBuilder::new();
        let mut vectors = vec![[0f32; WIDTH]; rows.len()];
        for (user, vector) in rows.clone().zip(&mut vectors) {
            ids.append_value(label(b'U', user, &mut text));
            // A taste for two kinds of things, the more popular ones more often.
            let mut second = [0f32; WIDTH];
            shape.vector(shape.any(&mut random) % shape.clusters(), &mut random, vector);
            shape.vector(shape.any(&mut random) % shape.clusters(), &mut random, &mut second);
            for (x, y) in vector.iter_mut().zip(second) {
                *x += 0.5 * y;
            }
        }
        let vectors = float_lists(vectors.iter().map(<[f32; WIDTH]>::as_slice));
        table.batch().column("user_id", ids.finish()).column("vector", vectors).write()?;
        done(rows.end);
    }
    table.close()
}

pub(super) fn features(
    spec: &ScaleSpec,
    shape: &Shape,
    file: &Path,
    done: &mut dyn FnMut(usize),
) -> Result<(), SampleError> {
    let mut random = Rng::with_seed(spec.seed ^ 5);
    let (mut table, mut text) = (Table::create(file, ZSTD_LEVEL)?, String::new());
    for rows in batches(spec.user_features) {
        let mut texts: [StringBuilder; 5] = Default::default();
        let (mut member, mut newsletter) = (BooleanBuilder::new(), BooleanBuilder::new());
        let (mut orders, mut last_order) = (Int64Builder::new(), TimestampMillisecondBuilder::new());
        let (mut basket, mut discount) = (Float64Builder::new(), Float64Builder::new());
        for user in rows.clone() {
            let [ids, countries, ages, devices, categories] = &mut texts;
            ids.append_value(label(b'U', user, &mut text));
            countries.append_value(COUNTRIES[random.usize(0..COUNTRIES.len())].code);
            let age = AGES[random.usize(0..AGES.len())];
            // A fifth does not say: a table of users without gaps would flatter what reads it.
            ages.append_option((random.u32(0..100) < 80).then_some(age));
            devices.append_value(DEVICES[random.usize(0..DEVICES.len())]);
            let cluster = shape.any(&mut random) % shape.clusters();
            categories.append_value(CATEGORIES[cluster % CATEGORIES.len()].name);
            member.append_value(random.u32(0..100) < 30);
            newsletter.append_value(random.u32(0..100) < 45);
            // Log-normal, like the baskets below: most users have few orders, a few have many.
            let bought = (normal(&mut random).exp() * 3.0) as i64;
            orders.append_value(bought);
            let last = spec.until_ms - random.i64(0..730) * 86_400_000;
            last_order.append_option((bought > 0).then_some(last));
            let spent = f64::from((0.6 * normal(&mut random)).exp() * 45.0);
            basket.append_option((bought > 0).then(|| (spent * 100.0).round() / 100.0));
            discount.append_value((random.f64() * 1000.0).round() / 1000.0);
        }
        let mut texts = texts.each_mut().map(StringBuilder::finish).into_iter();
        let mut batch = table.batch();
        for name in ["user_id", "country", "age", "device", "top_category"] {
            if let Some(values) = texts.next() {
                batch = batch.column(name, values);
            }
        }
        batch
            .column("member", member.finish())
            .column("newsletter", newsletter.finish())
            .column("orders", orders.finish())
            .column("last_order", last_order.finish())
            .column("average_basket", basket.finish())
            .column("discount_share", discount.finish())
            .write()?;
        done(rows.end);
    }
    table.close()
}
