# What the soak asks for, and what may come back: each request has a marker of its own, and each answer
# is held against the request that it is given for. `judge` is where it is said what is allowed.

import hashlib
import json
from dataclasses import asdict, dataclass, field

# A service keeps what it promises, closes kept connections without a word, or breaks HTTP.
STEADY, HASTY, BREAKING = ("node", "uvicorn", "nginx"), "hasty", "breaking"
WAYS = {
    "node": "plain plain plain chunked slow closing early 204 304 broken broken_chunks",
    "uvicorn": "plain plain plain chunked slow closing early 204 304 broken broken_chunks",
    "nginx": "plain plain plain chunked slow closing early large 204 304",
    "hasty": "plain plain chunked hangup",
    "breaking": "plain plain interim twice more hangup reset closes_when_asked_again "
    "none half_a_head no_http less bad_chunk no_last_chunk half_a_chunk",
}
# No answer at all, for which the gateway has one of its own.
BEFORE = ("none", "half_a_head", "no_http")
# Half of an answer, which must not look like a whole one.
MIDDLE = ("broken", "broken_chunks", "less", "bad_chunk", "no_last_chunk", "half_a_chunk")
# Answered without a look at the body.
UNREAD = ("early", "204", "304")
# What the gateway keeps of a body, to send it again.
REPEATED_BODY_MAX = 64 * 1024
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")
# nginx cannot count: it has so many lines for these, and none for others.
NGINX_LINES = {"large": 4096, "slow": 4096}
# A body of nginx's comes back as it was, up to this length, in bytes.
NGINX_BODY_MAX = 10_000


@dataclass
class Ask:
    """One request. `user` is the id behind the token, or nobody's, or a forged one's."""

    marker: str
    service: str
    way: str
    user: str
    token: str = field(repr=False)
    public: bool = False
    method: str = "GET"
    # none, length, streamed, empty_end, length_empty_end, empty_only, empty_middle or trailers
    shape: str = "none"
    # whole, slow_body, slow_reader, leaves_body, leaves_answer, expects
    manner: str = "whole"
    lines: int = 0
    body: bytes = b""
    spoofs: bool = False
    more: str = ""

    @property
    def seen_path(self):
        return f"/{self.way}?count={self.lines}{self.more}"

    @property
    def path(self):
        return f"/{'public' if self.public else 'private'}/{self.service}{self.seen_path}"

    @property
    def seen_user(self):
        return "" if self.public else self.user

    @property
    def is_forged(self):
        return self.user == "forged" and not self.public

    def fields(self):
        fields = [("x-marker", self.marker)]
        if self.token:
            fields.append(("authorization", f"Bearer {self.token}"))
        if self.spoofs:
            fields.append(("x-user-id", "4711"))
        return fields

    def pieces(self):
        """The body as it is sent: four pieces, or one where it is short."""
        size = max(1, -(-len(self.body) // (4 if len(self.body) > 100 else 1)))
        return [self.body[start : start + size] for start in range(0, len(self.body), size)]

    def told(self):
        """For a report: all but the token and the body."""
        told = asdict(self) | {"path": self.path, "body": len(self.body)}
        del told["token"]
        return told


@dataclass
class Answer:
    """What came back; `whole` when it ended as its framing says."""

    status: int = 0
    fields: dict = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    # How it ended where it is not whole.
    end: str = ""

    def told(self):
        return {
            "status": self.status, "fields": self.fields, "whole": self.whole, "end": self.end,
            "body_length": len(self.body), "body": self.body[:600].decode("latin-1"),
        }


class Fault(Exception):
    """What must never be."""


def expect(holds, why):
    if not holds:
        raise Fault(why)


def judge(ask, answer):
    """`right`, or why it is allowed all the same; or a Fault."""
    named = answer.fields.get("x-marker")
    expect(named in (None, ask.marker), "the answer to another request")
    expect(not (answer.end.startswith("bad")), "an answer that is framed wrongly")
    if ask.is_forged:
        expect(answer.status, "no answer")
        expect(answer.status == 401 and named is None, "a forged token was not refused")
        return "right"
    if named is None:
        return judge_own(ask, answer)
    expect(answer.fields.get("x-seen-user", "") == ask.seen_user, "the answer to another user")
    status = int(ask.way) if ask.way.isdigit() else 200
    expect(answer.status == status, "another status than the service's")
    text = "" if ask.method == "HEAD" or status != 200 else judge_text(ask, answer)
    if ask.manner in ("leaves_body", "leaves_answer"):
        return "left"
    if ask.way in MIDDLE:
        expect(not answer.whole, "an answer that broke off ended as if it were whole")
        return "broke off"
    expect(answer.whole, "an answer was cut off")
    expect(answer.body == text.encode(), "not the bytes of the service")
    return "right"


def judge_own(ask, answer):
    """No answer of the service's: the gateway's own one, or none."""
    if ask.manner in ("leaves_body", "leaves_answer"):
        return "left"
    if answer.status == 502:
        if ask.way in BEFORE + MIDDLE:
            return "502 for a broken answer"
        # It cannot be told whether the service had begun to do it (RFC 9110 §9.2.2), or its body is no
        # longer at hand.
        is_repeatable = ask.method in IDEMPOTENT and len(ask.body) <= REPEATED_BODY_MAX
        if ask.service in (HASTY, BREAKING) and not is_repeatable:
            return "502 on a connection that the service closed"
        if ask.service == BREAKING:
            return "502 on two connections that the service closed"
    expect(answer.status != 400, "400 for a request that is well-formed")
    expect(answer.status, "no answer")
    raise Fault("an answer of the gateway's for what the service answers")


def judge_text(ask, answer):
    """What arrived is the beginning of the right text; answers the right text."""
    line, _, rest = answer.body.partition(b"\n")
    lines = NGINX_LINES.get(ask.way, 0) if ask.service == "nginx" else ask.lines
    filler = f"{ask.marker}\n" * lines
    if b"\n" not in answer.body:
        # Too little to read; that it is no more is judged by who asked.
        expect(not answer.whole, "less than the service said")
        return ""
    try:
        seen = json.loads(line)
    except ValueError:
        raise Fault("not the bytes of the service") from None
    expect(seen["marker"] == ask.marker, "the answer to another request")
    expect(seen["user"] == ask.seen_user, "the answer to another user")
    expect((seen["method"], seen["path"]) == (ask.method, ask.seen_path), "another request than was sent")
    if ask.way not in UNREAD:
        judge_body(ask, seen)
    expect(filler.encode().startswith(rest), "not the bytes of the service")
    return f"{line.decode()}\n{filler}"


def judge_body(ask, seen):
    expect(int(seen["length"] or 0) == len(ask.body), "another length of the body than was sent")
    if ask.service == "nginx" and len(ask.body) > NGINX_BODY_MAX:
        return
    digest = seen.get("digest") or hashlib.sha256(seen["body"].encode()).hexdigest()
    expect(digest == hashlib.sha256(ask.body).hexdigest(), "another body than was sent")
