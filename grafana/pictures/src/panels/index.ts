// Which drawing belongs to which type of panel.

import type { DataFrame, GrafanaTheme2 } from '@grafana/data';
import type { ComponentType } from 'react';
import type { Panel, Scene } from '../model';
import { StateTimelinePanel } from './state-timeline';
import { TablePanel } from './table';
import { TextPanel } from './text';
import { TimeSeriesPanel } from './timeseries';
import { BarGaugePanel, StatPanel } from './values';

export interface Drawing {
  panel: Panel;
  frames: DataFrame[];
  options: Record<string, any>;
  scene: Scene;
  theme: GrafanaTheme2;
  width: number;
  height: number;
}

export const drawings: Record<string, ComponentType<Drawing>> = {
  timeseries: TimeSeriesPanel,
  stat: StatPanel,
  bargauge: BarGaugePanel,
  table: TablePanel,
  text: TextPanel,
  'state-timeline': StateTimelinePanel,
};
