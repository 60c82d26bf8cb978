//! Runs the streams of an HTTP/2 connection, and resets those whose answers nobody reads.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use super::{Answer, Exchange, Upload};
use crate::server::edge::connection::{Connection, Cut, LEAST_PROGRESS};

tokio::task_local! {
    /// Where the answer of a stream leaves its exchange, for the task that writes it: what hyper hands to an executor
    /// does not say which request it is of.
    static ANSWERED: Cell<Option<Arc<Exchange>>>;
}

pin_project! {
    /// Waits for an answer, and makes its bytes count.
    pub(crate) struct Answering<F> {
        #[pin]
        answer: F,
        version: Version,
        exchange: Option<Arc<Exchange>>,
    }
}

impl<F> Answering<F> {
    /// The answer of `call` to a request on a connection. The request's body counts from now on.
    pub(crate) fn call(
        connection: &Arc<Connection>,
        request: Request<Incoming>,
        call: impl FnOnce(Request<Body>) -> F,
    ) -> Self {
        let (version, exchange) = (request.version(), Exchange::begin(connection, head_bytes(&request)));
        let mut request = request.map(|body| Body::new(Upload::new(body, Arc::clone(&exchange))));
        request.extensions_mut().insert(Arc::clone(&exchange));
        Self { answer: call(request), version, exchange: Some(exchange) }
    }
}

impl<F: Future<Output = Result<Response<Body>, E>>, E> Future for Answering<F> {
    type Output = Result<Response<Answer>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.answer.poll(cx))?;
        let Some(exchange) = this.exchange.take() else { return Poll::Pending };
        // Over HTTP/2 there is GOAWAY instead.
        if *this.version != Version::HTTP_2 && exchange.connection().is_ending() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let _ = ANSWERED.try_with(|answered| answered.set(Some(Arc::clone(&exchange))));
        Poll::Ready(Ok(Answer::to(*this.version, response, exchange)))
    }
}

/// Bytes that a request's head takes.
fn head_bytes(request: &Request<Incoming>) -> usize {
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    path + headers.sum::<usize>()
}

/// Runs the streams of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    /// How long an answer may make no progress.
    pub(crate) send_timeout: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let Self { send_timeout } = *self;
        tokio::spawn(Watched { stream, exchange: None, send_timeout, wait: None });
    }
}

pin_project! {
    /// A stream that ends, and so is reset, when its answer makes no progress for too long.
    struct Watched<F> {
        #[pin]
        stream: F,
        exchange: Option<Arc<Exchange>>,
        send_timeout: Duration,
        wait: Option<Wait>,
    }
}

/// The wait for a client to read.
struct Wait {
    timer: Pin<Box<Sleep>>,
    /// Bytes that were written when it began.
    sent: usize,
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let exchange = this.exchange;
        let stream = this.stream;
        let polled = ANSWERED.sync_scope(Cell::new(exchange.take()), || {
            let polled = stream.poll(cx);
            *exchange = ANSWERED.with(Cell::take);
            polled
        });
        if polled.is_ready() {
            return Poll::Ready(());
        }
        let Some(exchange) = exchange.as_ref() else { return Poll::Pending }; // still computed
        loop {
            if exchange.unsent() == 0 {
                *this.wait = None;
                return Poll::Pending;
            }
            let (send_timeout, sent) = (*this.send_timeout, exchange.progress());
            let wait = this.wait.get_or_insert_with(|| Wait { timer: Box::pin(sleep(send_timeout)), sent });
            if wait.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if sent < wait.sent + LEAST_PROGRESS {
                exchange.connection().note(Cut::Stream);
                return Poll::Ready(());
            }
            wait.sent = sent;
            wait.timer.as_mut().reset(Instant::now() + send_timeout);
        }
    }
}
