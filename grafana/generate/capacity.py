"""Will we run out of anything: CPU, memory, connections, disk, keys, certificates?"""

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

import look
from ask import HERE, OURS, RESOURCES, of, percentile, rate, staleness, total
from frame import CAPACITY, dashboard
from panels import Line, bars, graph, listing, number

DAY = 24 * 3600


def page():
    return dashboard(
        CAPACITY,
        "Will we run out of anything, and is anything getting too old?",
        [("Now", now()), ("What is full first", fullest()), ("The machine", machine()), ("In the gateway", inside())],
    )


def now():
    expiry = of("gateway_certificate_expiry_timestamp_seconds")
    clock = "gateway_clock_timestamp_seconds"
    return [
        number(
            "Disk",
            f"min({of('gateway_store_disk_free_bytes')} / ({of('gateway_store_disk_free_min_bytes')} > 0))",
            unit="suffix:× the minimum", steps=look.high_is_good(bad=2, warn=10), decimals=1,
            says="Free space on the disk of the data folder, as a multiple of what must be free so that "
            "anything is written.",
            bad="Below 1, logins, logouts and registrations get 503 store_unavailable. Make room, or move the "
            "data folder.",
            alerts=["GatewayDiskLow"],
        ),
        number(
            "Revocation staleness",
            staleness(),
            unit="s", steps=look.low_is_good(warn=2, bad=5),
            says="How long ago what is asked about revocation was last known to be whole, at most in the last minute. 0 "
            "without Redis.",
            bad="Bring Redis back. Until then requests are refused, or pass unchecked where `redis.fail` is "
            "open.",
            alerts=["GatewayRevocationStale"],
        ),
        number(
            "Keys of issuers",
            f"max({of('gateway_issuer_keys_age_seconds')})",
            unit="s", steps=look.low_is_good(warn=1800, bad=DAY / 2), none="no other issuer",
            says="Since when the keys of another issuer were not fetched anew, of the one where it is longest.",
            bad="Its tokens are good as long as it keeps its keys. Ask its JWKS address from the gateway's "
            "machine.",
            alerts=["GatewayIssuerKeysStale"],
        ),
        number(
            "Clock",
            f"max(abs({of(clock)} - timestamp({of(clock)})))",
            unit="s", decimals=1, steps=look.low_is_good(warn=5, bad=30),
            says="How far the gateway's clock is from that of Prometheus. Up to the time of a scrape is no "
            "difference.",
            bad="Tokens are refused as expired or as not yet good. See chrony or systemd-timesyncd on both "
            "machines.",
            alerts=["GatewayClockOff"],
        ),
        number(
            "Configuration",
            f"min({of('gateway_config_last_reload_successful')})",
            unit="none", steps=look.high_is_good(bad=1),
            mapping=look.words({0: ("reload refused", look.RED), 1: ("as written", look.GREEN)}),
            says="Whether the last reload was taken over. If it was refused, the gateway goes on with the one "
            "before, and does not start with the new one.",
            bad="`gateway check --config FILE` says what is wrong and where.",
            alerts=["GatewayConfigReloadRefused"],
        ),
        bars(
            "Certificates",
            [Line(f"min by (certificate) ({expiry} - time()) / {DAY}", "{{certificate}}")],
            unit="suffix: days", width=4, height=4, decimals=0, steps=look.high_is_good(bad=2, warn=14), most=90,
            says="Until each certificate ends. The bar is full from 90 days on.",
            bad="Renew it, put the files in place and reload: no connection breaks (docs/guides/https.md).",
            alerts=["GatewayCertificateExpiring"],
        ),
    ]


