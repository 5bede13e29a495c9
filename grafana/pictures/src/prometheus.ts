// Asks Prometheus, through the command line: the page itself reaches no network.

import { dateTime, rangeUtil, type TimeRange } from '@grafana/data';
import type { Panel, Scene, Target } from './model';

declare global {
  interface Window {
    ask: (path: string, parameters: Record<string, string>) => Promise<{ data?: any; error?: string }>;
  }
}

export interface Series {
  metric: Record<string, string>;
  /** Pairs of seconds and a number as text, as Prometheus sends them. */
  values: Array<[number, string]>;
}

export interface Answer {
  target: Target;
  instant: boolean;
  stepMs: number;
  series: Series[];
}

/** Grafana keeps a query below this many points, whatever the panel's width. */
const POINTS_MAX = 11_000;

export async function ask(path: string, parameters: Record<string, string>): Promise<any> {
  const answer = await window.ask(path, parameters);
  if (answer.error) {
    throw new Error(answer.error);
  }
  return answer.data;
}

/** Asks each query of a panel which is `width` pixels wide. The first failure is the panel's. */
export async function askPanel(panel: Panel, width: number, scene: Scene): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const target of panel.targets ?? []) {
    if (target.hide || !target.expr) {
      continue;
    }
    const steps = stepsOf(target, panel, width, scene);
    const expression = scene.interpolate(target.expr, builtIns(scene.range, steps), true);
    try {
      // A target may be asked both ways: a line, and the value of now.
      if (target.range || !target.instant) {
        answers.push(await askRange(target, expression, scene.range, steps.stepMs));
      }
      if (target.instant) {
        answers.push(await askInstant(target, expression, scene.range));
      }
    } catch (failure) {
      throw new Error(`query ${target.refId}: ${(failure as Error).message}`);
    }
  }
  return answers;
}

interface Steps {
  stepMs: number;
  intervalMs: number;
  rateIntervalMs: number;
}

/** The step and $__rate_interval as Grafana's Prometheus data source reckons them. */
function stepsOf(target: Target, panel: Panel, width: number, scene: Scene): Steps {
  const leastStep = target.interval && !target.interval.includes('$') ? target.interval : undefined;
  const scrapeMs = rangeUtil.intervalToMs(leastStep ?? scene.scrapeInterval);
  const points = panel.maxDataPoints ?? Math.floor(width);
  const least = leastStep ?? panel.interval ?? scene.scrapeInterval;
  const intervalMs = rangeUtil.calculateInterval(scene.range, points, least).intervalMs;
  const spanMs = scene.range.to.valueOf() - scene.range.from.valueOf();
  const safeMs = rangeUtil.roundInterval(spanMs / POINTS_MAX);
  const adjustedMs = Math.max(intervalMs, safeMs);
  const rateIntervalMs = Math.max(adjustedMs + scrapeMs, 4 * scrapeMs);
  const asRate = target.interval === '$__rate_interval' || target.interval === '${__rate_interval}';
  const stepMs = asRate ? rateIntervalMs : adjustedMs * (target.intervalFactor ?? 1);
  return { stepMs, intervalMs: adjustedMs, rateIntervalMs };
}

function builtIns(range: TimeRange, steps: Steps): Record<string, string> {
  const rangeMs = range.to.valueOf() - range.from.valueOf();
  return {
    __interval: duration(steps.intervalMs),
    __interval_ms: String(steps.intervalMs),
    __rate_interval: duration(steps.rateIntervalMs),
    __rate_interval_ms: String(steps.rateIntervalMs),
    __range: `${Math.round(rangeMs / 1000)}s`,
    __range_s: String(Math.round(rangeMs / 1000)),
    __range_ms: String(rangeMs),
  };
}

function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

export async function askRange(target: Target, query: string, range: TimeRange, stepMs: number): Promise<Answer> {
  // On whole steps, so that a line keeps its shape from one picture to the next.
  const aligned = (time: number) => Math.floor(time / stepMs) * stepMs / 1000;
  const data = await ask('/api/v1/query_range', {
    query,
    start: String(aligned(range.from.valueOf())),
    end: String(aligned(range.to.valueOf())),
    step: String(stepMs / 1000),
  });
  return { target, instant: false, stepMs, series: data.result };
}

async function askInstant(target: Target, query: string, range: TimeRange): Promise<Answer> {
  const data = await ask('/api/v1/query', { query, time: String(range.to.valueOf() / 1000) });
  const series: Series[] = data.resultType === 'vector'
    ? data.result.map((one: any) => ({ metric: one.metric, values: [one.value] }))
    : data.resultType === 'scalar'
      ? [{ metric: {}, values: [data.result] }]
      : data.result;
  return { target, instant: true, stepMs: 0, series };
}

/** The range of the picture: `now-1h`, or a point in time that Grafana understands. */
export function rangeOf(from: string, to: string): TimeRange {
  const range = rangeUtil.convertRawToRange({ from: dateTimeOr(from), to: dateTimeOr(to) });
  if (!range.from.isValid() || !range.to.isValid() || range.from.valueOf() >= range.to.valueOf()) {
    throw new Error(`--from ${from} --to ${to} is no range of time: write now-1h, or 2026-01-31T10:00:00Z`);
  }
  return range;
}

function dateTimeOr(text: string) {
  return text.startsWith('now') ? text : dateTime(/^\d+$/.test(text) ? Number(text) : text);
}
