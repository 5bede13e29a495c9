//! The service behind all proxies: answers every request at once, a GET with a small JSON and a POST
//! with a large one in chunks, and says whether it was told who asks.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::message::{Message, field};

const REQUEST_BYTES_MAX: usize = 64 * 1_024;

/// What the body ends with when the request named a user, and when it did not.
pub(crate) const SOMEBODY: &str = "\"asked by\": \"somebody\"}";
pub(crate) const NOBODY: &str = "\"asked by\": \"nobody\"}";

/// Content of a POST, and of its answer; and how many chunks each is in.
pub(crate) const SENT_BYTES: usize = 4 * 1_024;
pub(crate) const ANSWERED_BYTES: usize = 64 * 1_024;
const CHUNKS: usize = 4;

/// Said to who sends something else.
const WRONG: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What is answered: to a GET and to a POST, of nobody and of somebody.
struct Answers {
    small: [String; 2],
    large: [String; 2],
}

/// Serves until it is killed; prints where.
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        let ends = [NOBODY, SOMEBODY];
        let answers = Answers { small: ends.map(small), large: ends.map(large) };
        let answers: &Answers = Box::leak(Box::new(answers));
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answers));
        }
    });
}

/// The size of a small JSON answer.
fn small(end: &str) -> String {
    let body = format!("{{\"id\": 42, \"title\": \"Measure it\", \"completed\": false, {end}");
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn large(end: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let begin = "{\"notes\": \"";
    let filling = "n".repeat(ANSWERED_BYTES - begin.len() - end.len() - 3);
    format!("{head}{}", chunked(&format!("{begin}{filling}\", {end}")))
}

/// Content in chunks of the same size.
pub(crate) fn chunked(content: &str) -> String {
    let size = content.len() / CHUNKS;
    let chunks = (0..CHUNKS).map(|number| &content[number * size..(number + 1) * size]);
    let chunks = chunks.map(|chunk| format!("{size:x}\r\n{chunk}\r\n"));
    chunks.chain(["0\r\n\r\n".to_owned()]).collect()
}

async fn serve(mut stream: TcpStream, answers: &Answers) {
    stream.set_nodelay(true).ok();
    let mut buffer = vec![0; REQUEST_BYTES_MAX];
    let mut filled = 0;
    let mut message = Message::default();
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(0) | Err(_) => return,
            Ok(read) => filled += read,
        }
        let read = &buffer[..filled];
        let answer = if read.starts_with(b"GET ") {
            // The heads of nearly all requests, which have nothing behind them.
            if !read.ends_with(b"\r\n\r\n") {
                continue;
            }
            &answers.small[usize::from(names_a_user(read))]
        } else {
            match message.end(read) {
                Ok(None) => continue,
                Ok(Some(end)) if end == filled && message.content_bytes() == SENT_BYTES => {
                    &answers.large[usize::from(names_a_user(read))]
                }
                _ => WRONG,
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() || answer == WRONG {
            return;
        }
        (filled, message) = (0, Message::default());
    }
}

/// An empty value names nobody.
fn names_a_user(request: &[u8]) -> bool {
    field(request, b"x-user-id:").is_some_and(|value| !value.is_empty())
}
