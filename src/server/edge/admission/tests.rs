//! Who gets in, who waits and who is refused, through the door itself.

use super::*;

/// Lets every other task run until nothing changes.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Everybody whose turn it is.
async fn full(admission: &Arc<Admission>, count: usize) -> Vec<Permit> {
    let mut inside = Vec::new();
    for _ in 0..count {
        inside.push(admission.enter(TrafficClass::Live, None).await.unwrap());
    }
    inside
}

#[tokio::test]
async fn live_requests_go_before_copies_and_those_before_tests() {
    let admission = Admission::new(1, 1, 10);
    let inside = full(&admission, 1).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for class in [TrafficClass::Synthetic, TrafficClass::Shadow, TrafficClass::Live, TrafficClass::Synthetic]
    {
        let (admission, order) = (Arc::clone(&admission), Arc::clone(&order));
        waiting.push(tokio::spawn(async move {
            let permit = admission.enter(class, None).await.unwrap();
            order.lock().unwrap().push(class);
            drop(permit);
        }));
        settle().await;
    }
    drop(inside);
    for request in waiting {
        request.await.unwrap();
    }
    let expected =
        [TrafficClass::Live, TrafficClass::Shadow, TrafficClass::Synthetic, TrafficClass::Synthetic];
    assert_eq!(*order.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_full_line_refuses_and_one_that_has_gone_leaves_its_place() {
    let admission = Admission::new(1, 1, 2);
    let inside = full(&admission, 1).await;
    let enter = |class| {
        let admission = Arc::clone(&admission);
        tokio::spawn(async move { admission.enter(class, None).await.map(drop) })
    };
    let gone = enter(TrafficClass::Live);
    settle().await;
    gone.abort();
    settle().await;
    let first = enter(TrafficClass::Live);
    settle().await;
    let second = enter(TrafficClass::Live);
    settle().await;
    assert!(!first.is_finished() && !second.is_finished(), "there are two places");
    let test = enter(TrafficClass::Synthetic);
    assert_eq!(test.await.unwrap(), Err(Refusal::Full), "nobody makes room for a test");
    drop(inside);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_request_whose_time_is_up_in_line_is_not_worked_for() {
    let admission = Admission::new(1, 1, 10);
    let inside = full(&admission, 1).await;
    let late = {
        let admission = Arc::clone(&admission);
        tokio::spawn(async move { admission.enter(TrafficClass::Live, Some(Instant::now())).await.map(drop) })
    };
    settle().await;
    drop(inside);
    assert_eq!(late.await.unwrap(), Err(Refusal::Late));
    // The place inside is free again.
    let _next = full(&admission, 1).await;
}

#[tokio::test]
async fn a_caller_who_goes_as_the_turn_comes_gives_it_back() {
    let admission = Admission::new(1, 1, 10);
    let inside = full(&admission, 1).await;
    let waiting = {
        let admission = Arc::clone(&admission);
        tokio::spawn(async move { admission.enter(TrafficClass::Live, None).await.map(drop) })
    };
    settle().await;
    drop(inside); // the turn is on its way
    waiting.abort();
    drop(waiting.await);
    let _next = full(&admission, 1).await;
}
