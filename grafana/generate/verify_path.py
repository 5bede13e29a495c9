"""What a decision costs: for load tests, and for finding out why the gateway is slow."""

import look
from ask import HERE, OURS, ROUTE, SERVED, in_range, of, percentile, rate, share, staleness, total
from frame import VERIFY_PATH, dashboard
from panels import Line, graph, number

REQUESTS = "gateway_http_requests_total"
DURATION = "gateway_http_request_duration_seconds"
DECISION = "gateway_decision_duration_seconds"
DECISIONS = "gateway_auth_decisions_total"
CHECK = "gateway_revocation_check_duration_seconds"
VERIFICATIONS = "gateway_token_verifications_total"

# CPU is spent for all routes: what it is divided by must not be chosen by route.
# Below a thousand requests a second most of it is not theirs: the gateway's own errands, scrapes, and
# logins, whose hashes are dear.
ENOUGH = 1000
CPU_PER_REQUEST = f"sum({rate('process_cpu_seconds_total')} {OURS}) / ({total(REQUESTS)} >= {ENOUGH})"
TOO_FEW = "fewer than 1,000 requests/s: too few to tell"
# Tokens of other issuers are verified each time.
FROM_CACHE = share(
    total(VERIFICATIONS, HERE, 'issuer="gateway"', 'result="seen"'),
    total(VERIFICATIONS, HERE, 'issuer="gateway"', 'result=~"ok|seen"'),
)


def page():
    return dashboard(
        VERIFY_PATH,
        "What does a decision cost, and where does the time of a request go? For load tests.",
        [("Now", now()), ("Time", time()), ("Cost", cost()), ("Revocation", revocation()), ("Beside the requests", mended())],
        by_route=True,
    )


def now():
    return [
        number(
            "Requests",
            total(REQUESTS, ROUTE),
            unit="reqps", decimals=1,
            says="Requests a second.",
            bad="Nothing arrives: see whatever is before the gateway, and /readyz.",
        ),
        number(
            "Decision, middle",
            percentile(0.5, DECISION, ROUTE),
            unit="s", steps=look.low_is_good(warn=0.00025, bad=0.001), none="no requests",
            says="Half of all decisions take less: from the head of a request until it is admitted or refused, "
            "without the question to Redis.",
            bad="CPU is short, or tokens are rarely known: see the share of known tokens.",
        ),
        number(
            "Decision, slowest 1 %",
            percentile(0.99, DECISION, ROUTE),
            unit="s", steps=look.low_is_good(warn=0.001, bad=0.01), none="no requests",
            says="99 of 100 decisions take less than this.",
            bad="The threads that carry requests wait for CPU: see the page of capacity. A route whose issuer "
            "needs its keys fetched waits up to a second.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        number(
            "Request, slowest 1 %",
            percentile(0.99, DURATION, SERVED),
            unit="s", steps=look.low_is_good(warn=0.25, bad=0.5), none="no requests",
            says="99 of 100 whole requests that were answered 2xx or 3xx take less than this, with the upstream.",
            bad="Compare with the decision: if that is fast, it is the upstream or Redis.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        number(
            "CPU per request",
            CPU_PER_REQUEST,
            unit="s", none="too few requests",
            says="CPU time of the whole process for each request, of all routes, from 1,000 requests a second "
            "on: below that, what the gateway does beside requests is most of it. With password hashing, "
            "where somebody logs in.",
            bad="More than in the last load test: compare the share of known tokens, the algorithms and new "
            "TLS connections before looking at the program.",
        ),
        number(
            "Tokens known before",
            FROM_CACHE,
            unit="percentunit", steps=look.high_is_good(bad=0.5, warn=0.8), none="none of ours",
            says="Share of good tokens of ours that were verified before, so that no signature was checked "
            "again. Tokens of other issuers are verified each time.",
            bad="Clients take a new token for each request, or more tokens are in use than are remembered "
            "(262,144): see the entries on the page of capacity.",
        ),
    ]


