# A service that breaks what HTTP/1.1 promises: it closes kept connections at bad moments, says more
# than it was asked, and frames its answers wrongly. The path says how. Prints its port as JSON.

import asyncio
import hashlib
import json
import socket
import struct
from urllib.parse import parse_qs, urlsplit

# What was sent unasked, by the marker of the request before it: for who asks at `/sent`.
sent = {}
NOBODYS = b"HTTP/1.1 200 OK\r\nX-Marker: nobodys\r\nContent-Length: 8\r\n\r\nnobodys\n"
LATE = {
    "answer": NOBODYS,
    "timeout": b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "noise": b"0\r\n\r\n",
}
# Idle for so long, a connection is idle for the other side as well.
IDLE = 0.02


class Asked:
    def __init__(self, line, fields):
        self.method, self.target, _ = line.split(" ")
        self.fields, self.body = fields, b""
        parts = urlsplit(self.target)
        self.way, self.query = parts.path, parse_qs(parts.query)
        self.marker = fields.get("x-marker", "")

    def text(self):
        account = {
            "service": "breaking", "marker": self.marker, "user": self.fields.get("x-user-id", ""),
            "method": self.method, "path": self.target, "length": len(self.body),
            "digest": hashlib.sha256(self.body).hexdigest(),
        }
        count = int(self.query.get("count", ["0"])[0])
        return (json.dumps(account) + "\n" + f"{self.marker}\n" * count).encode()

    def head(self, framing, status="200 OK"):
        user = self.fields.get("x-user-id", "")
        return f"HTTP/1.1 {status}\r\nX-Marker: {self.marker}\r\nX-Seen-User: {user}\r\n{framing}\r\n".encode()

    def whole(self):
        text = self.text()
        body = b"" if self.method == "HEAD" else text
        return self.head(f"Content-Length: {len(text)}\r\n") + body


async def read(reader):
    """One request; a line that is none ends the connection."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    asked = Asked(lines[0], fields)
    if "content-length" in fields:
        asked.body = await reader.readexactly(int(fields["content-length"]))
    elif "transfer-encoding" in fields:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            asked.body += (await reader.readexactly(size + 2))[:size]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
    return asked


def reset(writer):
    """Goes away without a farewell."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def late(asked, writer):
    """The right answer; and, when the connection is idle, what nobody asked for."""
    writer.write(asked.whole())
    await asyncio.sleep(IDLE)
    writer.write(LATE[asked.query["what"][0]])
    sent.setdefault(asked.marker, asyncio.Event()).set()


async def answer(asked, writer):
    """Whether the connection is kept."""
    text, way = asked.text(), asked.way
    length, chunked = f"Content-Length: {len(text)}\r\n", "Transfer-Encoding: chunked\r\n"
    chunk = b"%x\r\n%s\r\n" % (len(text), text)
    if way == "/sent":
        marker = asked.query["marker"][0]
        await sent.setdefault(marker, asyncio.Event()).wait()
        del sent[marker]
        writer.write(asked.whole())
    elif way == "/late":
        await late(asked, writer)
    elif way == "/closes_when_asked_again":
        writer.write(asked.whole())
        return "until the next byte"
    elif way in ("/hangup", "/reset"):
        writer.write(asked.whole())
        await writer.drain()
        await asyncio.sleep(0.001)
        if way == "/reset":
            reset(writer)
        return False
    else:
        bad = {
            "/plain": asked.whole(),
            "/interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + asked.whole(),
            "/twice": asked.whole() + NOBODYS,
            "/more": asked.whole() + b"more than was said",
            "/none": b"",
            "/half_a_head": asked.head(length)[:30],
            "/no_http": b"this is no HTTP\r\n\r\n",
            "/less": asked.head(length) + text[: len(text) // 2],
            "/bad_chunk": asked.head(chunked) + chunk + b"no size\r\n",
            "/no_last_chunk": asked.head(chunked) + chunk,
            "/half_a_chunk": asked.head(chunked) + chunk[: len(chunk) // 2],
        }
        writer.write(bad[way])
        return way in ("/plain", "/interim", "/twice", "/more")
    return True


async def serve(reader, writer):
    try:
        keep = True
        while keep is True:
            keep = await answer(await read(reader), writer)
            await writer.drain()
        if keep:
            await reader.read(1)
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


asyncio.run(main())
