//! Clients that do not finish what they send.

use super::*;

#[test]
fn bodies_that_are_never_finished_are_bounded() {
    let bound = 2 << 20;
    let config =
        Config { max_unfinished: bound, max_unfinished_per_connection: 1 << 20, ..Config::default() };
    let server = Server::with(shop::shop(), short(config));
    let most = || gauge(&server, "larder_unfinished_bytes") <= bound as f64;
    let streams: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(server.http).unwrap();
            write_head(&mut stream, "POST", SIMILAR, &["content-type: application/json"], 1_000_000);
            let _ = stream.write_all(&vec![b' '; 900_000]);
            assert!(most());
            stream
        })
        .collect();
    wait_until("bodies are refused", || refused(&server) > 0.0);
    assert!(gauge(&server, "larder_unfinished_bytes") > 64e3, "others are being received");
    assert_eq!(server.post(SIMILAR, "{}").status, 200, "who sends little is served");
    // Over HTTP/2, one connection has a share of its own.
    let mut client = RawHttp2::connect(server.http, 1 << 20);
    for _ in 0..3 {
        let stream = client.begin(SIMILAR, JSON);
        client.send(raw::DATA, 0, stream, &[b' '; 16 << 10]);
        assert!(most());
    }
    drop(streams);
    drop(client);
    wait_until("all is given back", || gauge(&server, "larder_unfinished_bytes") == 0.0);
}

#[test]
fn a_message_for_which_there_is_no_room_may_come_again() {
    use larder_proto::v1;
    let config = Config { max_unfinished_per_connection: 10_000, ..Config::default() };
    let server = Server::with(shop::shop(), config);
    let ask = |filter: usize| {
        let filter = Some(" ".repeat(filter));
        let request =
            v1::RecommendRequest { placement: "pdp.similar".to_owned(), filter, ..Default::default() };
        server.runtime.block_on(server.client().recommend(request))
    };
    let status = ask(200_000).unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status:?}");
    assert!(status.metadata().contains_key("retry-after"), "{status:?}");
    assert!(status.message().contains("max_unfinished_per_connection"), "{status:?}");
    let refused = server.post(SIMILAR, " ".repeat(200_000));
    assert_eq!(refused.status, 429, "{refused:?}");
    wait_until("all is given back", || gauge(&server, "larder_unfinished_bytes") == 0.0);
    assert_eq!(server.post(SIMILAR, "{}").status, 200);
}

#[test]
fn long_heads_that_are_never_finished_are_bounded() {
    let bound = 512 << 10;
    let config = Config { max_unfinished: bound, ..Config::default() };
    let server = Server::with(shop::shop(), config);
    let long = [b"GET / HTTP/1.1\r\nhost: x\r\nx-long: ".to_vec(), vec![b'a'; 30 << 10]].concat();
    let mut clients = Vec::new();
    for _ in 0..60 {
        let mut stream = TcpStream::connect(server.http).unwrap();
        let _ = stream.write_all(&long);
        clients.push(stream);
        // One that the bound is asked for is there already, and the first kilobytes of each are always taken.
        assert!(gauge(&server, "larder_unfinished_bytes") < bound as f64 + 60.0 * 4096.0 + 32e3);
    }
    wait_until("heads are held", || gauge(&server, "larder_unfinished_bytes") > bound as f64 / 4.0);
    assert_eq!(server.post(SIMILAR, "{}").status, 200, "usual heads are taken");
    drop(clients);
    wait_until("all is given back", || gauge(&server, "larder_unfinished_bytes") == 0.0);
}

/// Beginnings of connections and requests that never go on.
fn beginnings() -> [Vec<u8>; 4] {
    let settings = raw::frame(raw::SETTINGS, 0, 0, &[]);
    let head = raw::frame(raw::HEADERS, 0, 1, &raw::head(SIMILAR, JSON)); // without END_HEADERS
    [
        raw::PREFACE[..10].to_vec(),
        [raw::PREFACE, &settings[..5]].concat(),
        [raw::PREFACE, &settings, &head[..20]].concat(),
        [raw::PREFACE, &settings, &head].concat(),
    ]
}

#[test]
fn what_is_begun_and_not_finished_is_cut_on_every_port() {
    let server = Server::with(shop::shop(), short(Config::default()));
    let open = |port: SocketAddr, begin: &[u8]| {
        let mut stream = TcpStream::connect(port).unwrap();
        stream.write_all(begin).unwrap();
        stream
    };
    let of_http_1 = [&b""[..], b"GET", b"GET /livez HTTP/1.1\r\nhost: x\r\nx-more: "];
    let mut streams: Vec<TcpStream> = of_http_1.iter().map(|begin| open(server.http, begin)).collect();
    for port in [server.http, server.grpc] {
        streams.extend(beginnings().iter().map(|begin| open(port, begin)));
    }
    // The second head of a connection too.
    let mut second = open(server.http, b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = [0; 12];
    second.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    second.write_all(b"GET /livez HTT").unwrap();
    streams.push(second);
    for (at, stream) in streams.iter().enumerate() {
        assert!(is_closed(stream), "beginning {at} is waited for");
    }
    assert!(cut(&server, "slow_head") >= 10.0);
}
