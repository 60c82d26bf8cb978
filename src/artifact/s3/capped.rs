//! A bound on what a server may say of an error. The SDK reads the whole of it into memory before it says that there is
//! one, and a server that is not what it should be may never come to the end.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};

/// Upper bound on the bytes of an error; S3's own are far below a thousand.
const MOST: usize = 1 << 20;

/// Cuts off errors.
#[derive(Debug)]
pub(super) struct CapErrors;

impl Intercept for CapErrors {
    fn name(&self) -> &'static str {
        "CapErrors"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let response = context.response_mut();
        if !response.status().is_success() {
            let body = std::mem::replace(response.body_mut(), SdkBody::empty());
            *response.body_mut() = SdkBody::from_body_1_x(Capped { body, left: MOST });
        }
        Ok(())
    }
}

/// A body that ends after so many bytes.
struct Capped {
    body: SdkBody,
    left: usize,
}

impl Body for Capped {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        self.left = self.left.saturating_sub(length);
        Poll::Ready(frame)
    }
}
