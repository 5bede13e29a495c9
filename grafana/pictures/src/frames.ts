// Turns answers of Prometheus into Grafana's data frames.

import { type DataFrame, type Field, FieldType } from '@grafana/data';
import type { Answer, Series } from './prometheus';

export function framesOf(answers: Answer[]): DataFrame[] {
  const tables = answers.filter((answer) => answer.target.format === 'table');
  return answers.flatMap((answer) => answer.target.format === 'table'
    ? tableOf(answer, tables.length > 1)
    : answer.series.map((series) => lineOf(answer, series)));
}

/** One frame a series: a time field and a value field that carries the labels. */
function lineOf(answer: Answer, series: Series): DataFrame {
  const name = legendOf(answer, series);
  const time: Field = {
    name: 'Time',
    type: FieldType.time,
    // The distance of points: a longer one is drawn as a gap.
    config: answer.instant ? {} : { interval: answer.stepMs },
    values: series.values.map(([seconds]) => seconds * 1000),
  };
  const value: Field = {
    name: 'Value',
    type: FieldType.number,
    config: name === '' ? {} : { displayNameFromDS: name },
    labels: { ...series.metric },
    values: series.values.map(([, text]) => numberOf(text)),
  };
  return { refId: answer.target.refId, name, fields: [time, value], length: series.values.length };
}

/** One frame a query: time, a column for each label, and the value. */
function tableOf(answer: Answer, oneOfSeveral: boolean): DataFrame[] {
  if (answer.series.length === 0) {
    return [];
  }
  const labels = [...new Set(answer.series.flatMap((series) => Object.keys(series.metric)))].sort();
  const rows = answer.series.flatMap((series) => series.values.map(([seconds, text]) => ({ series, seconds, text })));
  const fields: Field[] = [
    { name: 'Time', type: FieldType.time, config: {}, values: rows.map((row) => row.seconds * 1000) },
    ...labels.map((label) => ({
      name: label,
      type: FieldType.string,
      config: { filterable: true },
      values: rows.map((row) => row.series.metric[label] ?? ''),
    })),
    {
      name: oneOfSeveral ? `Value #${answer.target.refId}` : 'Value',
      type: FieldType.number,
      config: {},
      values: rows.map((row) => numberOf(row.text)),
    },
  ];
  return [{ refId: answer.target.refId, fields, length: rows.length }];
}

function numberOf(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

/** The name of a line: the format's, or the labels written out, or the query where there are none. */
function legendOf({ target }: Answer, { metric }: Series): string {
  if (target.legendFormat === '__auto') {
    return Object.keys(metric).length > 0 ? '' : target.expr ?? '';
  }
  if (target.legendFormat) {
    return target.legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? '');
  }
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length > 0 ? `${name}{${pairs.join(', ')}}` : name || target.expr || '';
}
