// Runs in the browser: fills the panels from Prometheus, draws them, and says what was drawn.

import '@fontsource/inter/latin-400.css';
import '@fontsource/inter/latin-500.css';
import { createTheme, type GrafanaTheme2, ThemeContext } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { readAnnotations } from './annotations';
import { DashboardPicture, type Filled, panelsShown, placeOf, SinglePicture } from './dashboard';
import { fieldsOf } from './fields';
import { framesOf } from './frames';
import type { Order, Outcome, Panel, Remark, Scene } from './model';
import { drawings } from './panels';
import { askPanel, rangeOf } from './prometheus';
import { interpolate, readVariables } from './variables';

declare global {
  interface Window {
    draw: (order: Order) => Promise<Outcome>;
    __grafana_public_path__: string;
  }
}

window.__grafana_public_path__ = '/public/';

window.draw = async (order) => {
  try {
    return { remarks: await draw(order) };
  } catch (failure) {
    return { refusal: (failure as Error).message };
  }
};

async function draw(order: Order): Promise<Remark[]> {
  const theme = createTheme({ colors: { mode: order.theme } });
  const range = rangeOf(order.from, order.to);
  const variables = await readVariables(order.dashboard, range, order.chosen);
  const scene: Scene = {
    range,
    scrapeInterval: order.scrapeInterval,
    annotations: await readAnnotations(order.dashboard, range, (text) => interpolate(text, variables, {}, true)),
    interpolate: (text, builtIn, forQuery) => interpolate(text, variables, builtIn, forQuery),
  };
  const panels = panelsWanted(order);
  const filled = await Promise.all(panels.map((panel) => fill(panel, order, scene, theme)));
  // Axes are measured with the font that they are drawn with.
  await Promise.all(['400', '500'].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  const Picture = order.panel === undefined ? DashboardPicture : SinglePicture;
  const failed: Remark[] = [];
  const root = createRoot(document.getElementById('root')!, {
    onCaughtError: (failure) => failed.push({ panel: 'in drawing', kind: 'error', text: String(failure) }),
  });
  flushSync(() => root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Picture {...{ order, filled, variables, scene, theme }} />
    </ThemeContext.Provider>,
  ));
  return [...filled.flatMap(remarkOf), ...failed];
}

function panelsWanted({ dashboard, panel: id }: Order): Panel[] {
  const shown = panelsShown(dashboard);
  if (id === undefined) {
    return shown;
  }
  const found = [...shown, ...shown.flatMap((row) => row.panels ?? [])].find((panel) => panel.id === id);
  if (!found || found.type === 'row') {
    const ids = shown.filter((panel) => panel.type !== 'row').map((panel) => `${panel.id} (${panel.title})`);
    throw new Error(`there is no panel ${id}; there are ${ids.join(', ')}`);
  }
  return [found];
}

/** A panel that fails keeps its place and shows why; the others are drawn. */
async function fill(panel: Panel, order: Order, scene: Scene, theme: GrafanaTheme2): Promise<Filled> {
  if (panel.type === 'row') {
    return { panel, frames: [] };
  }
  try {
    if (!drawings[panel.type]) {
      throw new Error(`a panel of type ${panel.type} is not drawn here`);
    }
    const width = order.panel === undefined ? placeOf(panel, order.width).width : order.width;
    const answers = await askPanel(panel, width, scene);
    return { panel, frames: await fieldsOf(panel, framesOf(answers), theme, scene) };
  } catch (failure) {
    return { panel, frames: [], error: (failure as Error).message };
  }
}

function remarkOf({ panel, frames, error }: Filled): Remark[] {
  const name = `${panel.id} (${panel.title ?? panel.type})`;
  if (error) {
    return [{ panel: name, kind: 'error', text: error }];
  }
  const empty = panel.type !== 'row' && panel.type !== 'text' && frames.every((frame) => frame.length === 0);
  return empty ? [{ panel: name, kind: 'no data', text: 'its queries gave no series' }] : [];
}
