//! When people shop and for what: days, hours, seasons and countries, all in integers.

use fastrand::Rng;

use super::draw::Weighted;
use super::spec::{DAY_MS, SampleSpec};
use super::words::{CATEGORIES, COUNTRIES, category};

/// Visits by hour of the day, relative to each other: a low before dawn, a peak after eight in the evening.
const HOURS: [u64; 24] =
    [4, 2, 1, 1, 1, 3, 8, 16, 24, 30, 33, 34, 36, 34, 32, 32, 34, 38, 44, 52, 58, 50, 30, 12];
/// Visits by day of the week, Monday first; 100 is the mean or near it.
const WEEKDAYS: [u64; 7] = [105, 96, 94, 96, 98, 108, 128];
/// Visits by month; a shop lives on November and December.
const MONTHS: [u64; 12] = [98, 92, 96, 100, 102, 100, 98, 92, 98, 104, 132, 138];

/// How much each category is wanted on one day, by country.
pub(super) type Demand = [[u64; CATEGORIES.len()]; COUNTRIES.len()];

/// The period of the sample and how its sessions fall on it.
#[derive(Debug)]
pub(super) struct Calendar {
    /// The first moment of the period.
    pub(super) start_ms: i64,
    /// Sessions on each day.
    pub(super) quotas: Vec<usize>,
    hours: Weighted,
}

impl Calendar {
    pub(super) fn new(spec: &SampleSpec) -> Calendar {
        let start_ms = spec.start_ms();
        let traffic: Vec<u64> = (0..spec.days)
            .map(|day| {
                let (month, _) = month_and_day(start_ms + i64::from(day) * DAY_MS);
                // 1970 began on a Thursday, three days after a Monday.
                let weekday = (start_ms.div_euclid(DAY_MS) + i64::from(day) + 3).rem_euclid(7) as usize;
                // The shop grows by two fifths over the period.
                let growth = 100 + 40 * u64::from(day) / u64::from(spec.days);
                WEEKDAYS[weekday] * MONTHS[month] * growth
            })
            .collect();
        let total = u128::from(traffic.iter().sum::<u64>()).max(1);
        // Cumulated and rounded down, so that the days' quotas add up to the sessions asked for, whatever the
        // rounding.
        let upto = |sum: u64| (u128::from(sum) * spec.sessions as u128 / total) as usize;
        let mut sum = 0;
        let quotas = traffic
            .iter()
            .map(|&weight| {
                let before = upto(sum);
                sum += weight;
                upto(sum) - before
            })
            .collect();
        Calendar { start_ms, quotas, hours: Weighted::new(HOURS) }
    }

    /// The starts of `count` sessions on a day, in order.
    pub(super) fn starts(&self, rng: &mut Rng, day: usize, count: usize) -> Vec<i64> {
        let midnight = self.start_ms + day as i64 * DAY_MS;
        let mut starts: Vec<i64> = (0..count)
            .map(|_| {
                let hour = self.hours.draw(rng).unwrap_or(0) as i64;
                midnight + hour * 3_600_000 + rng.i64(0..3_600_000)
            })
            .collect();
        starts.sort_unstable();
        starts
    }
}

/// How much each category is wanted on the day of `at_ms`.
pub(super) fn demand(at_ms: i64) -> Demand {
    let mut table: Demand = [[0; CATEGORIES.len()]; COUNTRIES.len()];
    for (country, row) in COUNTRIES.iter().zip(&mut table) {
        for (category, cell) in CATEGORIES.iter().zip(row.iter_mut()) {
            // A hundredfold, so that percentages of a small weight do not round to nothing.
            *cell = u64::from(category.weight) * season(category.season, at_ms) * 100;
        }
        for &(name, in_percent) in country.demand {
            if let Some(cell) = category(name).and_then(|index| row.get_mut(index)) {
                *cell = *cell * u64::from(in_percent) / 100;
            }
        }
    }
    table
}

/// A month table read for a day: the month's value at its middle, and a straight line between two middles.
fn season(months: &[u32; 12], at_ms: i64) -> u64 {
    let (month, day) = month_and_day(at_ms);
    let here = u64::from(months[month]);
    if day < 15 {
        let before = u64::from(months[(month + 11) % 12]);
        before * (15 - day) + here * (15 + day)
    } else {
        let after = u64::from(months[(month + 1) % 12]);
        here * (45 - day.min(30)) + after * (day.min(30) - 15)
    }
}

/// Month (0 is January) and day of the month (from 0) in the Gregorian calendar.
pub(super) fn month_and_day(at_ms: i64) -> (usize, u64) {
    // Howard Hinnant's days-to-civil: years that begin in March put the leap day last.
    let day_of_era = (at_ms.div_euclid(DAY_MS) + 719_468).rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5;
    (((march_month + 2) % 12) as usize, day as u64)
}
