//! Who is let in, who is not, and what both are told.

mod admin;
mod keys;
mod pki;
mod quotas;
mod table;
mod tls;
mod tokens;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use larder::server::Config;
use larder::server::identity::{Audit, Authenticator, Class, Credentials, Key, NewKey, Rights, Scope};

use crate::support::server::Server;
use crate::support::shop;

pub(crate) fn seconds_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// A key and what a server knows of it.
pub(crate) fn key(id: &str, rights: Rights) -> (String, Key) {
    let NewKey { text, digest } = NewKey::draw(id).unwrap();
    (text, Key { id: id.to_owned(), sha256: digest, expires_at: None, rights })
}

/// Rights to ask for these placements.
pub(crate) fn rights(scopes: &[Scope], placements: &[&str]) -> Rights {
    let placements = placements.iter().map(|glob| (*glob).to_owned()).collect();
    Rights { scopes: scopes.to_vec(), placements, ..Rights::default() }
}

pub(crate) fn of_class(class: Class) -> Rights {
    Rights { classes: vec![class], ..rights(&[Scope::Recommend], &["*"]) }
}

pub(crate) fn authenticator(keys: Vec<Key>) -> Arc<Authenticator> {
    let credentials = Credentials { keys, ..Credentials::default() };
    let audit = Arc::new(Audit::open(None).unwrap());
    Arc::new(Authenticator::new(&credentials, audit).unwrap())
}

/// The small shop, for those who have one of these keys.
pub(crate) fn server(authenticator: &Arc<Authenticator>) -> Server {
    let config = Config { authenticator: Some(Arc::clone(authenticator)), ..Config::default() };
    Server::with(shop::shop(), config)
}

/// What is in a file once it has so many lines.
pub(crate) fn written(path: &Path, count: usize) -> String {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap();
        if text.lines().count() >= count {
            return text;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{text}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
