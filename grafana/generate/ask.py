"""How a panel asks Prometheus: selectors that respect the variables, rates, shares, percentiles."""

HERE = 'job=~"$job", instance=~"$instance"'
ROUTE = HERE + ', route=~"$route"'
# Refusals are quick, and failures may be: they must not hide how long the rest takes.
SERVED = ROUTE + ', status_class=~"2xx|3xx"'
UPSTREAM = HERE + ', upstream=~"$upstream"'

# Requests that were admitted and that no server of their upstream answered, by their reason. Which
# upstream it was is said by the route.
UNANSWERED = 'decision="error", reason=~"upstream_.+|no_healthy_upstream"'

# Alerts of a whole job have no instance, and one that says "nothing is there" may have no job. An
# alert must not be hidden by what is chosen above, so that a missing label is chosen as well.
ALERTS = 'alertname=~"Gateway.+", job=~"$job|", instance=~"$instance|"'
# Those that call somebody; the rest, with the severity `info`, is seen in the table of alerts only.
CALLING = 'severity=~"page|ticket", ' + ALERTS

# Every program exports process_ metrics: with this behind them, only those of gateways are left.
# It takes what was a gateway within the last day, so that one that is down is still known.
OURS = f"and on (job, instance) last_over_time(gateway_build_info{{{HERE}}}[1d])"


def of(metric, where=HERE, *labels):
    """The series of a metric: `gateway_x{job=~…, instance=~…, result="ok"}`."""
    return f"{metric}{{{', '.join([where, *labels])}}}"


def rate(metric, where=HERE, *labels):
    """A second, over a window that always holds enough scrapes."""
    return f"rate({of(metric, where, *labels)}[$__rate_interval])"


def total(metric, where=HERE, *labels, by=""):
    """How many a second, of all gateways that are chosen."""
    return f"sum{grouped(by)}({rate(metric, where, *labels)})"


def in_range(metric, where=HERE, *labels, by=""):
    """How many in the time that the dashboard shows."""
    return f"sum{grouped(by)}(increase({of(metric, where, *labels)}[$__range]))"


def percentile(q, histogram, where=HERE, *labels, by=""):
    """The time that a share `q` of the events stays below; nothing where there was no event, which
    would be NaN, and is not `>= 0`."""
    kept = ", ".join(filter(None, ["le", by]))
    return f"histogram_quantile({q}, {total(histogram + '_bucket', where, *labels, by=kept)}) >= 0"


def staleness(by=""):
    """The highest of the last minute: the value rises from 0 to 1 each second, and where on that slope a
    scrape comes says nothing."""
    return f"max{grouped(by)}(max_over_time({of('gateway_revocation_staleness_seconds')}[1m]))"


def share(part, whole):
    """A part of a whole; nothing where the whole is 0, since no share is true there."""
    return f"{part} / ({whole} > 0)"


def state(condition, by=""):
    """0 none, 1 some, 2 all: whether a condition (of 0 or 1) holds in all gateways that are chosen."""
    return f"min{grouped(by)}({condition}) + max{grouped(by)}({condition})"


def grouped(by):
    return f" by ({by}) " if by else ""


def in_five_minutes(metric, *labels):
    """How many in the last five minutes: the measure of the alerts about attacks."""
    return f"sum(increase({of(metric, HERE, *labels)}[5m]))"


FAILED_LOGINS = in_five_minutes("gateway_login_attempts_total", 'result="invalid_credentials"')


# What a gateway can run out of: its name, and how much of it is in use, as a share of the most
# there may be, in the fullest gateway. Both the first page and the page of capacity show these.
RESOURCES = {
    "CPU": f"max({rate('process_cpu_seconds_total')} / on (job, instance) {of('gateway_cpus')})",
    "Memory": f"max({of('process_resident_memory_bytes')}"
    f" / on (job, instance) {of('gateway_memory_max_bytes')} {OURS})",
    "Open files": f"max({of('process_open_fds')} / {of('process_max_fds')} {OURS})",
    "Connections": f"max({of('gateway_downstream_connections')} / ({of('gateway_downstream_connections_max')} > 0))",
    "Limiter keys": f"max({of('gateway_rate_limit_keys')} / {of('gateway_rate_limit_keys_max')})",
    "Hashing queue": f"max({of('gateway_password_hash_queue_depth')} / {of('gateway_password_hash_queue_max')})",
    "Hashing threads": f"max({rate('gateway_password_hash_duration_seconds_sum')}"
    f" / on (job, instance) {of('gateway_password_hash_threads')})",
    "Log queue": f"max({of('gateway_log_queue_depth')} / {of('gateway_log_queue_max')})",
}
