# A client of HTTP/1.1 that reads strictly: what comes is an answer to what was asked, or nothing comes.

import asyncio

from soak_asks import Answer

# No answer takes longer, in seconds.
WITHIN = 45
# Of slow clients, between two pieces.
PAUSE = 0.03


class Ended(Exception):
    """The other side closed."""


class Bad(Exception):
    """This is no HTTP/1.1."""


class Http1(asyncio.Protocol):
    """One connection."""

    name = "http1"

    def __init__(self):
        self.seen, self.ended, self.news = bytearray(), "", asyncio.Event()
        self.transport, self.is_last = None, False

    @classmethod
    async def connect(cls, port, tls=None):
        loop, name = asyncio.get_running_loop(), "localhost" if tls else None
        _, made = await loop.create_connection(cls, "127.0.0.1", port, ssl=tls, server_hostname=name)
        return made

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.seen += data
        self.news.set()

    def connection_lost(self, fault):
        self.ended = "reset" if fault else "closed"
        self.news.set()

    @property
    def is_open(self):
        return not self.ended and not self.is_last and not self.transport.is_closing()

    def leave(self):
        """Goes away; what has come by then is nobody's."""
        self.seen.clear()
        self.transport.abort()

    def close(self):
        self.transport.close()

    def unasked(self):
        """What came although nothing is asked for."""
        return bytes(self.seen)

    async def more(self):
        if self.ended:
            raise Ended
        self.news.clear()
        await self.news.wait()

    async def closes_within(self, seconds):
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self.more()
        except TimeoutError:
            return False
        except Ended:
            return True

    async def take(self, count):
        while len(self.seen) < count:
            await self.more()
        taken = bytes(self.seen[:count])
        del self.seen[:count]
        return taken

    async def take_to(self, mark):
        while (at := self.seen.find(mark)) < 0:
            await self.more()
        return (await self.take(at + len(mark)))[: -len(mark)]

    # What is sent.

    def head(self, ask):
        lines = [f"{ask.method} {ask.path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in ask.fields()]
        if ask.shape in ("length", "length_empty_end"):
            lines.append(f"Content-Length: {len(ask.body)}")
        elif ask.shape != "none":
            lines.append("Transfer-Encoding: chunked")
        if ask.manner == "expects":
            lines.append("Expect: 100-continue")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def framed(self, ask):
        """The body in pieces as they are written."""
        if ask.shape in ("none", "length", "length_empty_end"):
            return ask.pieces()
        chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in ask.pieces()]
        trailer = b"X-Trailer: t\r\nX-User-Id: 4711\r\n" if ask.shape == "trailers" else b""
        last = b"0\r\n" + trailer + b"\r\n"
        if ask.shape == "streamed" and chunks:
            return [*chunks[:-1], chunks[-1] + last]
        return [*chunks, last]

    async def ask(self, ask):
        """Sends it, and answers with what came back."""
        if ask.manner in ("expects", "leaves_body"):
            await self.send(ask)
        if ask.manner == "leaves_body":
            self.leave()
            return Answer(end="left")
        if ask.manner == "expects":
            return await self.answer(ask)
        _, answer = await asyncio.gather(self.send(ask), self.answer(ask))
        return answer

    async def send(self, ask):
        self.transport.write(self.head(ask))
        if ask.manner == "expects":
            await self.consent()
        pieces = self.framed(ask)
        if ask.manner == "leaves_body":
            pieces = pieces[: len(pieces) // 2]
        for piece in pieces:
            if ask.manner in ("slow_body", "leaves_body"):
                await asyncio.sleep(PAUSE)
            elif ask.shape != "length":
                # Each in a segment of its own.
                await asyncio.sleep(0)
            if not self.ended:
                self.transport.write(piece)

    async def consent(self):
        """Until 100, or another answer, has begun to come."""
        try:
            # Not `wait_for`, whose task would begin after what came meanwhile.
            async with asyncio.timeout(WITHIN):
                while not self.seen:
                    await self.more()
        except (Ended, TimeoutError):
            # The answer, or its absence, tells.
            pass

    # What comes back.

    async def answer(self, ask):
        answer = Answer()
        try:
            await asyncio.wait_for(self.read(ask, answer), WITHIN)
        except TimeoutError:
            answer.end = "silent"
        except Ended:
            answer.end = self.ended
        except (Bad, ValueError) as fault:
            answer.end = f"bad: {fault}"
        said = answer.fields.get("connection", "").lower()
        self.is_last = not answer.whole or said == "close"
        return answer

    async def read(self, ask, answer):
        while answer.status < 200:
            await self.read_head(answer)
        if ask.manner == "slow_reader":
            self.transport.pause_reading()
            await asyncio.sleep(10 * PAUSE)
            self.transport.resume_reading()
        if ask.method == "HEAD" or answer.status in (204, 304):
            answer.whole = True
        elif "transfer-encoding" in answer.fields:
            await self.read_chunks(answer, ask)
        elif "content-length" in answer.fields:
            await self.read_length(answer, int(answer.fields["content-length"]), ask)
        else:
            raise Bad("an answer of HTTP/1.1 that has no length")

    async def read_head(self, answer):
        line, *fields = (await self.take_to(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, status = line.split(" ")[:2]
        if version != "HTTP/1.1":
            raise Bad(line[:80])
        answer.status, answer.fields = int(status), {}
        for entry in fields:
            name, _, value = entry.partition(":")
            if name.lower() in answer.fields:
                raise Bad(f"{name} twice")
            answer.fields[name.lower()] = value.strip()

    async def read_length(self, answer, length, ask):
        while len(answer.body) < length:
            if not self.seen:
                await self.more()
            answer.body += await self.take(min(len(self.seen), length - len(answer.body)))
            if ask.manner == "leaves_answer" and answer.body:
                return self.leave()
        answer.whole = True

    async def read_chunks(self, answer, ask):
        while size := int(await self.take_to(b"\r\n"), 16):
            answer.body += await self.take(size)
            if await self.take(2) != b"\r\n":
                raise Bad("a chunk that does not end")
            if ask.manner == "leaves_answer":
                return self.leave()
        if await self.take_to(b"\r\n"):
            raise Bad("a trailer that nobody sent")
        answer.whole = True
