//! Heads and chunks of which two servers could see different ends: refused, each with its
//! connection, before anything is decided on them.

use super::Siege;
use super::smuggling::{SMUGGLED, refused};
use crate::support::raw::Raw;

#[test]
fn a_length_that_is_not_one_plain_number_is_refused() {
    let siege = Siege::begin();
    let lengths = [
        "+5",
        "-5",
        "-0",
        "0x5",
        "5.0",
        "5 5",
        "5;",
        "5,",
        ",5",
        "5, 6",
        "5,6",
        "a",
        "5a",
        "٥",
        "1e1",
        "",
        " ",
        "99999999999999999999",
        "18446744073709551621",
        "\"5\"",
        "5\u{b}",
        "5\0",
    ];
    for length in lengths {
        refused(
            &siege,
            length,
            siege.head("POST /api/todos HTTP/1.1", &format!("Content-Length: {length}\r\n"))
                + "hello"
                + SMUGGLED,
        );
    }
    for lines in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 6\r\nX: y\r\ncontent-length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length:\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
    ] {
        refused(&siege, lines, siege.head("POST /api/todos HTTP/1.1", lines) + "hello" + SMUGGLED);
    }
    siege.stands();
}

#[test]
fn length_and_chunks_together_are_refused_in_every_order_and_spelling() {
    let siege = Siege::begin();
    for length in [
        "Content-Length: 5",
        "content-length: 5",
        "CONTENT-LENGTH:5",
        "Content-Length:\t5",
        "Content-Length: 0",
        "Content-Length: x",
    ] {
        for coding in [
            "Transfer-Encoding: chunked",
            "transfer-encoding: CHUNKED",
            "Transfer-Encoding:chunked",
            "Transfer-Encoding:\tchunked ",
            "TRANSFER-ENCODING: Chunked",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: x",
        ] {
            for lines in [format!("{length}\r\n{coding}\r\n"), format!("{coding}\r\nX: y\r\n{length}\r\n")] {
                refused(
                    &siege,
                    &lines,
                    siege.head("POST /api/todos HTTP/1.1", &lines) + "0\r\n\r\n" + SMUGGLED,
                );
            }
        }
    }
    siege.stands();
}

#[test]
fn a_coding_that_is_not_exactly_chunked_is_refused() {
    let siege = Siege::begin();
    let codings = [
        "identity",
        "gzip",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "chunked;q=1",
        "xchunked",
        "chunkedx",
        "chunke",
        "chunked chunked",
        "\"chunked\"",
        "'chunked'",
        "",
        ",",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunked\0",
        "chunKed;",
        "ｃhunked",
        "null",
        "chunked\u{a0}",
    ];
    for coding in codings {
        refused(
            &siege,
            coding,
            siege.head("POST /api/todos HTTP/1.1", &format!("Transfer-Encoding: {coding}\r\n"))
                + "0\r\n\r\n"
                + SMUGGLED,
        );
    }
    for lines in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nX: y\r\ntransfer-encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
    ] {
        refused(&siege, lines, siege.head("POST /api/todos HTTP/1.1", lines) + "0\r\n\r\n" + SMUGGLED);
    }
    for coding in ["chunked", "Chunked"] {
        refused(
            &siege,
            "HTTP/1.0",
            siege.head(
                "POST /api/todos HTTP/1.0",
                &format!("Connection: keep-alive\r\nTransfer-Encoding: {coding}\r\n"),
            ) + "0\r\n\r\n"
                + SMUGGLED,
        );
    }
    siege.stands();
}

#[test]
fn a_field_line_that_could_be_read_in_two_ways_is_refused() {
    let siege = Siege::begin();
    for lines in [
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "\tTransfer-Encoding: chunked\r\n",
        "X: a\r\n b\r\n",
        "X: a\r\n\tTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: a\r\n \r\n",
        "X: a\nTransfer-Encoding: chunked\r\n",
        "X: a\n",
        "X: a\n\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n",
        "X: a\r\r\n",
        "X: a\0b\r\n",
        "X\0: a\r\n",
        ": empty\r\n",
        ":\r\n",
        "NoColon\r\n",
        "X(y): a\r\n",
        "X@y: a\r\n",
        "X\u{e9}: a\r\n",
        "X y: a\r\n",
        "\"X\": a\r\n",
        "X: a\u{8}\r\n",
        "X: a\u{7f}\r\n",
        "Transfer-Encoding\r: chunked\r\n",
        "\r: a\r\n",
    ] {
        refused(&siege, lines, siege.head("POST /api/todos HTTP/1.1", lines) + "0\r\n\r\n" + SMUGGLED);
    }
    let head = siege.head("GET /api/todos HTTP/1.1", "X: y\r\n");
    for (what, bytes) in [
        ("bare LF everywhere", head.replace("\r\n", "\n")),
        ("bare LF after the request line", head.replacen("\r\n", "\n", 1)),
        ("bare LF at the end", format!("{}\n", head.strip_suffix("\r\n").unwrap())),
        ("bare CR everywhere", format!("{}\r\n\r\n", head.replace("\r\n", "\r"))),
        ("a space before the first field", head.replacen("Host", " Host", 1)),
    ] {
        refused(&siege, what, bytes + SMUGGLED);
    }
    siege.stands();
}

