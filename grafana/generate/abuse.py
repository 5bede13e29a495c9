"""Who is attacked and how, do the limits hold, and do they hit real users?"""

import look
from ask import FAILED_LOGINS, HERE, ROUTE, in_five_minutes, in_range, share, total
from frame import ABUSE, dashboard
from panels import Line, bars, graph, number

DECISIONS = "gateway_auth_decisions_total"
LOGINS = "gateway_login_attempts_total"
LIMITS = "gateway_rate_limit_decisions_total"
VERIFICATIONS = "gateway_token_verifications_total"


def page():
    return dashboard(
        ABUSE,
        "Who is attacked, and how? Do the limits hold, and do they hit real users?",
        [("Now", now()), ("Who is attacked, and how", attacks()), ("Accounts and tokens", accounts()),
         ("Limits", limits()), ("What was let through, and what happened", trail())],
        by_route=True,
    )


def now():
    # What increased is not a whole number: "one" begins at a half.
    return [
        number(
            "Requests refused",
            share(total(DECISIONS, ROUTE, 'decision="deny"'), total(DECISIONS, ROUTE)),
            unit="percentunit", steps=look.low_is_good(warn=0.25, bad=0.5), none="no requests",
            says="Share of requests that the gateway refused for a reason that lies with the client.",
            bad="The graph of reasons says what kind it is. Right after a release of a client it may be the "
            "client.",
        ),
        number(
            "Failed logins in 5 min",
            FAILED_LOGINS,
            unit="none", decimals=0, steps=look.low_is_good(warn=25, bad=50),
            says="Logins with a wrong password, or to no account. The alert also asks whether they are more "
            "than those that succeed.",
            bad="Many from few addresses: the limits will hold them. Many from many addresses: the limit of "
            "the account holds; think of a block in front.",
            alerts=["GatewayCredentialStuffing"],
        ),
        number(
            "Refresh tokens reused",
            in_range("gateway_refreshes_total", HERE, 'result="reused"'),
            unit="none", decimals=0, steps=look.low_is_good(bad=0.5),
            says="Replaced refresh tokens that came again, in the time shown. The session was closed each "
            "time.",
            bad="A stolen token, or a client that forgets to store the new one. The log has the user (event "
            "refresh_reused).",
            alerts=["GatewayRefreshReuse"],
        ),
        number(
            "Users limited",
            share(
                total(LIMITS, HERE, 'policy="user"', 'outcome="refused"'),
                total(LIMITS, HERE, 'policy="user"'),
            ),
            unit="percentunit", steps=look.low_is_good(warn=0.05, bad=0.1), none="none asked",
            says="Share of requests with a good token that the limit of their user refused: real users.",
            bad="See in the log (outcome rate_limited) whether it is one user in a loop or many. Many: raise "
            "limits.user, or user_limit of the route.",
            alerts=["GatewayLimitsHitUsers"],
        ),
        number(
            "Passed unchecked",
            in_range("gateway_revocation_fail_open_total"),
            unit="none", decimals=0, steps=look.low_is_good(bad=0.5),
            says="Requests in the time shown that passed without a question about revocation, since the store "
            "could not be asked and `redis.fail` is open.",
            bad="A revoked token may have been among them. Bring Redis back; think again about `redis.fail`.",
            alerts=["GatewayFailOpen"],
        ),
        number(
            "Invalid tokens in 5 min",
            in_five_minutes(VERIFICATIONS, 'result="invalid"'),
            unit="none", decimals=0, steps=look.low_is_good(warn=50, bad=100),
            says="Tokens that nobody issued, or that were changed.",
            bad="Somebody forges tokens, or a key was taken away too early: if they name an issuer that is "
            "known, see below, look at its keys first.",
            alerts=["GatewayTokenProbing"],
        ),
    ]


def attacks():
    return [
        graph(
            "Refusals by reason",
            [Line(total(DECISIONS, ROUTE, 'decision="deny"', by="reason") + " > 0", "{{reason}}")],
            unit="reqps", width=12, stacked=True, none="nothing is refused",
            says="What was refused, by the code that the client and the log got as well.",
            bad="docs/errors.md explains each code. token_invalid: forged or foreign tokens. "
            "invalid_credentials: passwords are tried. rate_limited: a limit works, see below which. "
            "not_found: somebody scans.",
            alerts=["GatewayTokenProbing", "GatewayCredentialStuffing"],
        ),
        graph(
            "Refusals by route",
            [Line(total(DECISIONS, ROUTE, 'decision="deny"', by="route") + " > 0", "{{route}}")],
            unit="reqps", width=12, stacked=True, none="nothing is refused",
            says="Which route is aimed at. `gateway` is our own /api/auth, `none` is what matched no route.",
            bad="If it is one route, tell its owner; a lower limit for this route can be set in its "
            "configuration.",
        ),
    ]


