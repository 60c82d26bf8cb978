//! Starts threads from one that never yields: a thread begins with the priority of the one that starts it, and what the
//! loader's threads gave up they may not give back.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::Builder;

type Body = Box<dyn FnOnce() + Send>;

/// A thread that is to be started: its name, what it does, and who wants to know whether it was.
type Order = (String, Body, SyncSender<io::Result<()>>);

// One for the process: it must have been started before any thread of the process gave up its priority, which no table
// that is opened later can see to.
static STARTER: OnceLock<Option<SyncSender<Order>>> = OnceLock::new();

/// Makes threads begin with the priority that the calling thread has now. Later calls change nothing.
pub(in crate::snapshot) fn settle_priority() {
    let _ = starter();
}

/// Starts a thread, whatever the priority of the calling one.
pub(super) fn start(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let gone = || io::Error::other("the thread that starts others is gone");
    let orders = starter().ok_or_else(gone)?;
    let (tell, told) = sync_channel(1);
    orders.send((name, Box::new(body), tell)).map_err(|_| gone())?;
    told.recv().map_err(|_| gone())?
}

fn starter() -> Option<&'static SyncSender<Order>> {
    let begin = || {
        let (orders, taken) = sync_channel::<Order>(1);
        let work = move || {
            for (name, body, told) in taken {
                // Whoever asked may have given up.
                let _ = told.send(Builder::new().name(name).spawn(body).map(drop));
            }
        };
        Builder::new().name("larder-starter".to_owned()).spawn(work).ok().map(|_| orders)
    };
    STARTER.get_or_init(begin).as_ref()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{getpriority_process, setpriority_process};

    use super::*;

    #[test]
    fn who_is_started_by_a_thread_that_yields_does_not_yield_as_well() {
        settle_priority();
        let usual = getpriority_process(None).unwrap();
        let started = std::thread::spawn(|| {
            setpriority_process(None, 19).unwrap();
            let (tell, told) = sync_channel(1);
            start("test".to_owned(), move || tell.send(getpriority_process(None)).unwrap()).unwrap();
            (getpriority_process(None).unwrap(), told.recv().unwrap().unwrap())
        });
        assert_eq!(started.join().unwrap(), (19, usual));
    }
}
