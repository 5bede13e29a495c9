// Builds the page and answers the browser's requests for it: nothing else is reached.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ORIGIN = 'http://pictures.invalid';
const HTML = `<!doctype html><meta charset="utf-8"><title>Dashboard</title>
<link rel="stylesheet" href="/page.css"><div id="root"></div><script type="module" src="/page.js"></script>`;
const TYPES = { css: 'text/css', html: 'text/html', js: 'text/javascript', svg: 'image/svg+xml' };

/** The page's files by path. Parts that Grafana loads late, its code editor say, are files never asked for. */
export async function buildPage(esbuild, modules) {
  const here = new URL('.', import.meta.url).pathname;
  const built = await esbuild.build({
    entryPoints: [join(here, 'src/page.tsx')],
    nodePaths: [modules],
    outdir: '/',
    bundle: true,
    splitting: true,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.woff2': 'dataurl', '.woff': 'empty', '.ttf': 'empty' },
    write: false,
    logLevel: 'error',
  });
  const files = new Map(built.outputFiles.map((file) => [file.path, file.contents]));
  files.set('/', HTML);
  return files;
}

export async function openPage(context, files, modules) {
  await context.route('**/*', (route) => {
    const url = new URL(route.request().url());
    if (url.origin !== ORIGIN) {
      return route.abort();
    }
    const body = files.get(url.pathname) ?? icon(url.pathname, modules);
    if (body === undefined) {
      return route.fulfill({ status: 404, body: '' });
    }
    const ending = url.pathname === '/' ? 'html' : url.pathname.split('.').pop();
    return route.fulfill({ body: Buffer.from(body), contentType: TYPES[ending] });
  });
  const page = await context.newPage();
  await page.goto(`${ORIGIN}/`);
  return page;
}

/** Waits until the page has asked for nothing new, icons say, for a while. */
export async function settle(page, waitMs) {
  const QUIET_MS = 250;
  const end = Date.now() + waitMs;
  const asked = () => page.evaluate(() => performance.getEntriesByType('resource').length);
  let before = -1;
  for (let now = await asked(); now !== before; now = await asked()) {
    if (Date.now() > end) {
      throw new Error(`the page is not at rest after ${waitMs} ms`);
    }
    before = now;
    await page.waitForTimeout(QUIET_MS);
  }
}

function icon(path, modules) {
  const found = /^\/public\/build\/(img\/icons\/[a-z]+\/[a-z0-9-]+\.svg)$/.exec(path);
  if (!found) {
    return undefined;
  }
  try {
    return readFileSync(join(modules, '@grafana/ui/dist/public', found[1]));
  } catch {
    return undefined;
  }
}
