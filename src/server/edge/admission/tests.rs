//! Which requests are admitted, queued and refused, through [`Admission`] itself.

use super::*;

/// Lets every other task run until nothing changes.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// An admission that serves one request at a time.
fn admission(max_queued: usize) -> Arc<Admission> {
    Admission::new(1, 1, max_queued, &Registry::new()).unwrap()
}

/// The permit of the one request that may be served.
async fn permit(admission: &Arc<Admission>) -> Permit {
    admission.acquire(TrafficClass::Live, 0, None).await.unwrap()
}

#[tokio::test]
async fn live_requests_go_before_copies_and_those_before_tests() {
    let admission = admission(10);
    let served = permit(&admission).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for class in [TrafficClass::Synthetic, TrafficClass::Shadow, TrafficClass::Live, TrafficClass::Synthetic]
    {
        let (admission, order) = (Arc::clone(&admission), Arc::clone(&order));
        waiting.push(tokio::spawn(async move {
            let permit = admission.acquire(class, 0, None).await.unwrap();
            order.lock().unwrap().push(class);
            drop(permit);
        }));
        settle().await;
    }
    drop(served);
    for request in waiting {
        request.await.unwrap();
    }
    let expected =
        [TrafficClass::Live, TrafficClass::Shadow, TrafficClass::Synthetic, TrafficClass::Synthetic];
    assert_eq!(*order.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_cancelled_request_leaves_its_place_to_another() {
    let admission = admission(2);
    let served = permit(&admission).await;
    let acquire = |class| {
        let admission = Arc::clone(&admission);
        tokio::spawn(async move { admission.acquire(class, 0, None).await.map(drop) })
    };
    let gone = acquire(TrafficClass::Live);
    settle().await;
    gone.abort();
    settle().await;
    let first = acquire(TrafficClass::Live);
    settle().await;
    let second = acquire(TrafficClass::Live);
    settle().await;
    assert!(!first.is_finished() && !second.is_finished(), "two may be queued");
    let test = acquire(TrafficClass::Synthetic);
    assert_eq!(test.await.unwrap(), Err(Refusal::Overloaded), "no request is evicted for a test");
    drop(served);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_request_whose_deadline_passes_in_the_queue_is_not_served() {
    let admission = admission(10);
    let served = permit(&admission).await;
    let late = {
        let admission = Arc::clone(&admission);
        tokio::spawn(
            async move { admission.acquire(TrafficClass::Live, 0, Some(Instant::now())).await.map(drop) },
        )
    };
    settle().await;
    drop(served);
    assert_eq!(late.await.unwrap(), Err(Refusal::Expired));
    let _next = permit(&admission).await;
}

#[tokio::test]
async fn a_permit_whose_caller_has_just_gone_is_given_back() {
    let admission = admission(10);
    let served = permit(&admission).await;
    let waiting = {
        let admission = Arc::clone(&admission);
        tokio::spawn(async move { admission.acquire(TrafficClass::Live, 0, None).await.map(drop) })
    };
    settle().await;
    drop(served); // the permit is on its way
    waiting.abort();
    drop(waiting.await);
    let _next = permit(&admission).await;
}

#[tokio::test]
async fn a_dear_request_keeps_dear_ones_waiting_and_not_cheap_ones() {
    let admission = Admission::new(2, 100, 100, &Registry::new()).unwrap();
    let acquire = |price| {
        let admission = Arc::clone(&admission);
        tokio::spawn(async move { admission.acquire(TrafficClass::Live, price, None).await.unwrap() })
    };
    let dear = acquire(u64::MAX).await.unwrap();
    let next = acquire(u64::MAX);
    settle().await;
    assert!(!next.is_finished());
    for _ in 0..3 {
        drop(acquire(1000).await.unwrap());
    }
    drop(dear);
    drop(next.await.unwrap());
}