def fullest():
    return [
        bars(
            "In use, of the most there may be",
            [Line(expr, name) for name, expr in RESOURCES.items()],
            unit="percentunit", most=1, decimals=0, steps=look.low_is_good(warn=0.8, bad=0.95),
            says="Each in the gateway where it is fullest. CPU and the threads that hash are used fully under "
            "load, and then others wait; the others refuse or drop what is too much.",
            bad="Raise what can be raised in the configuration (connections, keys, queues), the limit of files "
            "where the service is started; for CPU add processors or a second gateway.",
            alerts=["GatewayConnectionsNearMax", "GatewayFilesNearMax", "GatewayLimiterKeysNearMax",
                    "GatewayHashingSaturated", "GatewayLogQueueBehind"],
        ),
        listing(
            "Gateways",
            [
                Line(f"max by (job, instance, version) ({of('gateway_build_info')})"),
                Line(f"max by (job, instance) ((time() - {of('process_start_time_seconds')}) {OURS})"),
                Line(f"max by (job, instance) ({of('gateway_cpus')})"),
                Line(f"max by (job, instance) ({of('gateway_worker_threads')})"),
                Line(f"max by (job, instance) ({of('gateway_config_last_reload_successful')})"),
                Line(f"max by (job, instance) ({of('gateway_config_last_reload_success_timestamp_seconds')} * 1000 > 0)"),
            ],
            width=12, none="no gateway answers",
            changes=[
                DataTransformerConfig(id_val="merge", options={}),
                DataTransformerConfig(
                    id_val="organize",
                    options={
                        "excludeByName": {"Time": True, "Value #A": True},
                        "indexByName": {},
                        "renameByName": {
                            "Value #B": "runs for", "Value #C": "processors", "Value #D": "threads",
                            "Value #E": "configuration", "Value #F": "reloaded",
                        },
                    },
                ),
            ],
            says="Each gateway, its version, how long it runs, what it has, and when it took over its "
            "configuration (none: at its start).",
            bad="Different versions after a roll-out: one was forgotten. A short time: it was started again, "
            "see its log.",
            alerts=["GatewayDown", "GatewayConfigReloadRefused"],
        )
        .override_by_name("runs for", [look.setting("unit", "s")])
        .override_by_name("reloaded", [look.setting("unit", "dateTimeFromNow")])
        .override_by_name(
            "configuration",
            [
                look.setting("mappings", [look.words({0: ("reload refused", look.RED), 1: ("as written", look.GREEN)})]),
                look.setting("custom.cellOptions", {"type": "color-text"}),
            ],
        ),
    ]


def machine():
    return [
        graph(
            "CPU",
            [
                Line(f"{rate('process_cpu_seconds_total')} {OURS}", "{{instance}}"),
                Line(f"min({of('gateway_cpus')})", "processors", bound=True),
            ],
            unit="none",
            says="Processors in use, and how many may be used.",
            bad="Near the bound everything waits. Logins cost most: see the hashing beside. Else add "
            "processors or a second gateway.",
            alerts=["GatewayLatencyBudgetBurn", "GatewayHashingSaturated"],
        ),
        graph(
            "Memory",
            [
                Line(f"{of('process_resident_memory_bytes')} {OURS}", "{{instance}}"),
                Line(f"min({of('gateway_memory_max_bytes')})", "at most", bound=True),
            ],
            unit="bytes", scale=look.sizes,
            says="Memory that the process really holds.",
            bad="At the bound the kernel ends the process. Hashing takes password.memory_kib for "
            "each thread; keys and entries are below; each connection takes its buffers.",
        ),
        graph(
            "Disk and store",
            [
                Line(f"min({of('gateway_store_disk_free_bytes')})", "free"),
                Line(f"max({of('gateway_store_size_bytes')})", "data folder"),
                Line(f"max({of('gateway_store_disk_free_min_bytes')})", "refuses writes below", bound=True),
            ],
            unit="bytes", scale=look.sizes,
            says="Free space on the disk of the data folder, and what the folder takes.",
            bad="The folder grows: many sessions or revocations, or a store that was not compacted. It does "
            "not: something else fills the disk.",
            alerts=["GatewayDiskLow"],
        ),
    ]


