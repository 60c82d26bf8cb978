//! Finds the highest rate at which rules hold: short trials that double the rate until one fails, then trials between
//! the highest rate that held and the lowest that did not.

use crate::report::Trial;

/// Ratio of the bounds at which the search ends. Lowering it makes the result finer and the search longer.
const PRECISION: f64 = 1.05;
/// Trials at most; each is a run.
// A search from 1/s to 100,000/s takes about twenty-five, of which the failed ones are made twice.
const MAX_TRIALS: usize = 40;
/// Requests per second below which no rate is tried.
const MIN_RPS: f64 = 0.5;

/// The state of a search.
#[derive(Debug)]
pub(crate) struct Search {
    next: f64,
    /// The highest rate that held.
    held: Option<f64>,
    /// The lowest rate that did not hold, or at which the generator was too slow.
    broke: Option<f64>,
    /// The generator's own limit set `broke`.
    void_above: bool,
    /// The last rate that got a second trial.
    repeated: Option<f64>,
    trials: usize,
}

impl Search {
    pub(crate) fn new(first: f64) -> Search {
        Search { next: first, held: None, broke: None, void_above: false, repeated: None, trials: 0 }
    }

    /// The rate of the next trial; none once the search is over.
    pub(crate) fn next(&self) -> Option<f64> {
        let precise = self.held.zip(self.broke).is_some_and(|(held, broke)| broke / held <= PRECISION);
        (!precise && self.trials < MAX_TRIALS && self.next >= MIN_RPS).then_some(self.next)
    }

    /// Takes in the trial of the rate that was next.
    pub(crate) fn learn(&mut self, trial: &Trial) {
        self.trials += 1;
        let held = trial.held && !trial.void;
        // A failed trial is made once more: in three seconds a single pause of the machine already moves the p99.
        if !held && self.repeated != Some(trial.rps) {
            self.repeated = Some(trial.rps);
            return;
        }
        if held {
            self.held = Some(self.held.map_or(trial.rps, |held| held.max(trial.rps)));
        } else if self.broke.is_none_or(|broke| trial.rps < broke) {
            self.broke = Some(trial.rps);
            self.void_above = trial.void;
        }
        self.next = match (self.held, self.broke) {
            // Doubling, and not a ramp: after a ramp nobody knows which rate it was that broke a rule.
            (Some(held), None) => held * 2.0,
            (None, Some(broke)) => broke / 2.0,
            // Halves the ratio of the bounds, which is what the precision is about.
            (Some(held), Some(broke)) => (held * broke).sqrt(),
            (None, None) => self.next,
        };
        if self.next >= 100.0 {
            // For people who read the trials.
            self.next = self.next.round();
        }
    }

    /// The highest rate that held.
    pub(crate) fn found(&self) -> Option<f64> {
        self.held
    }

    /// Goes down a step, after the whole-length run at the rate found did not hold.
    pub(crate) fn lower(&mut self) {
        self.held = self.held.map(|held| held / PRECISION);
    }

    /// Whether a faster generator might have found a higher rate.
    pub(crate) fn is_generators_limit(&self) -> bool {
        self.void_above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(first: f64, limit: f64, void_from: f64) -> (Search, usize) {
        let mut search = Search::new(first);
        let mut trials = 0;
        while let Some(rps) = search.next() {
            trials += 1;
            search.learn(&Trial { rps, held: rps <= limit, void: rps >= void_from, ..Trial::default() });
        }
        (search, trials)
    }

    #[test]
    fn the_rate_found_holds_and_is_near_the_limit_from_wherever_the_search_begins() {
        let cases = [(100.0, 7300.0), (100.0, 100.0), (50_000.0, 777.0), (1.0, 1.0), (300.0, 301.0)];
        for (first, limit) in cases {
            let (search, trials) = found(first, limit, f64::INFINITY);
            let rate = search.found().unwrap();
            assert!(rate <= limit && rate * PRECISION >= limit, "{first} {limit}: {rate}");
            assert!(trials < 20 && !search.is_generators_limit(), "{trials}");
        }
    }

    #[test]
    fn the_generators_own_limit_ends_the_search_and_is_reported() {
        let (search, _) = found(100.0, 1e9, 5000.0);
        assert!(search.is_generators_limit());
        assert!((4500.0..5000.0).contains(&search.found().unwrap()));
    }

    #[test]
    fn a_void_trial_is_repeated_and_where_nothing_holds_nothing_is_found() {
        let mut search = Search::new(100.0);
        let trial = |held, void| Trial { rps: 100.0, held, void, ..Trial::default() };
        search.learn(&trial(false, true));
        assert_eq!(search.next(), Some(100.0));
        search.learn(&trial(true, false));
        assert_eq!((search.next(), search.found()), (Some(200.0), Some(100.0)));

        let (search, trials) = found(100.0, 0.0, f64::INFINITY);
        assert!(search.found().is_none() && trials < 30, "each rate is tried twice: {trials}");
    }
}