def time():
    return [
        graph(
            "Requests by decision",
            [Line(total(DECISIONS, ROUTE, by="decision"), "{{decision}}")],
            unit="reqps", stacked=True, colours=look.DECISIONS,
            says="Throughput, by what was decided.",
            bad="error: see the overview. deny: see the page of abuse. In a load test neither should be there.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
        graph(
            "Decision",
            percentiles(DECISION, 0.5, 0.9, 0.99, 0.999),
            unit="s", steps=look.low_is_good(bad=0.01), scale=look.magnitudes,
            says="From the head of a request until it is admitted or refused, without the question to Redis. "
            "Buckets from 10 microseconds to a second.",
            bad="All percentiles rise: CPU. Only the highest: threads were not scheduled, or keys were "
            "fetched.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        graph(
            "Whole request",
            percentiles(DURATION, 0.5, 0.9, 0.99, 0.999, where=SERVED),
            unit="s", steps=look.low_is_good(bad=0.5), scale=look.magnitudes,
            says="From the head of a request to the end of its response, with the upstream. Streams are not in "
            "it.",
            bad="If the decision is fast, look at the page of upstreams.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
    ]


def cost():
    return [
        graph(
            "Verifications by issuer and algorithm",
            [Line(total(VERIFICATIONS, by="issuer, algorithm") + " > 0", "{{issuer}} {{algorithm}}")],
            unit="ops", width=6, none="no tokens",
            says="Tokens that were looked at, by whose they are and how they are signed; an invalid one has no "
            "algorithm.",
            bad="An algorithm that you do not expect: see the issuer's keys. RS256 costs less to verify than "
            "ES256; HS256 the least.",
        ),
        graph(
            "Tokens remembered as verified",
            [
                Line(f"max({of('gateway_token_cache_entries')})", "remembered"),
                Line(f"min({of('gateway_token_cache_entries_max')})", "at most", bound=True),
            ],
            unit="none", width=6, scale=look.magnitudes_from_zero,
            says="A remembered token costs no check of its signature. In the gateway with most of them.",
            bad="At the bound, tokens that were not used for longest are forgotten, and verified again when "
            "they come: the share of known tokens above says whether that is often.",
        ),
        graph(
            "CPU per request",
            [Line(CPU_PER_REQUEST, "CPU per request")],
            unit="s", width=6, none=TOO_FEW,
            says="CPU time of the whole process for each request, of all routes, from 1,000 requests a second on.",
            bad="It rises as load rises: contention. It rises at the same load: more signatures, more TLS "
            "handshakes, or logins.",
        ),
        graph(
            "Limiter decisions",
            [Line(total("gateway_rate_limit_decisions_total", by="policy, outcome") + " > 0", "{{policy}} {{outcome}}")],
            unit="ops", width=6, none="none was asked",
            says="How often limits were asked, and what they said.",
            bad="refused in a load test: the test has too few users for the limit, and measures refusals.",
            alerts=["GatewayLimitsHitUsers"],
        ),
    ]


def revocation():
    per_request = share(rate_of_sum(CHECK), total(REQUESTS))
    return [
        graph(
            "Revocation staleness",
            [Line(staleness(by="instance"), "{{instance}}")],
            unit="s", width=6, steps=look.low_is_good(bad=5),
            says="How long ago what is asked about revocation was last known to be whole, at most in the last "
            "minute. About 1 s while Redis answers; 0 without Redis.",
            bad="It rises by a second a second: Redis is gone. It jumps and falls: Redis or the network is "
            "slow.",
            alerts=["GatewayRevocationStale"],
        ),
        graph(
            "Question to Redis",
            [Line(percentile(q, CHECK), f"p{q * 100:g}") for q in (0.5, 0.99)],
            unit="s", width=6, steps=look.low_is_good(bad=0.01), none="no Redis: the view is in memory",
            scale=look.magnitudes,
            says="How long the question takes whether a token is still in force. Without Redis there is "
            "nothing to see.",
            bad="Redis or the network to it: `redis-cli --latency`, `SLOWLOG GET`. Each request waits this "
            "long.",
            alerts=["GatewayRevocationStale", "GatewayLatencyBudgetBurn"],
        ),
        graph(
            "Questions to Redis by result",
            [Line(total("gateway_revocation_checks_total", by="result"), "{{result}}")],
            unit="ops", width=6, none="no Redis: the view is in memory",
            colours={"in_force": look.GREEN, "revoked": look.YELLOW, "error": look.RED, "timeout": look.ORANGE},
            says="What Redis answered; what this gateway revoked itself is refused without a question. error and timeout mean that the request was refused with 503, or passed "
            "unchecked where `redis.fail` is open.",
            bad="error: Redis is down or was replaced. timeout: it is too slow.",
            alerts=["GatewayRevocationStale", "GatewayFailOpen"],
        ),
        graph(
            "Wait for Redis per request",
            [Line(per_request, "wait per request")],
            unit="s", width=6, none="no Redis: the view is in memory",
            says="All the time spent waiting for Redis, divided by all requests: what revocation costs. A mean "
            "on purpose, since it is a cost; the percentiles are in the same row.",
            bad="It rises with load: Redis is at its limit, or too few connections lead to it.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
    ]


def mended():
    return [
        graph(
            "Revocations written to Redis",
            [Line(total("gateway_revocation_publications_total", by="result"), "{{result}}")],
            unit="ops", width=6, colours={"ok": look.GREEN, "failed": look.RED},
            says="Logouts and changes of accounts that were written to the view of all gateways.",
            bad="failed: whoever logged out was told so (503), and it is caught up from the ledger as soon as "
            "Redis answers.",
            alerts=["GatewayRevocationStale"],
        ),
        graph(
            "Views lost and rebuilt",
            [
                Line(in_range("gateway_revocation_store_data_losses_total"), "lost"),
                Line(in_range("gateway_revocation_store_rebuilds_total"), "rebuilt"),
            ],
            unit="none", width=6, says="How often in the time shown Redis had lost its revocations, and how often they "
            "were written anew from the ledger. One of each at the first start is no loss.",
            bad="Redis was emptied, replaced or evicts keys: `maxmemory-policy` must be noeviction. Two "
            "installations may share a database number, see the log.",
            alerts=["GatewayRevocationStale"],
        ),
        graph(
            "Handshakes",
            [
                Line(total("gateway_tls_handshakes_total", by="version"), "TLS {{version}} a second"),
                Line(total("gateway_downstream_connections_total", by="protocol"), "{{protocol}} connections a second"),
            ],
            unit="none", width=6, says="New connections and TLS handshakes: each costs more than many requests on one that is there.",
            bad="As many as requests: clients do not keep their connections open. In a load test, that is what "
            "is measured then.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        graph(
            "TLS handshake, percentiles",
            [Line(percentile(q, "gateway_tls_handshake_duration_seconds"), f"p{q * 100:g}") for q in (0.5, 0.99)],
            unit="s", width=6, none="no TLS", scale=look.magnitudes,
            says="How long a handshake takes, with the way of the client's messages.",
            bad="It rises with the load: CPU is short. It is long for few: they are far away.",
        ),
    ]


def percentiles(histogram, *shares, where=ROUTE):
    return [Line(percentile(q, histogram, where), f"p{q * 100:g}") for q in shares]


def rate_of_sum(histogram):
    return total(f"{histogram}_sum")
