//! What guards the services beside the API on the gRPC port, health and reflection: no probe is refused because of an
//! overload, and none of their streams lasts for ever or sends more than there is to say.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use axum::middleware::Next;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use super::middleware::{check_head, undecodable};
use super::protocol::Protocol;
use crate::server::problem::{Kind, Problem};

/// Streams at once that watch the health: as many as load balancers have, and some, but not on more than a quarter of
/// the connections that there may be, as one with a stream never makes room. Raising it takes some kilobytes each.
const WATCHERS: usize = 1024;
/// Streams at once that ask for the contract, by people and their tools.
const REFLECTIONS: usize = 8;
/// How long one of them may last.
const REFLECTION_LIMIT: Duration = Duration::from_secs(60);
/// Bytes that one of them may send: some hundred names.
const REFLECTION_BYTES_IN: usize = 64 << 10;
/// Bytes that one of them gets: the whole contract, many times.
const REFLECTION_BYTES_OUT: usize = 4 << 20;

/// Bounds for the services beside the API.
#[derive(Debug)]
pub(crate) struct Aside {
    /// How long a request may take until its answer begins.
    limit: Duration,
    watchers: Arc<Semaphore>,
    reflections: Arc<Semaphore>,
}

impl Aside {
    pub(crate) fn new(limit: Duration, connections: usize) -> Self {
        let of_watchers = WATCHERS.min(connections / 4).max(1);
        let [watchers, reflections] =
            [of_watchers, REFLECTIONS].map(|permits| Arc::new(Semaphore::new(permits)));
        Self { limit, watchers, reflections }
    }

    /// The bounds of a stream; `None` for a request that has one short answer.
    fn stream(&self, path: &str) -> Result<Option<Stream>, Problem> {
        let (permits, bytes, limit) = if path.starts_with("/grpc.reflection.") {
            (&self.reflections, REFLECTION_BYTES_OUT, Some(REFLECTION_LIMIT))
        } else if path.ends_with("/Watch") {
            (&self.watchers, usize::MAX, None)
        } else {
            return Ok(None);
        };
        let full = |_| Problem::new(Kind::Overloaded, format!("too many streams of {path} are open"));
        let permit = Arc::clone(permits).try_acquire_owned().map_err(full)?;
        Ok(Some(Stream {
            body: Body::empty(),
            left: bytes,
            timer: limit.map(|limit| Box::pin(sleep(limit))),
            _permit: permit,
        }))
    }
}

/// Bounds a request to one of the services beside the API.
pub(crate) async fn aside(State(aside): State<Arc<Aside>>, request: Request, next: Next) -> Response<Body> {
    let refuse = |problem| Protocol::Grpc.refuse(problem);
    let path = request.uri().path();
    let stream = match check_head(Protocol::Grpc, &request).and_then(|()| aside.stream(path)) {
        Ok(stream) => stream,
        Err(problem) => return refuse(problem),
    };
    let request = if stream.is_some() {
        request.map(|body| Body::new(Names { body, left: REFLECTION_BYTES_IN }))
    } else {
        request
    };
    let response = match tokio::time::timeout(aside.limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => return refuse(Problem::new(Kind::DeadlineExceeded, "the request took too long")),
    };
    if let Some(problem) = undecodable(&response) {
        return refuse(problem);
    }
    match stream {
        Some(stream) => response.map(|body| Body::new(Stream { body, ..stream })),
        None => response,
    }
}

/// The body of a request for names, up to a number of bytes. What is behind them is not read.
struct Names {
    body: Body,
    left: usize,
}

impl HttpBody for Names {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Poll::Ready(frame)
            }
            None => {
                Poll::Ready(Some(Err(axum::Error::new(over("more names were asked for than there are")))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// A stream of answers that ends with an error when it is over its bounds.
struct Stream {
    body: Body,
    /// Bytes that it may still send.
    left: usize,
    timer: Option<Pin<Box<Sleep>>>,
    /// One of those that there are at once.
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let is_late = self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if is_late {
            return self.end("the stream has lasted for too long: open another");
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Poll::Ready(frame)
            }
            None => self.end("the stream has sent all that there is many times"),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

impl Stream {
    /// Ends the stream. What was polled after its trailers would be an empty body.
    fn end(&mut self, reason: &str) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.body = Body::empty();
        self.timer = None;
        let mut trailers = HeaderMap::new();
        if over(reason).add_header(&mut trailers).is_err() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

fn over(reason: &str) -> tonic::Status {
    Problem::new(Kind::Overloaded, reason).into_grpc()
}