#[test]
fn there_is_exactly_one_host_and_it_is_one() {
    let siege = Siege::begin();
    for host in [
        "",
        "Host:\r\n",
        "Host: \r\n",
        "Host: a.example\r\nHost: a.example\r\n",
        "Host: a.example\r\nhost: b.example\r\n",
        "Host: a.example, b.example\r\n",
        "Host: user@a.example\r\n",
        "Host: a.example/public\r\n",
        "Host: a.example?x\r\n",
        "Host: a.example#x\r\n",
        "Host: a b\r\n",
        "Host: a%00b\r\n",
        "Host: a;b\r\n",
        "Host: <a>\r\n",
        "Host: \"a\"\r\n",
        "Host: a\u{e9}\r\n",
        "Host: (a)\r\n",
        "Host: a\\b\r\n",
        "Host: http://a.example\r\n",
        "Host: a.example:80:80\r\n",
        "Host: a.example:x\r\n",
        "Host: [::1\r\n",
        "Host: [a.example]\r\n",
        "Host: [::1]x\r\n",
        "Host: :80\r\n",
        "Host: a:123456\r\n",
        "Host: a:65536\r\n",
        "Host: .\r\n",
        "Host: .a.example\r\n",
        "Host: a..example\r\n",
        "Host: a.example..\r\n",
        "Host: a.example..:80\r\n",
        "Host: [fe80::1%25eth0]\r\n",
        "Host: 127.1\r\n",
        "Host: 0x7f.0.0.1\r\n",
        "Host: 2130706433\r\n",
        "Host: 127.0.0.01\r\n",
        "Host: 127.0.0.1.1\r\n",
        "Host : a.example\r\n",
        "X-Host: a.example\r\n",
    ] {
        // HTTP/1.0 may say nothing: then it is for routes of any host.
        let may_be_missing = ["", "X-Host: a.example\r\n"].contains(&host);
        for version in ["1.1", "1.0"].into_iter().take(if may_be_missing { 1 } else { 2 }) {
            refused(&siege, host, format!("GET /public HTTP/{version}\r\n{host}\r\n"));
        }
    }
    for host in [
        "a",
        "a.example",
        "A_b.example:8080",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1.",
        "a.1",
        "1a.0x",
        "a:",
        "a:65535",
        "[::1]",
        "[::1]:8080",
        "a.example.",
    ] {
        assert_eq!(siege.status(format!("GET /public HTTP/1.1\r\nHost: {host}\r\n\r\n")), 200, "{host}");
    }
    siege.upstream.forget();
    siege.stands();
}

#[test]
fn chunks_end_where_everybody_sees_their_end() {
    let siege = Siege::begin();
    let head = siege.head("POST /api/todos HTTP/1.1", "Transfer-Encoding: chunked\r\n");
    let (long, trailer) = ("x".repeat(5_000), format!("X: {}", "x".repeat(9_000)));
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "\r\n\r\n",
        ";x\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5;x=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
        "5;x\nhello\r\n0\r\n\r\n",
        "5;x\ny\r\nhello\r\n0\r\n\r\n",
        "5;x\0\r\nhello\r\n0\r\n\r\n",
        &format!("5;{long}\r\nhello\r\n0\r\n\r\n"),
        "5;\n0\r\n\r\n",
        "5\0\r\nhello\r\n0\r\n\r\n",
        "00000000000000000000005\r\nhello\r\n0\r\n\r\n",
        "5,5\r\nhello\r\n0\r\n\r\n",
        "0;x\n\r\n",
        "5_0\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\0\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n",
        "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n",
        "5\r\nhello\r\n0\r\n: x\r\n\r\n",
        &format!("5\r\nhello\r\n0\r\n{trailer}\r\n\r\n"),
    ] {
        refused(&siege, body, format!("{head}{body}{SMUGGLED}"));
    }
    for body in [
        "5\r\nhello\r\n0\r\n\r\n",
        "005\r\nhello\r\n000\r\n\r\n",
        "5;x\r\nhello\r\n0\r\n\r\n",
        "5 ; x = \"a;b\"\r\nhello\r\n0;y\r\n\r\n",
        "2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n",
    ] {
        let mut raw = Raw::connect(siege.gateway.address);
        raw.send(format!("{head}{body}{SMUGGLED}"));
        assert!(
            [raw.reply(), raw.reply()].into_iter().flatten().all(|reply| reply.status == 200),
            "{body:?}"
        );
        // What follows the end is a request of its own, and of nobody.
        let [posted, next] = &siege.got_through()[..] else { panic!("{body:?} is not two requests") };
        assert_eq!((posted.target(), posted.body.as_slice()), ("/api/todos", &b"hello"[..]), "{body:?}");
        assert!(next.target() == "/public/smuggled" && !next.has("x-user-role"), "{body:?}: {next:?}");
    }
    siege.stands();
}
