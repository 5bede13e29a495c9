// The dashboard's annotations: times that a query names, and their marks on the panels over time.

import type { GrafanaTheme2, TimeRange } from '@grafana/data';
import type { UPlotConfigBuilder } from '@grafana/ui';
import { askRange, type Series } from './prometheus';
import type { Dashboard } from './model';

export interface Annotation {
  name: string;
  colour: string;
  spans: Array<{ from: number; to: number }>;
}

/** As Grafana asks, where the query says nothing. */
const STEP_MS = 60_000;
const DASH = 5;

export async function readAnnotations(
  dashboard: Dashboard, range: TimeRange, interpolate: (text: string) => string,
): Promise<Annotation[]> {
  const models = (dashboard.annotations?.list ?? []).filter((one) => one.enable && one.expr);
  return Promise.all(models.map(async (model) => {
    const { series } = await askRange({ refId: model.name }, interpolate(model.expr!), range, STEP_MS)
      .catch((failure: Error) => {
        throw new Error(`annotation ${model.name}: ${failure.message}`);
      });
    const spans = series.flatMap((one) => model.useValueForTime ? timesNamed(one) : spansOf(one));
    const [from, to] = [range.from.valueOf(), range.to.valueOf()];
    return {
      name: model.name,
      colour: model.iconColor ?? 'red',
      spans: spans.filter((span) => span.to >= from && span.from <= to),
    };
  }));
}

/** The values are times themselves, in milliseconds. */
function timesNamed({ values }: Series) {
  return [...new Set(values.map(([, text]) => Number(text)))].map((time) => ({ from: time, to: time }));
}

/** Points one step apart are one span. */
function spansOf({ values }: Series) {
  const spans: Annotation['spans'] = [];
  for (const [seconds, text] of values) {
    const time = seconds * 1000;
    const last = spans.at(-1);
    if (Number(text) === 0) {
      continue;
    }
    if (last && last.to + STEP_MS >= time) {
      last.to = time;
    } else {
      spans.push({ from: time, to: time });
    }
  }
  return spans;
}

export function markOn(builder: UPlotConfigBuilder, annotations: Annotation[], theme: GrafanaTheme2) {
  builder.addHook('draw', (plot) => {
    const { ctx, bbox } = plot;
    const ratio = window.devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = ratio;
    ctx.setLineDash([DASH * ratio, DASH * ratio]);
    for (const { colour, spans } of annotations) {
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(colour);
      for (const span of spans) {
        const [left, right] = [plot.valToPos(span.from, 'x', true), plot.valToPos(span.to, 'x', true)];
        ctx.globalAlpha = 0.1;
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
        ctx.globalAlpha = 1;
        for (const edge of new Set([left, right])) {
          ctx.beginPath();
          ctx.moveTo(edge, bbox.top);
          ctx.lineTo(edge, bbox.top + bbox.height);
          ctx.stroke();
        }
      }
    }
    ctx.restore();
  });
}
