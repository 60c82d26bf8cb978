//! Everything between a socket and a handler: connections, early refusals, the request guard, admission, metrics of
//! requests.

pub(crate) mod admission;
pub(crate) mod class;
pub(crate) mod connections;
pub(crate) mod early_shed;
pub(crate) mod identify;
pub(crate) mod limits;
pub(crate) mod middleware;
pub(crate) mod protocol;
pub(crate) mod requests;
