# A client of HTTP/2, by prior knowledge or over TLS: many requests run side by side on one connection.

import asyncio

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from soak_asks import Answer
from soak_http1 import PAUSE, WITHIN


# A connection has fewer empty frames in the middle of bodies: h2 of Rust takes more than 100 for a flood.
EMPTY_FRAMES_MAX = 80


class Stream:
    def __init__(self, ask):
        self.ask, self.answer, self.over = ask, Answer(), asyncio.Event()
        # Set when something may be sent again, or never more.
        self.window = asyncio.Event()

    def end(self, why=""):
        if not self.over.is_set():
            self.answer.whole, self.answer.end = not why, why
            self.over.set()
            self.window.set()


class Http2(asyncio.Protocol):
    """One connection."""

    name = "http2"

    def __init__(self):
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2, self.streams, self.ended, self.transport = h2.connection.H2Connection(config), {}, "", None
        self.strange, self.scheme, self.empty_frames = [], "http", 0

    @classmethod
    async def connect(cls, port, tls=None):
        loop, name = asyncio.get_running_loop(), "localhost" if tls else None
        _, made = await loop.create_connection(cls, "127.0.0.1", port, ssl=tls, server_hostname=name)
        made.scheme = "https" if tls else "http"
        return made

    def connection_made(self, transport):
        self.transport = transport
        self.h2.initiate_connection()
        self.flush()

    def connection_lost(self, fault):
        self.stop("reset" if fault else "closed")

    def stop(self, why):
        self.ended = self.ended or why
        for stream in self.streams.values():
            stream.end(self.ended)

    @property
    def is_open(self):
        return not self.ended and not self.transport.is_closing() and self.empty_frames < EMPTY_FRAMES_MAX

    def close(self):
        self.transport.close()

    def unasked(self):
        return b" ".join(self.strange)

    def flush(self):
        if not self.transport.is_closing():
            self.transport.write(self.h2.data_to_send())

    def data_received(self, data):
        try:
            for event in self.h2.receive_data(data):
                self.happened(event)
        except h2.exceptions.ProtocolError as fault:
            self.stop(f"bad: {fault!r}")
            self.transport.abort()
        self.flush()

    def happened(self, event):
        if isinstance(event, h2.events.ConnectionTerminated):
            # What runs is finished; what begins is not.
            self.ended = f"goaway {event.error_code!r}"
        if isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            for stream in self.streams.values():
                stream.window.set()
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.DataReceived):
            self.data(stream, event)
        elif stream is None:
            return
        elif isinstance(event, h2.events.ResponseReceived):
            stream.answer.fields = dict(event.headers)
            stream.answer.status = int(stream.answer.fields[":status"])
        elif isinstance(event, h2.events.TrailersReceived):
            stream.answer.end = "bad: a trailer that nobody sent"
        elif isinstance(event, h2.events.StreamEnded):
            stream.end(stream.answer.end)
        elif isinstance(event, h2.events.StreamReset):
            stream.end(f"stream reset {event.error_code!r}")

    def data(self, stream, event):
        if stream is not None:
            stream.answer.body += event.data
        elif event.data:
            self.strange.append(bytes(event.data))
        wait = PAUSE if stream and stream.ask.manner == "slow_reader" else 0
        length, number = event.flow_controlled_length, event.stream_id
        asyncio.get_running_loop().call_later(wait, self.acknowledge, length, number)
        if stream and stream.ask.manner == "leaves_answer":
            self.leave(number)

    def acknowledge(self, length, number):
        if length and not self.ended:
            self.h2.acknowledge_received_data(length, number)
            self.flush()

    def leave(self, number):
        try:
            self.h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.ProtocolError:
            # It is over already.
            pass
        self.streams[number].end("left")

    async def ask(self, ask):
        """Sends it, and answers with what came back."""
        number = self.h2.get_next_available_stream_id()
        fields = [(":method", ask.method), (":scheme", self.scheme), (":path", ask.path)]
        fields += [(":authority", "localhost"), *ask.fields()]
        if ask.shape in ("length", "length_empty_end"):
            fields.append(("content-length", str(len(ask.body))))
        stream = self.streams[number] = Stream(ask)
        try:
            self.h2.send_headers(number, fields, end_stream=ask.shape == "none")
            self.flush()
            await asyncio.wait_for(self.body_and_answer(number, stream), WITHIN)
        except TimeoutError:
            stream.end("silent")
        except h2.exceptions.ProtocolError as fault:
            stream.end(f"closed: {fault!r}")
        finally:
            del self.streams[number]
        return stream.answer

    async def body_and_answer(self, number, stream):
        if stream.ask.shape != "none":
            await self.body(number, stream)
        await stream.over.wait()

    async def body(self, number, stream):
        ask, pieces = stream.ask, stream.ask.pieces()
        if ask.manner == "leaves_body":
            pieces = pieces[: len(pieces) // 2]
        for index, piece in enumerate(pieces):
            if ask.manner in ("slow_body", "leaves_body"):
                await asyncio.sleep(PAUSE)
            if ask.shape == "empty_middle" and index == len(pieces) // 2:
                self.empty_frames += 1
                self.frame(number, stream, b"", False)
            last = index + 1 == len(pieces) and ask.shape in ("length", "streamed", "empty_middle")
            await self.piece(number, stream, piece, last and ask.manner != "leaves_body")
        if ask.manner == "leaves_body":
            self.leave(number)
            self.flush()
        elif ask.shape == "trailers" and not stream.over.is_set():
            self.h2.send_headers(number, [("x-trailer", "t"), ("x-user-id", "4711")], end_stream=True)
            self.flush()
        elif ask.shape in ("empty_end", "length_empty_end", "empty_only"):
            self.frame(number, stream, b"", True)

    async def piece(self, number, stream, piece, last):
        while piece and not stream.over.is_set():
            stream.window.clear()
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if not room:
                await stream.window.wait()
                continue
            self.frame(number, stream, piece[:room], last and len(piece) <= room)
            piece = piece[room:]

    def frame(self, number, stream, piece, last):
        if not stream.over.is_set():
            self.h2.send_data(number, piece, end_stream=last)
            self.flush()
