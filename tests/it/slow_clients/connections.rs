//! Clients that hold connections.

use super::*;

#[test]
fn a_full_port_lets_new_clients_in_and_never_cuts_a_request() {
    let config = Config { max_connections: 5, ..Config::default() };
    let server = Server::with(shop::shop(), config);
    let mut under_way = TcpStream::connect(server.http).unwrap();
    write_head(&mut under_way, "POST", SIMILAR, &["expect: 100-continue"], 2);
    let mut answer = [0; 25];
    under_way.read_exact(&mut answer).unwrap();
    let half_sent: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(server.http).unwrap();
            let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nx-more: ");
            stream
        })
        .collect();
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(server.post(SIMILAR, "{}").status, 200);
        assert!(began.elapsed() < Duration::from_secs(5), "a new client waits for those who say nothing");
    }
    assert!(cut(&server, "evicted") > 0.0);
    under_way.write_all(b"{}").unwrap();
    assert_eq!(read_reply(under_way).status, 200, "a request was cut");
    drop(half_sent);
}

#[test]
fn the_admin_port_answers_probes_whoever_else_is_connected() {
    let metrics = prometheus::Registry::new();
    let service = AdminService::new(Arc::new(crate::http::Failing), Arc::default(), metrics);
    let admin =
        Admin::open(TcpListener::bind("127.0.0.1:0").unwrap(), Control::Here, Arc::new(service)).unwrap();
    let half_sent: Vec<TcpStream> = (0..4 * Admin::CONNECTIONS)
        .map(|_| {
            let mut stream = TcpStream::connect(admin.addr()).unwrap();
            let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nx-more: ");
            stream
        })
        .collect();
    for _ in 0..5 {
        let began = Instant::now();
        let mut stream = TcpStream::connect(admin.addr()).unwrap();
        write_head(&mut stream, "GET", "/livez", &[], 0);
        assert_eq!(read_reply(stream).status, 200);
        assert!(began.elapsed() < Duration::from_secs(5), "a probe waits for those who say nothing");
    }
    assert!(half_sent.iter().take(Admin::CONNECTIONS).all(is_closed));
}

#[test]
fn an_old_connection_is_told_to_go_and_may_finish() {
    let config = Config {
        max_connection_age: Some(Duration::from_secs(1)),
        max_connection_age_grace: Duration::from_secs(2),
        ..Config::default()
    };
    let server = Server::with(shop::shop(), config);
    // gRPC: GOAWAY, while a watcher's stream is open, and the end after the grace.
    let mut client = RawHttp2::connect(server.grpc, 1 << 20);
    let watched = client.post("/grpc.health.v1.Health/Watch", "application/grpc", &[0; 5]);
    assert!(client.next_of(raw::GOAWAY).is_some());
    let mut seen = 0;
    while let Some(frame) = client.next() {
        seen += usize::from(frame.stream == watched && frame.ends_stream());
    }
    assert_eq!(seen, 0, "the stream is cut with the connection");
    // HTTP/1: the answer says that it is the last.
    let mut stream = TcpStream::connect(server.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reply = String::new();
    loop {
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut some = [0; 512];
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0, "closed without a word: {reply}");
        reply = String::from_utf8_lossy(&some[..count]).to_lowercase();
        if reply.contains("connection: close") {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert!(is_closed(&stream));
}
