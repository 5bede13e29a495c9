"""The first page: is it healthy, is it us or the upstream, and does anything call for attention?"""

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

import look
from ask import (
    ALERTS, CALLING, FAILED_LOGINS, HERE, OURS, RESOURCES, ROUTE, SERVED, UNANSWERED, of, percentile, share, staleness,
    state, total,
)
from frame import ABUSE, CAPACITY, OVERVIEW, UPSTREAMS, VERIFY_PATH, dashboard
from panels import Line, graph, listing, number, states

REQUESTS = "gateway_http_requests_total"
DURATION = "gateway_http_request_duration_seconds"
DECISIONS = "gateway_auth_decisions_total"
LIMITS = "gateway_rate_limit_decisions_total"


def page():
    return dashboard(
        OVERVIEW,
        "Is it healthy? Is it us or the upstream? How fast is the error budget spent? What alerts fire?",
        [("Now", now()), ("Is it us or the upstream?", cause()), ("Objectives", objectives()), ("Alerts", alerts())],
        by_route=True,
    )


def now():
    return [
        number(
            "Instances up",
            state(f"({of('up')} {OURS})"),
            unit="none", width=6, height=3, steps=look.plain(),
            mapping=look.words({0: ("none", look.RED), 1: ("some", look.YELLOW), 2: ("all", look.GREEN)}),
            says="Whether Prometheus can scrape all gateways that it could within the last day.",
            bad="See whether the process runs and whether its operations listener answers /readyz.",
            alerts=["GatewayDown"],
        ),
        number(
            "Alerts firing",
            f'count(ALERTS{{alertstate="firing", {CALLING}}}) or 0 * max(gateway:availability:objective)',
            unit="none", width=6, height=3, steps=look.low_is_good(bad=1), none="rules not loaded",
            says="Alerts of this gateway that fire and call somebody: pages and tickets. Without the rules in "
            "prometheus/ it says so, and not 0.",
            bad="The table below names them. Begin with a cause (revocation, upstream, hashing), not with its "
            "symptom (the error budget).",
        ),
        number(
            "Failing requests",
            share(total(REQUESTS, ROUTE, 'status_class="5xx"'), total(REQUESTS, ROUTE)),
            unit="percentunit", width=6, height=3, steps=look.low_is_good(warn=0.001, bad=0.01), none="no requests",
            leads_to=UPSTREAMS,
            says="Share of requests that were answered 5xx, whoever caused it. Yellow from the objective (0.1 "
            "%) on.",
            bad="The row below says whose fault it is.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
        number(
            "Slowest 1 %",
            percentile(0.99, DURATION, SERVED),
            unit="s", width=6, height=3, steps=look.low_is_good(warn=0.25, bad=0.5), none="no requests",
            leads_to=VERIFY_PATH,
            says="99 of 100 requests that were answered 2xx or 3xx are faster than this. Streams are not in it. Red from the objective (0.5 "
            "s) on.",
            bad="The row below shows whether the time is spent behind the gateway or in it.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        number(
            "Failed logins in 5 min",
            FAILED_LOGINS,
            unit="none", width=6, height=3, decimals=0, steps=look.low_is_good(warn=25, bad=50),
            leads_to=ABUSE,
            says="Logins with a wrong password, or to no account. The alert also asks whether they are more "
            "than those that succeed.",
            bad="Somebody tries passwords: the page of abuse shows how many, and whether the limits hold.",
            alerts=["GatewayCredentialStuffing"],
        ),
        number(
            "Users limited",
            share(
                total(LIMITS, HERE, 'policy="user"', 'outcome="refused"'),
                total(LIMITS, HERE, 'policy="user"'),
            ),
            unit="percentunit", width=6, height=3, steps=look.low_is_good(warn=0.05, bad=0.1), none="none asked",
            leads_to=ABUSE,
            says="Share of requests with a good token that the limit of their user refused: these are real "
            "users.",
            bad="One user in a loop, or a limit that is too low. Look at who in the log (outcome rate_limited) "
            "before raising it.",
            alerts=["GatewayLimitsHitUsers"],
        ),
        number(
            "Revocation staleness",
            staleness(),
            unit="s", width=6, height=3, steps=look.low_is_good(warn=2, bad=5),
            leads_to=VERIFY_PATH,
            says="How long ago what is asked about revocation was last known to be whole, at most in the last "
            "minute. About 1 s while Redis answers; 0 without Redis.",
            bad="Requests are refused with revocation_unavailable, or pass unchecked where `redis.fail` is "
            "open. Bring Redis back.",
            alerts=["GatewayRevocationStale"],
        ),
        number(
            "Fullest resource",
            "max(" + " or ".join(named_resources()) + ")",
            unit="percentunit", width=6, height=3, steps=look.low_is_good(warn=0.8, bad=0.95),
            leads_to=CAPACITY,
            says="The fullest of what a gateway can run out of: " + ", ".join(RESOURCES).lower()
            + ". In the fullest gateway.",
            bad="The page of capacity says which it is.",
            alerts=["GatewayConnectionsNearMax", "GatewayFilesNearMax", "GatewayLimiterKeysNearMax",
                    "GatewayHashingSaturated", "GatewayLogQueueBehind"],
        ),
    ]


def named_resources():
    # Each gets a label of its own, since `or` leaves out what has the same labels.
    return [f'label_replace({expr}, "resource", "{name}", "", "")' for name, expr in RESOURCES.items()]


def cause():
    # What is no one else's is ours, also a code that comes later. Who goes away is no failure.
    others = "upstream_.+|no_healthy_upstream|revocation_unavailable|issuer_unavailable"
    gateway = f'decision="error", reason!~"{others}|abandoned"'
    lines = {
        "upstream answered 5xx": total("gateway_upstream_responses_total", HERE, 'status_class="5xx"'),
        "upstream gave no answer": total(DECISIONS, ROUTE, UNANSWERED),
        "revocation store": total(DECISIONS, ROUTE, 'reason="revocation_unavailable"'),
        "another issuer": total(DECISIONS, ROUTE, 'reason="issuer_unavailable"'),
        "gateway": total(DECISIONS, ROUTE, gateway),
    }
    return [
        graph(
            "Failures by who caused them",
            [Line(expr, name) for name, expr in lines.items()],
            unit="reqps", stacked=True,
            colours={
                "upstream answered 5xx": look.ORANGE, "upstream gave no answer": look.YELLOW,
                "revocation store": look.BLUE, "another issuer": "purple", "gateway": look.RED,
            },
            says="Requests that failed, by where it went wrong. What upstreams answered themselves is not told "
            "apart by route.",
            bad="Upstream: go to the page of upstreams. Revocation store: Redis. Another issuer: its JWKS "
            "address. Gateway: the log, outcome internal_error, store_unavailable or hashing_overloaded.",
            alerts=["GatewayErrorBudgetBurn", "GatewayUpstreamServerOut", "GatewayRevocationStale",
                    "GatewayStoreDown", "GatewayHashingSaturated"],
        ),
        graph(
            "Where the slowest 1 % spend their time",
            [
                Line(percentile(0.99, DURATION, SERVED), "whole request"),
                Line(percentile(0.99, "gateway_upstream_first_byte_duration_seconds", ROUTE), "upstream, first byte"),
                Line(percentile(0.99, "gateway_decision_duration_seconds", ROUTE), "decision of the gateway"),
                Line(percentile(0.99, "gateway_revocation_check_duration_seconds"), "question to Redis"),
            ],
            unit="s", steps=look.low_is_good(bad=0.5), scale=look.magnitudes,
            says="The 99th percentile of the whole request and of its parts. The parts do not add up: each is "
            "the percentile of its own.",
            bad="If the upstream's line follows the whole request, it is the upstream. If the gateway's does, "
            "see CPU on the page of capacity. If that of Redis does, it is Redis or the network to it.",
            alerts=["GatewayLatencyBudgetBurn"],
        ),
        states(
            "What the gateway depends on",
            [
                Line(state(of("gateway_store_up")), "account store"),
                Line(state(of("gateway_revocation_store_up")), "revocation store"),
                Line(
                    state(of("gateway_upstream_server_healthy") + " > bool 0", by="upstream"),
                    "upstream {{upstream}}",
                ),
                Line(state(of("gateway_issuer_keys") + " > bool 0", by="issuer"), "keys of {{issuer}}"),
            ],
            width=8,
            says="Whether it can be used, in all gateways that are chosen. An upstream is partly up while some "
            "of its servers are out.",
            bad="`/readyz` of the operations listener names each, and says what is wrong with it.",
            alerts=["GatewayUpstreamServerOut", "GatewayRevocationStale", "GatewayStoreDown",
                    "GatewayIssuerKeysStale"],
        ),
    ]


def objectives():
    return [
        graph(
            "Answers by class",
            [Line(total(REQUESTS, ROUTE, by="status_class"), "{{status_class}}")],
            unit="reqps", width=8, stacked=True, colours=look.CLASSES,
            says="Requests a second by the class of their answer.",
            bad="5xx: the row above. Many 4xx: the page of abuse. Nothing at all: whatever is before the "
            "gateway.",
            alerts=["GatewayErrorBudgetBurn"],
        ),
        burn(
            "Error budget burn",
            "job:gateway_request_failures_per_requests:ratio_rate", "gateway:availability:objective",
            "an answer 5xx is a failure, whoever caused it",
            "GatewayErrorBudgetBurn",
        ),
        burn(
            "Latency budget burn",
            "job:gateway_slow_requests_per_requests:ratio_rate", "gateway:latency:objective",
            "a request to a configured route that takes over 0.5 s is slow",
            "GatewayLatencyBudgetBurn",
        ),
    ]


def burn(title, ratio, objective, what, alert):
    def speed(window):
        worst = f'max({ratio}{window}{{job=~"$job"}})'
        return Line(f"{worst} / (1 - max({objective}))", f"over {window}")

    return graph(
        title,
        [speed(window) for window in ("5m", "1h", "6h", "3d")],
        unit="none", width=8, steps=look.low_is_good(warn=1, bad=14.4), none="rules not loaded, or no requests",
        says=f"How fast the budget of 30 days is spent ({what}), in the worst job. At 1 it lasts just as long; "
        "at 14.4 a fiftieth of it goes in an hour. It needs the rules in prometheus/.",
        bad="Over 14.4 in the windows of 5 minutes and an hour: act now. Over 6 in six hours: today. Over 1 in "
        "three days: soon. The row above says where to look.",
        alerts=[alert],
    )


def alerts():
    since = "ALERTS_FOR_STATE * 1000"
    hidden = {"Time": True, "__name__": True}
    # What an alert is about; most have but some of these, and an empty cell is not an empty table.
    about = ["job", "instance", "upstream", "server", "window", "certificate", "issuer", "policy"]
    order = ["alertname", "alertstate", "Value", "severity", *about]
    table = (
        listing(
            "Alerts, pending and firing",
            [Line(f"ALERTS{{{ALERTS}}} * ignoring (alertstate) group_left () ({since})")],
            height=7, none="no alert, or the rules are not loaded",
            changes=[
                DataTransformerConfig(
                    id_val="organize",
                    options={
                        "excludeByName": hidden,
                        "indexByName": {name: index for index, name in enumerate(order)},
                        "renameByName": {"alertname": "alert", "alertstate": "state", "Value": "since"},
                    },
                )
            ],
            says="Each alert, since when, and what it is about. One of another gateway than those chosen above "
            "is not shown.",
            bad="Its page in ${runbooks} says what to do, in the order in which one would act.",
        )
        .override_by_name("since", [look.setting("unit", "dateTimeFromNow")])
        .override_by_name("state", coloured({"firing": ("firing", look.RED), "pending": ("pending", look.YELLOW)}))
        .override_by_name("severity", coloured({"page": ("page", look.RED), "ticket": ("ticket", look.YELLOW)}))
    )
    for label in about:
        table = table.override_by_name(label, [look.setting("noValue", "")])
    return [table]


def coloured(meanings):
    return [
        look.setting("mappings", [look.words(meanings)]),
        look.setting("custom.cellOptions", {"type": "color-text"}),
    ]
