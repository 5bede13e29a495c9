// Lines over time: Grafana's own TimeSeries, with its axes, thresholds and legend.

import { type DataFrame, FieldType } from '@grafana/data';
import { TimeSeries, type UPlotConfigBuilder } from '@grafana/ui';
import { markOn } from '../annotations';
import type { Drawing } from './index';

export function TimeSeriesPanel({ frames, options, scene, theme, width, height }: Drawing) {
  const marks = { fieldMap: {}, indicesOnly: [], init: (builder: UPlotConfigBuilder) => markOn(builder, scene.annotations, theme) };
  return (
    <TimeSeries
      frames={frames.map(finite)}
      timeRange={scene.range}
      timeZone="utc"
      width={width}
      height={height}
      legend={options.legend}
      options={options}
      renderers={[marks]}
    />
  );
}

/** What is no number, 0/0 say, is a gap in the line, as in Grafana. */
function finite(frame: DataFrame): DataFrame {
  const fields = frame.fields.map((field) => field.type === FieldType.number
    ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) }
    : field);
  return { ...frame, fields };
}
