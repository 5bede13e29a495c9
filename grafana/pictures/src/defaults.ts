// What a Grafana server fills in where a dashboard's JSON says nothing, by the type of panel.
// The options are Grafana's own; the drawing of lines is as its timeseries panel begins.

import { FieldColorModeId, ThresholdsMode, type FieldConfigSource } from '@grafana/data';
import {
  AxisPlacement, GraphDrawStyle, GraphGradientMode, GraphThresholdsStyleMode, LegendDisplayMode, LineInterpolation,
  StackingMode, TableCellDisplayMode, VisibilityMode, VizOrientation,
} from '@grafana/schema';
import { defaultOptions as barGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import { defaultOptions as stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import {
  defaultFieldConfig as timelineField, defaultOptions as timeline,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import { defaultOptions as table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Panel } from './model';

const legend = { showLegend: true, displayMode: LegendDisplayMode.List, placement: 'bottom', calcs: [] };
const reduced = { reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '' }, orientation: VizOrientation.Auto };

const options: Record<string, Record<string, unknown>> = {
  timeseries: { legend },
  stat: { ...stat, ...reduced },
  bargauge: { ...barGauge, ...reduced },
  table: { ...table },
  'state-timeline': { ...timeline, legend },
};

const custom: Record<string, Record<string, unknown>> = {
  timeseries: {
    drawStyle: GraphDrawStyle.Line,
    lineInterpolation: LineInterpolation.Linear,
    lineWidth: 1,
    fillOpacity: 0,
    gradientMode: GraphGradientMode.None,
    axisPlacement: AxisPlacement.Auto,
    showPoints: VisibilityMode.Auto,
    pointSize: 5,
    spanNulls: false,
    stacking: { mode: StackingMode.None, group: 'A' },
    thresholdsStyle: { mode: GraphThresholdsStyleMode.Off },
  },
  table: { align: 'auto', cellOptions: { type: TableCellDisplayMode.Auto }, inspect: false },
  'state-timeline': { ...timelineField },
};

const colour: Record<string, FieldColorModeId> = {
  timeseries: FieldColorModeId.PaletteClassic,
  'state-timeline': FieldColorModeId.ContinuousGrYlRd,
};

const thresholds = {
  mode: ThresholdsMode.Absolute,
  steps: [{ value: -Infinity, color: 'green' }, { value: 80, color: 'red' }],
};

export function optionsOf(panel: Panel): Record<string, any> {
  const usual = options[panel.type] ?? {};
  const said = panel.options ?? {};
  return {
    ...usual,
    ...said,
    legend: { ...(usual.legend as object), ...said.legend },
    reduceOptions: { ...(usual.reduceOptions as object), ...said.reduceOptions },
  };
}

export function fieldConfigOf(panel: Panel): FieldConfigSource {
  const said = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  const { defaults } = said;
  return {
    overrides: said.overrides ?? [],
    defaults: {
      ...defaults,
      color: defaults.color ?? { mode: colour[panel.type] ?? FieldColorModeId.Thresholds },
      thresholds: defaults.thresholds ?? thresholds,
      custom: { ...custom[panel.type], ...defaults.custom },
    },
  };
}
