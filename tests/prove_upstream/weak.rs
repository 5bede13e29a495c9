//! A gateway that is weak on purpose: it does everything right but one thing.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::json;

use gateway_pipeline::{Reserved, is_reserved};

use crate::support::forge::encode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    None,
    /// Compares names as they are written, and these pass.
    Underscores,
    Dots,
    OtherCharacters,
    Capitals,
    /// Removes the first of a name only.
    Second,
    /// Looks at the head only.
    Trailers,
    /// Looks at HTTP/1.1 only.
    OldVersion,
    /// Takes a line feed for a part of a value.
    LineFeeds,
    /// Drops what Connection names after it has set its own.
    Nominations,
}

pub(super) struct Weak {
    pub(super) address: SocketAddr,
}

const EMAIL: &str = "ada@example.com";
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

impl Weak {
    pub(super) fn before(echo: SocketAddr, weakness: Weakness) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The thread ends with the process: it waits for connections and holds nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || serve(stream, echo, weakness));
            }
        });
        Self { address }
    }

    /// It believes any token; the command reads the address in it.
    pub(super) fn token(&self) -> String {
        format!("{}.{}.x", encode("{}"), encode(json!({"email": EMAIL}).to_string()))
    }
}

/// One request, and then the connection is closed.
fn serve(mut client: TcpStream, echo: SocketAddr, weakness: Weakness) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        reader.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let Some((head, length)) = judged(&String::from_utf8_lossy(&head), weakness) else {
        client.write_all(REFUSAL).ok()?;
        return None;
    };
    let mut service = TcpStream::connect(echo).ok()?;
    service.write_all(head.as_bytes()).ok()?;
    match length {
        Some(length) => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            service.write_all(&body).ok()?;
        }
        None => {
            // Chunks and trailers, as they come.
            let mut end = Vec::new();
            while !end.ends_with(b"\r\n\r\n") {
                reader.read_exact(&mut byte).ok()?;
                end.push(byte[0]);
            }
            service.write_all(&end).ok()?;
        }
    }
    let mut answer = Vec::new();
    service.read_to_end(&mut answer).ok()?;
    client.write_all(&answer).ok()
}

/// The head for the service, and the length of the body; `None` for what is refused.
fn judged(head: &str, weakness: Weakness) -> Option<(String, Option<usize>)> {
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let line = lines.next()?;
    let looks = weakness != Weakness::OldVersion || line.ends_with("HTTP/1.1");
    let (mut kept, mut dropped, mut length, mut nominated): (Vec<(&str, &str)>, Vec<String>, _, Vec<String>) =
        (Vec::new(), Vec::new(), Some(0), Vec::new());
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let control = |text: &str| {
            text.chars().any(|c| c.is_control() && c != '\n')
                || text.contains('\n') && weakness != Weakness::LineFeeds
        };
        if name.is_empty() || name.contains([' ', '\t']) || control(name) || control(value) {
            return None;
        }
        let (lower, value) = (name.to_ascii_lowercase(), value.trim());
        match lower.as_str() {
            "connection" => nominated.extend(value.split(',').map(|name| name.trim().to_ascii_lowercase())),
            "transfer-encoding" if weakness != Weakness::Trailers => return None,
            "transfer-encoding" => length = None,
            "content-length" => length = Some(value.parse().ok()?),
            "upgrade" | "authorization" => continue,
            _ => {}
        }
        let passes = is_reserved(name) && passes(name, &dropped, weakness);
        if looks && Reserved::default().keeps_out(name) && !passes {
            dropped.push(lower);
            continue;
        }
        if lower != "connection" {
            kept.push((name, value));
        }
    }
    let of_ours = ("X-User-Email", EMAIL);
    if weakness == Weakness::Nominations {
        kept.push(of_ours);
        kept.retain(|(name, _)| !nominated.contains(&name.to_ascii_lowercase()));
    } else {
        kept.retain(|(name, _)| !nominated.contains(&name.to_ascii_lowercase()));
        kept.push(of_ours);
    }
    let fields: String = kept.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Some((format!("{line}\r\n{fields}Connection: close\r\n\r\n"), length))
}

fn passes(name: &str, dropped: &[String], weakness: Weakness) -> bool {
    let other = |c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c);
    match weakness {
        Weakness::Underscores => name.contains('_'),
        Weakness::Dots => name.contains('.'),
        Weakness::OtherCharacters => name.contains(other),
        Weakness::Capitals => name.contains(|c: char| c.is_ascii_uppercase()),
        Weakness::Second => dropped.contains(&name.to_ascii_lowercase()),
        _ => false,
    }
}
