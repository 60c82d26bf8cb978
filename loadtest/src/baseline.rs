//! The empty handlers: a tonic service and an axum handler that give the answers of a real server without its work.
//! What they spend on a request is the price of the protocol, against which a real server is measured.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use clap::Args;
use hyper::body::Bytes;
use larder_proto::v1;
use larder_proto::v1::recommendation_service_server::{RecommendationService, RecommendationServiceServer};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::mix::{self, Mix, MixError, SentAs};
use crate::target::answer::{Failure, Reply, Target as _};
use crate::target::server::{ConnectError, Server};
use crate::target::url::Url;

#[derive(Debug, Args)]
pub(crate) struct BaselineArgs {
    /// The server whose answers to give: grpc://host:port, http://host:port, or one of each
    #[arg(long, value_name = "URL", value_delimiter = ',', required = true)]
    of: Vec<Url>,
    /// Requests to ask it, one JSON RecommendRequest a line (`record` makes such a file)
    #[arg(long, value_name = "FILE.jsonl")]
    requests: PathBuf,
    /// Answers to keep for each placement; they are given in turn
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    answers: u32,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BaselineError {
    #[error(transparent)]
    Mix(#[from] MixError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("{url}, placement {placement:?}: {code}: {message}")]
    Refused { url: String, placement: String, code: String, message: String },
    #[error("cannot serve: {0}")]
    Serve(#[from] io::Error),
}

/// How long the real server may take for each answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers of a real server by placement.
#[derive(Debug, Default)]
struct Answers {
    grpc: HashMap<String, InTurn<v1::RecommendResponse>>,
    http: HashMap<String, InTurn<Bytes>>,
}

/// Values that are given in turn.
#[derive(Debug, Default)]
struct InTurn<T> {
    all: Vec<T>,
    next: AtomicUsize,
}

/// Asks the real server, prints where it listens, and serves until a signal ends the process.
pub(crate) fn serve(args: &BaselineArgs) -> Result<(), BaselineError> {
    let mix = Mix::new(mix::read(&args.requests)?, SentAs::Synthetic)?;
    // One thread, as a server on one core has: with more, handing requests over would be part of the baseline.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let answers = Arc::new(asked(args, &mix).await?);
        let (grpc, http) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let mut out = io::stdout();
        writeln!(out, "grpc {}\nhttp {}\nready", grpc.local_addr()?, http.local_addr()?)?;
        out.flush()?;
        tokio::try_join!(serve_grpc(grpc, answers.clone()), serve_http(http, answers))?;
        Ok(())
    })
}

/// Sends the requests of the mix, each once, until every placement has enough answers.
async fn asked(args: &BaselineArgs, mix: &Mix) -> Result<Answers, BaselineError> {
    let mut answers = Answers::default();
    for url in &args.of {
        // One connection, and one request at a time: the answers must not depend on the server's load.
        let server = Server::connect(url, Some(1), None).await?;
        let mut kept: HashMap<&str, u32> = HashMap::new();
        for n in 0..mix.len() {
            let call = mix.nth(n as u64);
            let placement = &call.message.placement;
            let kept = kept.entry(placement).or_default();
            if *kept >= args.answers {
                continue;
            }
            let refused = |failure: Failure| BaselineError::Refused {
                url: url.to_string(),
                placement: placement.clone(),
                code: failure.code.into_owned(),
                message: failure.message,
            };
            let answer = tokio::time::timeout(PATIENCE, server.ask(call)).await;
            let answer =
                answer.unwrap_or_else(|_| Err(Failure::new("TIMEOUT", format!("within {PATIENCE:?}"))));
            answers.keep(placement, answer.map_err(refused)?).map_err(refused)?;
            *kept += 1;
        }
    }
    Ok(answers)
}

impl Answers {
    fn keep(&mut self, placement: &str, reply: Reply) -> Result<(), Failure> {
        if let Reply::Json(text) = reply {
            self.http.entry(placement.to_owned()).or_default().all.push(text);
        } else {
            self.grpc.entry(placement.to_owned()).or_default().all.push(reply.message()?);
        }
        Ok(())
    }
}

impl<T> InTurn<T> {
    fn next(&self) -> Option<&T> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.all.get(turn.checked_rem(self.all.len())?)
    }
}

/// A tonic service: it decodes the request, has the answer at hand, and lets tonic encode it.
async fn serve_grpc(listener: TcpListener, answers: Arc<Answers>) -> io::Result<()> {
    let service = RecommendationServiceServer::new(Empty(answers));
    // Without Nagle's delay, as Larder's listeners are; with it, small answers would wait for acknowledgements.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = tonic::transport::Server::builder().add_service(service);
    server.serve_with_incoming(incoming).await.map_err(io::Error::other)
}

/// An axum handler: it decodes the request and returns the answer's bytes.
async fn serve_http(listener: TcpListener, answers: Arc<Answers>) -> io::Result<()> {
    let routes = axum::Router::new().route("/v1/placements/{target}", post(recommend)).with_state(answers);
    axum::serve(listener.tap_io(|stream| drop(stream.set_nodelay(true))), routes).await
}

struct Empty(Arc<Answers>);

#[tonic::async_trait]
impl RecommendationService for Empty {
    async fn recommend(
        &self,
        request: Request<v1::RecommendRequest>,
    ) -> Result<Response<v1::RecommendResponse>, Status> {
        let answers = self.0.grpc.get(&request.into_inner().placement);
        // Cloned, as a handler would own its answer, too.
        let answer = answers.and_then(InTurn::next).cloned();
        answer.map(Response::new).ok_or_else(|| Status::not_found("no answer was kept for this placement"))
    }

    async fn batch_recommend(
        &self,
        _: Request<v1::BatchRecommendRequest>,
    ) -> Result<Response<v1::BatchRecommendResponse>, Status> {
        Err(Status::unimplemented("one slate at a time"))
    }
}

async fn recommend(
    State(answers): State<Arc<Answers>>,
    Json(request): Json<v1::RecommendRequest>,
) -> HttpResponse {
    match answers.http.get(&request.placement).and_then(InTurn::next) {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
