//! The body of a request, whose bytes count until the request is answered.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::exchange::{Exchange, unfinished};
use crate::server::problem::Problem;

/// A body that is being received.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Incoming,
    exchange: Arc<Exchange>,
}

impl Upload {
    pub(super) fn new(body: Incoming, exchange: Arc<Exchange>) -> Self {
        Self { body, exchange }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let received = bytes == 0 || self.exchange.receive(bytes);
        Poll::Ready(Some(if received { Ok(frame) } else { Err(NoRoom::new().into()) }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// There is no room for more of a body.
#[derive(Debug)]
pub(crate) struct NoRoom(
    /// tonic looks for its status among the sources of an error.
    tonic::Status,
);

impl NoRoom {
    fn new() -> Self {
        Self(Self::problem().into_grpc())
    }

    /// What the client is told.
    pub(crate) fn problem() -> Problem {
        unfinished()
    }

    /// Whether this is why a body could not be read.
    pub(crate) fn is_cause_of(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        std::iter::from_fn(|| {
            let this = next?;
            next = this.source();
            Some(this)
        })
        .any(|error| error.is::<Self>())
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.message())
    }
}

impl Error for NoRoom {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
