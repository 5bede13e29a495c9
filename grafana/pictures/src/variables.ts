// The dashboard's variables: their values, asked of Prometheus, and their places in a text.

import { ask } from './prometheus';
import type { Dashboard, VariableModel } from './model';
import type { TimeRange } from '@grafana/data';

export interface Variable {
  model: VariableModel;
  all: boolean;
  values: string[];
  options: string[];
}

/** In the order of the dashboard: a later variable's query may name an earlier one. */
export async function readVariables(
  dashboard: Dashboard, range: TimeRange, chosen: Record<string, string[]>,
): Promise<Variable[]> {
  const known: Variable[] = [];
  for (const model of dashboard.templating?.list ?? []) {
    const options = await optionsOf(model, known, range).catch((failure: Error) => {
      throw new Error(`variable ${model.name}: ${failure.message}`);
    });
    const wanted = chosen[model.name] ?? savedValues(model);
    const all = model.includeAll === true && (wanted.length === 0 || wanted.includes('$__all'));
    const values = all ? options : wanted.length > 0 ? wanted : options.slice(0, 1);
    known.push({ model, all, values, options });
  }
  return known;
}

function savedValues(model: VariableModel): string[] {
  const saved = model.current?.value;
  return saved === undefined || saved === '' ? [] : Array.isArray(saved) ? saved : [saved];
}

async function optionsOf(model: VariableModel, known: Variable[], range: TimeRange): Promise<string[]> {
  const query = typeof model.query === 'string' ? model.query : model.query?.query ?? '';
  switch (model.type) {
    case 'datasource': return [query];
    case 'constant':
    case 'textbox': return [query];
    case 'custom':
    case 'interval': return query.split(',').map((word) => word.trim());
    case 'query': return filtered(await labelValues(interpolate(query, known, {}, true), range), model.regex);
    default: throw new Error(`type ${model.type} is not known here`);
  }
}

/** `label_values(label)` and `label_values(selector, label)`. */
async function labelValues(query: string, range: TimeRange): Promise<string[]> {
  const found = /^\s*label_values\((?:(.*),)?\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\)\s*$/s.exec(query);
  if (!found) {
    throw new Error(`only label_values(...) is known here as a variable's query, not: ${query}`);
  }
  const parameters: Record<string, string> = {
    start: String(range.from.valueOf() / 1000),
    end: String(range.to.valueOf() / 1000),
  };
  if (found[1]) {
    parameters['match[]'] = found[1].trim();
  }
  return (await ask(`/api/v1/label/${found[2]}/values`, parameters)).sort();
}

function filtered(values: string[], regex?: string): string[] {
  if (!regex) {
    return values;
  }
  const parts = /^\/(.*)\/([a-z]*)$/.exec(regex);
  const pattern = parts ? new RegExp(parts[1], parts[2]) : new RegExp(regex);
  return values.flatMap((value) => {
    const match = pattern.exec(value);
    return match ? [match[1] ?? value] : [];
  });
}

/** Puts values in the places of `$name`, `${name}`, `${name:format}` and `[[name]]`. */
export function interpolate(
  text: string, variables: Variable[], builtIn: Record<string, string> = {}, forQuery = false,
): string {
  const place = /\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]/g;
  return text.replace(place, (whole, plain, braced, format, bracketed) => {
    const name = plain ?? braced ?? bracketed;
    if (name in builtIn) {
      return builtIn[name];
    }
    const variable = variables.find((one) => one.model.name === name);
    if (!variable) {
      return whole;
    }
    return forQuery || format ? inQuery(variable, format) : inWords(variable);
  });
}

function inQuery({ model, all, values }: Variable, format?: string): string {
  if (all && model.allValue) {
    return model.allValue;
  }
  switch (format) {
    case undefined: break;
    case 'raw': return values.join(',');
    case 'csv': return values.join(',');
    case 'pipe': return values.join('|');
    case 'text': return values.join(' + ');
    case 'regex': return values.length === 1 ? forRegex(values[0]) : `(${values.map(forRegex).join('|')})`;
    default: throw new Error(`variable ${model.name}: format ${format} is not known here`);
  }
  if (!model.multi && !model.includeAll) {
    return (values[0] ?? '').replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  }
  const escaped = values.map((value) => forRegex(value).replace(/\\/g, '\\\\').replace(/"/g, '\\"'));
  return escaped.length === 1 ? escaped[0] : `(${escaped.join('|')})`;
}

export function inWords({ all, values }: Variable): string {
  return all ? 'All' : values.join(' + ');
}

function forRegex(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