def inside():
    connections, files = "gateway_downstream_connections", "process_open_fds"
    running, held = "gateway_downstream_streams", "gateway_connection_descriptors"
    return [
        graph(
            "Connections and open files",
            [
                Line(f"max({of(connections)})", "connections"),
                Line(f"min({of(connections + '_max')} > 0)", "connections at most", bound=True),
                Line(f"max({of(files)} {OURS})", "open files"),
                Line(f"min({of('process_max_fds')} {OURS})", "open files at most", bound=True),
            ],
            unit="none", scale=look.magnitudes_from_zero,
            says="In the gateway with most of them. Each connection of a client is a file, and so is each to "
            "an upstream.",
            bad="At the bound of connections new ones are refused (too_many). Many idle ones: shorten "
            "keep-alive. Files: raise LimitNOFILE where the service is started.",
            alerts=["GatewayConnectionsNearMax", "GatewayFilesNearMax"],
        ),
        graph(
            "Requests that run",
            [
                Line(f"max({of(running)})", "running"),
                Line(f"min({of(running + '_max')} > 0)", "running at most", bound=True),
                Line(f"max({of(held)})", "files of connections"),
                Line(f"min({of(held + '_max')} > 0)", "files of connections at most", bound=True),
                Line(total("gateway_downstream_streams_refused_total", by="bound"), "refused a second: {{bound}}"),
            ],
            unit="none", scale=look.magnitudes_from_zero,
            says="Requests in the gateway with most of them, each stream of HTTP/2 one of them; files that "
            "connections of clients and requests on their way to a service hold; and what was answered 503 "
            "for want of a place (address, all) or of a file (descriptors).",
            bad="address: one client with very many, an attack or a proxy that is not in "
            "server.trusted_proxies. all: a service hangs, or there are that many users: server.streams_max. "
            "descriptors: raise LimitNOFILE where the service is started.",
            alerts=["GatewayConnectionsNearMax", "GatewayFilesNearMax"],
        ),
        graph(
            "Streams",
            [
                Line(f"sum({of('gateway_streams_running')})", "running"),
                Line(total("gateway_streams_ended_total", by="reason"), "ended a second: {{reason}}"),
            ],
            unit="none",
            says="WebSockets, server-sent events and gRPC calls that run under a token, and those that were "
            "ended because their token was over or revoked.",
            bad="Each has a connection for itself: see the bound of connections. Many ended: clients do not "
            "renew their token in time.",
            alerts=["GatewayConnectionsNearMax"],
        ),
        graph(
            "Password hashing",
            [
                Line(f"max({of('gateway_password_hash_queue_depth')})", "waiting"),
                Line(f"min({of('gateway_password_hash_queue_max')})", "waiting at most", bound=True),
                Line(f"sum({rate('gateway_password_hash_duration_seconds_sum')})", "threads at work"),
                Line(total("gateway_password_hash_jobs_total", HERE, 'result="shed"'), "refused a second"),
            ],
            unit="none", width=12, scale=look.magnitudes_from_zero,
            says="Logins that wait for their hash, threads that are hashing, and what was refused since the "
            "queue was full.",
            bad="A login storm or an attack: see the page of abuse. If it is real users, raise "
            "password.threads; only a longer queue makes them wait longer.",
            alerts=["GatewayHashingSaturated"],
        ),
        graph(
            "Hashing: wait and work, slowest 1 %",
            [
                Line(percentile(0.99, "gateway_password_hash_wait_duration_seconds"), "wait"),
                Line(percentile(0.99, "gateway_password_hash_duration_seconds"), "work"),
            ],
            unit="s", width=12, steps=look.low_is_good(bad=2.5), none="nobody logs in", scale=look.magnitudes,
            says="What a login waits for a thread, and what its hash takes.",
            bad="The wait rises: more logins than threads. The work rises: CPU is short, as others use it.",
            alerts=["GatewayHashingSaturated"],
        ),
        graph(
            "Limiter keys and other entries",
            [
                Line(f"sum by (kind) ({of('gateway_revocation_entries')})", "revoked: {{kind}}"),
                Line(f"sum({of('gateway_token_cache_entries')})", "tokens known"),
                Line(f"sum by (policy) ({of('gateway_rate_limit_keys')})", "limiter: {{policy}}"),
            ],
            unit="none", width=12,
            says="What is remembered: revocations, verified tokens, and who has used up part "
            "of a limit. All are bounded, or end by themselves.",
            bad="Limiter keys near the bound (see the bars): many addresses at once, or a bound that is too "
            "low (limits.keys_max).",
            alerts=["GatewayLimiterKeysNearMax"],
        ),
        graph(
            "Log queue",
            [
                Line(f"max({of('gateway_log_queue_depth')})", "lines waiting"),
                Line(f"min({of('gateway_log_queue_max')})", "lines waiting at most", bound=True),
                Line(total("gateway_log_lines_dropped_total"), "lines dropped a second"),
                Line(total("gateway_trace_spans_total", HERE, 'result=~"dropped|failed"', by="result"), "spans {{result}} a second"),
            ],
            unit="none", width=12, scale=look.magnitudes_from_zero,
            says="Lines on their way to the log, and what was lost on the way; spans of traces that were lost, "
            "too.",
            bad="Who reads the log is too slow: a full disk, or a journal that is held. Security events may be "
            "among what was dropped. Spans: the collector does not answer.",
            alerts=["GatewayLogQueueBehind"],
        ),
        graph(
            "Fetches of issuers' keys",
            [Line(total("gateway_issuer_fetches_total", by="issuer, result"), "{{issuer}}: {{result}}")],
            unit="ops", none="no other issuer",
            says="How often the keys of other issuers were fetched, and what came of it.",
            bad="unreachable or status: ask its jwks_url from the gateway's machine. unusable: it answered "
            "what is no set of keys, or one without a usable key. Tokens of known keys stay good meanwhile, but in "
            "the last case.",
            alerts=["GatewayIssuerKeysStale"],
        ),
        graph(
            "Reloads of the configuration",
            [
                Line(f"sum by (result) (increase({of('gateway_config_reloads_total')}[$__range]))", "{{result}}"),
                Line(f"max({of('gateway_config_last_reload_duration_seconds')})", "seconds of the last one"),
            ],
            unit="none",
            says="Reloads in the time shown by result, and how long the last one took.",
            bad="refused: the gateway goes on with the configuration before; `gateway check --config FILE` "
            "says what is wrong. Long: names or keys are slow to look up.",
            alerts=["GatewayConfigReloadRefused"],
        ),
        graph(
            "Mails and events",
            [
                Line(total("gateway_deliveries_total", by="result"), "{{result}} a second"),
                Line(f"max({of('gateway_outbox_waiting')})", "waiting"),
                Line(percentile(0.99, "gateway_delivery_duration_seconds"), "seconds of the slowest 1 %"),
            ],
            unit="none",
            says="Mails and events for services on their way out: what became of each try, and how many wait.",
            bad="failed: the mail server or the service does not answer, or refuses; the log says which and "
            "why. Each is tried again for a day. given_up stands in the audit trail.",
            alerts=["GatewayDeliveriesFailing"],
        ),
        graph(
            "Which way requests take",
            [Line(total("gateway_http_ways_total", by="way") + " > 0", "{{way}}")],
            unit="reqps", width=24, none="no requests",
            says="Requests by the way they took through the gateway: lane is its own, for simple requests; each "
            "other line says why a request took Pingora's way, which costs more.",
            bad="Nothing is broken. Much that is not lane where CPU is short: see what docs/metrics.md says of the "
            "reason; closed is server.fast_path = false.",
        ),
    ]
