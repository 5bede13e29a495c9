// From answers to what a panel draws: transformations, then field defaults and overrides, by Grafana's own code.

import {
  applyFieldOverrides, cacheFieldDisplayNames, type DataFrame, displayNameOverrideProcessor, type Field, FieldConfigOptionsRegistry,
  type FieldConfigPropertyItem, type FieldConfigSource, FieldType, type GrafanaTheme2, identityOverrideProcessor,
  standardTransformers, standardTransformersRegistry, transformDataFrame,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import { fieldConfigOf } from './defaults';
import type { Panel, Scene } from './model';

const STANDARD = [
  'unit', 'min', 'max', 'decimals', 'fieldMinMax', 'noValue', 'color', 'thresholds', 'mappings', 'links', 'filterable',
];

// Some are listed twice, under a former name: the registry takes each id once.
const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));

standardTransformersRegistry.setInit(() => [...transformers.values()].map((one) => ({
  id: one.id,
  name: one.name,
  transformation: async () => one as any,
  editor: () => null,
  imageDark: '',
  imageLight: '',
})));

export async function fieldsOf(
  panel: Panel, frames: DataFrame[], theme: GrafanaTheme2, scene: Scene,
): Promise<DataFrame[]> {
  for (const { id } of panel.transformations ?? []) {
    if (!standardTransformersRegistry.getIfExists(id)) {
      throw new Error(`transformation ${id} is not known here`);
    }
  }
  const interpolate = (text: string) => scene.interpolate(text);
  const transformed = panel.transformations?.length
    ? await firstValueFrom(transformDataFrame(panel.transformations, frames, { interpolate }))
    : frames;
  const fieldConfig = fieldConfigOf(panel);
  const fields = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: registryOf(fieldConfig, panel.type !== 'table'),
    replaceVariables: (text) => scene.interpolate(text),
    theme,
    timeZone: 'utc',
  });
  // A table's headings and its order by column go by these names.
  cacheFieldDisplayNames(fields);
  return fields;
}

/** A server's registry holds editors for each property of each panel; ours holds those that this panel names. */
function registryOf({ defaults, overrides }: FieldConfigSource, notForTime: boolean): FieldConfigOptionsRegistry {
  const named = overrides.flatMap((rule) => rule.properties.map((property) => property.id))
    .filter((id) => id.startsWith('custom.'))
    .map((id) => id.slice('custom.'.length));
  const custom = [...new Set([...Object.keys(defaults.custom ?? {}), ...named])];
  return new FieldConfigOptionsRegistry(() => [
    ...STANDARD.map((path) => property(path, path, false)),
    { ...property('displayName', 'displayName', false), process: displayNameOverrideProcessor },
    ...custom.map((path) => ({
      ...property(`custom.${path}`, path, true),
      // How a line is drawn says nothing of the axis of time.
      shouldApply: (field: Field) => !notForTime || field.type !== FieldType.time,
    })),
  ]);
}

function property(id: string, path: string, isCustom: boolean): FieldConfigPropertyItem {
  return {
    id, path, isCustom, name: path, process: identityOverrideProcessor, shouldApply: () => true,
    editor: () => null, override: () => null,
  };
}
