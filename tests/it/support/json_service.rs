//! A server in this process that speaks the JSON protocol of Amazon's services, and answers as a test says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What is answered to the operation of this name and its input: what it returns, or the code of its error.
type Answer = dyn FnMut(&str, &Value) -> Result<Value, &'static str> + Send;

/// Starts the server, whose threads end with the process; where it listens.
pub(crate) fn start(
    answer: impl FnMut(&str, &Value) -> Result<Value, &'static str> + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Arc<Mutex<Answer>> = Arc::new(Mutex::new(answer));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(connection) = connection else { return };
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || serve(connection, &answer));
        }
    });
    address
}

/// Answers the requests of a connection until it is closed.
fn serve(connection: TcpStream, answer: &Mutex<Answer>) {
    let mut reader = BufReader::new(connection);
    while let Some((operation, body)) = read(&mut reader) {
        let input = serde_json::from_slice(&body).unwrap();
        let (status, output) = match answer.lock().unwrap()(&operation, &input) {
            Ok(output) => ("200 OK", output),
            Err(code) => ("400 Bad Request", json!({"__type": code, "message": "as the test says"})),
        };
        let output = output.to_string();
        let head = "content-type: application/x-amz-json-1.1\r\ncontent-length: ";
        let written = write!(reader.get_mut(), "HTTP/1.1 {status}\r\n{head}{}\r\n\r\n{output}", output.len());
        if written.is_err() {
            return; // the caller was ended
        }
    }
}

/// Reads a request: the name of its operation, and its body. `None`: there is none any more.
fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut length, mut operation) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        match line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim())) {
            Some((name, value)) if name == "content-length" => length = value.parse().unwrap(),
            Some((name, value)) if name == "x-amz-target" => {
                operation = value.rsplit('.').next().unwrap().to_owned();
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((operation, body))
}
