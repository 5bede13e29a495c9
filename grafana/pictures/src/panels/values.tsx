// One value a series, large (stat) or as a bar (bargauge): Grafana's BigValue and BarGauge.

import {
  type DisplayValueAlignmentFactors, type FieldDisplay, getDisplayProcessor, getDisplayValueAlignmentFactors,
  getFieldDisplayValues, VizOrientation,
} from '@grafana/data';
import { BarGaugeSizing } from '@grafana/schema';
import { BarGauge, BigValue, BigValueGraphMode, VizRepeater } from '@grafana/ui';
import { fieldConfigOf } from '../defaults';
import type { Drawing } from './index';

type Repeated = { value: FieldDisplay; width: number; height: number; count: number;
  alignmentFactors: DisplayValueAlignmentFactors; orientation: VizOrientation };

export function StatPanel(drawing: Drawing) {
  const { options, theme, width, height } = drawing;
  const values = valuesOf(drawing, options.graphMode !== BigValueGraphMode.None);
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      source={values}
      renderCounter={0}
      autoGrid
      width={width}
      height={height}
      orientation={options.orientation}
      renderValue={(each: Repeated) => (
        <BigValue
          value={each.value.display}
          count={each.count}
          sparkline={each.value.sparkline && { ...each.value.sparkline, timeRange: drawing.scene.range }}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          percentChangeColorMode={options.percentChangeColorMode}
          disableWideLayout={!options.wideLayout}
          text={options.text}
          alignmentFactors={each.alignmentFactors}
          width={each.width}
          height={each.height}
          theme={theme}
        />
      )}
    />
  );
}

export function BarGaugePanel(drawing: Drawing) {
  const { options, theme, width, height } = drawing;
  const values = valuesOf(drawing, false);
  const byHand = options.sizing === BarGaugeSizing.Manual;
  const orientation = options.orientation === VizOrientation.Auto
    ? (width > height ? VizOrientation.Vertical : VizOrientation.Horizontal) : options.orientation;
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      source={values}
      renderCounter={0}
      width={width}
      height={height}
      minVizWidth={byHand ? options.minVizWidth : 8}
      minVizHeight={byHand ? options.minVizHeight : 16}
      maxVizHeight={byHand ? options.maxVizHeight : 300}
      itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      orientation={orientation}
      renderValue={(each: Repeated) => (
        <BarGauge
          // A single bar goes by the panel's title, as in Grafana.
          value={each.count === 1 && !each.value.field.displayName
            ? { ...each.value.display, title: undefined } : each.value.display}
          field={each.value.field}
          display={each.value.view?.getFieldDisplayProcessor(each.value.colIndex ?? 0)
            ?? getDisplayProcessor({ field: { config: each.value.field }, theme })}
          displayMode={options.displayMode}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          text={options.text}
          itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
          lcdCellWidth={12}
          orientation={each.orientation}
          alignmentFactors={each.alignmentFactors}
          width={each.width}
          height={each.height}
          theme={theme}
        />
      )}
    />
  );
}

function valuesOf({ panel, frames, options, scene, theme }: Drawing, sparkline: boolean): FieldDisplay[] {
  return getFieldDisplayValues({
    data: frames,
    fieldConfig: fieldConfigOf(panel),
    reduceOptions: options.reduceOptions,
    replaceVariables: (text) => scene.interpolate(text),
    percentChange: options.showPercentChange,
    sparkline,
    theme,
    timeZone: 'utc',
  });
}
