"""Reads chunked bodies with h11, in batches: cases in by standard input, readings out by standard output.

A batch is its length, the role (0: a server reads requests, 1: a client reads answers), the number of
cases; each case is the number of its pieces, and each piece its length and itself. Of each case comes
back what became of it (0 incomplete, 1 refused, 2 whole), how much is left behind the end, the length of
the content, and the content. All numbers have four bytes, the last ones first.
"""

import struct
import sys

import h11

CODING = b"Transfer-Encoding: chunked\r\n\r\n"
INCOMPLETE, REFUSED, WHOLE = range(3)


def begin(role):
    """A connection on which a head has just been read."""
    if role == 0:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(b"POST / HTTP/1.1\r\nHost: gateway.example\r\n" + CODING)
    else:
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "gateway.example")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(b"HTTP/1.1 200 OK\r\n" + CODING)
    assert type(connection.next_event()) in (h11.Request, h11.Response)
    return connection


def read(role, pieces):
    connection, content = begin(role), []
    try:
        for number, piece in enumerate(pieces):
            connection.receive_data(piece)
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if type(event) is h11.EndOfMessage:
                    left = len(connection.trailing_data[0]) + sum(map(len, pieces[number + 1 :]))
                    return WHOLE, left, b"".join(content)
                content.append(bytes(event.data))
    except h11.RemoteProtocolError:
        return REFUSED, 0, b""
    return INCOMPLETE, 0, b""


def batch(data):
    at = 0

    def number():
        nonlocal at
        at += 4
        return struct.unpack_from("<I", data, at - 4)[0]

    def piece():
        nonlocal at
        length = number()
        at += length
        return data[at - length : at]

    role, cases = number(), number()
    for _ in range(cases):
        verdict, left, content = read(role, [piece() for _ in range(number())])
        yield struct.pack("<III", verdict, left, len(content)) + content


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(header := source.read(4)) == 4:
        readings = b"".join(batch(source.read(struct.unpack("<I", header)[0])))
        sink.write(struct.pack("<I", len(readings)) + readings)
        sink.flush()


main()
