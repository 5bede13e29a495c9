//! The service behind all proxies: answers every GET at once, and says whether it was told who asks.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// What the body ends with when the request named a user, and when it did not.
pub(crate) const SOMEBODY: &str = "\"asked by\": \"somebody\"}";
pub(crate) const NOBODY: &str = "\"asked by\": \"nobody\"}";

/// Serves until it is killed; prints where.
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        let (somebody, nobody): (&str, &str) = (answer(SOMEBODY).leak(), answer(NOBODY).leak());
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, somebody, nobody));
        }
    });
}

/// The size of a small JSON answer.
fn answer(end: &str) -> String {
    let body = format!("{{\"id\": 42, \"title\": \"Measure it\", \"completed\": false, {end}");
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn serve(mut stream: TcpStream, somebody: &str, nobody: &str) {
    stream.set_nodelay(true).ok();
    let mut head = vec![0; HEAD_BYTES_MAX];
    let mut filled = 0;
    loop {
        match stream.read(&mut head[filled..]).await {
            Ok(0) | Err(_) => return,
            Ok(read) => filled += read,
        }
        if head[..filled].ends_with(b"\r\n\r\n") {
            let answer = if names_a_user(&head[..filled]) { somebody } else { nobody };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            filled = 0;
        }
    }
}

/// An empty value names nobody.
fn names_a_user(head: &[u8]) -> bool {
    const NAME: &[u8] = b"x-user-id:";
    let mut values = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then_some(value.trim_ascii())
    });
    values.next().is_some_and(|value| !value.is_empty())
}
