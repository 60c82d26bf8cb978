//! Everything between a socket and a handler: connections, early refusals, the request guard, admission, metrics of
//! requests.

pub(crate) mod admission;
pub(crate) mod aside;
pub(crate) mod class;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod early_shed;
mod heads;
pub(crate) mod held;
pub(crate) mod identify;
pub(crate) mod limits;
pub(crate) mod middleware;
mod open_connections;
pub(crate) mod protocol;
pub(crate) mod requests;
