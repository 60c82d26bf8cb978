//! Watches what comes in on a connection for request heads that are begun and not finished, over HTTP/1 and HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;

/// What every HTTP/2 connection begins with.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream of bytes that tells its connection of heads.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    connection: Arc<Connection>,
    progress: Progress,
}

/// How far a client is in what it sends.
#[derive(Debug)]
enum Progress {
    /// So many bytes are like the HTTP/2 preface.
    Preface(usize),
    Http1,
    Http2(Frames),
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection, progress: Progress::Preface(0) }
    }

    /// Takes what has come; an error if there is no room for a head that is so long.
    fn saw(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let count = bytes.len();
        if let Progress::Preface(seen) = self.progress {
            let rest = &PREFACE[seen..];
            let equal = rest.iter().zip(bytes).take_while(|(one, other)| one == other).count();
            if equal == rest.len() {
                self.connection.is_multiplexed();
                self.progress = Progress::Http2(Frames::default());
                bytes = &bytes[equal..];
            } else if equal == bytes.len() {
                self.progress = Progress::Preface(seen + equal);
            } else {
                self.progress = Progress::Http1;
            }
        }
        let is_inside = match &mut self.progress {
            Progress::Preface(_) => true,
            // What comes while a request is under way belongs to it. The connection forgets the head when it is
            // complete.
            Progress::Http1 => !self.connection.is_busy(),
            Progress::Http2(frames) => {
                if frames.saw(bytes) {
                    self.connection.head_is_complete();
                }
                frames.is_inside()
            }
        };
        if is_inside && !self.connection.head_goes_on(count) {
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, "no room for so long a head"));
        }
        Ok(())
    }
}

/// Bytes of a frame's header.
const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
/// The flag of the last frame of a head.
const END_HEADERS: u8 = 4;

/// The frames of an HTTP/2 connection: where they begin and end, and whether a head is complete.
#[derive(Debug, Default)]
struct Frames {
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    known: usize,
    /// Bytes of the payload that are to come.
    left: usize,
    in_head: bool,
    /// The settings that every client begins with have come.
    is_open: bool,
}

impl Frames {
    /// Takes what has come; whether a frame or head that had begun was completed by it.
    fn saw(&mut self, mut bytes: &[u8]) -> bool {
        let mut completed = false;
        while !bytes.is_empty() {
            if self.known < HEADER {
                let count = bytes.len().min(HEADER - self.known);
                self.header[self.known..self.known + count].copy_from_slice(&bytes[..count]);
                self.known += count;
                bytes = &bytes[count..];
                if self.known < HEADER {
                    break;
                }
                let [high, middle, low, ..] = self.header;
                self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            }
            let count = bytes.len().min(self.left);
            self.left -= count;
            bytes = &bytes[count..];
            if self.left > 0 {
                break;
            }
            self.known = 0;
            self.is_open = true;
            if matches!(self.header[3], HEADERS | CONTINUATION) {
                self.in_head = self.header[4] & END_HEADERS == 0;
            }
            completed |= !self.in_head;
        }
        completed
    }

    /// Whether a frame or head is begun and not finished. Bodies have a limit of their own.
    fn is_inside(&self) -> bool {
        let in_frame = self.known > 0 && !(self.known == HEADER && self.header[3] == DATA);
        !self.is_open || self.in_head || in_frame
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if let Some(new) = buf.filled().get(before..).filter(|new| !new.is_empty()) {
            self.saw(new)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// Whether a head is open after each of these, which come one after the other.
    fn inside(parts: &[&[u8]]) -> Vec<bool> {
        let mut frames = Frames::default();
        parts
            .iter()
            .map(|part| {
                frames.saw(part);
                frames.is_inside()
            })
            .collect()
    }

    #[test]
    fn a_connection_without_settings_and_a_head_without_its_end_are_unfinished() {
        let settings = frame(4, 0, &[]);
        let head = frame(HEADERS, 0, b"abc");
        let rest = frame(CONTINUATION, END_HEADERS, b"de");
        assert_eq!(inside(&[&settings[..4]]), [true]);
        assert_eq!(inside(&[&settings]), [false]);
        assert_eq!(inside(&[&settings, &head[..10], &head[10..], &rest]), [false, true, true, false]);
        assert_eq!(inside(&[&settings, &frame(HEADERS, END_HEADERS, b"abc")]), [false, false]);
    }

    #[test]
    fn a_body_that_is_being_sent_is_no_head() {
        let (settings, data) = (frame(4, 0, &[]), frame(DATA, 0, b"0123456789"));
        assert_eq!(inside(&[&settings, &data[..12], &data[12..]]), [false, false, false]);
        // But a ping of which a part is missing is.
        assert_eq!(inside(&[&settings, &frame(6, 0, b"12345678")[..12]]), [false, true]);
    }

    #[test]
    fn frames_are_found_wherever_they_are_cut() {
        let all = [frame(4, 0, &[0; 12]), frame(HEADERS, 0, b"abc"), frame(CONTINUATION, END_HEADERS, b"de")]
            .concat();
        for cut in 1..all.len() {
            assert!(!inside(&[&all[..cut], &all[cut..]])[1], "cut at {cut}");
        }
    }
}
