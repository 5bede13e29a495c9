// The parts of a dashboard's JSON that are drawn, and what a picture is asked for.

import type { DataTransformerConfig, FieldConfigSource, TimeRange } from '@grafana/data';
import type { Annotation } from './annotations';

export interface Target {
  refId: string;
  expr?: string;
  legendFormat?: string;
  format?: string;
  instant?: boolean;
  range?: boolean;
  interval?: string;
  intervalFactor?: number;
  hide?: boolean;
}

export interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  transparent?: boolean;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: FieldConfigSource;
  options?: Record<string, any>;
  targets?: Target[];
  transformations?: DataTransformerConfig[];
  interval?: string;
  maxDataPoints?: number;
  repeat?: string;
  collapsed?: boolean;
  panels?: Panel[];
}

export interface VariableModel {
  name: string;
  label?: string;
  type: string;
  hide?: number;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  regex?: string;
  query?: string | { query: string };
  current?: { value?: string | string[] };
}

export interface AnnotationModel {
  name: string;
  enable?: boolean;
  iconColor?: string;
  expr?: string;
  useValueForTime?: boolean;
}

export interface Dashboard {
  title: string;
  panels: Panel[];
  annotations?: { list?: AnnotationModel[] };
  templating?: { list?: VariableModel[] };
}

/** What the command line asks for, as the page is given it. */
export interface Order {
  dashboard: Dashboard;
  panel?: number;
  from: string;
  to: string;
  theme: 'light' | 'dark';
  width: number;
  scrapeInterval: string;
  chosen: Record<string, string[]>;
  footer: string;
}

/** What all panels of one picture share. */
export interface Scene {
  range: TimeRange;
  scrapeInterval: string;
  annotations: Annotation[];
  interpolate: (text: string, builtIn?: Record<string, string>, forQuery?: boolean) => string;
}

/** What comes of an order: a picture with remarks, or a reason why there is none. */
export type Outcome = { remarks: Remark[] } | { refusal: string };

/** Told to the command line beside the picture: panels that show no value, and why. */
export interface Remark {
  panel: string;
  kind: 'error' | 'no data';
  text: string;
}
