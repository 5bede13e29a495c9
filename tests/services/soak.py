# A mixed load for the gateway, every answer of which is held against its request and its user. What it
# needs to know comes as JSON in SOAK. Prints a line of JSON for each fault, and last a summary; ends
# with 1 where there was a fault.

import asyncio
import json
import os
import random
import ssl
import sys
import time
from collections import Counter

from soak_asks import Fault, expect, judge
from soak_http1 import Http1
from soak_http2 import Http2
from soak_mix import Mix

OPTIONS = json.loads(os.environ["SOAK"])
# Workers, by what they do; HTTP/2 has so many on each of its connections.
HTTP1, HTTP2, PIPELINING, SILENT = 6, 4, 2, 3
# Faults of one kind that are reported in full.
FAULTS_SHOWN = 8


class Tally:
    def __init__(self):
        self.kinds, self.statuses, self.verdicts, self.faults = Counter(), Counter(), Counter(), Counter()

    def hold(self, connection, ask, answer, unasked=b"", **more):
        """Counts it; and reports it where it is a fault."""
        self.kinds.update([
            connection.name, f"service {ask.service}", f"way {ask.way}", f"body {ask.shape}",
            f"client {ask.manner}", "public" if ask.public else "private",
        ])
        self.statuses[str(answer.status or "none")] += 1
        try:
            self.verdicts[judge(ask, answer)] += 1
            expect(not unasked, "bytes that nobody asked for")
        except Fault as fault:
            more |= {"unasked": unasked[:300].decode("latin-1"), "protocol": connection.name}
            self.fault(str(fault), ask=ask.told(), answer=answer.told(), **more)

    def fault(self, what, **facts):
        self.faults[what] += 1
        if self.faults[what] <= FAULTS_SHOWN:
            print(json.dumps({"fault": what, "at": time.time(), **facts}), flush=True)

    def summary(self):
        return {
            "requests": sum(self.statuses.values()), "kinds": dict(sorted(self.kinds.items())),
            "statuses": dict(self.statuses), "verdicts": dict(self.verdicts),
            "faults": sum(self.faults.values()), "faults_by_kind": dict(self.faults),
        }


