//! CPU seconds by placement: what the serving threads spent, laid upon the requests that they spent it on.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::server::Work;

/// CPU seconds of the serving threads, by `placement`: the work for its answers, and its share, by number of requests, of
/// what reading and writing cost. Their sum over the placements is the serving threads' CPU time; loading snapshots is not in it.
pub const SERVING_CPU: &str = "larder_cpu_seconds_total";

static THREADS: Mutex<Vec<i32>> = Mutex::new(Vec::new());
static LEDGER: Mutex<Ledger> = Mutex::new(Ledger::new());

/// Counts the calling thread among those that serve.
pub fn count_this_thread() {
    #[cfg(target_os = "linux")]
    THREADS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(rustix::thread::gettid().as_raw_nonzero().get());
}

/// Sets the metric, from what was spent since the last time.
pub(super) fn observe() {
    let Some(spent) = serving_cpu() else { return };
    let mut ledger = LEDGER.lock().unwrap_or_else(PoisonError::into_inner);
    ledger.book(spent, Work::by_placement());
    for (placement, account) in &ledger.accounts {
        metrics::gauge!(SERVING_CPU, "placement" => placement.clone()).set(account.cpu_s);
    }
}

/// CPU time of the serving threads, where the system says (Linux).
fn serving_cpu() -> Option<Duration> {
    let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |thread: &i32| {
        let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    // A thread that has ended tells no more: what it used last was booked then.
    let spent: Duration = threads.iter().filter_map(of).sum();
    (!spent.is_zero()).then_some(spent)
}

#[derive(Debug)]
struct Ledger {
    booked: Duration,
    accounts: BTreeMap<String, Account>,
}

#[derive(Debug, Default)]
struct Account {
    requests: u64,
    worked: Duration,
    cpu_s: f64,
}

impl Ledger {
    const fn new() -> Self {
        Self { booked: Duration::ZERO, accounts: BTreeMap::new() }
    }

    /// Lays what was spent since the last booking upon the requests since then. Without any, it waits for the next.
    fn book(&mut self, spent: Duration, work: Vec<(String, u64, Duration)>) {
        let mut news = Vec::with_capacity(work.len());
        for (placement, requests, worked) in work {
            let account = self.accounts.entry(placement.clone()).or_default();
            let news_of = (requests - account.requests.min(requests), worked.saturating_sub(account.worked));
            (account.requests, account.worked) = (requests, worked);
            news.push((placement, news_of.0 as f64, news_of.1.as_secs_f64()));
        }
        let (requests, worked) = news.iter().fold((0.0, 0.0), |sum, new| (sum.0 + new.1, sum.1 + new.2));
        if requests == 0.0 {
            return;
        }
        let cpu = spent.saturating_sub(self.booked).as_secs_f64();
        self.booked = self.booked.max(spent);
        // Work is timed by the clock, which goes on while the system lets others run: never book more than was spent.
        let scale = if worked > cpu { cpu / worked } else { 1.0 };
        let each = (cpu - worked * scale) / requests;
        for (placement, requests, worked) in news {
            if let Some(account) = self.accounts.get_mut(&placement) {
                account.cpu_s += worked * scale + each * requests;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(figures: &[(&str, u64, u64)]) -> Vec<(String, u64, Duration)> {
        let one = |(name, requests, ms): &(&str, u64, u64)| {
            ((*name).to_owned(), *requests, Duration::from_millis(*ms))
        };
        figures.iter().map(one).collect()
    }

    #[test]
    fn all_that_was_spent_is_booked_by_work_and_by_number() {
        let mut ledger = Ledger::new();
        let cpu = |ledger: &Ledger, name: &str| (ledger.accounts[name].cpu_s * 1000.0).round();
        // 40 ms beside the work of 60: 10 of 40 requests get a quarter of it.
        ledger.book(Duration::from_millis(100), work(&[("a", 10, 50), ("b", 30, 10)]));
        assert_eq!((cpu(&ledger, "a"), cpu(&ledger, "b")), (60.0, 40.0));
        // Nothing was asked: what was spent waits for who asks next.
        ledger.book(Duration::from_millis(110), work(&[("a", 10, 50), ("b", 30, 10)]));
        ledger.book(Duration::from_millis(120), work(&[("a", 12, 60), ("b", 30, 10)]));
        assert_eq!((cpu(&ledger, "a"), cpu(&ledger, "b")), (80.0, 40.0));
    }

    #[test]
    fn work_that_was_interrupted_does_not_make_more_than_was_spent() {
        let mut ledger = Ledger::new();
        ledger.book(Duration::from_millis(10), work(&[("a", 1, 75), ("b", 1, 25)]));
        let total: f64 = ledger.accounts.values().map(|account| account.cpu_s).sum();
        assert!((total - 0.010).abs() < 1e-9 && ledger.accounts["a"].cpu_s > 0.007);
    }
}
