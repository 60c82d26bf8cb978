//! CPU seconds by placement: what the serving threads spent, attributed to the requests that they spent it on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{Error, Registry};

use crate::server::metrics::Declaration;
use crate::server::{PlacementWork, RequestMetrics};

const SERVING_CPU: Declaration = Declaration {
    name: "larder_cpu_seconds_total",
    help: "CPU time of the serving threads: the work for a placement's slates, and its share, by number of requests, \
           of what reading and writing cost; for pages, that share goes to the placement \"batch\". Loading snapshots \
           is not in it (Linux).",
    labels: &["placement"],
};

/// The threads that answer requests. Each registers itself when it starts.
#[derive(Debug, Default)]
pub struct ServingThreads {
    ids: Mutex<Vec<i32>>,
}

impl ServingThreads {
    /// Adds the calling thread.
    pub fn add_current(&self) {
        #[cfg(target_os = "linux")]
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rustix::thread::gettid().as_raw_nonzero().get());
    }

    /// Their CPU time, where the system says (Linux).
    fn cpu_time(&self) -> Option<Duration> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |thread: &i32| {
            // schedstat counts nanoseconds; stat, which is better known, ticks of 10 ms.
            let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
            text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
        };
        // A thread that has ended says nothing any more: what it used last was attributed before.
        let spent: Duration = ids.iter().filter_map(of).sum();
        (!spent.is_zero()).then_some(spent)
    }
}

pub(super) fn register(
    registry: &Registry,
    threads: Arc<ServingThreads>,
    requests: Arc<RequestMetrics>,
) -> Result<(), Error> {
    // Behind a lock for the type system's sake: scrapes are served one at a time.
    let ledger = Mutex::new(Ledger::default());
    SERVING_CPU.counter(registry, move |samples| {
        let Some(spent) = threads.cpu_time() else { return };
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.attribute(spent, requests.work());
        for (placement, account) in &ledger.accounts {
            samples.add(&[placement], account.cpu_s);
        }
    })
}

/// What was attributed so far.
#[derive(Debug, Default)]
struct Ledger {
    spent: Duration,
    accounts: BTreeMap<String, Account>,
}

/// What a placement's requests had come to when it was last attributed.
#[derive(Debug, Default)]
struct Account {
    requests: u64,
    service_time: Duration,
    cpu_s: f64,
}

/// What a placement's requests have come to since then.
struct News {
    placement: String,
    requests: f64,
    service_s: f64,
}

impl Ledger {
    /// Attributes what was spent since the last time to the requests since then. Without any, it waits for the next.
    fn attribute(&mut self, spent: Duration, work: Vec<PlacementWork>) {
        // A placement that is not counted any more takes its account with it; if it comes back, its counts begin anew
        // too.
        self.accounts.retain(|placement, _| work.iter().any(|work| work.placement == *placement));
        let mut news = Vec::with_capacity(work.len());
        for PlacementWork { placement, requests, service_time } in work {
            let account = self.accounts.entry(placement.clone()).or_default();
            news.push(News {
                placement,
                requests: requests.saturating_sub(account.requests) as f64,
                service_s: service_time.saturating_sub(account.service_time).as_secs_f64(),
            });
            (account.requests, account.service_time) = (requests, service_time);
        }
        let requests: f64 = news.iter().map(|new| new.requests).sum();
        let service_s: f64 = news.iter().map(|new| new.service_s).sum();
        // What idle threads spend (timers, pings) belongs to nobody yet; the next requests take it.
        if requests == 0.0 {
            return;
        }
        let cpu_s = spent.saturating_sub(self.spent).as_secs_f64();
        self.spent = self.spent.max(spent);
        // Service time is timed by the clock, which goes on while the system lets others run: never attribute more than
        // was spent.
        let scale = if service_s > cpu_s { cpu_s / service_s } else { 1.0 };
        // By number and not by bytes: what reading and writing cost is mostly system calls.
        let each = (cpu_s - service_s * scale) / requests;
        for new in news {
            if let Some(account) = self.accounts.get_mut(&new.placement) {
                account.cpu_s += new.service_s * scale + each * new.requests;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(figures: &[(&str, u64, u64)]) -> Vec<PlacementWork> {
        let one = |(placement, requests, ms): &(&str, u64, u64)| PlacementWork {
            placement: (*placement).to_owned(),
            requests: *requests,
            service_time: Duration::from_millis(*ms),
        };
        figures.iter().map(one).collect()
    }

    #[test]
    fn all_that_was_spent_is_attributed_by_service_time_and_by_number() {
        let mut ledger = Ledger::default();
        let cpu_ms = |ledger: &Ledger, name: &str| (ledger.accounts[name].cpu_s * 1000.0).round();
        // 40 ms beside the service time of 60: 10 of 40 requests get a quarter of it.
        ledger.attribute(Duration::from_millis(100), work(&[("a", 10, 50), ("b", 30, 10)]));
        assert_eq!((cpu_ms(&ledger, "a"), cpu_ms(&ledger, "b")), (60.0, 40.0));
        // Nothing was asked: what was spent waits for the next request.
        ledger.attribute(Duration::from_millis(110), work(&[("a", 10, 50), ("b", 30, 10)]));
        ledger.attribute(Duration::from_millis(120), work(&[("a", 12, 60), ("b", 30, 10)]));
        assert_eq!((cpu_ms(&ledger, "a"), cpu_ms(&ledger, "b")), (80.0, 40.0));
    }

    #[test]
    fn work_that_was_interrupted_does_not_make_more_than_was_spent() {
        let mut ledger = Ledger::default();
        ledger.attribute(Duration::from_millis(10), work(&[("a", 1, 75), ("b", 1, 25)]));
        let total: f64 = ledger.accounts.values().map(|account| account.cpu_s).sum();
        assert!((total - 0.010).abs() < 1e-9 && ledger.accounts["a"].cpu_s > 0.007);
    }

    #[test]
    fn a_placement_that_is_gone_has_no_account() {
        let mut ledger = Ledger::default();
        ledger.attribute(Duration::from_millis(10), work(&[("a", 1, 1), ("b", 1, 1)]));
        ledger.attribute(Duration::from_millis(20), work(&[("b", 2, 2)]));
        assert_eq!(ledger.accounts.keys().collect::<Vec<_>>(), ["b"]);
    }
}