def accounts():
    return [
        graph(
            "Logins by result",
            [Line(total(LOGINS, by="result") + " > 0", "{{result}}")],
            unit="ops", width=12, none="nobody logs in",
            says="Logins a second, by what came of them.",
            bad="invalid_credentials rises and ok does not: passwords are tried. hashing_overloaded: so many "
            "that real users cannot log in.",
            alerts=["GatewayCredentialStuffing", "GatewayHashingSaturated"],
        ),
        graph(
            "Tokens refused, by issuer",
            [Line(total(VERIFICATIONS, HERE, 'result=~"invalid|expired"', by="issuer, result"), "{{issuer}}: {{result}}")],
            unit="ops", width=12,
            says="Tokens that were not good, by whom they name as their issuer. `none` is nobody's.",
            bad="`none: invalid`: forgeries. A known issuer and invalid: its keys have changed, or ours were "
            "rotated too early. expired: a client that does not refresh, or a clock that is off.",
            alerts=["GatewayTokenProbing", "GatewayIssuerKeysStale", "GatewayClockOff"],
        ),
        graph(
            "Registrations by result",
            [Line(total("gateway_registrations_total", by="result") + " > 0", "{{result}}")],
            unit="ops", width=12, none="nobody registers",
            says="New accounts a second, and what was refused: by ok or by the code of the refusal.",
            bad="Many ok from few addresses: somebody makes accounts in number, see register_address below. "
            "validation_failed: somebody asks which addresses have an account.",
            alerts=["GatewayHashingSaturated"],
        ),
        graph(
            "Refreshes by result",
            [Line(total("gateway_refreshes_total", by="result") + " > 0", "{{result}}")],
            unit="ops", width=12, none="nobody refreshes",
            colours={"rotated": look.GREEN, "kept": look.BLUE, "reused": look.RED},
            says="rotated: a new refresh token was given. kept: the same one stays. reused: a replaced one "
            "came again, and the session is closed. All else is the code of a refusal.",
            bad="Any reused: see the alert. Many refresh_token_invalid: sessions were closed, or somebody "
            "guesses.",
            alerts=["GatewayRefreshReuse"],
        ),
    ]


def limits():
    return [
        graph(
            "Limits by policy",
            [Line(total(LIMITS, HERE, 'outcome="refused"', by="policy"), "{{policy}}")],
            unit="reqps", width=12,
            says="What limits refused. `user` and `address` are those of requests to routes; the others are "
            "those of logins, registrations, refreshes and failed authentications.",
            bad="login-…, failed-authentication-address: an attack that is held. user: real users, see next to "
            "it.",
            alerts=["GatewayLimitsHitUsers", "GatewayCredentialStuffing"],
        ),
        bars(
            "Share refused, by policy",
            [
                Line(
                    share(
                        total(LIMITS, HERE, 'outcome="refused"', by="policy"),
                        total(LIMITS, HERE, by="policy"),
                    ),
                    "{{policy}}",
                )
            ],
            unit="percentunit", most=1, steps=look.low_is_good(warn=0.05, bad=0.1),
            says="Of all that a limit was asked about, the share that it refused.",
            bad="For user: real users are hit, raise it or find the one in a loop. For the others a large "
            "share means that little else comes than the attack.",
            alerts=["GatewayLimitsHitUsers"],
        ),
    ]


def trail():
    return [
        graph(
            "Security events",
            [Line(total("gateway_security_events_total", by="event") + " > 0", "{{event}}")],
            unit="ops", none="nothing happened",
            says="What happened to accounts, as the log has it line by line under the same word.",
            bad="Search the log for lines with target security and this event: they have client and user_id; "
            "`gateway audit list` has the e-mail addresses. "
            "account_changed without a known reason is worth a call.",
            alerts=["GatewayCredentialStuffing", "GatewayRefreshReuse"],
        ),
        graph(
            "Connections refused",
            [Line(total("gateway_downstream_connections_refused_total", by="reason"), "{{reason}}")],
            unit="ops",
            says="Connections that ended before a request was read: no other graph counts them. too_many: the "
            "bound of connections. The rest could not agree on TLS or the protocol.",
            bad="too_many: a flood, or a bound that is too low. tls_handshake: a scanner, or clients that "
            "cannot speak what is asked of them. proxy_protocol: somebody goes past the load balancer.",
            alerts=["GatewayConnectionsNearMax"],
        ),
        graph(
            "Would have been refused (shadow)",
            [Line(total("gateway_shadow_refusals_total", ROUTE, by="route, reason") + " > 0", "{{route}}: {{reason}}")],
            unit="reqps", none="no route is in shadow, or nothing would be refused",
            says="Requests that a route in shadow let through and would have refused.",
            bad="Not bad in itself: with the shadow taken away, this is what users would notice. Look at each "
            "reason before that.",
        ),
    ]
