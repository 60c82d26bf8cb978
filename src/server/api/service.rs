//! What both protocols do with a decoded request: check it, ask the recommender, write the answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder_proto::v1;
use prost::Message as _;

use super::access;
use super::convert::{self, Answer, MaxAge, PageToken, PageTokenSeal, ParsedRequest, ParsedSlot};
use crate::domain::{Request, TrafficClass};
use crate::exposure::Exposures;
use crate::recommender::{PreparedRequest, Recommendation, Recommender};
use crate::server::edge::admission::{Admission, Permit};
use crate::server::edge::class;
use crate::server::edge::middleware::Arrival;
use crate::server::edge::requests::{PlacementCounts, RequestMetrics};
use crate::server::problem::{Kind, Outcome, Problem};

/// The recommender behind admission, as both protocols see it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Service {
    /// Answers.
    pub(crate) recommender: Arc<Recommender>,
    /// Decides which requests are served.
    pub(crate) admission: Arc<Admission>,
    /// Counts.
    pub(crate) metrics: Arc<RequestMetrics>,
    /// Seals the next page's token.
    pub(crate) seal: PageTokenSeal,
    /// Where exposures are offered, if anywhere.
    pub(crate) exposures: Option<Exposures>,
    /// For how long an answer may be reused.
    pub(crate) max_age: MaxAge,
}

/// How long after a page's deadline another of its slots is begun. Raising it answers more slots of late pages, later.
const SLOT_GRACE: Duration = Duration::from_millis(2);

/// One slate that is asked for.
struct Asked<'a> {
    request: &'a Request,
    page: Option<&'a PageToken>,
    counts: Arc<PlacementCounts>,
    decoded_at: Instant,
}

impl Service {
    pub(crate) fn is_ready(&self) -> bool {
        self.recommender.is_ready()
    }

    /// Answers a request for one slate.
    pub(crate) async fn recommend(
        &self,
        mut message: v1::RecommendRequest,
        arrival: &Arrival,
    ) -> Result<v1::RecommendResponse, Problem> {
        let decoded_at = Instant::now();
        let denied = |problem| arrival.denied(problem);
        let principal = arrival.principal();
        message.traffic_class = access::class(principal, message.traffic_class).map_err(denied)?;
        let parse = || convert::recommend(message, arrival.budget_left(), &self.seal);
        let ParsedRequest { request, page } = catch_panic(parse)?;
        access::check(principal, &request).map_err(denied)?;
        // Before admission: what a request waits for here costs no CPU, so it must not hold a permit meanwhile.
        let prepared = self.prepare(std::slice::from_ref(&request)).await?;
        // Once for the request, and held until it is counted: a swap in between does not split it.
        let counts = self.counts(&request, &prepared);
        arrival.asks_for(Arc::clone(&counts), request.traffic_class);
        let price = self.price(std::slice::from_ref(&request), &prepared)?;
        access::charge(arrival.principal(), price)?;
        let mut permit = self.admission.acquire(request.traffic_class, price, arrival.deadline()).await?;
        // Once more: while it was queued, the answers to its caller's other requests may have piled up.
        arrival.check_room()?;
        let asked = Asked { request: &request, page: page.as_ref(), counts, decoded_at };
        self.slate(&asked, &mut permit, || Ok(self.recommender.complete(&request, &prepared)?))
    }

    /// Answers a request for the slates of a page.
    pub(crate) async fn batch(
        &self,
        mut message: v1::BatchRecommendRequest,
        arrival: &Arrival,
    ) -> Result<v1::BatchRecommendResponse, Problem> {
        let decoded_at = Instant::now();
        let denied = |problem| arrival.denied(problem);
        let principal = arrival.principal();
        message.traffic_class = access::class(principal, message.traffic_class).map_err(denied)?;
        access::take_slots(principal, message.slots.len()).map_err(denied)?;
        let deduplicate = message.deduplicate;
        let mut requests = Vec::with_capacity(message.slots.len());
        // Each slot with its name, and the index of its request or why it has none.
        let mut slots = Vec::with_capacity(message.slots.len());
        for ParsedSlot { slot_id, request } in catch_panic(|| convert::batch(message, arrival.budget_left()))?
        {
            let index = requests.len();
            let request = request.and_then(|request| match access::check(principal, &request) {
                Ok(()) => Ok(request),
                Err(problem) => Err(denied(problem)),
            });
            slots.push((slot_id, request.map(|request| requests.push(request)).map(|()| index)));
        }
        // The most important of the slots, which have one class today: the page's.
        let classes = requests.iter().map(|request| request.traffic_class);
        let class = classes.min_by_key(|class| class::priority(*class)).unwrap_or_default();
        arrival.asks_for(self.metrics.batch(), class);
        let prepared = self.prepare(&requests).await?;
        // One permit for the page: slots that were queued one by one would let the client wait for the slowest of
        // twenty queues.
        let price = self.price(&requests, &prepared)?;
        access::charge(arrival.principal(), price)?;
        let mut permit = self.admission.acquire(class, price, arrival.deadline()).await?;
        arrival.check_room()?;
        let mut shown = deduplicate.then(Vec::new);
        let mut results = Vec::with_capacity(slots.len());
        for (i, (slot_id, index)) in slots.into_iter().enumerate() {
            if i > 0 {
                // Lets other requests run, and a caller that has gone be noticed.
                tokio::task::yield_now().await;
            }
            // The first is answered whatever the time. Later ones would each be a little later still.
            let late = i > 0 && arrival.is_late_by(SLOT_GRACE);
            let answer = index.and_then(|index| {
                if late {
                    let reason = "the page's time was up before this slot's turn";
                    return Err(Problem::new(Kind::DeadlineExceeded, reason));
                }
                let missing = || Problem::new(Kind::Internal, "the slot was not prepared");
                let request = requests.get(index).ok_or_else(missing)?;
                let counts = self.counts(request, &prepared);
                let asked = Asked { request, page: None, counts, decoded_at };
                let complete =
                    || Ok(self.recommender.complete_slot(request, index, shown.as_mut(), &prepared)?);
                self.slate(&asked, &mut permit, complete)
                    .map_err(|problem| problem.inside(&format!("slots[{i}]")))
            });
            if let Ok(response) = &answer {
                // Slots are kept until the last is made, which may be twenty times the largest slate.
                arrival.make(response.encoded_len())?;
            }
            // What a later slot shows depends on the slots before it: not on its own request alone.
            let depends_on_others = deduplicate && i > 0;
            results.push(v1::SlotResult { slot_id, result: Some(slot_result(answer, depends_on_others)) });
        }
        Ok(v1::BatchRecommendResponse { slots: results })
    }

