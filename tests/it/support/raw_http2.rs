//! A client of HTTP/2 that does as it is told: it opens windows when the test says so, and sends whatever bytes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

pub(crate) struct RawHttp2 {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
    next_stream: u32,
}

impl RawHttp2 {
    /// Connects, and says how many bytes may be sent to it on each stream.
    pub(crate) fn connect(addr: SocketAddr, window: u32) -> Self {
        let mut stream = TcpStream::connect(addr).unwrap();
        let setting = [&[0, 4], &window.to_be_bytes()[..]].concat();
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()).unwrap();
        Self { stream, read: Vec::new(), next_stream: 1 }
    }

    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.try_send(kind, flags, stream, payload).unwrap();
    }

    pub(crate) fn try_send(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(&frame(kind, flags, id, payload))
    }

    /// Sends a request, and returns its stream.
    pub(crate) fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> u32 {
        let stream = self.begin(path, content_type);
        let parts = body.chunks(16 << 10).count();
        for (at, part) in body.chunks(16 << 10).enumerate() {
            self.send(DATA, if at + 1 == parts { END_STREAM } else { 0 }, stream, part);
        }
        stream
    }

    /// Sends the head of a request, and returns its stream.
    pub(crate) fn begin(&mut self, path: &str, content_type: &str) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.send(HEADERS, END_HEADERS, stream, &head(path, content_type));
        stream
    }

    /// Lets the server send more on a stream, or on all of them for stream 0.
    pub(crate) fn open_window(&mut self, stream: u32, bytes: u32) {
        self.send(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
    }

    /// The next frame that is neither of the handshake nor a ping; `None` when the connection is closed.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "nothing comes");
            let Some(frame) = self.take() else {
                self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut some = [0; 16 << 10];
                match self.stream.read(&mut some) {
                    Ok(0) => return None,
                    Ok(count) => self.read.extend_from_slice(&some[..count]),
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                    Err(error) => panic!("{error}"),
                }
                continue;
            };
            match frame.kind {
                SETTINGS | PING => {
                    if frame.flags & ACK == 0 {
                        let _ = self.try_send(
                            frame.kind,
                            ACK,
                            0,
                            if frame.kind == PING { &frame.payload } else { &[] },
                        );
                    }
                }
                WINDOW_UPDATE => {}
                _ => return Some(frame),
            }
        }
    }

    /// The next frame of this kind; `None` when the connection is closed before.
    pub(crate) fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next()?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let &[high, middle, low, kind, flags, a, b, c, d] = self.read.first_chunk()?;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let payload = self.read.get(9..9 + length)?.to_vec();
        self.read.drain(..9 + length);
        Some(Frame { kind, flags, stream: u32::from_be_bytes([a, b, c, d]), payload })
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header block of a POST (RFC 7541): names by their numbers in the static table, values as they are.
pub(crate) fn head(path: &str, content_type: &str) -> Vec<u8> {
    let text = |text: &str| {
        assert!(text.len() < 127, "longer texts have longer lengths");
        [&[text.len() as u8], text.as_bytes()].concat()
    };
    // :method POST, :scheme http, then :path, :authority and content-type, none of which is to be remembered.
    [&[0x83, 0x86, 0x04][..], &text(path), &[0x01], &text("x"), &[0x0f, 0x10], &text(content_type)].concat()
}
