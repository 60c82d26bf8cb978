//! Finds the highest rate at which rules hold: short trials, at first twice the rate each time, then between the highest
//! that held and the lowest that did not.

use crate::report::Trial;

/// The search ends when the bounds are so near to each other.
const NEAR: f64 = 1.05;
/// Trials at most; each is a run.
const TRIALS: usize = 40;
/// Below it nothing is looked for.
const LEAST: f64 = 0.5;

/// The state of a search.
#[derive(Debug)]
pub(crate) struct Search {
    next: f64,
    /// The highest rate that held.
    held: Option<f64>,
    /// The lowest that did not, or at which the generator was too slow.
    broke: Option<f64>,
    /// Whether the generator set the upper bound.
    void_above: bool,
    /// The rate of a void trial: it gets a second one.
    again: Option<f64>,
    trials: usize,
}

impl Search {
    pub(crate) fn new(first: f64) -> Search {
        Search { next: first, held: None, broke: None, void_above: false, again: None, trials: 0 }
    }

    /// The rate of the next trial; nothing once the search is over.
    pub(crate) fn next(&self) -> Option<f64> {
        let near = self.held.zip(self.broke).is_some_and(|(held, broke)| broke / held <= NEAR);
        (!near && self.trials < TRIALS && self.next >= LEAST).then_some(self.next)
    }

    /// A trial of the rate that was next.
    pub(crate) fn learn(&mut self, trial: &Trial) {
        self.trials += 1;
        // Once more: one hitch of the machine is a hundredth of a short trial.
        if (trial.void || !trial.held) && self.again != Some(trial.rps) {
            self.again = Some(trial.rps);
            return;
        }
        if trial.held && !trial.void {
            self.held = Some(self.held.map_or(trial.rps, |held| held.max(trial.rps)));
        } else if self.broke.is_none_or(|broke| trial.rps < broke) {
            self.broke = Some(trial.rps);
            self.void_above = trial.void;
        }
        self.next = match (self.held, self.broke) {
            (Some(held), None) => held * 2.0,
            (None, Some(broke)) => broke / 2.0,
            (Some(held), Some(broke)) => (held * broke).sqrt(),
            (None, None) => self.next,
        };
        if self.next >= 100.0 {
            self.next = self.next.round(); // people read it
        }
    }

    /// The highest rate that held.
    pub(crate) fn found(&self) -> Option<f64> {
        self.held
    }

    /// The whole-length run at this rate did not hold: somewhat less is tried.
    pub(crate) fn lower(&mut self) {
        self.held = self.held.map(|held| held / NEAR);
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
        for (first, limit) in [(100.0, 7300.0), (100.0, 100.0), (50_000.0, 777.0), (1.0, 1.0), (300.0, 301.0)]
        {
            let (search, trials) = found(first, limit, f64::INFINITY);
            let rate = search.found().unwrap();
            assert!(rate <= limit && rate * NEAR >= limit, "{first} {limit}: {rate}");
            assert!(trials < 20 && !search.is_generators_limit(), "{trials}");
        }
    }

    #[test]
    fn the_generators_own_limit_ends_the_search_and_is_told() {
        let (search, _) = found(100.0, 1e9, 5000.0);
        assert!(search.is_generators_limit());
        assert!((4500.0..5000.0).contains(&search.found().unwrap()));
    }

    #[test]
    fn a_void_trial_gets_another() {
        let mut search = Search::new(100.0);
        let trial = |held, void| Trial { rps: 100.0, held, void, ..Trial::default() };
        search.learn(&trial(false, true));
        assert_eq!(search.next(), Some(100.0));
        search.learn(&trial(true, false));
        assert_eq!((search.next(), search.found()), (Some(200.0), Some(100.0)));
    }

    #[test]
    fn where_nothing_holds_nothing_is_found() {
        let (mut search, trials) = found(100.0, 0.0, f64::INFINITY);
        assert_eq!(search.found(), None);
        assert!(trials < 30, "each rate is tried twice: {trials}");
        search.lower();
        assert_eq!(search.found(), None);
    }
}
