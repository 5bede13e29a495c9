//! Sockets, as other processes meet them.

use std::io::{Read, Write};

use tempfile::TempDir;

use super::*;
use crate::store::Store;

/// One request on a connection of its own; the whole answer as text.
fn exchange(stream: &mut (impl Read + Write), path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: todo\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_socket_is_for_its_owner_only_and_goes_away_with_the_server() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("todo.sock");

    let socket = UnixSocket::bind(&path).unwrap();

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn the_socket_of_a_killed_process_is_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("todo.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a listener that dies without a word leaves its file");

    let _socket = UnixSocket::bind(&path).unwrap();

    UnixStream::connect(&path).unwrap();
}

#[test]
fn the_socket_of_a_living_process_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("todo.sock");
    let _living = UnixSocket::bind(&path).unwrap();

    let error = UnixSocket::bind(&path).unwrap_err();

    assert!(matches!(error, ListenError::InUse(_)), "{error:?}");
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_successors_socket_is_not_removed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("todo.sock");
    let old = UnixSocket::bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _successor = UnixSocket::bind(&path).unwrap();

    drop(old);

    UnixStream::connect(&path).unwrap();
}

#[test]
fn what_is_no_socket_is_not_deleted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("letter.txt");
    fs::write(&path, "dear").unwrap();

    let error = UnixSocket::bind(&path).unwrap_err();

    assert!(matches!(error, ListenError::NotASocket(_)), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "dear");
}

#[test]
fn a_path_too_long_for_a_socket_is_told_as_such() {
    let error = UnixSocket::bind(format!("/tmp/{}", "x".repeat(120))).unwrap_err();

    assert!(matches!(error, ListenError::PathTooLong(_)), "{error:?}");
}

#[test]
fn a_taken_port_is_told_at_once() {
    let holder = bind_tcp(([127, 0, 0, 1], 0).into()).unwrap();

    let error = bind_tcp(holder.local_addr().unwrap()).unwrap_err();

    assert!(matches!(error, ListenError::PortInUse(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_kinds_of_socket_serve_until_told_to_stop() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let path = folder.path().join("todo.sock");
    let socket = UnixSocket::bind(&path).unwrap();
    let listener = bind_tcp(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop_unix, stopped_unix) = oneshot::channel::<()>();
    let (stop_tcp, stopped_tcp) = oneshot::channel::<()>();
    let on_unix = tokio::spawn(serve_unix(socket, store.clone().into(), async { drop(stopped_unix.await) }));
    let on_tcp = tokio::spawn(serve_tcp(listener, store.into(), async { drop(stopped_tcp.await) }));

    let asking = tokio::task::spawn_blocking(move || {
        let mut unix = UnixStream::connect(path).unwrap();
        let mut tcp = std::net::TcpStream::connect(address).unwrap();
        (exchange(&mut unix, "/nowhere"), exchange(&mut tcp, "/api/todos"))
    });
    let (unix, tcp) = asking.await.unwrap();

    assert!(unix.starts_with("HTTP/1.1 404") && unix.contains("Not found"), "{unix}");
    assert!(tcp.starts_with("HTTP/1.1 401") && tcp.contains("Missing identity"), "{tcp}");
    stop_unix.send(()).unwrap();
    stop_tcp.send(()).unwrap();
    on_unix.await.unwrap().unwrap();
    on_tcp.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_is_finished_before_the_end() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let path = folder.path().join("todo.sock");
    let socket = UnixSocket::bind(&path).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(serve_unix(socket, store.into(), async { drop(stopped.await) }));

    let begun = tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(path).unwrap();
        let head = "POST /api/todos HTTP/1.1\r\nHost: todo\r\nX-User-Id: 7\r\nX-User-Role: user\r\n\
                    X-User-Email: a@example.org\r\nContent-Type: application/json\r\n\
                    Content-Length: 13\r\nExpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // The server asks for the body, so the request is under way.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).unwrap();
        stream
    });
    let mut stream = begun.await.unwrap();
    stop.send(()).unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), &mut serving).await;
    assert!(early.is_err(), "it ended in the middle of a request");

    let ended = tokio::task::spawn_blocking(move || {
        stream.write_all(b"{\"title\":\"x\"}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = ended.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    serving.await.unwrap().unwrap();
}
