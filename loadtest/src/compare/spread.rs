//! How far seconds lie apart, and how far a ratio could be off by chance: the percentile bootstrap over seconds
//! (Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979).

use fastrand::Rng;
use serde::Serialize;

/// What one second has: a value, and how much it counts as the denominator of a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    /// Which second it was.
    pub(super) at: usize,
    pub(super) value: f64,
    pub(super) of: f64,
}

/// How seconds come together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Statistic {
    /// The median of the values.
    Median,
    /// The sum of the values over the sum of what they are of.
    Share,
}

/// Whether the seconds of both runs were due the same requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schedule {
    Same,
    Different,
}

/// The middle half of the seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Quartiles {
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
}

/// From, to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
}

const RESAMPLINGS: usize = 1_000;

/// Fewer seconds than this tell nothing about their spread.
const FEWEST: usize = 5;

/// The same reports give the same intervals.
const SEED: u64 = 1;

/// Of the values over what they are of; `None` of nothing.
pub(super) fn quartiles(parts: &[Part]) -> Option<Quartiles> {
    let mut values: Vec<f64> = parts.iter().map(|part| part.value / part.of).collect();
    let mut at = |share| quantile(&mut values, share);
    Some(Quartiles { low: at(0.25)?, median: at(0.5)?, high: at(0.75)? })
}

/// `None` of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    quantile(&mut values.to_vec(), 0.5)
}

/// Where 95 of 100 ratios B/A lie; `None` if either has too few seconds, or A is nothing.
///
/// Where both have the same seconds of the same `Schedule`, the same ones are drawn for both, so that a rate which rises
/// and falls as it should is not taken for noise.
pub(super) fn interval(statistic: Statistic, schedule: Schedule, a: &[Part], b: &[Part]) -> Option<Range> {
    if a.len() < FEWEST || b.len() < FEWEST {
        return None;
    }
    let same_seconds = a.iter().map(|part| part.at).eq(b.iter().map(|part| part.at));
    let paired = schedule == Schedule::Same && same_seconds;
    let mut rng = Rng::with_seed(SEED);
    let mut room = Vec::with_capacity(a.len().max(b.len()));
    let mut drawn = Vec::with_capacity(a.len().max(b.len()));
    let mut ratios: Vec<f64> = (0..RESAMPLINGS)
        .filter_map(|_| {
            draw(&mut drawn, a.len(), &mut rng);
            let of_a = statistic.of_drawn(a, &drawn, &mut room)?;
            if !paired {
                draw(&mut drawn, b.len(), &mut rng);
            }
            let of_b = statistic.of_drawn(b, &drawn, &mut room)?;
            (of_a > 0.0).then(|| of_b / of_a)
        })
        .collect();
    if ratios.len() < RESAMPLINGS {
        return None; // A is nothing in some: no ratio holds
    }
    Some(Range { low: quantile(&mut ratios, 0.025)?, high: quantile(&mut ratios, 0.975)? })
}

fn draw(drawn: &mut Vec<usize>, count: usize, rng: &mut Rng) {
    drawn.clear();
    drawn.extend((0..count).map(|_| rng.usize(..count)));
}

impl Statistic {
    /// Of the seconds as they are; `None` of nothing.
    pub(super) fn of(self, parts: &[Part]) -> Option<f64> {
        self.together(parts.iter(), &mut Vec::new())
    }

    fn of_drawn(self, parts: &[Part], drawn: &[usize], room: &mut Vec<f64>) -> Option<f64> {
        self.together(drawn.iter().filter_map(|at| parts.get(*at)), room)
    }

    fn together<'a>(self, parts: impl Iterator<Item = &'a Part>, room: &mut Vec<f64>) -> Option<f64> {
        match self {
            Statistic::Median => {
                room.clear();
                room.extend(parts.map(|part| part.value));
                quantile(room, 0.5)
            }
            Statistic::Share => {
                let (value, of) =
                    parts.fold((0.0, 0.0), |(value, of), part| (value + part.value, of + part.of));
                (of > 0.0).then(|| value / of)
            }
        }
    }
}

/// Between the two nearest, by their distance.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let at = share * values.len().checked_sub(1)? as f64;
    let (low, high) = (values.get(at.floor() as usize)?, values.get(at.ceil() as usize)?);
    Some(low + (high - low) * at.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(values: impl IntoIterator<Item = f64>) -> Vec<Part> {
        values.into_iter().enumerate().map(|(at, value)| Part { at, value, of: 1.0 }).collect()
    }

    #[test]
    fn quartiles_are_those_of_a_small_case() {
        let found = quartiles(&parts([4.0, 1.0, 3.0, 2.0, 5.0])).unwrap();
        assert_eq!(found, Quartiles { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!((median(&[]), quartiles(&[])), (None, None));
    }

    #[test]
    fn constant_seconds_leave_no_doubt_and_few_leave_no_interval() {
        let (a, b) = (parts([2.0; 30]), parts([3.0; 30]));
        for statistic in [Statistic::Median, Statistic::Share] {
            assert_eq!(interval(statistic, Schedule::Different, &a, &b), Some(Range { low: 1.5, high: 1.5 }));
            assert_eq!(interval(statistic, Schedule::Different, &a[..4], &b), None);
            assert_eq!(interval(statistic, Schedule::Different, &parts([0.0; 30]), &b), None);
        }
    }

    /// Two halves of one distribution: the interval must hold 1 about as often as it says.
    #[test]
    fn intervals_of_equal_things_hold_one_nearly_always() {
        let (mut rng, mut noise) = (Rng::with_seed(3), Rng::with_seed(7));
        let mut draw = || parts((0..60).map(|_| 5.0 + noise.f64()));
        let held = (0..40).filter(|_| {
            let schedule = if rng.bool() { Schedule::Same } else { Schedule::Different };
            let range = interval(Statistic::Median, schedule, &draw(), &draw()).unwrap();
            range.low <= 1.0 && 1.0 <= range.high
        });
        assert!(held.count() >= 34);
    }

    /// The rate of a day goes from 200 to 800: as noise that would hide everything.
    #[test]
    fn what_both_schedules_ask_for_is_no_noise() {
        let day = |times: f64| {
            parts((0..60).map(move |at| {
                times * (500.0 + 5.0 * f64::from(at % 2) + 300.0 * (f64::from(at) / 10.0).sin())
            }))
        };
        let (a, b) = (day(1.0), day(0.98));
        let paired = interval(Statistic::Share, Schedule::Same, &a, &b).unwrap();
        assert!(paired.high < 0.981, "{paired:?}");
        let apart = interval(Statistic::Share, Schedule::Different, &a, &b).unwrap();
        assert!(apart.high > 1.0, "{apart:?}");
    }

    #[test]
    fn a_share_weighs_seconds_by_what_they_are_of() {
        let one_of_many = [Part { at: 0, value: 100.0, of: 1000.0 }; 9];
        let all_of_one = [Part { at: 0, value: 100.0, of: 1.0 }];
        let parts: Vec<Part> = one_of_many.into_iter().chain(all_of_one).collect();
        let range = interval(Statistic::Share, Schedule::Different, &parts, &parts).unwrap();
        assert!(range.low > 0.5 && range.high < 2.0, "{range:?}");
    }
}
