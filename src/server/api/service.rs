//! What both faces do with a decoded request: check it, ask the recommender, write the answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder_proto::v1;

use super::convert::{self, Answer, Asked};
use crate::domain::{Request, TrafficClass};
use crate::exposure::Exposures;
use crate::recommender::{PreparedRequest, Recommendation, Recommender};
use crate::server::edge::admission::{self, Admission};
use crate::server::edge::middleware::Arrival;
use crate::server::edge::observe;
use crate::server::problem::{Kind, Problem};

/// The recommender as the faces see it.
#[derive(Clone)]
pub(crate) struct Service {
    recommender: Arc<Recommender>,
    max_age: Duration,
    exposures: Option<Exposures>,
    admission: Arc<Admission>,
}

impl Service {
    pub(crate) fn new(
        recommender: Arc<Recommender>,
        max_age: Duration,
        exposures: Option<Exposures>,
        admission: Arc<Admission>,
    ) -> Self {
        Self { recommender, max_age, exposures, admission }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.recommender.is_ready()
    }

    /// Answers a request for one slate.
    pub(crate) async fn recommend(
        &self,
        message: v1::RecommendRequest,
        arrival: &Arrival,
    ) -> Result<v1::RecommendResponse, Problem> {
        let start = Instant::now();
        let Asked { request, page_of } = guarded(|| convert::recommend(message, arrival.budget_left()))?;
        let prepared = self.prepare(std::slice::from_ref(&request)).await?;
        if prepared.has_placement(&request.placement) {
            arrival.known_placement(&request.placement);
        }
        let mut permit = self.admission.enter(request.traffic_class, arrival.due()).await?;
        let answer = permit.work(|| {
            guarded(|| {
                let recommendation = self.recommender.complete(&request, &prepared)?;
                self.write(&request, page_of.as_deref(), &recommendation, start)
            })
        });
        arrival.worked(permit.worked());
        answer
    }

    /// Answers a request for the slates of a page.
    pub(crate) async fn batch(
        &self,
        message: v1::BatchRecommendRequest,
        arrival: &Arrival,
    ) -> Result<v1::BatchRecommendResponse, Problem> {
        let start = Instant::now();
        arrival.known_placement(observe::BATCH);
        let deduplicate = message.deduplicate;
        let mut requests = Vec::with_capacity(message.slots.len());
        // Each slot with its name, and its place among the requests or why it is none.
        let mut slots = Vec::new();
        for (slot_id, asked) in guarded(|| convert::batch(message, arrival.budget_left()))? {
            let place = requests.len();
            slots.push((slot_id, asked.map(|request| requests.push(request)).map(|()| place)));
        }
        let prepared = self.prepare(&requests).await?;
        let classes = requests.iter().map(|request| request.traffic_class);
        let class = classes.min_by_key(|class| admission::rank(*class)).unwrap_or_default();
        let mut permit = self.admission.enter(class, arrival.due()).await?;
        let mut shown = deduplicate.then(Vec::new);
        let mut results = Vec::with_capacity(slots.len());
        for (i, (slot_id, asked)) in slots.into_iter().enumerate() {
            if i > 0 {
                tokio::task::yield_now().await; // to other requests, and to the news that this caller has gone
            }
            let answer = asked.and_then(|place| {
                let answer = permit.work(|| {
                    guarded(|| {
                        let missing = || Problem::new(Kind::Internal, "the slot was not asked");
                        let request = requests.get(place).ok_or_else(missing)?;
                        let recommendation =
                            self.recommender.complete_slot(request, place, shown.as_mut(), &prepared)?;
                        self.write(request, None, &recommendation, start)
                    })
                });
                answer.map_err(|problem| problem.inside(&format!("slots[{i}]")))
            });
            let result = match answer {
                Ok(mut response) => {
                    if deduplicate && i > 0 {
                        // What this slot shows depends on the slots before it: not on its own request alone.
                        response.cache = Some(convert::uncacheable());
                    }
                    v1::slot_result::Result::Response(response)
                }
                Err(problem) => v1::slot_result::Result::Error(v1::SlotError {
                    code: problem.code() as i32,
                    message: problem.detail,
                    field: problem.field,
                }),
            };
            results.push(v1::SlotResult { slot_id, result: Some(result) });
        }
        arrival.worked(permit.worked());
        Ok(v1::BatchRecommendResponse { slots: results })
    }

    /// Waits, without holding a thread, until what is to be known of the users is in memory, or for as long as that is worth.
    async fn prepare(&self, requests: &[Request]) -> Result<PreparedRequest, Problem> {
        let prepared = guarded(|| Ok(self.recommender.prepare(requests)?))?;
        // When most are refused, what is not in memory is done without: the answer says so.
        if let Some(patience) = prepared.patience().filter(|_| !self.admission.overflows()) {
            let (tell, told) = tokio::sync::oneshot::channel();
            prepared.on_ready(move || {
                let _ = tell.send(()); // nobody waits any longer
            });
            let _ = tokio::time::timeout(patience, told).await; // what is not there then, the answer calls late
        }
        Ok(prepared)
    }

    fn write(
        &self,
        request: &Request,
        page_of: Option<&str>,
        recommendation: &Recommendation,
        start: Instant,
    ) -> Result<v1::RecommendResponse, Problem> {
        observe::degraded(&request.placement, &recommendation.slate.degradation.causes);
        let took = start.elapsed();
        let answer = Answer { request, page_of, recommendation, took, max_age: self.max_age };
        let response = convert::answer(&answer)?;
        if let Some(exposures) = &self.exposures
            && request.traffic_class == TrafficClass::Live
            && !response.items.is_empty()
        {
            exposures.offer(convert::exposure(request, recommendation, &response.recommendation_id));
        }
        Ok(response)
    }
}

/// Runs the synchronous part of a request. A panic in it is a defect; it costs this request and nothing else.
fn guarded<T>(work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
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
        let problem = guarded::<()>(|| panic!("as staged")).unwrap_err();
        assert_eq!(problem.kind, Kind::Internal);
        assert!(!problem.detail.contains("staged"), "the client learns nothing of the inside");
    }
}
