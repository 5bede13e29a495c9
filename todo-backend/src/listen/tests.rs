//! Sockets, as other processes meet them.

use std::io::{Read as _, Write as _};

use tempfile::TempDir;

use super::*;
use crate::store::Store;

fn told(refused: io::Result<Listening>) -> String {
    refused.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_is_for_its_owner_only_and_goes_away_with_the_server() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("todo.sock");
    let service = Service { store: Store::open(folder.path()).unwrap(), webhook: None };
    let (stop, stopped) = oneshot::channel::<()>();
    let listening = Listening::on_path(&path).unwrap();
    let mut serving = tokio::spawn(listening.serve(service, async { drop(stopped.await) }));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let mut client = UnixStream::connect(&path).unwrap();
    let head = "POST /api/todos HTTP/1.1\r\nHost: todo\r\nX-User-Id: 7\r\nX-User-Role: user\r\n\
                X-User-Email: a@example.org\r\nContent-Type: application/json\r\n\
                Content-Length: 13\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    // The server asks for the body, so the request is under way.
    client.read_exact(&mut [0; 25]).unwrap();
    stop.send(()).unwrap();
    let early = tokio::time::timeout(Duration::from_millis(100), &mut serving).await;
    assert!(early.is_err(), "it ended in the middle of a request");
    client.write_all(b"{\"title\":\"x\"}").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");

    serving.await.unwrap().unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn the_socket_of_a_killed_process_is_replaced_and_of_a_living_one_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("todo.sock");
    drop(Listening::on_path(&path).unwrap());
    assert!(path.exists(), "a listener that dies without a word leaves its file");
    let _living = Listening::on_path(&path).unwrap();
    assert!(told(Listening::on_path(&path)).contains("is in use"));
    UnixStream::connect(&path).unwrap();
}

#[tokio::test]
async fn what_is_no_socket_is_not_deleted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("letter.txt");
    fs::write(&path, "dear").unwrap();
    assert!(told(Listening::on_path(&path)).contains("is not a socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "dear");
}
