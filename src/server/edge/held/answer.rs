//! The body of an answer, whose bytes count until they are written.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, Version};
use bytes::{Buf, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::Exchange;

/// Bytes that are handed to the connection at once: one frame of HTTP/2. What is handed over can no longer be taken
/// back, so raising it lets more be stuck with a client who does not read.
pub(super) const PIECE: usize = 16 << 10;
/// Bytes that an answer takes beside those of its body: its headers, its stream, its task. It was 1.7 KB with one
/// header.
const OVERHEAD: usize = 2 << 10;

/// The body of an answer.
///
/// Over HTTP/2, the end of a large one is held back until the rest is written: a stream whose end is handed over cannot
/// be reset any more, and its bytes would be held for as long as the client likes. A small one is handed over with its
/// end, in one write, as long as not much is held.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Body,
    exchange: Arc<Exchange>,
    /// What the body gave and the connection has not taken.
    rest: Bytes,
    /// Bytes that are counted and still in the body.
    counted: usize,
    trailers: Option<HeaderMap>,
    holds_end: bool,
    /// The body has given all that it had.
    is_over: bool,
    is_multiplexed: bool,
}

impl Answer {
    pub(super) fn to(
        version: Version,
        mut response: Response<Body>,
        exchange: Arc<Exchange>,
    ) -> Response<Self> {
        exchange.answered();
        let is_tight = exchange.is_tight();
        if is_tight && response.status() == StatusCode::TOO_MANY_REQUESTS {
            // Who does not read would not read that either, and without a body its stream is over.
            *response.body_mut() = Body::empty();
        }
        response.map(|body| {
            // A body of known size is in memory as a whole.
            let counted = body.size_hint().exact().map_or(0, |bytes| bytes as usize);
            let is_multiplexed = version == Version::HTTP_2;
            let holds_end = is_multiplexed && (counted > PIECE || is_tight);
            if !body.is_end_stream() {
                exchange.to_send(counted);
                exchange.keep(OVERHEAD);
            }
            let (rest, trailers, is_over) = (Bytes::new(), None, false);
            Self { body, exchange, rest, counted, trailers, holds_end, is_over, is_multiplexed }
        })
    }

    /// Takes what the body gave.
    fn keep(&mut self, data: Bytes) {
        let known = data.len().min(self.counted);
        self.counted -= known;
        self.exchange.to_send(data.len() - known);
        self.holds_end |= self.is_multiplexed && data.len() > PIECE;
        self.rest = data;
    }

    fn piece(&mut self) -> Piece {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        Piece { bytes, exchange: Arc::clone(&self.exchange) }
    }
}

impl HttpBody for Answer {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let this = &mut *self;
        loop {
            if !this.rest.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(this.piece()))));
            }
            if this.is_over {
                if this.holds_end {
                    this.exchange.on_all_sent(cx.waker());
                    if this.exchange.unsent() > 0 {
                        return Poll::Pending;
                    }
                }
                return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                None => this.is_over = true,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.keep(data),
                    Err(frame) => {
                        this.trailers = frame.into_trailers().ok();
                        this.is_over = true;
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_given = self.rest.is_empty() && self.trailers.is_none();
        is_given
            && (self.is_over || self.body.is_end_stream())
            && !(self.holds_end && self.exchange.unsent() > 0)
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // Pieces that are handed over count until they are written.
        self.exchange.given_up(self.counted + self.rest.len());
    }
}

/// Bytes on their way to a client.
#[derive(Debug)]
pub(crate) struct Piece {
    bytes: Bytes,
    exchange: Arc<Exchange>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.exchange.sent(count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.exchange.given_up(self.bytes.len());
    }
}
