// States over time. Grafana keeps its own drawing of them inside the server, so the boxes are ours;
// the plot, its axes, the legend and the colours of the states are Grafana's.

import { type DataFrame, type Field, FieldType, formattedValueToString, getFieldDisplayName } from '@grafana/data';
import { AxisPlacement, LegendPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, VizLayout, VizLegend } from '@grafana/ui';
import { markOn } from '../annotations';
import type { Drawing } from './index';

interface Row {
  name: string;
  field: Field;
  times: number[];
  /** The distance of points: a state is not known for longer after its last one. */
  stepMs: number;
}

interface Box {
  from: number;
  to: number;
  text: string;
  colour: string;
}

export function StateTimelinePanel(drawing: Drawing) {
  const rows = rowsOf(drawing.frames);
  const boxes = rows.map(boxesOf);
  const builder = plotOf(drawing, rows, boxes);
  const states = new Map(boxes.flat().map((box) => [box.text, box.colour]));
  const items = [...states].map(([label, color]) => ({ label, color, yAxis: 1 }));
  const { legend } = drawing.options;
  const placement: LegendPlacement = legend.placement;
  return (
    <VizLayout width={drawing.width} height={drawing.height} legend={legend.showLegend === false ? null : (
      <VizLayout.Legend placement={placement}>
        <VizLegend placement={placement} displayMode={legend.displayMode} items={items} readonly />
      </VizLayout.Legend>
    )}>
      {(width: number, height: number) => (
        <UPlotChart config={builder} width={width} height={height}
          data={[[drawing.scene.range.from.valueOf(), drawing.scene.range.to.valueOf()], [0, 0]]} />
      )}
    </VizLayout>
  );
}

function rowsOf(frames: DataFrame[]): Row[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === FieldType.time);
    return frame.fields.filter((field) => time && field !== time).map((field) => ({
      name: getFieldDisplayName(field, frame, frames),
      field,
      times: time!.values,
      stepMs: time!.config.interval ?? Infinity,
    }));
  });
}

/** Points of equal text that follow each other are one box. */
function boxesOf({ field, times, stepMs }: Row): Box[] {
  const boxes: Box[] = [];
  times.forEach((from, index) => {
    const value = field.values[index];
    if (value === null || value === undefined || Number.isNaN(value)) {
      return;
    }
    const shown = field.display!(value);
    const text = formattedValueToString(shown);
    const to = Math.min(times[index + 1] ?? Infinity, from + stepMs);
    const last = boxes.at(-1);
    if (last && last.text === text && last.to >= from) {
      last.to = to;
    } else {
      boxes.push({ from, to, text, colour: shown.color ?? '#808080' });
    }
  });
  return boxes;
}

function plotOf({ scene, theme, options, frames }: Drawing, rows: Row[], boxes: Box[][]): UPlotConfigBuilder {
  const custom = frames[0]?.fields.at(-1)?.config.custom ?? {};
  const builder = new UPlotConfigBuilder('utc');
  builder.addScale({
    scaleKey: 'x', isTime: true, orientation: ScaleOrientation.Horizontal, direction: ScaleDirection.Right,
    range: () => [scene.range.from.valueOf(), scene.range.to.valueOf()],
  });
  builder.addScale({
    scaleKey: 'rows', orientation: ScaleOrientation.Vertical, direction: ScaleDirection.Down,
    range: () => [0, rows.length],
  });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone: 'utc', theme });
  builder.addAxis({
    scaleKey: 'rows', placement: AxisPlacement.Left, theme, grid: { show: false }, ticks: { show: false },
    splits: rows.map((_, index) => index + 0.5), values: rows.map((row) => row.name),
  });
  builder.addSeries({ scaleKey: 'rows', theme, show: true, pathBuilder: () => null, pointsBuilder: () => undefined });
  builder.addHook('draw', (plot) => {
    const { ctx, bbox } = plot;
    const ratio = window.devicePixelRatio;
    const rowHeight = bbox.height / rows.length;
    const boxHeight = rowHeight * (options.rowHeight ?? 0.9);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `${12 * ratio}px ${theme.typography.fontFamily}`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    boxes.forEach((line, row) => line.forEach((box) => {
      const left = Math.max(plot.valToPos(box.from, 'x', true), bbox.left);
      const width = Math.min(plot.valToPos(box.to, 'x', true), bbox.left + bbox.width) - left;
      const top = bbox.top + row * rowHeight + (rowHeight - boxHeight) / 2;
      ctx.globalAlpha = (custom.fillOpacity ?? 70) / 100;
      ctx.fillStyle = box.colour;
      ctx.fillRect(left, top, width, boxHeight);
      ctx.globalAlpha = 1;
      if (options.showValue !== 'never' && ctx.measureText(box.text).width + 8 * ratio < width) {
        ctx.fillStyle = theme.colors.text.primary;
        ctx.fillText(box.text, left + 4 * ratio, top + boxHeight / 2);
      }
    }));
    ctx.restore();
  });
  markOn(builder, scene.annotations, theme);
  return builder;
}
