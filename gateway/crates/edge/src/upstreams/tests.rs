//! What a front door cannot show: a resolver whose answers change.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use tokio::io::AsyncReadExt as _;

use super::connection::Connection;
use super::discovery::Resolver;
use super::kept::Used;
use super::pool::Pool;
use crate::descriptors::Descriptors;
use gateway_framing::KeepAlive;
use gateway_pipeline::{Server, Target, Timeouts, Upstream};
use gateway_telemetry::Metrics;

type Answers = Arc<Mutex<Result<Vec<SocketAddr>, String>>>;

fn resolver(answers: &Answers) -> Resolver {
    let answers = Arc::clone(answers);
    Box::new(move |_, _| {
        let answer = answers.lock().clone();
        Box::pin(async move { answer })
    })
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 80))
}

async fn named(answers: &Answers) -> Pool {
    let target = Target::Name { host: "app.internal".to_owned(), port: 80 };
    let settings = Upstream {
        servers: vec![Server { target, weight: 1 }],
        ..Upstream::unix("app", "/nowhere", Timeouts::default())
    };
    let metrics = Metrics::new([]).unwrap();
    let descriptors = Descriptors::of_this_process().unwrap();
    Pool::with_resolver(Arc::new(settings), &metrics, &descriptors, resolver(answers)).await.unwrap()
}

/// The addresses that requests go to.
fn chosen(pool: &Pool) -> Vec<String> {
    let mut chosen: Vec<_> =
        (0..12).filter_map(|_| Some(pool.choose(b"", &[])?.address().to_string())).collect();
    chosen.sort();
    chosen.dedup();
    chosen
}

fn on_a_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn all_addresses_of_a_name_are_servers_and_follow_it() {
    on_a_runtime(async {
        let answers: Answers = Arc::new(Mutex::new(Ok(vec![address(1), address(2)])));
        let pool = named(&answers).await;
        assert_eq!(chosen(&pool), ["192.0.2.1:80", "192.0.2.2:80"]);
        *answers.lock() = Ok(vec![address(2), address(3)]);
        pool.look_up().await;
        assert_eq!(chosen(&pool), ["192.0.2.2:80", "192.0.2.3:80"]);
    });
}

#[test]
fn connections_that_wait_end_when_their_address_is_gone() {
    on_a_runtime(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answers: Answers = Arc::new(Mutex::new(Ok(vec![listener.local_addr().unwrap()])));
        let pool = named(&answers).await;
        let server = pool.choose(b"", &[]).unwrap();
        let keep = async || {
            let place = server.connections.reserve().unwrap();
            let opened = Connection::open(&server.peer).await.unwrap();
            server.connections.keep(Used::new(opened, place), KeepAlive::default());
            listener.accept().await.unwrap().0
        };
        let mut first = keep().await;
        assert_eq!(server.connections.open(), 1);
        *answers.lock() = Ok(vec![address(2)]);
        pool.look_up().await;
        assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(keep().await.read(&mut [0]).await.unwrap(), 0, "none is kept from then on");
        assert_eq!(server.connections.open(), 0);
    });
}

#[test]
fn what_is_known_stays_while_the_resolver_is_down() {
    on_a_runtime(async {
        let answers: Answers = Arc::new(Mutex::new(Ok(vec![address(1)])));
        let pool = named(&answers).await;
        for answer in [Err("down".to_owned()), Ok(Vec::new())] {
            *answers.lock() = answer;
            pool.look_up().await;
            assert_eq!(chosen(&pool), ["192.0.2.1:80"]);
        }
    });
}

#[test]
fn a_name_that_is_unknown_at_first_is_served_once_it_is_known() {
    on_a_runtime(async {
        let answers: Answers = Arc::new(Mutex::new(Err("unknown".to_owned())));
        let pool = named(&answers).await;
        assert!(chosen(&pool).is_empty() && !pool.has_healthy());
        *answers.lock() = Ok(vec![address(1)]);
        pool.look_up().await;
        assert_eq!(chosen(&pool), ["192.0.2.1:80"]);
    });
}
