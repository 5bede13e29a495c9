"""The five kinds of panels, each with one look. Each says what it shows and what to do when it is bad."""

from typing import NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import DataSourceRef, FieldColorModeId
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

import look

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


class Line(NamedTuple):
    """One question of a panel, and what its answer is called."""

    expr: str
    legend: str = ""
    # A bound: drawn as a dashed line.
    bound: bool = False


def graph(title, lines, *, unit, says, bad, alerts=(), width=8, height=8, steps=None, colours=None,
          stacked=False, most=None, none=None, scale=None):
    """Values over time. Bounds of good and bad, where there are any, are drawn as dashed lines. `scale` is
    one of `look`, for values that are far from each other."""
    many = len(lines) > 4 or any("{{" in line.legend for line in lines)
    panel = (
        _framed(timeseries.Panel(), title, says, bad, alerts, width, height)
        .unit(unit)
        .draw_style(kinds.GraphDrawStyle.LINE).line_width(0 if stacked else 1).fill_opacity(60 if stacked else 8)
        .show_points(kinds.VisibilityMode.AUTO).span_nulls(False)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(_legend(many and width >= 12, many))
        .tooltip(_tooltip())
    )
    # A logarithm begins where the values do.
    panel = panel.min(0) if scale is None else panel.scale_distribution(scale())
    if most is not None:
        panel = panel.max(most)
    if none is not None:
        panel = panel.no_value(none)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    if steps is not None:
        drawn = common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(steps).thresholds_style(drawn)
    for name, colour in (colours or {}).items():
        panel = panel.override_by_name(name, [look.fixed(colour)])
    for line in lines:
        if line.bound:
            dashes = look.setting("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
            flat = look.setting("custom.fillOpacity", 0)
            panel = panel.override_by_name(line.legend, [look.fixed(look.RED), dashes, flat])
    return _asked(panel, lines)


def number(title, expr, *, unit, says, bad, alerts=(), width=4, height=4, steps=None, decimals=None,
           mapping=None, none="no data", leads_to=None):
    """One value, as it is at the end of the time shown: an old one is never taken for it."""
    panel = (
        _framed(stat.Panel(), title, says, bad, alerts, width, height)
        .unit(unit).no_value(none)
        .thresholds(steps or look.plain())
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(kinds.BigValueColorMode.BACKGROUND if steps else kinds.BigValueColorMode.VALUE)
        .graph_mode(kinds.BigValueGraphMode.NONE)
        .reduce_options(_last())
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if mapping is not None:
        panel = panel.mappings([mapping])
    if leads_to is not None:
        name, uid = leads_to
        link = DashboardLink(name).url(f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}")
        panel = panel.links([link])
    return _asked(panel, [Line(expr)], now=True)


def bars(title, lines, *, unit, says, bad, alerts=(), width=12, height=8, steps, most=None, decimals=None):
    """Values beside each other, as they are at the end of the time shown."""
    panel = (
        _framed(bargauge.Panel(), title, says, bad, alerts, width, height)
        .unit(unit).min(0)
        .thresholds(steps)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .orientation(kinds.VizOrientation.HORIZONTAL)
        .display_mode(kinds.BarGaugeDisplayMode.BASIC)
        .value_mode(kinds.BarGaugeValueMode.COLOR)
        .legend(_legend(False, False).show_legend(False))
        .reduce_options(_last())
    )
    if most is not None:
        panel = panel.max(most)
    if decimals is not None:
        panel = panel.decimals(decimals)
    return _asked(panel, lines, now=True)


def states(title, lines, *, says, bad, alerts=(), width=12, height=8):
    """States over time, in words and colours; the questions are answered as `ask.state` does."""
    panel = (
        _framed(statetimeline.Panel(), title, says, bad, alerts, width, height)
        .mappings([look.STATES])
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .fill_opacity(70).line_width(0)
        .show_value(kinds.VisibilityMode.NEVER)
        .legend(_legend(False, True))
        .tooltip(_tooltip())
    )
    return _asked(panel, lines)


def listing(title, lines, *, says, bad, alerts=(), width=24, height=8, changes, none="none"):
    """A table of what is there now, a row for each set of labels; `changes` arrange it."""
    panel = (
        _framed(table.Panel(), title, says, bad, alerts, width, height)
        .no_value(none)
        .cell_height(kinds.TableCellHeight.SM)
        .align(kinds.FieldTextAlignment.AUTO).inspect(False)
        .transformations(changes)
    )
    return _asked(panel, lines, now=True, shape=PromQueryFormat.TABLE)


def _framed(panel, title, says, bad, alerts, width, height):
    text = f"{says}\n\n**When it is bad:** {bad}"
    if alerts:
        text += "\n\n**Alert:** " + "; ".join(f"{alert}, see ${{runbooks}}/{alert}.md" for alert in alerts) + "."
    return panel.title(title).description(text).span(width).height(height).datasource(DATASOURCE)


def _asked(panel, lines, now=False, shape=PromQueryFormat.TIME_SERIES):
    for index, line in enumerate(lines):
        query = prometheus.Dataquery().ref_id(chr(ord("A") + index)).expr(line.expr).format(shape)
        query = query.datasource(DATASOURCE)
        query = query.instant() if now else query.range()
        panel = panel.with_target(query.legend_format(line.legend) if line.legend else query)
    return panel


def _legend(wide, many):
    """With figures where there is room for them: the last, and the highest."""
    legend = common.VizLegendOptions().show_legend(True)
    if wide and many:
        return (
            legend.display_mode(kinds.LegendDisplayMode.TABLE).placement(kinds.LegendPlacement.RIGHT)
            .calcs(["lastNotNull", "max"]).sort_by("Max").sort_desc(True)
        )
    return legend.display_mode(kinds.LegendDisplayMode.LIST).placement(kinds.LegendPlacement.BOTTOM).calcs([])


def _tooltip():
    return common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING)


def _last():
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
