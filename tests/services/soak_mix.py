# What the soak asks for next, by chance: services, ways, users, bodies and manners of clients.

import string

from soak_asks import BREAKING, HASTY, STEADY, WAYS, Ask

LETTERS = string.ascii_letters + string.digits
BODIES = "length streamed empty_end empty_end length_empty_end empty_only empty_middle trailers".split()
SIZES = (1, 5, 40, 400, 4_000, 30_000, 200_000)
# Enough that an answer is under way when its client goes, or stops reading.
MANY_LINES = 6_000


class Mix:
    def __init__(self, rng, users):
        self.rng, self.users, self.number = rng, users, 0

    def marker(self):
        self.number += 1
        return f"m{self.number}x{''.join(self.rng.choices(LETTERS, k=12))}"

    def body(self, size):
        """Letters and digits, no two alike."""
        once = "".join(self.rng.choices(LETTERS, k=min(size, 997)))
        return (once * (size // len(once) + 1))[:size].encode()

    def ask(self, service, way, method="GET", user=None, **more):
        """By this user; otherwise by any of them, by nobody on a public route, or by a forger."""
        user = user or self.rng.choice(self.users)
        ask = Ask(self.marker(), service, way, user["id"], user["token"], method=method, **more)
        chance = self.rng.random()
        if "public" not in more and chance < 0.25:
            ask.public = True
            ask.token = ask.token if chance < 0.1 else ""
        elif "public" not in more and chance > 0.97 and ask.shape == "none":
            ask.user, ask.token = "forged", "not.a.token"
        ask.spoofs = self.rng.random() < 0.2
        return ask

    def any(self, protocol):
        rng = self.rng
        service = rng.choices([*STEADY, HASTY, BREAKING], [4, 4, 4, 1, 2])[0]
        way = rng.choice(WAYS[service].split())
        ask = self.ask(service, way, lines=rng.choice((0, 0, 10, 400)))
        if service == "nginx":
            ask.lines = 0
        if not ask.is_forged:
            self.method(ask)
            self.manner(ask, protocol)
        return ask

    def method(self, ask):
        rng = self.rng
        if ask.way == "304" or rng.random() < 0.4:
            is_plain = ask.service in STEADY and ask.way in ("plain", "chunked", "304")
            ask.method = rng.choice(("GET", "GET", "HEAD")) if is_plain else "GET"
            return
        ask.method, ask.shape = rng.choice(("POST", "POST", "PUT")), rng.choice(BODIES)
        size = rng.choice(SIZES) * (5 if ask.way == "early" else 1)
        ask.body = b"" if ask.shape == "empty_only" else self.body(size)

    def manner(self, ask, protocol):
        rng, has_body, chance = self.rng, len(ask.body) > 100, self.rng.random()
        whole = ask.service in STEADY and ask.way in ("plain", "chunked", "slow") and ask.method != "HEAD"
        if chance < 0.06 and has_body:
            ask.manner = "slow_body"
        elif chance < 0.12 and has_body:
            ask.manner = "leaves_body"
        elif chance < 0.24 and whole:
            ask.manner = "slow_reader" if chance < 0.18 else "leaves_answer"
            ask.lines = 0 if ask.service == "nginx" else MANY_LINES
            ask.way = "large" if ask.service == "nginx" else ask.way
        elif chance < 0.3 and whole and ask.shape != "none" and protocol == "http1":
            ask.manner = "expects"

    def row(self):
        """Requests that are sent at once, on one connection."""
        asks = []
        for _ in range(self.rng.randint(2, 5)):
            ask = self.ask(self.rng.choice(STEADY), self.rng.choice(("plain", "chunked", "slow", "closing")))
            if not ask.is_forged and self.rng.random() < 0.5:
                ask.method, ask.shape = "POST", self.rng.choice(("length", "streamed"))
                ask.body = self.body(self.rng.choice(SIZES[:5]))
            asks.append(ask)
        return asks

    def after_silence(self):
        """One after which the service says what nobody asked for, and one of somebody else."""
        one, other = self.rng.sample(self.users, 2)
        what = self.rng.choice(("answer", "timeout", "noise"))
        first = self.ask("late", "late", user=one, public=False, more=f"&what={what}")
        second = self.ask("late", "plain", user=other, public=False)
        if self.rng.random() < 0.5:
            second.method, second.shape, second.body = "POST", "length", self.body(40)
        return first, second
