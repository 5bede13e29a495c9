"""How the services behind the gateway are: up, fast, and answering?"""

import look
from ask import HERE, UNANSWERED, UPSTREAM, of, percentile, share, state, total
from frame import UPSTREAMS, dashboard
from panels import Line, graph, number, states

HEALTHY = "gateway_upstream_server_healthy"
RESPONSES = "gateway_upstream_responses_total"
DECISIONS = "gateway_auth_decisions_total"
CONNECT = "gateway_upstream_connect_duration_seconds"
FIRST_BYTE = "gateway_upstream_first_byte_duration_seconds"
SERVER = "{{upstream}} {{server}}"


def page():
    return dashboard(
        UPSTREAMS,
        "Which service behind the gateway is out, slow or failing?",
        [("Now", now()), ("Servers", servers()), ("Answers", answers()), ("Time and load", load())],
        by_upstream=True,
    )


def now():
    return [
        number(
            "Servers out",
            f"sum(min by (upstream, server) ({of(HEALTHY, UPSTREAM)}) == bool 0)",
            unit="none", steps=look.low_is_good(bad=1),
            says="Servers that at least one gateway does not use: they fail their health checks, or were "
            "ejected.",
            bad="The first graph names them. Ask the server's health path yourself, from the gateway's "
            "machine.",
            alerts=["GatewayUpstreamServerOut"],
        ),
        number(
            "Requests not answered",
            total(DECISIONS, HERE, UNANSWERED),
            unit="reqps", decimals=2, steps=look.low_is_good(warn=0.01, bad=1),
            says="Requests a second to which no server gave an answer: none was left, or none answered. Of all "
            "upstreams, whichever are chosen.",
            bad="The graph of them says why, and on which route. no_healthy_upstream: see which servers are "
            "out.",
            alerts=["GatewayUpstreamServerOut", "GatewayErrorBudgetBurn"],
        ),
        number(
            "Answers 5xx",
            share(total(RESPONSES, UPSTREAM, 'status_class="5xx"'), total(RESPONSES, UPSTREAM)),
            unit="percentunit", steps=look.low_is_good(warn=0.001, bad=0.01), none="no answers",
            says="Share of what upstreams answered that was 5xx.",
            bad="The upstream's own fault: its log, its database. The request id is in its log and in ours.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
        number(
            "Failed attempts",
            total("gateway_upstream_server_failures_total", UPSTREAM),
            unit="ops", decimals=2, steps=look.low_is_good(warn=0.1, bad=1),
            says="Attempts a second that got no good answer: not reached, broken off, or too late.",
            bad="See which server below. All of one upstream: the service or the network. One server: take it "
            "out.",
            alerts=["GatewayUpstreamServerOut"],
        ),
        number(
            "First byte, slowest 1 %",
            percentile(0.99, FIRST_BYTE, UPSTREAM),
            unit="s", steps=look.low_is_good(warn=0.25, bad=0.5), none="no answers",
            says="99 of 100 answers begin within this time, counted from the connection.",
            bad="The service is slow. Compare with its own figures; see whether the requests that run there "
            "pile up.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        number(
            "Connect, slowest 1 %",
            percentile(0.99, CONNECT, UPSTREAM),
            unit="s", steps=look.low_is_good(warn=0.1, bad=1), none="no new ones",
            says="99 of 100 new connections are there within this time. Connections that are used again are "
            "not in it.",
            bad="The network, or a server whose queue of connections is full. One second is a lost first "
            "packet.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
    ]


def servers():
    return [
        states(
            "Servers in use",
            [Line(state(of(HEALTHY, UPSTREAM) + " > bool 0", by="upstream, server"), SERVER)],
            width=16,
            says="up: in use by all gateways. partly: by some. down: by none, as it fails its health checks or "
            "was ejected.",
            bad="Down in all gateways: the server. Partly: the network between one gateway and the server.",
            alerts=["GatewayUpstreamServerOut"],
        ),
        graph(
            "Ejections and retries",
            [
                Line(total("gateway_upstream_server_ejections_total", UPSTREAM, by="upstream, server"), f"{SERVER} ejected"),
                Line(total("gateway_upstream_retries_total", UPSTREAM, by="upstream"), "{{upstream}} retried"),
            ],
            unit="ops",
            says="How often a server was left out after failures in a row, and a request tried again "
            "elsewhere. One that fails its health checks is not ejected: see the states beside.",
            bad="A server that comes and goes: it is overloaded, or dies and is started again. Retries hide "
            "failures from users, and add load.",
            alerts=["GatewayUpstreamServerOut"],
        ),
    ]


def answers():
    return [
        graph(
            "Requests not answered, by route",
            [Line(total(DECISIONS, HERE, UNANSWERED, by="route, reason") + " > 0", "{{route}}: {{reason}}")],
            unit="reqps", width=12, stacked=True, none="each was answered",
            says="Requests to which no server gave an answer. Of all upstreams, whichever are chosen: the route "
            "says which it was.",
            bad="no_healthy_upstream: all servers are out. upstream_unreachable: they refuse connections or break "
            "them. upstream_malformed: what they answer is no HTTP. upstream_timeout: they are too slow. "
            "upstream_full: connections_max is too low, or they hang.",
            alerts=["GatewayUpstreamServerOut", "GatewayErrorBudgetBurn"],
        ),
        graph(
            "Answers by class",
            [Line(total(RESPONSES, UPSTREAM, by="status_class"), "{{status_class}}")],
            unit="reqps", width=12, stacked=True, colours=look.CLASSES,
            says="What upstreams answered. Answers of the gateway itself are not in it.",
            bad="5xx are the upstream's own. Fewer answers than requests: see those that were not answered.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
        graph(
            "Answers 5xx by server",
            [Line(total(RESPONSES, UPSTREAM, 'status_class="5xx"', by="upstream, server"), SERVER)],
            unit="reqps", width=12,
            says="Which server answers 5xx.",
            bad="One of several: take it out. All: the service, or what it depends on.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
        graph(
            "Failed attempts by server",
            [Line(total("gateway_upstream_server_failures_total", UPSTREAM, by="upstream, server"), SERVER)],
            unit="ops", width=12,
            says="Attempts that got no good answer: not reached, broken off, or too late.",
            bad="The log has the cause under outcome upstream_unreachable or upstream_timeout.",
            alerts=["GatewayUpstreamServerOut", "GatewayErrorBudgetBurn"],
        ),
    ]


def load():
    return [
        graph(
            "Time to first byte",
            percentiles(FIRST_BYTE),
            unit="s", steps=look.low_is_good(bad=0.5), scale=look.magnitudes,
            says="From a connection to the head of the answer: the middle one, and the slowest 1 %.",
            bad="Only the slowest 1 %: some requests are heavy, or one server is slow. Both: the service is "
            "overloaded.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        graph(
            "Time to connect",
            percentiles(CONNECT),
            unit="s", steps=look.low_is_good(bad=1), scale=look.magnitudes,
            says="How long new connections take, with TLS where it is spoken.",
            bad="The network, or a full queue of connections at the server.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        graph(
            "Requests that run, by server",
            [Line(f"sum by (upstream, server) ({of('gateway_upstream_server_requests_running', UPSTREAM)})", SERVER)],
            unit="none",
            says="Requests that wait for this server or are answered by it at the moment.",
            bad="A number that only rises: the server does not keep up, or hangs. One server with many more "
            "than the others: it is slower.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        graph(
            "Connections, by server",
            [Line(f"sum by (upstream, server) ({of('gateway_upstream_server_connections', UPSTREAM)})", SERVER)],
            unit="none",
            says="Open connections to each server, those that wait for a request among them.",
            bad="Near connections_max of the upstream: further requests are refused as upstream_full. Many more than "
            "requests that run, and new ones all the time: the server does not keep them.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
        graph(
            "Connections that could not be used again",
            [
                Line(total("gateway_upstream_unclean_connections_total", UPSTREAM, by="upstream, reason"), "{{upstream}} {{reason}}"),
                Line(total("gateway_upstream_server_large_head_breaks_total", UPSTREAM, by="upstream, server"), f"{SERVER} large head"),
            ],
            unit="ops",
            says="Closed after one request, since an end was not where it should be, or the server closed on a head "
            "over 4 KiB.",
            bad="unasked_bytes or malformed_answer: the service breaks HTTP/1.1; see its log. unfinished_answer in great "
            "number: clients leave, or the service breaks off. Large heads: raise what the server takes.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
    ]


def percentiles(histogram):
    return [
        Line(percentile(0.5, histogram, UPSTREAM, by="upstream"), "{{upstream}} p50"),
        Line(percentile(0.99, histogram, UPSTREAM, by="upstream"), "{{upstream}} p99"),
    ]