    /// Makes one slate and its answer, and counts it.
    fn slate(
        &self,
        asked: &Asked<'_>,
        permit: &mut Permit,
        complete: impl FnOnce() -> Result<Recommendation, Problem>,
    ) -> Result<v1::RecommendResponse, Problem> {
        // Writing the message is in the time too: with a hundred items and their attributes it is not small.
        let (answer, took) = permit.serve(|| catch_panic(|| self.write(asked, &complete()?)));
        let Asked { request, counts, .. } = asked;
        counts.add_service_time(took);
        counts.slate(request.traffic_class, answer.as_ref().map_or_else(Problem::outcome, |_| Outcome::Ok));
        answer
    }

    /// The counts of the placement that is asked for.
    fn counts(&self, request: &Request, prepared: &PreparedRequest) -> Arc<PlacementCounts> {
        self.metrics.placement(&request.placement, |name| prepared.has_placement(name))
    }

    /// What answering will cost, in units; refuses what costs too much.
    fn price(&self, requests: &[Request], prepared: &PreparedRequest) -> Result<u64, Problem> {
        catch_panic(|| Ok(self.recommender.price(requests, prepared)?.units()))
    }

    /// Pins what is served, and waits, without holding a thread, until the users' features are in memory or it is not
    /// worth waiting any longer.
    async fn prepare(&self, requests: &[Request]) -> Result<PreparedRequest, Problem> {
        let prepared = catch_panic(|| Ok(self.recommender.prepare(requests)?))?;
        let Some(patience) = prepared.patience() else { return Ok(prepared) };
        if self.admission.is_overloaded() {
            return Ok(prepared); // most are refused: the answer does without the features, and says so
        }
        let (ready, when_ready) = tokio::sync::oneshot::channel();
        prepared.on_ready(move || {
            let _ = ready.send(()); // unless the patience was over before
        });
        let _ = tokio::time::timeout(patience, when_ready).await; // what is missing then, the answer calls late
        Ok(prepared)
    }

    fn write(
        &self,
        asked: &Asked<'_>,
        recommendation: &Recommendation,
    ) -> Result<v1::RecommendResponse, Problem> {
        let Asked { request, page, ref counts, decoded_at } = *asked;
        // An answer without items is what this request wants.
        if !request.validate_only {
            counts.quality(request.traffic_class, &recommendation.slate);
        }
        let response = convert::answer(&Answer {
            request,
            page,
            recommendation,
            took: decoded_at.elapsed(),
            max_age: self.max_age,
            seal: &self.seal,
        })?;
        if let Some(exposures) = &self.exposures
            // Nobody has seen the slates of tests and copies: clicks will never follow.
            && request.traffic_class == TrafficClass::Live
            && !response.items.is_empty()
        {
            exposures.offer(convert::exposure(request, recommendation, &response.recommendation_id));
        }
        Ok(response)
    }
}

fn slot_result(
    answer: Result<v1::RecommendResponse, Problem>,
    depends_on_others: bool,
) -> v1::slot_result::Result {
    match answer {
        Ok(mut response) => {
            if depends_on_others {
                response.cache = Some(convert::uncacheable());
            }
            v1::slot_result::Result::Response(response)
        }
        Err(problem) => v1::slot_result::Result::Error(v1::SlotError {
            code: problem.code() as i32,
            message: problem.detail,
            field: problem.field,
        }),
    }
}

/// Runs the synchronous part of a request. A panic in it is a defect; it costs this request and nothing else.
fn catch_panic<T>(work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    // Unwind safe: what a request shares with others is immutable, atomic, or scratch memory that is taken out while
    // it is used.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        tracing::error!(panic = panic_text(panic.as_ref()), "a request panicked");
        Err(Problem::new(Kind::Internal, "a defect in the server; its log says more"))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error_and_no_more() {
        let problem = catch_panic::<()>(|| panic!("on purpose")).unwrap_err();
        assert_eq!(problem.kind, Kind::Internal);
        assert!(!problem.detail.contains("on purpose"), "the client learns nothing of the inside");
    }
}
