"""What all dashboards have: variables, links to each other, marks of alerts and starts, rows."""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from ask import ALERTS, HERE, OURS
from panels import DATASOURCE

TAG = "gateway"

OVERVIEW = ("Overview", "gateway-overview")
ABUSE = ("Authentication and abuse", "gateway-abuse")
UPSTREAMS = ("Upstreams", "gateway-upstreams")
VERIFY_PATH = ("Verify path", "gateway-verify-path")
CAPACITY = ("Capacity", "gateway-capacity")


def dashboard(named, question, rows, *, by_route=False, by_upstream=False):
    """A page: `question` is what it answers, `rows` are titles with their panels."""
    title, uid = named
    page = (
        build.Dashboard(f"Gateway: {title}")
        .uid(uid).description(question).tags([TAG])
        .time("now-1h", "now").timezone("browser").refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .editable().version(1)
        .link(_links())
        .annotation(_calls("Pages", "red", "page"))
        .annotation(_calls("Tickets", "yellow", "ticket"))
        .annotation(_mark("Starts", "blue", f"process_start_time_seconds{{{HERE}}} * 1000 {OURS}",
                          "Gateway started", "{{instance}}", at_value=True))
        .variables(_variables(by_route, by_upstream))
    )
    ids = iter(range(1, 1000))
    for heading, panels in rows:
        page.with_row(build.Row(heading).id(next(ids)))
        for panel in panels:
            page.with_panel(panel.id(next(ids)))
    return page.build()


def _variables(by_route, by_upstream):
    # "All" of the first two leaves nothing out, not even what the list does not know (one that is
    # down all the time that is shown); what has no route or upstream belongs to all of them.
    found = [
        build.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _choice("job", "Job", "label_values(gateway_build_info, job)", ".+"),
        _choice("instance", "Gateway", 'label_values(gateway_build_info{job=~"$job"}, instance)', ".+"),
    ]
    if by_route:
        query = f"label_values(gateway_http_requests_total{{{HERE}}}, route)"
        found.append(_choice("route", "Route", query, ".*"))
    if by_upstream:
        query = f"label_values(gateway_upstream_server_healthy{{{HERE}}}, upstream)"
        found.append(_choice("upstream", "Upstream", query, ".*"))
    # Where the runbooks are read: the rules in prometheus/recording.yml say it.
    base = _asked("runbooks", "Runbooks", "label_values(gateway:runbooks:url, base)")
    found.append(base.hide(model.VariableHide.HIDE_VARIABLE))
    for each in found:
        # The SDK writes these, which belong to variables of intervals, into all of them.
        made = each.build()
        made.auto = made.auto_min = made.auto_count = None
    return found


def _choice(name, label, query, all_value):
    return (
        _asked(name, label, query).multi(True).include_all(True).all_value(all_value)
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _asked(name, label, query):
    # The words that Grafana itself writes for a query of label values.
    asked = {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
    return (
        build.QueryVariable(name).label(label).datasource(DATASOURCE).query(asked)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def _calls(name, colour, severity):
    """Thin lines where alerts of this severity began that fire now: a band for as long as they do would
    change the colours of what is under it."""
    began = f'(ALERTS_FOR_STATE{{severity="{severity}", {ALERTS}}} * 1000)'
    expr = f'{began} and ignoring (alertstate) ALERTS{{alertstate="firing", severity="{severity}", {ALERTS}}}'
    return _mark(name, colour, expr, "{{alertname}}", "{{job}} {{instance}} {{upstream}} {{server}}", at_value=True)


def _links():
    """To the other pages, with the time and what is chosen."""
    return (
        build.DashboardLink("Gateway").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
        .icon("external link").tooltip("").as_dropdown(False).target_blank(False)
        .include_vars(True).keep_time(True)
    )


class _mark(build.AnnotationQuery):
    """A mark on every graph, from an expression."""

    def __init__(self, name, colour, expr, title, text, at_value=False):
        super().__init__()
        self._internal = _Mark(name=name, datasource=DATASOURCE, enable=True, icon_color=colour, expr=expr)
        self._internal.told = {"titleFormat": title, "textFormat": text, "useValueForTime": at_value}


class _Mark(model.AnnotationQuery):
    """What Grafana's Prometheus adds to an annotation, and the SDK does not know yet. Grafana asked
    `expr` once, and asks `target` now: both are there."""

    def to_json(self):
        asked = {"expr": self.expr, "refId": "Anno"}
        return {**super().to_json(), "target": asked, **self.told}
