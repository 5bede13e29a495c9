//! Several gateways on one PostgreSQL: what one of them does, all of them know.

mod faults;
mod fleet;
mod following;
mod moving;
mod once;
mod starting;
mod tls;
mod truth;

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::Reply;
use crate::support::postgres::Postgres;
use crate::support::upstream::Upstream;

/// A gateway on this database, before this service.
fn on(url: &str, upstream: &Upstream) -> Setup {
    Setup::before(upstream.address).unlimited().database(url)
}

/// Three gateways on one new database.
fn three(server: &Postgres, upstream: &Upstream) -> [Gateway; 3] {
    let url = server.database();
    [(); 3].map(|()| on(&url, upstream).start())
}

/// Of the service behind, with this token.
fn ask(gateway: &Gateway, token: &str) -> Reply {
    gateway.client().get("/api/todos").bearer(token).send()
}
