//! The empty handlers: a server that gives the answers of a real one without any work, over tonic and over axum. What it
//! spends on a request is the price of the protocol, and the yardstick for what a real server spends.

mod admin;
mod answers;
mod faces;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args};
use tokio::net::TcpListener;

use crate::cli::ShopArgs;
use crate::mix::{self, Mix, SentAs};
use crate::settings::{self, SettingsError};
use crate::target::{Server, TargetError, Url};
use answers::Answers;

/// What to give the answers of, and where.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("asked").required(true).multiple(true).args(["scenario", "requests", "placements"]))]
pub(crate) struct BareArgs {
    /// The server whose answers to give: grpc://host:port, http://host:port, or one of each; a face is served for each
    #[arg(long, value_name = "URL", required = true)]
    of: Vec<Url>,
    /// A scenario that says what to ask
    #[arg(long, value_name = "FILE.toml", conflicts_with = "requests")]
    scenario: Option<PathBuf>,
    /// Requests to ask it, one JSON RecommendRequest a line; instead of making them up
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["placements", "items", "users", "contexts", "snapshot"])]
    requests: Option<PathBuf>,
    #[command(flatten)]
    shop: ShopArgs,
    /// Answers to keep for each placement; they are given in turn
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    answers: u32,
    /// Where to serve them over gRPC
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    grpc_addr: SocketAddr,
    /// Where to serve them over HTTP/JSON
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    http_addr: SocketAddr,
    /// Where to serve /metrics
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    admin_addr: SocketAddr,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BareError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("{url}, placement {placement:?}: {reason}")]
    Refused { url: String, placement: String, reason: String },
    #[error("cannot serve on {addr}: {source}")]
    Listen { addr: SocketAddr, source: io::Error },
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

/// How long the server has for each answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks, prints where it listens, and serves until Ctrl-C or SIGTERM. One thread serves, or as many as `threads` says.
pub(crate) fn serve(args: &BareArgs, threads: u16) -> Result<(), BareError> {
    let requests = match &args.requests {
        Some(path) => mix::read(path).map_err(SettingsError::from)?,
        None => settings::to_record(args.scenario.as_deref(), &args.shop)?,
    };
    let mix = Mix::new(requests, SentAs::Synthetic).map_err(SettingsError::from)?;
    let runtime = match threads {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        _ => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(usize::from(threads))
            .enable_all()
            .build()?,
    };
    runtime.block_on(async {
        let answers = Arc::new(asked(args, &mix).await?);
        let (grpc, http) = (bound(args.grpc_addr).await?, bound(args.http_addr).await?);
        let admin = admin::open(args.admin_addr)
            .map_err(|source| BareError::Listen { addr: args.admin_addr, source })?;
        let (grpc_at, http_at) = (grpc.local_addr()?, http.local_addr()?);
        println(&format!("{answers}\ngrpc {grpc_at}\nhttp {http_at}\nadmin {admin}\nready"));
        tokio::select! {
            served = faces::grpc(grpc, answers.clone()) => served.map_err(BareError::Start),
            served = faces::http(http, answers) => served.map_err(BareError::Start),
            () = told_to_stop() => Ok(()),
        }
    })
}

/// Each request of the mix once, until every placement has enough answers.
async fn asked(args: &BareArgs, mix: &Mix) -> Result<Answers, BareError> {
    let mut answers = Answers::new(args.answers as usize);
    for url in &args.of {
        let server = Server::connect(url, Some(1), None).await?;
        for turn in 0..mix.len() {
            let call = mix.turn(turn as u64);
            if !answers.wants(url, &call.message.placement) {
                continue;
            }
            let refused = |reason: String| BareError::Refused {
                url: url.to_string(),
                placement: call.message.placement.clone(),
                reason,
            };
            let asked = crate::target::Target::ask(&server, call);
            let answer = tokio::time::timeout(PATIENCE, asked).await;
            let answer = answer.map_err(|_| refused(format!("no answer within {PATIENCE:?}")))?;
            let reply =
                answer.map_err(|failure| refused(format!("{}: {}", failure.code, failure.message)))?;
            answers.keep(&call.message.placement, reply).map_err(|failure| refused(failure.message))?;
        }
    }
    Ok(answers)
}

async fn bound(addr: SocketAddr) -> Result<TcpListener, BareError> {
    TcpListener::bind(addr).await.map_err(|source| BareError::Listen { addr, source })
}

fn println(text: &str) {
    use std::io::Write as _;
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush())); // whoever reads may have gone
}

async fn told_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await // then it cannot be noticed
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