class Soak:
    def __init__(self):
        self.mix, self.tally = Mix(random.Random(), OPTIONS["users"]), Tally()
        self.end = time.monotonic() + OPTIONS["seconds"]

    def goes_on(self):
        return time.monotonic() < self.end

    def tls(self, protocol):
        context = ssl.create_default_context(cafile=OPTIONS["authority"])
        context.set_alpn_protocols([protocol])
        return context

    async def connect(self, protocol):
        """Over TLS now and then."""
        over_tls = self.mix.rng.random() < 0.4
        alpn, plain = ("http/1.1", "plain") if protocol is Http1 else ("h2", "h2c")
        if over_tls:
            return await protocol.connect(OPTIONS["tls"], self.tls(alpn))
        return await protocol.connect(OPTIONS[plain])

    async def one_after_the_other(self):
        connection, before = await self.connect(Http1), None
        while self.goes_on():
            if not connection.is_open:
                connection.close()
                connection, before = await self.connect(Http1), None
            ask = self.mix.any("http1")
            answer = await connection.ask(ask)
            self.tally.hold(connection, ask, answer, connection.unasked(), before=before and before.told())
            before = ask
        connection.close()

    async def side_by_side(self):
        """The requests of several users on one connection."""
        while self.goes_on():
            connection = await self.connect(Http2)

            async def worker():
                while self.goes_on() and connection.is_open:
                    ask = self.mix.any("http2")
                    answer = await connection.ask(ask)
                    self.tally.hold(connection, ask, answer, connection.unasked())

            await asyncio.gather(*(worker() for _ in range(HTTP2)))
            if connection.ended:
                self.tally.fault("a connection of HTTP/2 ended", why=connection.ended)
            connection.close()

    async def in_a_row(self):
        """Requests that do not wait for the answer before them (RFC 9112 §9.3.2)."""
        while self.goes_on():
            connection, asks = await self.connect(Http1), self.mix.row()
            written = [part for ask in asks for part in (connection.head(ask), *connection.framed(ask))]
            connection.transport.write(b"".join(written))
            connection.name = "pipelined"
            for place, ask in enumerate(asks, 1):
                answer = await connection.answer(ask)
                unasked = connection.unasked() if place == len(asks) else b""
                self.tally.hold(connection, ask, answer, unasked, place=f"{place} of {len(asks)}")
                if connection.is_last:
                    break
            connection.close()

    async def silent(self):
        """Says nothing, or half of something, and waits."""
        head = b"POST /public/node/plain HTTP/1.1\r\nHost: localhost\r\nX-Marker: silent\r\n"
        starts = (b"", head, head + b"Content-Length: 10\r\n\r\nhalf")
        while self.goes_on():
            connection, start = await self.connect(Http1), self.mix.rng.choice(starts)
            connection.transport.write(start)
            if await connection.closes_within(min(40, max(0, self.end - time.monotonic()))):
                self.tally.verdicts["silent, and closed"] += 1
            else:
                self.tally.verdicts["silent, and still open"] += 1
            said = connection.unasked()[:300].decode("latin-1")
            if said and not said.startswith("HTTP/1.1 408 "):
                self.tally.fault("another answer than 408 for silence", sent=start.decode(), said=said)
            connection.close()

    async def broken_client(self):
        """Frames its body wrongly: it may be told so, and nobody else."""
        while self.goes_on():
            connection = await self.connect(Http1)
            ask = self.mix.ask("node", "plain", "POST", public=True, shape="streamed")
            connection.transport.write(connection.head(ask) + b"5\r\nhello\r\nno size\r\n")
            answer = await connection.answer(ask)
            if answer.status not in (0, 400) or "x-marker" in answer.fields:
                self.tally.fault("an answer to a body that is framed wrongly", answer=answer.told())
            self.tally.verdicts[f"{answer.status or 'no answer'} for a body that is framed wrongly"] += 1
            connection.close()
            await asyncio.sleep(0.1)

    async def after_unasked(self):
        """Somebody's request on a connection on which the service has said something unasked."""
        direct = await Http1.connect(OPTIONS["late"])
        while self.goes_on():
            connection = await self.connect(Http1)
            for ask in (pair := self.mix.after_silence()):
                answer = await connection.ask(ask)
                self.tally.hold(connection, ask, answer, connection.unasked(), before=pair[0].told())
                if not connection.is_open:
                    connection = await self.connect(Http1)
                if ask.way == "late":
                    # It has been sent when this is answered.
                    sent = self.mix.ask("late", "sent", more=f"&marker={ask.marker}")
                    sent.public, sent.token = True, ""
                    direct.transport.write(direct.head(sent).replace(b"/public/late", b""))
                    await direct.answer(sent)
            connection.close()

    async def progress(self):
        while OPTIONS["tells"] and self.goes_on():
            await asyncio.sleep(min(60, max(0.1, self.end - time.monotonic())))
            told = {"requests": sum(self.tally.statuses.values()), "faults": sum(self.tally.faults.values())}
            print(json.dumps(told), file=sys.stderr, flush=True)

    async def run(self):
        workers = [self.one_after_the_other() for _ in range(HTTP1)] + [self.side_by_side() for _ in range(3)]
        workers += [self.in_a_row() for _ in range(PIPELINING)] + [self.silent() for _ in range(SILENT)]
        await asyncio.gather(*workers, self.broken_client(), self.after_unasked(), self.progress())
        return self.tally.summary()


if __name__ == "__main__":
    summary = asyncio.run(Soak().run())
    print(json.dumps(summary), flush=True)
    sys.exit(1 if summary["faults"] else 0)
