#!/usr/bin/env node
// Draws a dashboard, or one panel of it, into a PNG file: Grafana's own components, in a browser
// without a window, filled from a Prometheus. No Grafana server, and no network but that Prometheus.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPage, openPage, settle } from './page.mjs';

const USAGE = `Usage: node grafana/pictures/render.mjs --prometheus URL --dashboard FILE --out DIR [options]

  --from TIME --to TIME      now-1h and now, unless said; or 2026-01-31T10:00:00Z
  --theme light|dark         dark, unless said
  --panel ID                 this panel alone, with its description
  --var NAME=VALUE           a variable's value; again for a further one; All unless said
  --scrape-interval TIME     the data source's, which $__rate_interval follows; 15s, as in Grafana
  --width PIXELS             1200 for a dashboard, 800 for a panel
  --scale N                  pixels of the file for each of the page: 1 for a dashboard, 1.5 for a panel
  --modules DIR              the installed packages: target/picture-tools/node_modules, unless said
  --chromium FILE            /usr/bin/chromium, unless said

Exit code 0: drawn, panels without data named on stderr. 1: a query failed, or nothing was drawn. 2: usage.`;

const WAIT_MS = 30_000;
const WINDOW_WIDTH = 1400;

class Misuse extends Error {}

try {
  process.exitCode = await main();
} catch (failure) {
  console.error(failure.message);
  process.exitCode = failure instanceof Misuse ? 2 : 1;
}

async function main() {
  const asked = readOptions();
  if (asked.help) {
    console.log(USAGE);
    return 0;
  }
  const { esbuild, chromium, version } = load(asked.modules);
  // One failure to reach it is clearer than one in each panel.
  const { error } = await ask(asked.prometheus, '/api/v1/query', { query: 'vector(1)' });
  if (error) {
    throw new Error(error);
  }
  const files = await buildPage(esbuild, asked.modules);
  const profile = mkdtempSync(join(tmpdir(), 'dashboard-picture-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: asked.chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--font-render-hinting=none'],
    // Grafana moves legends below the plot in a narrow window: the window is wide, whatever the picture.
    viewport: { width: Math.max(asked.width, WINDOW_WIDTH), height: 900 },
    deviceScaleFactor: asked.scale,
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  try {
    const page = await openPage(context, files, asked.modules);
    page.on('pageerror', (failure) => console.error(`page: ${failure.message}`));
    await page.exposeFunction('ask', (path, parameters) => ask(asked.prometheus, path, parameters));
    const outcome = await page.evaluate((order) => window.draw(order), {
      dashboard: asked.dashboard, panel: asked.panel, from: asked.from, to: asked.to, theme: asked.theme,
      width: asked.width, scrapeInterval: asked.scrapeInterval, chosen: asked.chosen,
      footer: `Drawn by Grafana's own components (@grafana/ui ${version}) from Prometheus data, outside of a Grafana server.`,
    });
    if (outcome.refusal) {
      throw new Error(outcome.refusal);
    }
    // A table out of sight is not drawn, so all is brought into sight.
    const { height } = await page.locator('#picture').boundingBox();
    await page.setViewportSize({ width: page.viewportSize().width, height: Math.ceil(height) });
    await settle(page, WAIT_MS);
    mkdirSync(asked.out, { recursive: true });
    await page.locator('#picture').screenshot({ path: asked.file, animations: 'disabled', timeout: WAIT_MS });
    console.log(asked.file);
    for (const { panel, kind, text } of outcome.remarks) {
      console.error(`panel ${panel}: ${kind}: ${text}`);
    }
    return outcome.remarks.some(({ kind }) => kind === 'error') ? 1 : 0;
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

function readOptions() {
  const text = { type: 'string' };
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        prometheus: text, dashboard: text, out: text, from: text, to: text, theme: text, panel: text,
        'scrape-interval': text, width: text, scale: text, modules: text, chromium: text,
        var: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (failure) {
    throw new Misuse(`${failure.message}\n\n${USAGE}`);
  }
  if (values.help) {
    return { help: true };
  }
  for (const name of ['prometheus', 'dashboard', 'out']) {
    if (!values[name]) {
      throw new Misuse(`--${name} is missing\n\n${USAGE}`);
    }
  }
  const { theme = 'dark' } = values;
  if (theme !== 'light' && theme !== 'dark') {
    throw new Misuse(`--theme ${theme} is neither light nor dark`);
  }
  const panel = values.panel === undefined ? undefined : whole('panel', values.panel);
  const parts = [basename(values.dashboard, '.json'), ...(panel === undefined ? [] : [`panel-${panel}`]), theme];
  return {
    theme,
    panel,
    prometheus: values.prometheus.replace(/\/$/, ''),
    dashboard: readDashboard(values.dashboard),
    out: values.out,
    file: join(values.out, `${parts.join('-')}.png`),
    from: values.from ?? 'now-1h',
    to: values.to ?? 'now',
    scrapeInterval: values['scrape-interval'] ?? '15s',
    width: whole('width', values.width ?? (panel === undefined ? '1200' : '800')),
    scale: scaleOf(values.scale ?? (panel === undefined ? '1' : '1.5')),
    chosen: chosenOf(values.var ?? []),
    modules: resolve(values.modules ?? 'target/picture-tools/node_modules'),
    chromium: values.chromium ?? '/usr/bin/chromium',
  };
}

function readDashboard(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (failure) {
    throw new Error(`--dashboard ${file}: ${failure.message}`);
  }
}

function whole(name, text) {
  if (!/^[1-9][0-9]*$/.test(text)) {
    throw new Misuse(`--${name} ${text} is no whole number above 0`);
  }
  return Number(text);
}

function scaleOf(text) {
  const scale = Number(text);
  if (!(scale >= 0.5 && scale <= 4)) {
    throw new Misuse(`--scale ${text} is no number between 0.5 and 4`);
  }
  return scale;
}

function chosenOf(pairs) {
  const chosen = {};
  for (const pair of pairs) {
    const [, name, value] = /^(\w+)=(.+)$/s.exec(pair) ?? [];
    if (!name) {
      throw new Misuse(`--var ${pair} is not NAME=VALUE`);
    }
    (chosen[name] ??= []).push(value);
  }
  return chosen;
}

function load(modules) {
  const require = createRequire(join(modules, '_'));
  try {
    return {
      esbuild: require('esbuild'),
      chromium: require('playwright-core').chromium,
      version: JSON.parse(readFileSync(join(modules, '@grafana/ui/package.json'), 'utf8')).version,
    };
  } catch {
    throw new Error(`the packages are not in ${modules}; install them as grafana/pictures/README.md says`);
  }
}

async function ask(prometheus, path, parameters) {
  const query = new URLSearchParams(parameters);
  try {
    const response = await fetch(`${prometheus}${path}?${query}`, { signal: AbortSignal.timeout(WAIT_MS) });
    const body = await response.json();
    return body.status === 'success' ? { data: body.data } : { error: body.error ?? `Prometheus answered ${response.status}` };
  } catch (failure) {
    return { error: `Prometheus at ${prometheus} does not answer: ${failure.cause?.message ?? failure.message}` };
  }
}
